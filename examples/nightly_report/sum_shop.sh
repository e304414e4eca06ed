#!/bin/sh
# Adds up the sales of one shop (the argument).
set -eu
. ../shell/read_step.sh

work 0.3
awk -F, -v shop="$1" '
    NR > 1 { pieces += $3; cents += $3 * $4 }
    END { printf "{\"shop\": \"%s\", \"sales\": %d, \"pieces\": %d, \"cents\": %d}\n", shop, NR - 1, pieces, cents }
' "$(text folder)/$1.csv"
