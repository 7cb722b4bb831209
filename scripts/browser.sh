#!/usr/bin/env bash
# Installs what looks at the pages in the tests: Chromium, and from npm axe-core and playwright-core, pinned in
# tests/browser/package-lock.json. What is here already stays.
#
#   scripts/browser.sh        prints the path of Chromium; exits 1 with a sentence when something can't be had
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.cache/browser

say() { printf 'browser: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

find_chromium() {
    local name
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}

# as_root COMMAND...: as root, if that needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else command -v sudo >/dev/null && sudo -n "$@"; fi
}

install() {
    command -v apt-get >/dev/null || return 1
    say "installing the Debian packages $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

find_chromium >/dev/null || install chromium fonts-dejavu-core || fail "Chromium is needed: apt-get install chromium"
command -v npm >/dev/null || install nodejs npm || fail "Node.js 20 or later with npm is needed: apt-get install nodejs npm"
stamp=$(cat tests/browser/package-lock.json; node --version)
if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing axe-core and playwright-core from npm"
    mkdir -p "$folder"
    cp tests/browser/package.json tests/browser/package-lock.json "$folder/"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent >&2 ||
        fail "npm could not install them; check the network or npm's settings and run this again"
    printf '%s\n' "$stamp" >"$folder/stamp"
fi
find_chromium
