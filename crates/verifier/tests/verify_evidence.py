"""An independent verifier of evidence files: it shares no code with the one in this crate.

Usage: python verify_evidence.py DIRECTORY

DIRECTORY holds `anchors.json` (the cards that are trusted: a list of objects with hexadecimal keys) and any number of
`*.evidence` files. Those whose name begins with `bare` are verified without trust. Prints one JSON object: for each file
`proved`, `unanchored` or `refused`.

cbor2 decodes, `cryptography` checks signatures, scitt-cose checks statements and receipts once more. The rules are those
of docs/evidence.md.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys

import cbor2
import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FOREVER = 2**63 - 1
MAGIC = "tidewaiter evidence"
SIGN, LOG, WITNESS = 2, 4, 5


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


# Keys: cards and registers, by whether they are believed.


def read_card(value):
    must(isinstance(value, list) and len(value) in (8, 9), "card")
    must(is_administration(value[0]) and is_bytes(value[1], 32), "card")
    must(is_bytes(value[2]) and len(value[2]) in (32, 64), "card")
    must(all(is_bytes(key, 32) for key in value[3:6]), "card")
    must(is_time(value[6]) and is_time(value[7]) and value[6] < value[7], "validity")
    signing = [value[2], value[4], value[5], *value[8:]]
    must(all(is_bytes(key) for key in signing) and len(set(signing)) == len(signing), "one key for each purpose")
    return {
        "who": value[0],
        SIGN: value[2],
        LOG: value[4],
        WITNESS: value[5],
        "from": value[6],
        "until": value[7],
        "entries": [
            [value[0], purpose, kind, key, value[6], value[7], None]
            for purpose, kind, key in zip(
                (1, SIGN, 3, LOG, WITNESS), (0, -8 if len(value[2]) == 32 else -7, 0x20, -8, -8), value[1:6]
            )
        ],
        "steward": value[8] if len(value) == 9 else value[2],
        "encoded": cbor2.dumps(value, canonical=True),
    }


def read_register(data):
    must(is_bytes(data) and len(data) <= 128 * 1024, "register")
    form, document, approvals = load(data)
    must(form == 1 and is_bytes(document) and isinstance(approvals, list) and len(approvals) <= 96, "register")
    must(all(is_bytes(approval) for approval in approvals), "approvals")
    must(approvals == sorted(set(approvals)), "approvals out of order")
    register = load(document)
    must(isinstance(register, dict) and list(register) == list(range(1, 10)), "register")
    _, agreement, version, previous, issued, expires, threshold, stewards, entries = register.values()
    must(register[1] == 1 and isinstance(agreement, str), "register")
    must(re.fullmatch(r"[!-~]{1,128}", agreement) is not None, "agreement")
    must(is_uint(version) and version > 0 and (version == 1) == (previous is None), "version")
    must(previous is None or is_bytes(previous, 32), "previous")
    must(is_time(issued) and is_time(expires), "times")
    must(issued < expires <= issued + 400 * 86_400 * 1_000_000, "lifetime")
    must(isinstance(threshold, list) and len(threshold) == 2 and all(map(is_uint, threshold)), "threshold")
    change, revocation = threshold
    must(isinstance(stewards, list) and len(stewards) <= 48, "stewards")
    must(0 < revocation <= change <= len(stewards), "threshold")
    for steward in stewards:
        must(isinstance(steward, list) and len(steward) == 3 and is_administration(steward[0]), "steward")
        must(is_algorithm(steward[1], steward[2]), "steward's key")
    must(len({steward[0] for steward in stewards}) == len(stewards), "stewards")
    must(len({steward[2] for steward in stewards}) == len(stewards), "stewards")
    must(isinstance(entries, list) and len(entries) <= 512, "entries")
    for entry in entries:
        check_entry(entry)
    must(len({entry_id(entry) for entry in entries}) == len(entries), "entries")
    names = [(entry[0], entry[1], entry_id(entry)) for entry in entries]
    must(names == sorted(names), "entries out of order")
    must([steward[0] for steward in stewards] == sorted(steward[0] for steward in stewards), "stewards out of order")
    parsed = [Approval(approval) for approval in approvals]
    return {
        "name": (agreement, version),
        "bytes": data,
        "digest": sha256(document),
        "issued": issued,
        "expires": expires,
        "previous": previous,
        "change": change,
        "revocation": revocation,
        "stewards": stewards,
        "entries": entries,
        "approvals": parsed,
    }


def is_algorithm(algorithm, key):
    return is_int(algorithm) and (algorithm, len(key) if is_bytes(key) else 0) in ((-8, 32), (-7, 64))


def check_entry(entry):
    must(isinstance(entry, list) and len(entry) == 7, "entry")
    who, purpose, algorithm, key, since, until, revocation = entry
    must(is_administration(who) and is_bytes(key) and is_int(purpose) and is_int(algorithm), "entry")
    kinds = {1: [(0, 32)], 2: [(-8, 32), (-7, 64)], 3: [(0x20, 32)], 4: [(-8, 32)], 5: [(-8, 32)]}
    must((algorithm, len(key)) in kinds.get(purpose, []), "kind of key")
    must(is_time(since) and is_time(until) and since < until, "validity of an entry")
    if revocation is not None:
        must(isinstance(revocation, list) and len(revocation) == 3, "revocation")
        effective, position, reason = revocation
        must(is_time(effective) and is_uint(position) and is_int(reason) and reason in (1, 2, 3), "revocation")


def entry_id(entry):
    purpose, key = entry[1], entry[3]
    if purpose == 1:
        return key
    if purpose == 3:
        return sha256(cbor2.dumps({1: 1, -1: 4, -2: key}, canonical=True))
    if len(key) == 64:
        return sha256(cbor2.dumps({1: 2, -1: 1, -2: key[:32], -3: key[32:]}, canonical=True))
    return thumbprint(key)


class Approval:
    def __init__(self, data):
        self.signed = Signed(data, 1024)
        must(self.signed.unprotected == {}, "approval")
        must(self.signed.header.get(3) == "application/vnd.tidewaiter.register-approval+cbor", "approval")
        self.steward = self.signed.claims.get(1)
        must(is_administration(self.steward) and isinstance(self.signed.claims.get(2), str), "approval")
        must(is_int(self.signed.claims.get(6)), "approval")

    def approves(self, register, key):
        payload = load(self.signed.payload)
        agreement, version = register["name"]
        must(payload == {1: 1, 2: register["digest"]}, "approves another document")
        must(self.signed.claims[2] == f"{agreement}#{version}", "approves another version")
        self.signed.verify(key)


def approved(register, stewards):
    """Who of the stewards approved; what does not hold counts for nothing."""
    keys, found = {steward[0]: steward[2] for steward in stewards}, set()
    for approval in register["approvals"]:
        key = keys.get(approval.steward)
        if key is None or steward_id(key) != approval.signed.key_id:
            continue
        try:
            approval.approves(register, key)
        except Exception:  # It cannot be read, or does not hold: it counts for nothing, and spoils nothing.
            continue
        found.add(approval.steward)
    return found


def steward_id(key):
    return entry_id([None, SIGN, None, key])


def follows(new, old):
    """Whether a register rightly follows another, as of when it was issued."""
    if new["name"] != (old["name"][0], old["name"][1] + 1) or new["previous"] != old["digest"]:
        return False
    if new["issued"] < old["issued"]:
        return False
    name = lambda entry: (entry[0], entry[1], entry_id(entry))
    was = {name(entry): entry for entry in old["entries"]}
    now = {name(entry): entry for entry in new["entries"]}
    for key, entry in was.items():
        if key not in now:
            if entry[6] is not None or entry[5] > new["issued"]:
                return False
            continue
        before, after = entry[6], now[key][6]
        if now[key][4] != entry[4] or (before is not None and after is None):
            return False
        if before is not None and (after[1] > before[1] or after[0] > before[0]):
            return False
    by_old, by_new = approved(new, old["stewards"]), approved(new, new["stewards"])
    same = lambda field: new[field] == old[field]
    only_revokes = (
        same("change")
        and same("revocation")
        and same("stewards")
        and new["expires"] <= old["expires"]
        and [entry[:6] for entry in new["entries"]] == [entry[:6] for entry in old["entries"]]
    )
    emergency = only_revokes and len(by_old) < old["change"]
    if len(by_old) < (old["revocation"] if emergency else old["change"]):
        return False
    if len(by_new) < (old["revocation"] if emergency else new["change"]):
        return False
    owners = {s[0] for s in new["stewards"] if s not in old["stewards"]}
    owners |= {s[0] for s in old["stewards"] if s not in new["stewards"]}
    for key, entry in now.items():
        if key not in was or was[key][5] != entry[5] or (emergency and was[key] != entry):
            owners.add(entry[0])
    # Whoever was a party before speaks by the steward that it had before.
    known = {s[0] for s in old["stewards"]} | {entry[0] for entry in old["entries"]}
    return all(owner in by_old or (owner not in known and owner in by_new) for owner in owners)


class Keys:
    def __init__(self, agreement):
        self.cards, self.registers, self.agreement = [], [], agreement

    def candidates(self, who, purpose):
        """Key, first moment, end, revocation."""
        for card in self.cards:
            if card["who"] == who:
                yield card[purpose], card["from"], card["until"], None
        for register in self.registers:
            if purpose != WITNESS and register["name"][0] != self.agreement:
                continue
            for entry in register["entries"]:
                if entry[0] == who and entry[1] == purpose:
                    yield entry[3], entry[4], entry[5], entry[6]

    def others(self, owner):
        names = {card["who"] for card in self.cards}
        for register in self.registers:
            names |= {entry[0] for entry in register["entries"]}
        return sorted(names - {owner})

    def standing(self, who, purpose, key_id, when):
        found, active = False, None
        for key, since, until, revocation in self.candidates(who, purpose):
            if thumbprint(key) != key_id:
                continue
            found = True
            if revocation is not None:
                effective, position, _ = revocation
                logged = when.position is not None and when.position < position
                if not (logged or when.seen < effective):
                    raise Revoked("the key was revoked")
            stated = when.stated if when.stated is not None else max(when.not_before, since)
            if since <= stated < until:
                active = key
        must(not found or active is not None, "the key was not valid")
        return active


class When:
    def __init__(self, stated=None, not_before=None, seen=None, position=None):
        self.stated = stated
        self.not_before = not_before
        self.seen = FOREVER if seen is None else seen
        self.position = position


class Keyring:
    def __init__(self, anchors, cards, registers, agreement):
        self.believed, self.claimed = Keys(agreement), Keys(agreement)
        self.believed.cards = list(anchors)
        trusted = {card["encoded"] for card in anchors}
        for card in cards:
            side = self.believed if card["encoded"] in trusted else self.claimed
            side.cards.append(card)
        for register in registers:
            side = self.believed if self.vouched(register) else self.claimed
            side.registers.append(register)

    def vouched(self, register):
        """A first version that all its stewards approved, or the follower of a believed one; newcomers by their cards."""
        if register["name"][1] == 1:
            names = {steward[0] for steward in register["stewards"]}
            return approved(register, register["stewards"]) == names and self.newcomers(register, None)
        return any(follows(register, old) and self.newcomers(register, old) for old in self.believed.registers)

    def newcomers(self, new, old):
        were = {steward[0] for steward in old["stewards"]} if old else set()
        are = {steward[0] for steward in new["stewards"]}
        cards = {(card["who"], card["steward"]) for card in self.believed.cards}
        if any((s[0], s[2]) not in cards for s in new["stewards"] if s[0] not in were):
            return False
        entries = [entry for card in self.believed.cards for entry in card["entries"]]
        entries += old["entries"] if old else []
        return all(entry[0] in were | are or entry in entries for entry in new["entries"])

    def find(self, who, purpose, key_id, when):
        key = self.believed.standing(who, purpose, key_id, when)
        if key is not None:
            return key, True
        key = self.claimed.standing(who, purpose, key_id, when)
        must(key is not None, "unknown key")
        return key, False

    def of(self, who, purpose):
        for side in (self.believed, self.claimed):
            for key, *_ in side.candidates(who, purpose):
                yield key


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


# The file.


def read_hashes(value):
    must(isinstance(value, list) and len(value) <= 64 and all(is_bytes(item, 32) for item in value), "hashes")
    return value


CHUNK = 256 * 1024


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
