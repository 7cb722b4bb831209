"""The least that any verifier of an export must do: reads the file once and hashes its bytes, with OpenSSL's SHA-256.

    reference.py FILE

Prints what it found and what it cost, in JSON. It proves nothing: no tree, no record is looked at.
"""

import hashlib
import json
import resource
import sys
import time

BLOCK_BYTES = 1 << 20


def main(name):
    wall, cpu = time.perf_counter(), time.process_time()
    digest, size = hashlib.sha256(), 0
    with open(name, "rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    print(json.dumps({
        "bytes": size,
        "sha256": digest.hexdigest(),
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


main(sys.argv[1])
