#!/bin/sh
# Mails the receipt.
set -eu
. ../shell/read_step.sh

work 0.5
cents=$(number paid_cents)
printf '{"receipt_to": "%s", "receipt_for": "%d.%02d %s"}\n' \
    "$(text email)" $((cents / 100)) $((cents % 100)) "$(text paid_in)"
