"""Verifies our evidence with libraries that know nothing of this project.

Usage: python verify.py DIRECTORY

DIRECTORY holds what tests/independent.rs wrote: statement.cbor,
statement-es256.cbor, transparent.cbor, receipt.cbor, staged.cbor, sealed.bin, aad.cbor, checkpoint.txt and facts.json (public keys and the one secret that opens the sealed part).
Prints one JSON object of what was proved; ends with a message and status 1 at the first thing that does not hold.

scitt-cose checks signed statements (RFC 9943) and receipts (RFC 9942), pycose the COSE signatures once more
(RFC 9052), cbor2 decodes, pyhpke opens the sealed part (RFC 9180), cryptography checks the signed note.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

import cbor2
import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pycose.keys import EC2Key, OKPKey
from pycose.messages import Sign1Message
from pyhpke import AEADId, CipherSuite, KDFId, KEMId


def must(condition, reason):
    if not condition:
        raise ValueError(reason)


def pem(raw):
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def thumbprint(raw, curve):
    """COSE key thumbprint, RFC 9679."""
    return hashlib.sha256(cbor2.dumps({1: 1, -1: curve, -2: raw}, canonical=True)).digest()


def ed25519(text):
    """The key as PEM, as pycose has it, its thumbprint and its algorithm."""
    raw = bytes.fromhex(text)
    return pem(raw), OKPKey(crv="ED25519", x=raw), thumbprint(raw, 6), -8


def es256(text):
    """As ed25519, of a key on P-256 written as `es256:` and the digits of its coordinates."""
    point = bytes.fromhex(text.removeprefix("es256:"))
    x, y = point[:32], point[32:]
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\4" + point)
    text = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    kid = hashlib.sha256(cbor2.dumps({1: 2, -1: 1, -2: x, -3: y}, canonical=True)).digest()
    return text, EC2Key(crv="P_256", x=x, y=y), kid, -7


def signed_document(message, key):
    """Verifies a COSE_Sign1 with two libraries; gives claims, content type and decoded payload."""
    pem_key, cose_key, kid, algorithm = key
    parsed = scitt_cose.parse_signed_statement(message, public_key_pem=pem_key)
    must(parsed["signature_verified"] is True, "scitt-cose: the signature does not verify")
    second = Sign1Message.decode(message)
    second.key = cose_key
    must(second.verify_signature(), "pycose: the signature does not verify")
    outer = cbor2.loads(message)
    must(outer.tag == 18 and len(outer.value[1]) == 0, "not in registered form")
    protected = cbor2.loads(outer.value[0])
    must(sorted(protected) == [1, 3, 4, 15] and protected[1] == algorithm, "protected header is not {1, 3, 4, 15}")
    must(protected[4] == kid, "kid is not the key's thumbprint")
    payload = cbor2.loads(parsed["payload"])
    must(cbor2.dumps(payload, canonical=True) == parsed["payload"], "payload is not deterministic CBOR")
    return protected[15], parsed["content_type"], payload


def statement(directory, name, key):
    message = (directory / name).read_bytes()
    claims, content_type, manifest = signed_document(message, key)
    must(content_type == "application/vnd.tidewaiter.manifest+cbor", "content type")
    must(sorted(manifest) == list(range(1, 14)), "the manifest's fields")
    must(claims[1] == manifest[3][0] and claims[2] == manifest[3][2], "claims contradict the manifest")
    must(claims[6] == manifest[8] // 1_000_000, "issued at contradicts the manifest")
    return message, manifest, {"issuer": claims[1], "subject": claims[2], "message_id": manifest[2].hex()}


def receipt(directory, facts, message):
    raw = (directory / "receipt.cbor").read_bytes()
    result = scitt_cose.verify_receipt(
        raw, leaf_entry_hex=message.hex(), log_public_key_pem=pem(bytes.fromhex(facts["log"]))
    )
    must(result.ok, f"receipt: {result.errors}")
    protected = cbor2.loads(cbor2.loads(raw).value[0])
    must(sorted(protected) == [1, 4, 15, 395], "receipt's protected header is not {1, 4, 15, 395}")
    transparent = (directory / "transparent.cbor").read_bytes()
    must(list(scitt_cose.extract_receipts(transparent)) == [raw], "transparent statement carries the receipt")
    must(scitt_cose.attach_receipts(message, [raw]) == transparent, "scitt-cose makes the same transparent statement")
    return {"size": result.tree_size, "index": result.leaf_index, "root": result.root, "log": result.issuer}


def staged(directory, facts, message):
    raw = (directory / "staged.cbor").read_bytes()
    claims, content_type, stage = signed_document(raw, ed25519(facts["recipient_sign"]))
    must(content_type == "application/vnd.tidewaiter.stage+cbor", "content type of the stage")
    must(stage[2] == 1 and stage[4] == hashlib.sha256(message).digest(), "received, this statement")
    return {"by": claims[1], "entry": list(stage[5])}


def checkpoint(directory, facts):
    """C2SP signed-note and tlog-checkpoint, over the standard library and `cryptography`."""
    note = (directory / "checkpoint.txt").read_text(encoding="utf-8")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    dash, name, encoded = signatures.rstrip("\n").split(" ")
    key = bytes.fromhex(facts["log"])
    raw = base64.b64decode(encoded, validate=True)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]
    must(dash == "\u2014" and raw[:4] == key_id, "checkpoint names another key")
    Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], text.encode())
    origin, size, root = text.splitlines()
    must(origin == name, "checkpoint's origin is not its key's name")
    return {"origin": origin, "size": int(size), "root": base64.b64decode(root, validate=True).hex()}


def sealed(directory, facts, manifest):
    raw, aad = (directory / "sealed.bin").read_bytes(), (directory / "aad.cbor").read_bytes()
    _, _, digest, root, size, leaves = manifest[11][0]
    must(leaves == 1, "leaf scheme")
    unsealed = {**manifest, 11: [[*part[:2], None, *part[3:]] for part in manifest[11]]}
    binding = hashlib.sha256(cbor2.dumps(unsealed, canonical=True)).digest()
    must(list(cbor2.loads(aad)) == [binding, 0], "aad")
    must(hashlib.sha256(raw).digest() == digest, "ciphertext digest")
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    pair = suite.kem.derive_key_pair(bytes.fromhex(facts["recipient_enc_seed"]))
    must(thumbprint(pair.public_key.to_public_bytes(), 4) == manifest[12][1], "recipient key id")
    context = suite.create_recipient_context(raw[:32], pair.private_key, info=b"tidewaiter sealed part 1")
    plaintext = context.open(raw[32:], aad=aad)
    secret, content = plaintext[:32], plaintext[32:]
    salt = hmac.new(secret, b"", hashlib.sha256).digest()[:16]
    must(hashlib.sha256(b"\0" + salt + bytes(4) + content).digest() == root, "plaintext root")
    must(len(content) == size, "size")
    return {"content": content.decode()}


def main(directory):
    facts = json.loads((directory / "facts.json").read_text())
    message, manifest, proved = statement(directory, "statement.cbor", ed25519(facts["sign"]))
    _, _, by_device = statement(directory, "statement-es256.cbor", es256(facts["es256"]))
    print(
        json.dumps(
            {
                "statement": proved,
                "es256": by_device,
                "receipt": receipt(directory, facts, message),
                "staged": staged(directory, facts, message),
                "checkpoint": checkpoint(directory, facts),
                "sealed": sealed(directory, facts, manifest),
            }
        )
    )


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except Exception as error:  # Whatever does not hold: one line, and no proof.
        sys.exit(f"{type(error).__name__}: {error}")
