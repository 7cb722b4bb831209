"""Opens a stored file as PyPI cryptography does: cobblestone.py FILE KEY_IN_HEX CONTEXT_IN_HEX prints its bytes."""

import sys

from cryptography.cobblestone import Cobblestone256Decryptor

file, key, context = sys.argv[1:]
decryptor = Cobblestone256Decryptor(bytes.fromhex(key), context=bytes.fromhex(context))
with open(file, "rb") as sealed:
    sys.stdout.buffer.write(decryptor.update(sealed.read()))
sys.stdout.buffer.write(decryptor.finalize())
