#!/bin/sh
# Counts the pieces of the order and adds up what it costs.
set -eu
. ../shell/read_step.sh

work 0.3
pieces=0
total=0
# Each item stands on a line of its own; `document` is set to it, so that `number` reads from that item.
items=$(lines_with article) || give_up "the order has no items"
while IFS= read -r document; do
    quantity=$(number quantity)
    price=$(number price_cents)
    pieces=$((pieces + quantity))
    total=$((total + quantity * price))
done <<END
$(printf '%s\n' "$items" | sed 's/$/}/')
END

[ "$total" -gt 0 ] || give_up "the order costs nothing; there is nothing to charge"
printf '{"pieces": %d, "total_cents": %d}\n' "$pieces" "$total"
