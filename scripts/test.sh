#!/usr/bin/env bash
# Everything that has to hold before a change is kept: formatting, lints, the whole suite on SQLite and on PostgreSQL,
# and what reads and writes files on an S3-compatible server too. Needs cargo, make, python3 with pip, and node with npm; installs or fetches what else it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s s so far)\n' "$1" "$SECONDS"; }

# Tests that depend on the caller's settings would not be the same tests everywhere. PLIMSOLL_CASES only adds data.
for name in ${!PLIMSOLL_@}; do [ "$name" = PLIMSOLL_CASES ] || unset "$name"; done

# Tests that drive a server wait for it a quarter of their time, so there are more of them than cores at once. Those that
# need no database were run with SQLite already.
suite() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-fail-fast --test-threads "$(($(nproc) * 3 / 2))" \
            ${TEST_POSTGRES:+-E 'binary(it)'}
    else
        cargo test --workspace --quiet
    fi
}

build_suite() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-run --cargo-quiet
    else
        cargo test --workspace --no-run --quiet
    fi
}

# Each test has its own database and blobs, and waits for the disk at every commit; a folder in memory does not.
in_memory() {
    local free
    free=$(df --output=avail --block-size=1M /dev/shm 2>/dev/null | tail -n 1) || return 1
    [ "${free:-0}" -ge 4096 ] && [ -w /dev/shm ]
}

if [ "${1:-}" = suite ]; then
    if in_memory; then
        TMPDIR=$(mktemp -d /dev/shm/plimsoll-tests.XXXXXX)
        trap 'rm -rf "$TMPDIR"' EXIT
        export TMPDIR
    fi
    suite
    exit
fi

step 'what this machine needs'
scripts/prerequisites.sh
scripts/fetch-ort.sh >/dev/null
scripts/foreign.sh
scripts/browser.sh >/dev/null

step 'formatting'
cargo fmt --all --check

step 'lints (the first time builds every dependency)'
cargo clippy --workspace --all-targets --quiet -- -D warnings

# Built as the suite needs it, since the features of the tests' own dependencies would build everything once more.
step 'building the program and its tests'
build_suite

step 'the main job through the command line, as make demo shows it'
said=$(mktemp)
trap 'rm -f "$said"' EXIT
CI=true DEMO_DIR=.cache/demo-of-tests examples/credit/demo.sh >"$said" 2>&1 || { cat "$said"; exit 1; }
tail -n 2 "$said"

step 'the suite on SQLite'
env -u TEST_POSTGRES scripts/test.sh suite

step 'the suite on PostgreSQL'
scripts/postgres.sh run scripts/test.sh suite

step 'files in a bucket'
scripts/s3.sh run cargo test --quiet --test it -- blob_stores:: main_job:: inference::
