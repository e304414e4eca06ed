#!/bin/sh
# Writes the report: one sentence, and whether the target was met.
set -eu
. ../shell/read_step.sh

total=$(number total_cents)
target=$(number target_cents)
if [ "$total" -ge "$target" ]; then met=true; else met=false; fi
printf '{"report": "%s: %d pieces for %d.%02d; best: %s", "target_met": %s}\n' \
    "$(text day)" "$(number total_pieces)" $((total / 100)) $((total % 100)) "$(text best_sellers)" "$met"
