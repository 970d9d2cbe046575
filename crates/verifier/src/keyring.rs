//! Which key of whom counts for what was signed when.

use crate::verdict::{Problem, Standing};
use base::{Administration, Timestamp};
use evidence::key_register::{KeyLookup, KeyRegister, RegisteredKey, SignedAt, SignedRegister};
use evidence::{
    KeyId, NoteKeyId, PublicKey, PublicKeys, Purpose, SignatureType, SignedNote, VerifyingKey, log_origin,
    witness_name,
};

/// The code of the problem that a key was revoked and nothing proves that it signed before.
pub(crate) const KEY_REVOKED: &str = "key-revoked";

/// Everything that says whose keys are whose, apart by whether it is believed.
pub(crate) struct Keyring {
    pub(crate) believed: Keys,
    pub(crate) claimed: Keys,
    /// The agreement of the message: other agreements have keys, stewards and revocations of their own.
    pub(crate) agreement: String,
}

/// Cards and registers of one standing.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) cards: Vec<PublicKeys>,
    pub(crate) registers: Vec<SignedRegister>,
}

/// When something was signed, as far as the file proves it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    /// The moment that the document states; nothing for receipts and checkpoints, which state none.
    pub(crate) stated: Option<Timestamp>,
    /// It was made at this moment or later; only this is known of what states no moment.
    pub(crate) not_before: Timestamp,
    /// A moment at which others saw it.
    pub(crate) seen: Option<Timestamp>,
    /// Its place in the log of the key's owner.
    pub(crate) position: Option<u64>,
}

impl When {
    /// A document that states its moment.
    pub(crate) fn stated(moment: Timestamp) -> Self {
        Self { stated: Some(moment), not_before: moment, seen: None, position: None }
    }

    /// A receipt or checkpoint, which may be made again with a younger key.
    pub(crate) fn not_before(moment: Timestamp) -> Self {
        Self { stated: None, not_before: moment, seen: None, position: None }
    }

    fn signed_at(self, from: Timestamp) -> SignedAt {
        SignedAt {
            stated: self.stated.unwrap_or_else(|| self.not_before.max(from)),
            // Without proof that it is older, it may have been signed this very moment.
            seen: self.seen.unwrap_or(Timestamp::from_micros(i64::MAX)),
            position: self.position,
        }
    }
}

impl Keyring {
    /// The signing key of `whom` with this identifier, and whether it is believed.
    pub(crate) fn signing_key(
        &self,
        whom: &Administration,
        key_id: KeyId,
        when: When,
    ) -> Result<(VerifyingKey, Standing), Problem> {
        let what = || format!("the signing key {} of {whom}", key_id.short());
        match self.find(whom, Purpose::Sign, key_id, when, &what)? {
            (RegisteredKey::Sign(key), standing) => Ok((key, standing)),
            _ => Err(unknown(&what())),
        }
    }

    /// The log key of `whom` with this identifier, and whether it is believed.
    pub(crate) fn receipt_key(
        &self,
        whom: &Administration,
        key_id: KeyId,
        when: When,
    ) -> Result<(PublicKey, Standing), Problem> {
        let what = || format!("the log key {} of {whom}", key_id.short());
        match self.find(whom, Purpose::Log, key_id, when, &what)? {
            (RegisteredKey::Log(key), standing) => Ok((key, standing)),
            _ => Err(unknown(&what())),
        }
    }

    /// The log key of `whom` under the note of a checkpoint, which itself names only four bytes of it. Whether it counts
    /// is for [`Keyring::receipt_key`] to say.
    pub(crate) fn checkpoint_key(
        &self,
        whom: &Administration,
        note: &SignedNote,
    ) -> Result<PublicKey, Problem> {
        let origin = log_origin(whom);
        let signed = |key: &PublicKey| {
            let id = NoteKeyId::of(&origin, SignatureType::Ed25519, key.as_bytes());
            note.signatures().iter().any(|signature| signature.claims(&origin, id))
        };
        let all = [&self.believed, &self.claimed];
        let mut keys = all.into_iter().flat_map(|keys| keys.of(whom, Purpose::Log, &self.agreement));
        let found = keys.find_map(|key| match key {
            RegisteredKey::Log(key) if signed(&key) => Some(key),
            _ => None,
        });
        found.ok_or_else(|| unknown(&format!("the log key under the checkpoint of {whom}")))
    }

    /// The witness keys of everyone but the owner of a log whom a note names with that key, each once, believed ones first.
    /// A note has few signatures, and a file can bring thousands of keys.
    pub(crate) fn witnesses(
        &self,
        owner: &Administration,
        note: &SignedNote,
    ) -> Vec<(Administration, PublicKey)> {
        let mut found = Vec::new();
        for keys in [&self.believed, &self.claimed] {
            for witness in keys.administrations().into_iter().filter(|witness| witness != owner) {
                let name = witness_name(&witness);
                if !note.signatures().iter().any(|signature| signature.name() == name) {
                    continue;
                }
                for key in keys.of(&witness, Purpose::Witness, &self.agreement) {
                    let RegisteredKey::Witness(key) = key else { continue };
                    let id = NoteKeyId::of(&name, SignatureType::Cosignature, key.as_bytes());
                    let named = note.signatures().iter().any(|signature| signature.claims(&name, id));
                    let entry = (witness.clone(), key);
                    if named && !found.contains(&entry) {
                        found.push(entry);
                    }
                }
            }
        }
        found
    }

    /// Whether the witness key of `whom` counted when it cosigned, and whether it is believed.
    pub(crate) fn witness_key(
        &self,
        whom: &Administration,
        key_id: KeyId,
        at: Timestamp,
    ) -> Result<Standing, Problem> {
        let what = || format!("the witness key {} of {whom}", key_id.short());
        self.find(whom, Purpose::Witness, key_id, When::stated(at), &what).map(|(_, standing)| standing)
    }

    /// What is believed goes before what the file claims: the file cannot stretch the validity of a key, nor take back
    /// the revocation of one, that its reader knows.
    fn find(
        &self,
        whom: &Administration,
        purpose: Purpose,
        key_id: KeyId,
        when: When,
        what: &dyn Fn() -> String,
    ) -> Result<(RegisteredKey, Standing), Problem> {
        use evidence::key_register::Standing as Key;
        for (keys, standing) in [(&self.believed, Standing::Proved), (&self.claimed, Standing::Claimed)] {
            match keys.standing(whom, (purpose, key_id), when, &self.agreement) {
                Key::Active(key) => return Ok((key, standing)),
                Key::Unknown => {}
                Key::Revoked(revocation) => {
                    let words = format!(
                        "{} was revoked as {} from position {} of its owner's log on, and nothing proves that this was \
                         signed before",
                        what(),
                        revocation.reason,
                        revocation.position
                    );
                    return Err(Problem::new(KEY_REVOKED, words));
                }
                other => return Err(Problem::new("key-not-valid", format!("{} is {other}", what()))),
            }
        }
        Err(unknown(&what()))
    }
}

fn unknown(what: &str) -> Problem {
    let words = format!("{what} is on no card and in no register that the file holds or that you trust");
    Problem::new("key-unknown", words)
}

impl Keys {
    fn registers(&self) -> impl Iterator<Item = &KeyRegister> {
        self.registers.iter().map(SignedRegister::register)
    }

    /// The registers whose keys count for a purpose under an agreement. A witness may be of another one.
    fn registers_for<'k>(
        &'k self,
        purpose: Purpose,
        agreement: &'k str,
    ) -> impl Iterator<Item = &'k KeyRegister> {
        self.registers()
            .filter(move |register| purpose == Purpose::Witness || register.agreement == agreement)
    }

    fn administrations(&self) -> Vec<Administration> {
        let of_registers = self.registers().flat_map(|register| register.parties());
        let mut all: Vec<_> =
            self.cards.iter().map(|card| &card.administration).chain(of_registers).cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    /// The keys of an administration for a purpose.
    fn of(&self, whom: &Administration, purpose: Purpose, agreement: &str) -> Vec<RegisteredKey> {
        let of_cards = self.cards.iter().filter(|card| card.administration == *whom);
        let mut keys: Vec<_> = of_cards
            .filter_map(|card| match purpose {
                Purpose::Log => Some(RegisteredKey::Log(card.log)),
                Purpose::Witness => Some(RegisteredKey::Witness(card.witness)),
                _ => None,
            })
            .collect();
        keys.extend(
            self.registers_for(purpose, agreement)
                .flat_map(|register| register.entries_of(whom, purpose))
                .map(|entry| entry.key),
        );
        keys
    }

    /// Where a key stands: the best that any card or register says, but a revocation stands before everything.
    fn standing(
        &self,
        whom: &Administration,
        (purpose, key_id): (Purpose, KeyId),
        when: When,
        agreement: &str,
    ) -> evidence::key_register::Standing {
        use evidence::key_register::Standing as Key;
        let from = |starts: Option<Timestamp>| starts.unwrap_or(when.not_before);
        let mut best = Key::Unknown;
        let of_cards = self.cards.iter().map(|card| {
            let signed = when.signed_at(card.valid_from);
            std::slice::from_ref(card).standing(whom, purpose, key_id, &signed)
        });
        let of_registers = self.registers_for(purpose, agreement).map(|register| {
            let entry = register.entry(whom, purpose, key_id);
            register.standing(whom, purpose, key_id, &when.signed_at(from(entry.map(|entry| entry.from))))
        });
        for found in of_cards.chain(of_registers) {
            best = match (best, found) {
                (revoked @ Key::Revoked(_), _) | (_, revoked @ Key::Revoked(_)) => revoked,
                (active @ Key::Active(_), _) => active,
                (known, Key::Unknown) => known,
                (_, found) => found,
            };
        }
        best
    }
}
