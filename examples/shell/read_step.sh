# Read by the scripts of `order` and `nightly_report` with `. ../shell/read_step.sh`.
#
# A step arrives on stdin as one JSON document:
#   {"task": {"id": 7, …, "context": {…}}, "step": {"name": "pack_parcel", "attempt": 1, …},
#    "results": {"reserve_stock": {…}, "charge_card": {…}}}
#
# The functions below take single values out of it with nothing but sed, so that the examples run on any Unix. They do
# for documents in which a name stands once. A program of yours would use jq or the JSON library of its language.

document=$(tr '\n' ' ')

# text NAME: the text of the member NAME, still escaped as JSON; nothing if there is none.
text() {
    printf '%s\n' "$document" | sed -nE 's/.*"'"$1"'" *: *"(([^"\\]|\\.)*)".*/\1/p'
}

# number NAME: the whole number of the member NAME; nothing if there is none.
number() {
    printf '%s\n' "$document" | sed -nE 's/.*"'"$1"'" *: *(-?[0-9]+) *[],}].*/\1/p'
}

# lines_with NAME: the innermost objects that have a member NAME, one a line.
lines_with() {
    printf '%s\n' "$document" | tr '{}' '\n\n' | grep '"'"$1"'" *:'
}

# give_up MESSAGE: ends the step for good; no further attempt is made.
give_up() {
    echo "$1" >&2
    exit 65
}

# work SECONDS: stands for work that takes its time.
work() {
    sleep "$1" 2>/dev/null || sleep 1
}
