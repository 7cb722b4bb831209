#!/usr/bin/env python3
"""Verifies a mirror with aics-tlog: tiles.py DIR VKEY_FILE. The folder is that of logcheck.go.

The signed head, an older head of the same log, the proof of one record from the tiles, and every tile and entry.
"""

import pathlib
import sys

from aics_tlog.checkpoint import checkpoint_from_note
from aics_tlog.cli import main as aics_tlog
from aics_tlog.tiles import FileSystemTileReader
from aics_tlog.verified import audit_tiles


def run(*arguments):
    code = aics_tlog([str(argument) for argument in arguments])
    if code:
        sys.exit(f"{arguments[0]} exits with {code}")


def main(folder, vkey):
    of = ["--vkey-file", vkey, "--tiles", folder]
    run("verify-checkpoint", *of)
    run("verify-consistency", *of, "--old-checkpoint", folder / "older", "--checkpoint", folder / "checkpoint")
    index = (folder / "record.proof").read_text().split("\n")[1].removeprefix("index ")
    run("verify-inclusion", *of, "--index", index, "--leaf", folder / "record", "--checkpoint", folder / "checkpoint")
    head, _ = checkpoint_from_note((folder / "checkpoint").read_text())
    print(audit_tiles(FileSystemTileReader(folder), head.size, head.root))


main(pathlib.Path(sys.argv[1]), sys.argv[2])
