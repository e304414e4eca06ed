#!/bin/sh
# Packs what was reserved, four pieces to a box.
set -eu
. ../shell/read_step.sh

work 0.9
pieces=$(number reserved_pieces)
printf '{"packed_pieces": %d, "boxes": %d}\n' "$pieces" $(((pieces + 3) / 4))
