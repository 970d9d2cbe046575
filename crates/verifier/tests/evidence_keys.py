"""Keys of evidence: cards and registers, by whether they are believed, and what each key was good for."""

import re

import cbor2
from evidence_pieces import (
    Revoked,
    Signed,
    is_administration,
    is_bytes,
    is_int,
    is_time,
    is_uint,
    load,
    must,
    sha256,
    thumbprint,
)

FOREVER = 2**63 - 1
SIGN, LOG, WITNESS = 2, 4, 5


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
