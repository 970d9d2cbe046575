"""The formats that evidence is made of: deterministic CBOR, Merkle trees, COSE_Sign1, signed notes."""

import base64
import hashlib
import re

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    pass


class Revoked(Refused):
    pass


def must(condition, reason):
    if not condition:
        raise Refused(reason)


def load(data):
    """Decodes CBOR that is in its one deterministic encoding."""
    value = cbor2.loads(data)
    must(cbor2.dumps(value, canonical=True) == data, "not deterministic CBOR")
    return value


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_uint(value, most=2**64 - 1):
    return is_int(value) and 0 <= value <= most


def is_time(value):
    return is_int(value) and -(2**63) <= value < 2**63


def is_bytes(value, length=None):
    return isinstance(value, bytes) and (length is None or len(value) == length)


def is_administration(text):
    return isinstance(text, str) and re.fullmatch(r"NTA\.[A-Z]{2}", text) is not None


def sha256(data):
    return hashlib.sha256(data).digest()


def thumbprint(key):
    return sha256(cbor2.dumps({1: 1, -1: 6, -2: key}, canonical=True))


def verify_signature(key, signature, message):
    must(len(key) == 32, "only Ed25519 is verified here")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except Exception as error:
        raise Refused("a signature does not hold") from error


# Merkle trees, RFC 9162 section 2.1.3.2.


def root_from_path(leaf, index, size, path):
    must(index < size, "the index is outside the tree")
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        must(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            node = sha256(b"\x01" + sibling + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    must(sn == 0, "the path is too short")
    return node


# COSE_Sign1, RFC 9052.


class Signed:
    def __init__(self, data, limit, payload_detached=False):
        must(len(data) <= limit, "too large")
        outer = load(data)
        must(isinstance(outer, cbor2.CBORTag) and outer.tag == 18, "not a tagged COSE_Sign1")
        must(isinstance(outer.value, list) and len(outer.value) == 4, "not a COSE_Sign1")
        self.protected, self.unprotected, self.payload, self.signature = outer.value
        must(is_bytes(self.protected) and is_bytes(self.signature), "not a COSE_Sign1")
        must(isinstance(self.unprotected, dict), "not a COSE_Sign1")
        must((self.payload is None) == payload_detached, "payload")
        self.header = load(self.protected)
        must(isinstance(self.header, dict) and self.header.get(1) in (-8, -7), "algorithm")
        must(is_bytes(self.header.get(4), 32), "key identifier")
        must(2 not in self.header, "nothing is critical here")
        claims = self.header.get(15)
        must(isinstance(claims, dict), "CWT claims")
        self.claims = claims
        self.key_id = self.header[4]

    def verify(self, key, payload=None):
        must(thumbprint(key) == self.key_id and self.header[1] == -8, "another key")
        message = cbor2.dumps(["Signature1", self.protected, b"", self.payload if payload is None else payload])
        verify_signature(key, self.signature, message)


def signed_document(data, content_type, limit, fields):
    signed = Signed(data, limit)
    must(signed.unprotected == {}, "not in registered form")
    must(signed.header.get(3) == content_type, "content type")
    payload = load(signed.payload)
    must(isinstance(payload, dict) and list(payload) == list(range(1, fields + 1)), "fields")
    must(payload[1] == 1, "version")
    return signed, payload


def claimed(signed, issuer, subject, micros):
    must(signed.claims.get(1) == issuer and signed.claims.get(2) == subject, "claims")
    must(signed.claims.get(6) == micros // 1_000_000, "issued at")


# Signed notes, C2SP.

SPACES = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}


def is_control(character):
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


def read_note(note):
    must(isinstance(note, str) and len(note.encode()) <= 64 * 1024, "note")
    text, separator, lines = note.rpartition("\n\n")
    must(separator and not any(is_control(c) and c != "\n" for c in text), "note")
    must(lines.endswith("\n"), "note")
    signatures = []
    for line in lines[:-1].split("\n"):
        must(line.startswith("\u2014 ") and len(signatures) < 32, "signature line")
        name, space, encoded = line[2:].partition(" ")
        must(space and name and not any(c in SPACES or c == "+" for c in name), "name")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except Exception as error:
            raise Refused("base64") from error
        must(base64.b64encode(raw).decode() == encoded and len(raw) >= 4, "base64")
        signatures.append((name, raw[:4], raw[4:]))
    return text + "\n", signatures


def note_key(name, kind, key):
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def read_checkpoint(text):
    lines = text.split("\n")[:-1]
    must(len(lines) >= 3 and all(lines), "checkpoint")
    origin, size, root = lines[:3]
    must(re.fullmatch(r"0|[1-9][0-9]*", size, re.ASCII) is not None and int(size) < 2**64, "size")
    try:
        raw = base64.b64decode(root, validate=True)
    except Exception as error:
        raise Refused("base64") from error
    must(len(raw) == 32 and base64.b64encode(raw).decode() == root, "root")
    return origin, int(size), raw


def origin_of(administration):
    return f"tidewaiter.example/{administration[4:]}"


def read_hashes(value):
    must(isinstance(value, list) and len(value) <= 64 and all(is_bytes(item, 32) for item in value), "hashes")
    return value


def tree_root(leaves):
    """The root of RFC 9162 section 2.1.1 over leaves that are hashed already."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return sha256(b"\x01" + tree_root(leaves[:left]) + tree_root(leaves[left:]))


def ordered(items, key):
    keys = [key(item) for item in items]
    must(all(a < b for a, b in zip(keys, keys[1:])), "out of order")
