#!/usr/bin/env bash
# Fetches the ONNX Runtime library that the validation sandbox loads.
#
#   scripts/fetch-ort.sh [DEST]        DEST defaults to .cache/onnxruntime
#
# Standard output: the path of the library, and nothing else.
# Standard error: what is being done, and what to do when it cannot be done.
#
# The library is taken out of the Python wheel `onnxruntime`; no Python package is installed or imported.
# Why 1.28.0 and no newer: from 1.29 on the runtime sends telemetry unless it is told not to.
# A library whose digest is not the pinned one is never left in DEST.
set -euo pipefail

version=1.28.0
destination=${1:-.cache/onnxruntime}

say() { printf 'fetch-ort: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

case "$(uname -s) $(uname -m)" in
"Linux x86_64")
    wheel_platform=manylinux_2_28_x86_64
    library=libonnxruntime.so.$version
    pinned=aa4079d18f4ea7a5f3a94d80cd4bbe0f2740436626622d64d793803a20381083
    ;;
"Linux aarch64")
    wheel_platform=manylinux_2_28_aarch64
    library=libonnxruntime.so.$version
    pinned=23a37c2994bc273e1d59a4f49af6cba5bf1cfbc29f04907ec27df375aba50a7d
    ;;
"Darwin arm64")
    wheel_platform=macosx_14_0_arm64
    library=libonnxruntime.$version.dylib
    pinned=cadd9517e089d197e5d381bc31813875eb8addce8712bac501645fea8008800c
    ;;
*)
    fail "no ONNX Runtime $version is known for $(uname -s) on $(uname -m); build the library yourself and name it with --ort-lib"
    ;;
esac

command -v python3 >/dev/null || fail "python3 with pip is needed to fetch the library; install it, or name a library with --ort-lib"

digest_of() {
    python3 - "$1" <<'PYTHON'
import hashlib
import sys

digest = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while block := file.read(1 << 20):
        digest.update(block)
print(digest.hexdigest())
PYTHON
}

mkdir -p "$destination"
destination=$(cd "$destination" && pwd)
target=$destination/$library

if [ -f "$target" ]; then
    if [ "$(digest_of "$target")" = "$pinned" ]; then
        say "ONNX Runtime $version is already there"
        printf '%s\n' "$target"
        exit 0
    fi
    say "$target is not the pinned library; it is fetched again"
fi

# The staging folder is inside DEST, so that the last step is a rename within one file system.
staging=$(mktemp -d "$destination/.fetch.XXXXXX")
trap 'rm -rf "$staging"' EXIT

say "downloading the onnxruntime $version wheel for $wheel_platform (about 20 MB)"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform "$wheel_platform" --implementation cp --python-version 3.12 \
    --dest "$staging" "onnxruntime==$version" >&2 ||
    fail "pip could not download onnxruntime==$version; check the network or pip's index settings and run this again"

python3 - "$staging" "$library" <<'PYTHON'
import pathlib
import shutil
import sys
import zipfile

staging, library = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = staging.glob("*.whl")
with zipfile.ZipFile(wheel) as archive, archive.open(f"onnxruntime/capi/{library}") as member:
    with open(staging / library, "wb") as out:
        shutil.copyfileobj(member, out)
PYTHON

found=$(digest_of "$staging/$library")
[ "$found" = "$pinned" ] || fail "the library has sha256 $found but $pinned is pinned; nothing was installed"

chmod 755 "$staging/$library"
mv -f "$staging/$library" "$target"
say "installed $target"
printf '%s\n' "$target"
