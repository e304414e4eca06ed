#!/bin/sh
# Takes the money. Amounts are whole cents: shells and many languages cannot reckon with 0.1 exactly.
set -eu
. ../shell/read_step.sh

work 1.2
printf '{"payment": "P-%s", "paid_cents": %d, "paid_in": "%s"}\n' \
    "$TASKER_TASK" "$(number total_cents)" "$(text currency)"
