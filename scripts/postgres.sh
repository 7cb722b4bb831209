#!/usr/bin/env bash
# A throw-away PostgreSQL (15 or later) for tests: its data are not safe and vanish when it stops.
#
#   scripts/postgres.sh run CMD…      start, run CMD with TEST_POSTGRES set, stop; exits with CMD's code
#   scripts/postgres.sh start         start; prints the URL, and on standard error the folder to stop it by
#   scripts/postgres.sh stop DIR      stop the server of that folder and remove the folder
#
# Standard output belongs to the URL and to CMD; everything else goes to standard error.
# POSTGRES_DURABLE=1 makes it write to the disk before it answers, as a real one does: for benchmarks.
# PGBIN names the folder of initdb and pg_ctl when it is not one of the usual ones.
set -euo pipefail

oldest=15
durable=off
[ -z "${POSTGRES_DURABLE:-}" ] || durable=on
account=postgres

say() { printf 'postgres: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }
is_root() { [ "$(id -u)" = 0 ]; }

# PostgreSQL refuses to run as root, so root hands every server command to the account of the package.
# The working directory of the caller may be closed to that account.
as_server() {
    if is_root; then (cd / && runuser -u "$account" -- "$@"); else (cd / && "$@"); fi
}

# The newest folder that holds a server: the Debian and Fedora places, Homebrew, then PATH.
find_binaries() {
    local folder newest='' version=0 found
    if [ -n "${PGBIN:-}" ]; then
        (cd "$PGBIN" 2>/dev/null && pwd) || fail "PGBIN=$PGBIN is not a folder"
        return
    fi
    for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin "$(dirname "$(command -v pg_ctl || echo /nowhere/pg_ctl)")"; do
        [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] || continue
        found=$(major_version "$folder")
        if [ "$found" -gt "$version" ]; then
            version=$found
            newest=$folder
        fi
    done
    printf '%s\n' "$newest"
}

major_version() {
    local number
    number=$("$1/pg_ctl" --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
    printf '%s\n' "${number:-0}"
}

install_server() {
    local prefix=()
    if ! is_root; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        prefix=(sudo -n)
    fi
    command -v apt-get >/dev/null || return 1
    say "no PostgreSQL server here; installing the Debian package postgresql"
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || return 1
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql >&2
}

require_binaries() {
    binaries=$(find_binaries)
    if [ -z "$binaries" ] && install_server; then
        binaries=$(find_binaries)
    fi
    if [ -z "$binaries" ] || [ ! -x "$binaries/initdb" ]; then
        fail "no PostgreSQL server found. Debian: apt-get install postgresql; Fedora: dnf install postgresql-server;" \
            "macOS: brew install postgresql@17. Or set PGBIN to the folder of initdb"
    fi
    [ "$(major_version "$binaries")" -ge "$oldest" ] ||
        fail "$binaries holds PostgreSQL $(major_version "$binaries"); version $oldest or later is needed"
    if is_root && ! id "$account" >/dev/null 2>&1; then
        fail "PostgreSQL does not run as root and there is no account '$account' to run it as; run this as another user"
    fi
}

# Asks the kernel for a port that is free now. Another program may take it before the server does: see `start`.
free_port() {
    python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

write_settings() {
    as_server tee "$1/data/postgresql.auto.conf" >/dev/null <<SETTINGS
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = ''
max_connections = 200
fsync = $durable
synchronous_commit = $durable
full_page_writes = $durable
SETTINGS
}

# Sets `folder` and `port`.
start() {
    local attempt
    require_binaries
    command -v python3 >/dev/null || fail "python3 is needed to find a free port"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/plimsoll-postgres.XXXXXX")
    if is_root; then chown "$account" "$folder"; fi
    as_server "$binaries/initdb" --pgdata="$folder/data" --username=plimsoll --auth=trust --encoding=UTF8 \
        --locale=C --no-sync >"$folder.log" 2>&1 </dev/null || broken "initdb"
    for attempt in 1 2 3; do
        port=$(free_port)
        write_settings "$folder" "$port"
        if as_server "$binaries/pg_ctl" --pgdata="$folder/data" --log="$folder/server.log" --wait --timeout=60 \
            start >>"$folder.log" 2>&1 </dev/null; then
            rm -f "$folder.log"
            say "$("$binaries/postgres" --version) in $folder on port $port"
            return
        fi
        say "attempt $attempt did not start on port $port"
    done
    cat "$folder/server.log" >>"$folder.log" 2>/dev/null || true
    broken "the server"
}

broken() {
    say "$1 failed; its last words were:"
    tail -n 20 "$folder.log" >&2 || true
    stop "$folder"
    exit 3
}

# Removes only what `start` made: a folder of that name that holds a cluster, or is still empty.
stop() {
    case "$(basename "$1")" in
    plimsoll-postgres.*) ;;
    *) fail "$1 was not made by this script and is left alone" ;;
    esac
    if [ -f "$1/data/postmaster.pid" ]; then
        as_server "$binaries/pg_ctl" --pgdata="$1/data" --mode=immediate --wait stop >/dev/null 2>&1 ||
            say "the server of $1 did not answer; it may be gone already"
    fi
    rm -rf "$1" "$1.log"
}

# At a terminal CMD stays in the foreground, where it may read and where Ctrl-C reaches it. Elsewhere it gets a process
# group of its own, so that a signal to this script ends CMD and all that it started before the server goes away.
run_command() {
    local child code=0
    export TEST_POSTGRES="postgres://plimsoll@127.0.0.1:$port"
    if [ -t 0 ]; then
        "$@" || code=$?
        exit "$code"
    fi
    set -m
    "$@" <&0 &
    child=$!
    set +m
    trap 'kill -TERM -- "-$child" 2>/dev/null || true; exit 129' HUP
    trap 'kill -INT -- "-$child" 2>/dev/null || true; exit 130' INT
    trap 'kill -TERM -- "-$child" 2>/dev/null || true; exit 143' TERM
    wait "$child" || code=$?
    exit "$code"
}

case "${1:-}" in
start)
    [ $# -eq 1 ] || fail "start takes no arguments"
    start
    printf 'postgres://plimsoll@127.0.0.1:%s\n' "$port"
    say "stop it with: scripts/postgres.sh stop $folder"
    ;;
stop)
    [ $# -eq 2 ] || fail "name the folder that start printed: scripts/postgres.sh stop DIR"
    [ -d "$2" ] || fail "$2 is not a folder; the server may have been stopped already"
    require_binaries
    stop "$(cd "$2" && pwd)"
    ;;
run)
    shift
    [ $# -gt 0 ] || fail "name a command: scripts/postgres.sh run cargo test"
    folder=''
    trap 'code=$?; trap - EXIT; [ -z "$folder" ] || stop "$folder"; exit "$code"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    start
    run_command "$@"
    ;;
*)
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p;}' "$0" >&2
    exit 2
    ;;
esac
