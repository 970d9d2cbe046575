//! A message between two administrations, witnessed by a third, and all the evidence that it leaves.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::{Administration, Digest, MessageId, Timestamp};
use evidence::disclosure::{Field, LeafScheme, LeafTree, PartSecret};
use evidence::key_register::{
    Approval, KeyEntry, KeyRegister, RegisteredKey, Revocation, RevocationReason, SignedRegister, Threshold,
};
use evidence::merkle::{self, Hash};
use evidence::stream::{ContentDigest, SealedContent};
use evidence::{
    AgreementReference, Channel, Checkpoint, Conflict, ConflictEvidence, CosigningKey, Encryption,
    EvidenceFile, KeySet, Keys, LoggedCheckpoint, Manifest, PartManifest, PublicKeys, ShownAttachment,
    ShownPart, SignedNote, Stage, StageName, StageReason, StagedStatement, Statement, Suite, TreeHead,
    cosign, witness_name,
};
use verifier::Trust;

pub const DAY: i64 = 86_400;

pub fn administration(code: &str) -> Administration {
    Administration::parse(&format!("NTA.{code}")).unwrap()
}

pub fn moment() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00.5Z").unwrap()
}

/// Numbers that look random and are the same at every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub struct Party {
    pub administration: Administration,
    pub keys: Keys,
    pub card: PublicKeys,
}

impl Party {
    pub fn new(code: &str, seed: u8) -> Self {
        let mut next = seed;
        let set = KeySet::draw(&mut |slot: &mut [u8]| {
            slot.fill(next);
            next = next.wrapping_add(40);
        });
        let keys = set.keys().unwrap();
        let from = moment().plus_seconds(-30 * DAY);
        let card =
            keys.card(administration(code), Digest([seed; 32]), from, from.plus_seconds(365 * DAY)).unwrap();
        Self { administration: administration(code), keys, card }
    }
}

/// Great Britain sends, France receives, Italy witnesses.
pub struct World {
    pub gb: Party,
    pub fr: Party,
    pub it: Party,
}

/// What a file of the world holds.
pub struct Plan {
    pub number: u8,
    pub fields: usize,
    pub shown: usize,
    pub whole: bool,
    pub sender_log: bool,
    pub recipient_log: bool,
    pub checkpoints: bool,
    pub witnessed: bool,
    pub decided: bool,
    pub refused: bool,
    pub conflict: bool,
    pub log_position: usize,
    pub cards: bool,
    /// How many attachments there are, and whether the file lets them be compared.
    pub attachments: u8,
    pub comparable: bool,
}

impl Plan {
    /// Everything there is.
    pub fn full() -> Self {
        Self {
            number: 1,
            fields: 20,
            shown: 2,
            whole: false,
            sender_log: true,
            recipient_log: true,
            checkpoints: true,
            witnessed: true,
            decided: true,
            refused: false,
            conflict: false,
            log_position: 5,
            cards: true,
            attachments: 0,
            comparable: true,
        }
    }

    pub fn of(dice: &mut Dice) -> Self {
        let refused = dice.chance(10);
        let fields = if dice.chance(20) { 0 } else { 1 + usize::try_from(dice.below(60)).unwrap() };
        Self {
            number: u8::try_from(dice.below(200)).unwrap(),
            fields,
            shown: usize::try_from(dice.below(4)).unwrap().min(fields),
            whole: dice.chance(30),
            sender_log: dice.chance(70),
            recipient_log: !refused && dice.chance(90),
            checkpoints: dice.chance(60),
            witnessed: dice.chance(60),
            decided: !refused && dice.chance(50),
            refused,
            conflict: dice.chance(15),
            log_position: usize::try_from(dice.below(20)).unwrap(),
            cards: dice.chance(80),
            attachments: u8::try_from(dice.below(6)).unwrap().saturating_sub(3),
            comparable: dice.chance(70),
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self { gb: Party::new("GB", 1), fr: Party::new("FR", 2), it: Party::new("IT", 3) }
    }

    pub fn trust(&self) -> Trust {
        let parties = [&self.gb, &self.fr, &self.it];
        parties.into_iter().fold(Trust::nobody(), |trust, party| trust.with_card(party.card.clone()))
    }

    pub fn fields(count: usize) -> Vec<Field> {
        let field = |number: usize| Field {
            path: format!("Consignment/HouseConsignment[{number}]/grossMass"),
            value: format!("{}.5 \u{fc}", number * 100),
        };
        (1..=count).map(field).collect()
    }

    /// The content of an attachment: one to three chunks.
    pub fn attachment(part: u8) -> Vec<u8> {
        (0..200_000 * usize::from(part)).map(|at| u8::try_from(at % 251).unwrap() ^ part).collect()
    }

    fn secret(part: u8) -> PartSecret {
        PartSecret::from_bytes([0x30 ^ part; 32])
    }

    fn attached(part: u8) -> PartManifest {
        let mut digest = ContentDigest::new(Self::secret(part));
        digest.update(&Self::attachment(part)).unwrap();
        let SealedContent { size, plaintext_root } = digest.finish().unwrap();
        PartManifest {
            name: format!("scan-{part}.tif"),
            media_type: "image/tiff".to_owned(),
            ciphertext: Digest([0x20 ^ part; 32]),
            plaintext_root,
            size,
            leaves: LeafScheme::Chunks,
        }
    }

    fn manifest(&self, plan: &Plan, tree: &LeafTree, content: &[u8]) -> Manifest {
        Manifest {
            message_id: MessageId::new(moment(), [plan.number; 10]),
            channel: Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD4").unwrap(),
            sequence: 3,
            agreement: AgreementReference {
                id: "common-transit".to_owned(),
                version: 1,
                hash: Digest([7; 32]),
            },
            clause: "Art. 27".to_owned(),
            purpose: "transit-movement".to_owned(),
            created: moment(),
            expires: moment().plus_seconds(40 * DAY),
            exercise: false,
            parts: std::iter::once(PartManifest {
                name: "message".to_owned(),
                media_type: "application/xml".to_owned(),
                ciphertext: Digest([2; 32]),
                plaintext_root: tree.root(),
                size: content.len() as u64,
                leaves: tree.scheme(),
            })
            .chain((1..=plan.attachments).map(Self::attached))
            .collect(),
            encryption: Encryption {
                suite: match plan.attachments {
                    0 => Suite::HpkeX25519ChaCha20Poly1305,
                    _ => Suite::HpkeX25519ChaCha20Poly1305Chunks,
                },
                recipient_key: self.fr.card.enc.key_id(),
            },
            nonce: [plan.number; 16],
        }
    }

    /// A log in which the statement is at a place, with others around it.
    fn log(statement: &Statement, place: usize, salt: u8) -> Vec<Hash> {
        let mut leaves: Vec<Hash> = (0..place + 7).map(|n| [u8::try_from(n).unwrap() ^ salt; 32]).collect();
        leaves.insert(place, statement.leaf());
        leaves
    }

    fn receipt(party: &Party, leaves: &[Hash], place: usize) -> Vec<u8> {
        let root = merkle::root(leaves);
        let head =
            TreeHead::sign(&party.administration, leaves.len() as u64, &root, &party.keys.log).unwrap();
        head.receipt(place as u64, &merkle::inclusion_path(leaves, place).unwrap()).unwrap().into_bytes()
    }

    fn checkpoint(&self, party: &Party, leaves: &[Hash], place: usize, witnessed: bool) -> LoggedCheckpoint {
        let checkpoint = Checkpoint::new(&party.administration, leaves.len() as u64, merkle::root(leaves));
        let mut note = checkpoint.sign(&party.keys.log).unwrap();
        if witnessed {
            let read = SignedNote::parse("checkpoint", &note).unwrap();
            let key = CosigningKey::Ed25519(&self.it.keys.witness);
            let name = witness_name(&self.it.administration);
            let signature = cosign(&read, &name, &key, moment().plus_seconds(60)).unwrap();
            note = read.with([signature]).to_note();
        }
        LoggedCheckpoint {
            log: party.administration.clone(),
            note,
            index: place as u64,
            path: merkle::inclusion_path(leaves, place).unwrap(),
        }
    }

    pub fn stage(
        &self,
        statement: &Statement,
        id: MessageId,
        name: StageName,
        entry: Option<(u64, u64)>,
    ) -> Vec<u8> {
        let seconds = if name == StageName::Decided { 90 } else { 30 };
        let refused = name == StageName::Refused;
        let stage = Stage {
            by: self.fr.administration.clone(),
            name,
            message_id: Some(id),
            statement: statement.digest(),
            entry,
            at: moment().plus_seconds(seconds),
            reason: refused.then(|| StageReason {
                code: "agreement-unknown".to_owned(),
                words: "the agreement is not known here".to_owned(),
            }),
        };
        StagedStatement::sign(&stage, &self.fr.keys.sign).unwrap().into_bytes()
    }

    /// The evidence of a message.
    pub fn file(&self, plan: &Plan) -> EvidenceFile {
        let content = b"<CD001C>a declaration</CD001C>";
        let fields = Self::fields(plan.fields);
        let tree = LeafTree::new(&PartSecret::from_bytes([plan.number; 32]), content, &fields).unwrap();
        let manifest = self.manifest(plan, &tree, content);
        let id = manifest.message_id;
        let statement = Statement::sign(&manifest, &self.gb.keys.sign).unwrap();
        let place = plan.log_position;
        let of_sender = Self::log(&statement, place, 0x80);
        let of_recipient = Self::log(&statement, place + 3, 0x40);
        let (mut receipts, mut stages, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new());
        if plan.sender_log {
            receipts.push(Self::receipt(&self.gb, &of_sender, place));
        }
        if plan.checkpoints {
            checkpoints.push(self.checkpoint(&self.gb, &of_sender, place, plan.witnessed));
        }
        if plan.refused {
            stages.push(self.stage(&statement, id, StageName::Refused, None));
        }
        if plan.recipient_log {
            receipts.push(Self::receipt(&self.fr, &of_recipient, place + 3));
            let entry = Some((place as u64 + 3, of_recipient.len() as u64));
            stages.push(self.stage(&statement, id, StageName::Received, entry));
            if plan.checkpoints {
                checkpoints.push(self.checkpoint(&self.fr, &of_recipient, place + 3, plan.witnessed));
            }
        }
        if plan.decided {
            stages.push(self.stage(&statement, id, StageName::Decided, None));
        }
        let mut shown: Vec<ShownPart> = fields
            .iter()
            .rev()
            .take(plan.shown)
            .map(|field| ShownPart { part: 0, shown: tree.show_field(field).unwrap() })
            .collect();
        if plan.whole {
            shown.push(ShownPart { part: 0, shown: tree.show_whole(content).unwrap() });
        }
        let parties = [&self.gb, &self.fr, &self.it];
        EvidenceFile {
            conflict: plan.conflict.then(|| self.conflict(&manifest, &statement)),
            statement,
            receipts,
            stages,
            shown,
            checkpoints,
            cards: if plan.cards { parties.map(|party| party.card.clone()).to_vec() } else { Vec::new() },
            registers: Vec::new(),
            attachments: (1..=plan.attachments)
                .filter(|_| plan.comparable)
                .map(|part| ShownAttachment { part: part.into(), secret: Self::secret(part) })
                .collect(),
        }
    }

    pub fn conflict(&self, manifest: &Manifest, statement: &Statement) -> ConflictEvidence {
        let other = Manifest { purpose: "statistics".to_owned(), ..manifest.clone() };
        let other = Statement::sign(&other, &self.gb.keys.sign).unwrap();
        let conflict = Conflict {
            by: self.fr.administration.clone(),
            message_id: manifest.message_id,
            sender: self.gb.administration.clone(),
            first: statement.digest(),
            second: other.digest(),
            at: moment().plus_seconds(45),
        };
        let proof = conflict.sign(&self.fr.keys.sign).unwrap();
        ConflictEvidence { proof, statement: other.into_bytes() }
    }

    /// The key register of the agreement: the first version of the cards; the second, in which every party has new keys;
    /// the third, in which the first signing key of Great Britain is revoked from a position of its log on.
    pub fn registers(&self, revoked_from: Option<u64>) -> Vec<SignedRegister> {
        let cards = [&self.gb, &self.fr, &self.it].map(|party| party.card.clone());
        let (issued, threshold) = (moment().plus_seconds(-DAY), Threshold { change: 2, revocation: 1 });
        let lifetime = 90 * DAY;
        let expires = issued.plus_seconds(lifetime);
        let first = KeyRegister::genesis("common-transit", &cards, threshold, issued, expires).unwrap();
        let rotated = moment().plus_seconds(10 * DAY);
        let mut second = first.next(rotated, rotated.plus_seconds(lifetime));
        let old: Vec<KeyEntry> = second.entries.clone();
        for (code, seed) in [("GB", 11), ("FR", 12), ("IT", 13)] {
            let mut card = Party::new(code, seed).card;
            (card.valid_from, card.valid_until) = (rotated, rotated.plus_seconds(365 * DAY));
            second.admit(&card);
        }
        for entry in old {
            second.put(KeyEntry { until: rotated, ..entry });
        }
        let mut registers = vec![self.approved(first), self.approved(second.clone())];
        if let Some(position) = revoked_from {
            let revoked = rotated.plus_seconds(DAY);
            let mut third = second.next(revoked, second.expires);
            let key = RegisteredKey::Sign(self.gb.card.sign);
            let entry = third.entries.iter().find(|entry| entry.key == key).unwrap().clone();
            let reason = RevocationReason::Compromised;
            third.put(KeyEntry {
                revocation: Some(Revocation { effective: moment().plus_seconds(70), position, reason }),
                ..entry
            });
            registers.push(self.approved(third));
        }
        registers
    }

    /// The registers of the world, and one more that revokes a key from a position on, a day after the message.
    pub fn revoking(&self, key: RegisteredKey, position: u64) -> Vec<SignedRegister> {
        let mut registers = self.registers(None);
        let last = registers.last().unwrap().register().clone();
        let mut next = last.next(last.issued.plus_seconds(DAY), last.expires);
        let entry = next.entries.iter().find(|entry| entry.key == key).unwrap().clone();
        let (effective, reason) = (moment().plus_seconds(DAY), RevocationReason::Compromised);
        next.put(KeyEntry { revocation: Some(Revocation { effective, position, reason }), ..entry });
        registers.push(self.approved(next));
        registers
    }

    fn approved(&self, register: KeyRegister) -> SignedRegister {
        let mut signed = SignedRegister::proposal(register).unwrap();
        for party in [&self.gb, &self.fr, &self.it] {
            let (key, at) = (&party.keys.sign, signed.register().issued);
            signed.add(Approval::sign(signed.register(), &party.administration, key, at).unwrap());
        }
        signed
    }
}
