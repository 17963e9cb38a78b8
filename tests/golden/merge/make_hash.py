"""Prints hash.json: XXH3 of 128 bits over bytes of many lengths, for tests/unit/merge/test_hash.c.

Run with tests/golden/merge/requirements.txt:  python tests/golden/merge/make_hash.py >tests/golden/merge/hash.json
Debian's xxh128sum gives the same digits.

The bytes of length n are i * (i + 7) >> 3 & 255 for i = 0 … n-1. The lengths stand on both sides of every change of
method in XXH3 (16, 128, 240 bytes; 1024 is its block), one of them is longer than any buffer of ours.
"""

import json

import xxhash

LENGTHS = [0, 1, 2, 3, 4, 8, 9, 16, 17, 64, 128, 129, 240, 241, 256, 511, 512, 1023, 1024, 1025, 4096, 65537, 3000001]


def content(n):
    return bytes(i * (i + 7) >> 3 & 255 for i in range(n))


print(json.dumps({str(n): xxhash.xxh3_128_hexdigest(content(n)) for n in LENGTHS}, indent=1))
