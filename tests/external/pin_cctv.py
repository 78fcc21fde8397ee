#!/usr/bin/env python3
"""Writes tests/external/ed25519_cctv.json: what libsodium 1.0.18 itself decides about each edge case of C2SP/CCTV.

Run once, by hand; the table is then fixed, and the tests compare our verifier with it.
    tests/external/pin_cctv.py <folder with cctv-ed25519/ed25519vectors.json> > tests/external/ed25519_cctv.json
"""
import ctypes
import ctypes.util
import json
import pathlib
import sys

sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
sodium.sodium_version_string.restype = ctypes.c_char_p
version = sodium.sodium_version_string().decode()
assert version == "1.0.18" and sodium.sodium_init() >= 0, version

source = pathlib.Path(sys.argv[1]) / "cctv-ed25519" / "ed25519vectors.json"
outcomes = {}
for row in json.loads(source.read_text()):
    key, signature, message = bytes.fromhex(row["key"]), bytes.fromhex(row["sig"]), row["msg"].encode()
    assert len(key) == 32 and len(signature) == 64
    verdict = sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), key)
    outcomes[str(row["number"])] = "accept" if verdict == 0 else "reject"

print('{\n "schema": "agentmesh-outcomes-1",\n "name": "CCTV Ed25519",')
print(' "origin": "C2SP/CCTV 1e3d286, ed25519vectors.json, by its numbers",')
print(f' "decided_by": "crypto_sign_verify_detached of libsodium {version}",')
print(' "req": ["AM-KEY-001", "AM-KEY-002", "AM-KEY-003"],')
print(' "outcomes": {')
print(",\n".join(f'  "{number}": "{outcome}"' for number, outcome in outcomes.items()))
print(" }\n}")
