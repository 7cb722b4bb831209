#!/usr/bin/env bash
# Installs what others made and the tests need: Go's sumdb packages from Debian, pymerkle and aics-tlog from PyPI, which
# verify the audit log; model-signing from PyPI and @sigstore/verify from npm, which verify models' signatures;
# cyclonedx-python-lib from PyPI, which reads bills of materials; and the identity provider oidc-provider from npm, which
# people sign in with. What is here already stays.
#
#   scripts/foreign.sh        exits 0 when everything is here, 1 with a sentence when something can't be had
#
# Python packages go to .cache/foreign/venv. aics-tlog needs Python 3.12; where there is none, this script says so and
# leaves the file .cache/foreign/no-aics-tlog, by which the test knows. Packages of npm go to .cache/foreign/provider and
# .cache/foreign/sigstore; they need Node.js 20.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.cache/foreign
modules=/usr/share/gocode/src/golang.org/x/mod/sumdb

say() { printf 'foreign: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

install_go() {
    local prefix=()
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        prefix=(sudo -n)
    fi
    say "installing the Debian packages golang-go and golang-golang-x-mod-dev"
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || return 1
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        golang-go golang-golang-x-mod-dev >&2
}

# at_least MINOR: the first Python 3 of that minor version or later, on PATH or among those of pyenv.
at_least() {
    local candidate
    for candidate in python3 python3.{15,14,13,12,11} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
        if "$candidate" -c "import sys, venv; sys.exit(sys.version_info < (3, $1))" >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

if ! command -v go >/dev/null || [ ! -d "$modules" ]; then
    install_go || fail "Go with golang.org/x/mod is needed: apt-get install golang-go golang-golang-x-mod-dev"
fi
[ -d "$modules" ] || fail "$modules is not there; is golang-golang-x-mod-dev installed?"

mkdir -p "$folder"
wanted=(-r tests/foreign/requirements.txt)
rm -f "$folder/no-aics-tlog"
if python=$(at_least 12); then
    wanted+=(-r tests/foreign/requirements-python-3.12.txt)
else
    python=$(at_least 11) || fail "Python 3.11 or later with venv is needed for pymerkle: apt-get install python3-venv"
    say "no Python 3.12 is here, so aics-tlog does not look at the log"
    touch "$folder/no-aics-tlog"
fi
stamp=$(cat tests/foreign/requirements*.txt; "$python" --version)
if [ ! -x "$folder/venv/bin/python3" ] || [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing $(grep -h = tests/foreign/requirements*.txt | tr '\n' ' ')with $("$python" --version)"
    "$python" -m venv --clear "$folder/venv"
    "$folder/venv/bin/python3" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2 ||
        fail "pip could not install them; check the network or pip's index settings and run this again"
    printf '%s\n' "$stamp" >"$folder/stamp"
fi

# node_packages FOLDER WHAT: the versions and hashes of tests/foreign/FOLDER/package-lock.json alone.
node_packages() {
    local source=tests/foreign/$1 target=$folder/$1
    cmp -s "$source/package-lock.json" "$target/stamp" && return
    command -v npm >/dev/null || fail "Node.js with npm is needed for $2: apt-get install nodejs npm"
    say "installing $2 with $(node --version)"
    rm -rf "$target"
    mkdir -p "$target"
    cp "$source/package.json" "$source/package-lock.json" "$target/"
    (cd "$target" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2) ||
        fail "npm could not install $2; check the network or npm's registry settings and run this again"
    cp "$source/package-lock.json" "$target/stamp"
}
node_packages provider oidc-provider
node_packages sigstore @sigstore/verify
