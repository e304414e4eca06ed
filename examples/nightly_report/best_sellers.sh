#!/bin/sh
# Finds the articles (as many as the argument says) that were sold most in all shops.
set -eu
. ../shell/read_step.sh

work 0.5
list=$(awk -F, 'FNR > 1 { sold[$2] += $3 } END { for (article in sold) print sold[article] "," article }' \
    "$(text folder)"/*.csv | LC_ALL=C sort -t, -k1,1nr -k2,2 | head -n "$1" | cut -d, -f2 |
    awk '{ printf "%s%s", separator, $0; separator = ", " }')
printf '{"best_sellers": "%s"}\n' "$list"
