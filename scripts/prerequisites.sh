#!/usr/bin/env bash
# Says what is missing on this machine to build and run Plimsoll, and how to get it. Installs nothing.
#
#   scripts/prerequisites.sh          exits 0 when everything is here, 1 when something is missing
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
missing=0

# lacks WHAT WHY DEBIAN FEDORA MACOS
lacks() {
    missing=$((missing + 1))
    {
        printf 'Missing: %s\n  needed for: %s\n' "$1" "$2"
        printf '  Debian, Ubuntu:  %s\n  Fedora:          %s\n  macOS:           %s\n' "$3" "$4" "$5"
    } >&2
}

has() { command -v "$1" >/dev/null 2>&1; }

# The oldest compiler that the workspace accepts, as major.minor, read where cargo reads it.
wanted_rust() { sed -nE 's/^rust-version *= *"([0-9]+\.[0-9]+).*/\1/p' "$here/../Cargo.toml" | head -n 1; }

# older A B: whether version A (major.minor) comes before B.
older() { [ "${1%%.*}" -lt "${2%%.*}" ] || { [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${1#*.}" -lt "${2#*.}" ]; }; }

rustup="install rustup from https://rustup.rs, then: rustup toolchain install stable"
if ! has cargo || ! has rustc; then
    lacks "cargo and rustc" "building Plimsoll" "$rustup" "$rustup" "$rustup"
else
    found=$(rustc --version | sed -nE 's/^rustc ([0-9]+\.[0-9]+).*/\1/p')
    wanted=$(wanted_rust)
    if [ -z "$found" ]; then
        lacks "a working rustc (rustc --version says nothing useful)" "building Plimsoll" "$rustup" "$rustup" "$rustup"
    elif [ -n "$wanted" ] && older "$found" "$wanted"; then
        update="rustup update stable (the packaged compiler may be too old)"
        lacks "Rust $wanted or later; this is $found" "building Plimsoll" "$update" "$update" "$update"
    fi
fi

if ! has cc && ! has gcc && ! has clang; then
    lacks "a C compiler" "SQLite and ring, which are partly C" \
        "apt-get install gcc libc6-dev" "dnf install gcc" "xcode-select --install"
elif ! has cc; then
    lacks "the command cc (gcc or clang is here under its own name)" "linking Rust programs" \
        "apt-get install gcc" "dnf install gcc" "xcode-select --install"
fi

if ! has python3; then
    lacks "python3 with pip" "fetching ONNX Runtime (scripts/fetch-ort.sh)" \
        "apt-get install python3 python3-pip" "dnf install python3 python3-pip" "brew install python"
elif ! python3 -m pip --version >/dev/null 2>&1; then
    lacks "pip for $(python3 --version)" "fetching ONNX Runtime (scripts/fetch-ort.sh)" \
        "apt-get install python3-pip" "dnf install python3-pip" "python3 -m ensurepip --user"
fi

if [ "$missing" -gt 0 ]; then
    printf '%s missing; install and run this again.\n' "$missing" >&2
    exit 1
fi
