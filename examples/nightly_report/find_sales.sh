#!/bin/sh
# Sees that every shop (the arguments) has handed in its file of the day.
set -eu
. ../shell/read_step.sh

folder=sales/$(text day)
[ -d "$folder" ] || give_up "there are no sales of $(text day)"
for shop in "$@"; do
    if [ ! -f "$folder/$shop.csv" ]; then
        # It may still come.
        echo "the file of shop $shop has not arrived" >&2
        echo "Retry-After: 60" >&2
        exit 75
    fi
done
printf '{"folder": "%s", "shops": %d}\n' "$folder" $#
