"""An independent verifier of evidence files: it shares no code with the one in this crate.

Usage: python verify_evidence.py DIRECTORY

DIRECTORY holds `anchors.json` (the cards that are trusted: a list of objects with hexadecimal keys) and any number of
`*.evidence` files. Those whose name begins with `bare` are verified without trust. Prints one JSON object: for each file
`proved`, `unanchored` or `refused`.

cbor2 decodes, `cryptography` checks signatures, scitt-cose checks statements and receipts once more. The rules are those
of docs/evidence.md. Formats are read by `evidence_pieces.py` beside this file, keys are judged by `evidence_keys.py`.
"""

import hmac
import json
import pathlib
import sys

import cbor2
import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from evidence_keys import LOG, SIGN, WITNESS, Keyring, When, read_card, read_register
from evidence_pieces import (
    Refused,
    Revoked,
    Signed,
    claimed,
    is_administration,
    is_bytes,
    is_control,
    is_int,
    is_time,
    is_uint,
    load,
    must,
    note_key,
    ordered,
    origin_of,
    read_checkpoint,
    read_hashes,
    read_note,
    root_from_path,
    sha256,
    signed_document,
    thumbprint,
    tree_root,
    verify_signature,
)

MAGIC = "tidewaiter evidence"
CHUNK = 256 * 1024


class File:
    def __init__(self, data):
        must(len(data) <= 48 * 1024 * 1024, "too large")
        top = load(data)
        must(isinstance(top, dict) and list(top) in (list(range(9)), list(range(10))), "sections")
        must(top[0] == MAGIC and top[1] == 1 and is_int(top[1]), "version")
        must(is_bytes(top[2]), "statement")
        self.statement, self.receipts = self.transparent(top[2])
        must(isinstance(top[3], list) and len(top[3]) <= 8 and all(map(is_bytes, top[3])), "stages")
        self.stages = top[3]
        ordered(self.stages, sha256)
        must(isinstance(top[4], list), "shown")
        self.shown = top[4]
        for shown in self.shown:
            must(isinstance(shown, list) and len(shown) == 6, "shown")
            part, path, value, salt, index, proof = shown
            must(is_uint(part) and isinstance(path, str) and len(path.encode()) <= 512, "shown")
            must(is_bytes(value) and is_bytes(salt, 16) and is_uint(index), "shown")
            read_hashes(proof)
            if path:
                value.decode("utf-8")
        ordered(self.shown, lambda shown: (shown[0], shown[1].encode()))
        must(isinstance(top[5], list) and len(top[5]) <= 8, "checkpoints")
        self.checkpoints = top[5]
        for checkpoint in self.checkpoints:
            must(isinstance(checkpoint, list) and len(checkpoint) == 4, "checkpoint")
            who, note, index, path = checkpoint
            must(is_administration(who) and isinstance(note, str) and is_uint(index), "checkpoint")
            read_hashes(path)
        ordered(self.checkpoints, lambda checkpoint: (checkpoint[0].encode(), checkpoint[1].encode()))
        must(isinstance(top[6], list) and len(top[6]) <= 64, "cards")
        self.cards = [read_card(card) for card in top[6]]
        ordered(self.cards, lambda card: sha256(card["encoded"]))
        must(isinstance(top[7], list) and len(top[7]) <= 16, "registers")
        self.registers = [read_register(register) for register in top[7]]
        ordered(self.registers, lambda register: (*register["name"], register["bytes"]))
        self.conflict = top[8]
        if self.conflict is not None:
            must(isinstance(self.conflict, list) and len(self.conflict) == 2, "conflict")
            must(all(map(is_bytes, self.conflict)), "conflict")
        self.attachments = top.get(9, [])
        must(isinstance(self.attachments, list) and len(self.attachments) <= 16, "attachments")
        must(9 not in top or self.attachments, "attachments")
        for attachment in self.attachments:
            must(isinstance(attachment, list) and len(attachment) == 2, "attachment")
            must(is_uint(attachment[0]) and is_bytes(attachment[1], 32), "attachment")
        ordered(self.attachments, lambda attachment: attachment[0])

    @staticmethod
    def transparent(data):
        must(len(data) <= 64 * 1024, "too large")
        outer = load(data)
        must(isinstance(outer, cbor2.CBORTag) and outer.tag == 18 and len(outer.value) == 4, "statement")
        protected, unprotected, payload, signature = outer.value
        receipts = []
        if unprotected != {}:
            must(list(unprotected) == [394] and isinstance(unprotected[394], list), "receipts")
            receipts = unprotected[394]
            must(1 <= len(receipts) <= 8 and all(map(is_bytes, receipts)), "receipts")
            for receipt in receipts:
                load(receipt)
        registered = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]), canonical=True)
        read_statement(registered)
        return registered, receipts


def read_statement(data):
    signed, manifest = signed_document(data, "application/vnd.tidewaiter.manifest+cbor", 16 * 1024, 13)
    sender, recipient, subject = manifest[3]
    must(is_administration(sender) and is_administration(recipient), "channel")
    must(is_bytes(manifest[2], 16) and is_time(manifest[8]) and is_time(manifest[9]), "manifest")
    for part in manifest[11]:
        must(len(part) == 6 and part[5] in (1, 2, 3), "part")
    claimed(signed, sender, subject, manifest[8])
    return signed, manifest


class Examination:
    def __init__(self, data, anchors):
        self.file = File(data)
        self.signed, self.manifest = read_statement(self.file.statement)
        self.keyring = Keyring(anchors, self.file.cards, self.file.registers, self.manifest[5][0])
        self.sender, self.recipient, _ = self.manifest[3]
        self.created, self.message_id = self.manifest[8], self.manifest[2]
        self.leaf = sha256(b"\x00" + self.file.statement)
        self.anchored, self.entries, self.witnessed, self.received = True, [], {}, None

    def rests_on(self, believed):
        self.anchored = self.anchored and believed

    def uuid(self, raw):
        text = raw.hex()
        return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])

    def verdict(self):
        roots = {}
        for checkpoint in self.file.checkpoints:
            self.checkpoint(checkpoint, roots)
        for receipt in self.file.receipts:
            self.receipt(receipt)
        self.stages()
        places = {}
        stated = [(self.recipient, self.received[1])] if self.received else []
        for log, index in [(log, index) for log, index, _ in self.entries] + stated:
            must(places.setdefault(log, index) == index, "different entries")
        self.statement()
        for part, _ in self.file.attachments:
            must(self.is_chunked(part), "an attachment that is none")
        for shown in self.file.shown:
            self.disclosed(shown)
        if self.file.conflict is not None:
            self.conflict(*self.file.conflict)
        return "proved" if self.anchored else "unanchored"

    def position(self, owner):
        positions = [index for log, index, believed in self.entries if log == owner and believed]
        return max(positions) if positions else None

    def of_sender(self, stated):
        seen = min(self.witnessed.values()) if self.witnessed else None
        return When(stated=stated, seen=seen, position=self.position(self.sender))

    def checkpoint(self, checkpoint, roots):
        log, note, index, path = checkpoint
        origin = origin_of(log)
        text, signatures = read_note(note)
        signers = [
            key
            for key in self.keyring.of(log, LOG)
            if any(name == origin and key_hash == note_key(origin, 1, key) for name, key_hash, _ in signatures)
        ]
        must(signers, "unknown log key")
        signer = signers[0]
        named, size, root = read_checkpoint(text)
        must(named == origin, "origin")
        for name, key_hash, signature in signatures:
            if name == origin and key_hash == note_key(origin, 1, signer):
                verify_signature(signer, signature, text.encode())
        seen = []
        done = set()
        for side in (self.keyring.believed, self.keyring.claimed):
            for who in side.others(log):
                for key, *_ in side.candidates(who, WITNESS):
                    if (who, key) in done:
                        continue
                    done.add((who, key))
                    seen += self.cosignatures(who, key, text, signatures)
        self_seen = min(seen) if seen else None
        key, believed = self.keyring.find(
            log, LOG, thumbprint(signer), When(not_before=self.created, seen=self_seen)
        )
        self.rests_on(believed)
        must(root_from_path(self.leaf, index, size, path) == root, "inclusion")
        must(roots.setdefault((log, size), root) == root, "forked")
        self.entries.append((log, index, believed))
        if self_seen is not None:
            self.witnessed[log] = min(self_seen, self.witnessed.get(log, self_seen))

    def cosignatures(self, who, key, text, signatures):
        """When a witness cosigned, if it is believed and no party."""
        name = origin_of(who) + "/witness"
        moments = []
        for found, key_hash, signature in signatures:
            if found != name or key_hash != note_key(name, 4, key):
                continue
            must(len(signature) >= 8, "cosignature")
            seconds = int.from_bytes(signature[:8], "big")
            must(seconds <= (2**63 - 1) // 1_000_000, "time")
            verify_signature(key, signature[8:], f"cosignature/v1\ntime {seconds}\n{text}".encode())
            at = seconds * 1_000_000
            try:
                _, believed = self.keyring.find(who, WITNESS, thumbprint(key), When(stated=at))
            except Refused:  # The checkpoint stands without this witness.
                continue
            if believed and who not in (self.sender, self.recipient):
                moments.append(at)
        return moments

    def receipt(self, data):
        signed = Signed(data, 4 * 1024, payload_detached=True)
        log = signed.claims.get(1)
        must(is_administration(log), "receipt's issuer")
        key, believed = self.keyring.find(
            log, LOG, signed.key_id, When(not_before=self.created, seen=self.witnessed.get(log))
        )
        must(signed.header.get(395) == 1 and is_int(signed.header.get(395)), "data structure")
        must(list(signed.unprotected) == [396] and isinstance(signed.unprotected[396], dict), "proofs")
        must(list(signed.unprotected[396]) == [-1], "proofs")
        proofs = signed.unprotected[396][-1]
        must(isinstance(proofs, list) and len(proofs) == 1 and is_bytes(proofs[0]), "proofs")
        size, index, path = load(proofs[0])
        must(is_uint(size) and is_uint(index), "proof")
        must(signed.claims.get(2) == f"{origin_of(log)}#{size}", "receipt's subject")
        signed.verify(key, root_from_path(self.leaf, index, size, read_hashes(path)))
        self.rests_on(believed)
        self.entries.append((log, index, believed))

    def stages(self):
        names = []
        for data in self.file.stages:
            signed, stage = signed_document(data, "application/vnd.tidewaiter.stage+cbor", 2 * 1024, 7)
            by, name, at = signed.claims.get(1), stage[2], stage[6]
            must(is_administration(by) and name in (1, 2, 3, 4, 5) and is_time(at), "stage")
            subject = self.uuid(stage[3]) if stage[3] is not None else stage[4].hex()
            claimed(signed, by, subject, at)
            when = When(stated=at, position=self.position(by) if name == 1 else None)
            must(by == self.recipient, "by another")
            must(stage[3] == self.message_id and stage[4] == sha256(self.file.statement), "about another")
            try:
                key, believed = self.keyring.find(by, SIGN, signed.key_id, when)
            except Revoked:
                must(name != 1, "a revoked key under RECEIVED")
                continue
            signed.verify(key)
            self.rests_on(believed)
            names.append(name)
            if name == 1:
                self.received = (at, stage[5][0])
        must(len(set(names)) == len(names), "one stage twice")
        lives = ({1, 2, 3}, {1, 4}, {5})
        must(any(set(names) <= life for life in lives), "stages contradict each other")

    def statement(self):
        key, believed = self.keyring.find(
            self.sender, SIGN, self.signed.key_id, self.of_sender(self.created)
        )
        if self.received:
            self.keyring.find(self.sender, SIGN, self.signed.key_id, self.of_sender(self.received[0]))
        self.signed.verify(key)
        self.rests_on(believed)

    def disclosed(self, shown):
        part, path, value, salt, index, proof = shown
        must(part < len(self.manifest[11]), "no such part")
        _, _, _, root, size, scheme = self.manifest[11][part]
        must(scheme in (1, 2), "chunks are not shown here")
        if scheme == 1:
            must(path == "" and proof == [], "the part has one leaf")
        else:
            must(4 <= len(proof) <= 17, "height")
        if path == "":
            must(len(value) == size, "size")
        must(not any(is_control(c) for c in path), "path")
        encoded = path.encode()
        leaf = sha256(b"\x00" + salt + len(encoded).to_bytes(4, "big") + encoded + value)
        must(root_from_path(leaf, index, 1 << len(proof), proof) == root, "not in the part")

    def is_chunked(self, part):
        return self.manifest[12][0] == 2 and 0 < part < len(self.manifest[11])

    def is_attachment(self, content):
        """Whether a content is an attachment of the message, as far as the file lets it be compared."""
        for part, secret in self.file.attachments:
            _, _, _, root, size, _ = self.manifest[11][part]
            chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
            leaves = []
            for number, chunk in enumerate(chunks):
                path = f"chunk/{number}".encode()
                salt = hmac.digest(secret, path, "sha256")[:16]
                leaves.append(sha256(b"\x00" + salt + len(path).to_bytes(4, "big") + path + chunk))
            if len(content) == size and tree_root(leaves) == root:
                return True
        return False

    def conflict(self, proof, other):
        signed, conflict = signed_document(proof, "application/vnd.tidewaiter.conflict+cbor", 1024, 6)
        by = signed.claims.get(1)
        claimed(signed, by, self.uuid(conflict[2]), conflict[6])
        key, believed = self.keyring.find(by, SIGN, signed.key_id, When(stated=conflict[6]))
        signed.verify(key)
        second, manifest = read_statement(other)
        key, second_believed = self.keyring.find(self.sender, SIGN, second.key_id, When(stated=manifest[8]))
        second.verify(key)
        must(by == self.recipient and {conflict[4], conflict[5]} == {sha256(self.file.statement), sha256(other)}, "conflict")
        must(manifest[2] == self.message_id == conflict[2] and manifest[3][0] == self.sender, "conflict")
        self.rests_on(believed and second_believed)


def pem(raw):
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def by_scitt(examination, anchors):
    """What scitt-cose says of the statement and the receipts of a file that we accept."""
    keys = {thumbprint(card[purpose]): card[purpose] for card in anchors for purpose in (SIGN, LOG)}
    statement = examination.file.statement
    signer = keys.get(examination.signed.key_id)
    if signer is None:
        return
    parsed = scitt_cose.parse_signed_statement(statement, public_key_pem=pem(signer))
    assert parsed["signature_verified"] is True, "scitt-cose refuses a statement"
    for receipt in examination.file.receipts:
        log = keys.get(cbor2.loads(cbor2.loads(receipt).value[0])[4])
        if log is not None:
            result = scitt_cose.verify_receipt(
                receipt, leaf_entry_hex=statement.hex(), log_public_key_pem=pem(log)
            )
            assert result.ok, f"scitt-cose refuses a receipt: {result.errors}"


def main(directory):
    anchors = []
    for card in json.loads((directory / "anchors.json").read_text()):
        keys = [bytes.fromhex(card[name]) for name in ("tls_spki", "sign", "enc", "log", "witness")]
        anchors.append(read_card([card["administration"], *keys, card["from"], card["until"]]))
    verdicts = {}
    for path in sorted(directory.glob("*.evidence")):
        trusted = [] if path.name.startswith("bare") else anchors
        try:
            examination = Examination(path.read_bytes(), trusted)
            verdicts[path.stem] = examination.verdict()
            given = path.with_suffix(".attachment")
            must(not given.exists() or examination.is_attachment(given.read_bytes()), "another attachment")
        except AssertionError:
            raise
        except Exception:  # Whatever does not hold, or cannot be read: the file proves nothing.
            verdicts[path.stem] = "refused"
            continue
        by_scitt(examination, anchors)
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
