#!/usr/bin/env python3
"""Verifies the root of an export with pymerkle: root.py EXPORT. Exits with 1 when the records give another root."""

import base64
import json
import sys

from pymerkle import InmemoryTree


def main(export):
    with open(export, "rb") as file:
        header, *leaves = file.read().split(b"\n")[:-1]
    size, root = json.loads(header)["checkpoint"].split("\n")[1:3]
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(leaf)
    found = tree.get_root() if leaves else b""
    if int(size) != len(leaves) or base64.b64decode(root, validate=True) != found:
        sys.exit(f"{len(leaves)} records give the root {found.hex()}; signed was that of {size} records, {root}")
    print(f"{size} records, root {found.hex()}")


main(sys.argv[1])
