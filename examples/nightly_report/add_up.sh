#!/bin/sh
# Adds the shops up.
set -eu
. ../shell/read_step.sh

lines_with cents | sed 's/$/}/' | {
    pieces=0
    total=0
    while IFS= read -r document; do
        pieces=$((pieces + $(number pieces)))
        total=$((total + $(number cents)))
    done
    printf '{"total_pieces": %d, "total_cents": %d}\n' "$pieces" "$total"
}
