#!/bin/sh
# Sets the pieces aside.
set -eu
. ../shell/read_step.sh

work 0.8
# The task's number makes the reservation recognisable, should an attempt be repeated after its answer was lost.
printf '{"reservation": "R-%s", "reserved_pieces": %d}\n' "$TASKER_TASK" "$(number pieces)"
