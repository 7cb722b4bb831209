#!/usr/bin/env bash
# Follows docs/auditing.md word by word in a temporary copy of this repository, with a program that is already built.
#
#   scripts/walk-through.sh           ends with 1 at the first step that does not do what the page says
#   PLIMSOLL=/usr/bin/plimsoll scripts/walk-through.sh      with this program instead of target/debug/plimsoll
#
# The page marks what is carried out: blocks that open with "sh run" go in order through one shell, and each command
# has to succeed; of a block "sh run=6" the last one has to end with exit code 6. A block "text" right behind is what
# they print, where … stands for anything and runs of blanks count as one.
set -euo pipefail
cd "$(dirname "$0")/.."

walk_page=$PWD/docs/auditing.md
walk_program=${PLIMSOLL:-${CARGO_TARGET_DIR:-target}/debug/plimsoll}
[ -x "$walk_program" ] || { echo "walk-through: $walk_program is not there; build it with make build" >&2; exit 1; }
walk_library=$(scripts/fetch-ort.sh 2>/dev/null) || { scripts/fetch-ort.sh; exit 1; }
walk=$(mktemp -d)

walk_end() {
    local code=$?
    trap - EXIT
    [ ! -d "$walk/plimsoll/examples" ] || "$walk/plimsoll/examples/credit/demo.sh" stop >/dev/null || true
    # The witness, if the page was left before its end.
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
    if [ "$code" = 0 ]; then rm -rf "$walk"; else echo "walk-through: what is left is in $walk" >&2; fi
    exit "$code"
}
trap walk_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$walk/plimsoll/target/debug" "$walk/plimsoll/.cache/onnxruntime" "$walk/steps"
git ls-files -z --cached --others --exclude-standard | tar -cf - --null -T - | tar -xf - -C "$walk/plimsoll"
cp "$walk_program" "$walk/plimsoll/target/debug/plimsoll"
cp "$walk_library" "$walk/plimsoll/.cache/onnxruntime/"

# One file for each step, named by its line: the commands, the exit code of the last one, what they print.
python3 - "$walk_page" "$walk/steps" <<'PYTHON'
import pathlib
import re
import sys

page, steps = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), pathlib.Path(sys.argv[2])
block = re.compile(r"^```sh run(?:=(\d+))?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
for found in block.finditer(page):
    line = page.count("\n", 0, found.start()) + 1
    step = steps / f"{line:04}"
    step.with_suffix(".sh").write_text(found[2], encoding="utf-8")
    step.with_suffix(".code").write_text(found[1] or "", encoding="utf-8")
    if found[3] is not None:
        step.with_suffix(".text").write_text(found[3], encoding="utf-8")
PYTHON

# Whether the file $2 says what the block $1 shows.
walk_compare() {
    python3 - "$1" "$2" <<'PYTHON'
import pathlib
import re
import sys

shown, printed = (" ".join(pathlib.Path(file).read_text(encoding="utf-8").split()) for file in sys.argv[1:])
first, *parts = re.split(" ?… ?", shown)
if not parts:
    sys.exit(shown != printed)
if not printed.startswith(first):
    sys.exit(f"it does not begin with: {first}")
at = len(first)
for part in parts[:-1]:
    found = printed.find(part, at)
    if found < 0:
        sys.exit(f"it does not say, in this place: {part}")
    at = found + len(part)
if not printed[at:].endswith(parts[-1]):
    sys.exit(f"it does not end with: {parts[-1]}")
PYTHON
}

for name in ${!PLIMSOLL@}; do unset "$name"; done
unset CARGO_TARGET_DIR DEMO_DIR CI
set +eu +o pipefail
cd "$walk/plimsoll" || exit 1

for walk_step in "$walk"/steps/*.sh; do
    walk_name=${walk_step%.sh} walk_codes=
    # In the shell itself, because later steps use what earlier ones set.
    trap 'walk_codes="$walk_codes $?"' ERR
    . "$walk_step" >"$walk_name.out" 2>&1 </dev/null
    walk_last=$?
    trap - ERR
    walk_wanted=$(cat "$walk_name.code")
    # Sourcing reports the last command's code once more.
    [ "$walk_last" = 0 ] || walk_codes=${walk_codes% *}
    walk_line=$((10#$(basename "$walk_name")))
    if [ "$walk_codes" != "${walk_wanted:+ $walk_wanted}" ]; then
        walk_wrong="exit codes:${walk_codes:- 0}, and the page says ${walk_wanted:-0}"
    elif [ -f "$walk_name.text" ] && ! walk_compare "$walk_name.text" "$walk_name.out"; then
        walk_wrong='it prints something else than the page shows'
    else
        printf 'line %4d: %s\n' "$walk_line" "$(head -n 1 "$walk_step")"
        continue
    fi
    printf 'docs/auditing.md, line %d: %s\n--- the step:\n%s\n--- it printed:\n%s\n' "$walk_line" "$walk_wrong" \
        "$(cat "$walk_step")" "$(cat "$walk_name.out")" >&2
    exit 1
done
echo "every step of docs/auditing.md does what the page says"
