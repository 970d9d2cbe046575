//! The bare cost of the cryptography of one message: the very functions that nodes use, on one thread, with nothing
//! between them.

use super::BareError;
use crate::clock::World;
use base::{Administration, Digest, MessageId};
use evidence::disclosure::{LeafTree, PartSecret};
use evidence::merkle::{self, Frontier};
use evidence::{
    AgreementReference, Channel, Encryption, EvidenceError, KeySet, Keys, Manifest, PartManifest, Receipt,
    Stage, StageName, StagedStatement, Statement, Suite, digest_of, open, part_aad, seal,
};
use std::time::{Duration, Instant};

/// What is done once for every message, in this order. The first two and the last two at its sender, the others at its
/// recipient.
pub const PRIMITIVES: [&str; 8] = [
    "seal",
    "statement_sign",
    "statement_verify",
    "open",
    "stage_sign",
    "receipt_sign",
    "stage_verify",
    "receipt_verify",
];

/// What the primitives took, each for the same number of messages.
#[derive(Clone, Debug, Default)]
pub struct PrimitiveTimes {
    /// For how many messages each was done.
    pub messages: u32,
    /// What each took altogether, in the order of [`PRIMITIVES`].
    pub spent: [Duration; PRIMITIVES.len()],
}

impl PrimitiveTimes {
    /// Adds what another round took.
    pub fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        for (sum, more) in self.spent.iter_mut().zip(other.spent) {
            *sum += more;
        }
    }

    /// What each takes for one message, in microseconds, by its name.
    pub fn micros(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let messages = f64::from(self.messages.max(1));
        PRIMITIVES.into_iter().zip(self.spent.map(|spent| spent.as_secs_f64() * 1e6 / messages))
    }

    /// What all of them take for one message, in microseconds.
    pub fn total_micros(&self) -> f64 {
        self.micros().map(|(_, micros)| micros).sum()
    }
}

/// Two administrations and a content of a given size.
pub struct Primitives {
    world: World,
    sender: Keys,
    recipient: Keys,
    channel: Channel,
    content: Vec<u8>,
}

impl Primitives {
    /// For messages whose one part has `size` bytes.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn new(size: usize) -> Result<Self, BareError> {
        let world = World::system();
        let draw = || KeySet::draw(&mut |bytes| world.entropy.fill(bytes)).keys();
        let (sender, recipient) = (draw()?, draw()?);
        let (from, to) = (Administration::parse("NTA.GB")?, Administration::parse("NTA.FR")?);
        let channel = Channel::new(from, to, "bench")?;
        let mut content = vec![0; size];
        world.entropy.fill(&mut content);
        Ok(Self { sender, recipient, channel, content, world })
    }

    /// Does all primitives for `messages` messages on each of `cores` threads at once, as messages are worked on by many
    /// at once, and tells what each took on its thread. Blocking work.
    ///
    /// # Errors
    /// When one of them fails, which none ever does.
    pub fn run_on(&self, cores: usize, messages: u32) -> Result<PrimitiveTimes, EvidenceError> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores.max(1)).map(|_| scope.spawn(|| self.run(messages))).collect();
            let mut times = PrimitiveTimes::default();
            for thread in threads {
                // A thread that panicked has no times; the others have.
                if let Ok(done) = thread.join() {
                    times.add(&done?);
                }
            }
            Ok(times)
        })
    }

    /// Does all primitives once for each of `messages` messages, and tells what each took.
    fn run(&self, messages: u32) -> Result<PrimitiveTimes, EvidenceError> {
        let mut log = Frontier::new();
        let mut times = PrimitiveTimes { messages, ..PrimitiveTimes::default() };
        for sequence in 1..=u64::from(messages) {
            for (sum, spent) in times.spent.iter_mut().zip(self.once(sequence, &mut log)?) {
                *sum += spent;
            }
        }
        Ok(times)
    }

    fn once(&self, sequence: u64, log: &mut Frontier) -> Result<[Duration; PRIMITIVES.len()], EvidenceError> {
        let mut random = |bytes: &mut [u8]| self.world.entropy.fill(bytes);
        let (now, id) = (self.world.clock.now(), MessageId::new(self.world.clock.now(), self.world.random()));
        let secret = PartSecret::draw(&mut random);
        let tree = LeafTree::new(&secret, &self.content, &[])?;
        let mut manifest = Manifest {
            message_id: id,
            channel: self.channel.clone(),
            sequence,
            agreement: AgreementReference {
                id: "bench".to_owned(),
                version: 1,
                hash: digest_of(b"agreement"),
            },
            clause: "Art. 1".to_owned(),
            purpose: "bench".to_owned(),
            created: now,
            expires: now.plus_seconds(3600),
            exercise: false,
            parts: vec![PartManifest {
                name: "document".to_owned(),
                media_type: "application/json".to_owned(),
                ciphertext: Digest([0; 32]),
                plaintext_root: tree.root(),
                size: self.content.len() as u64,
                leaves: tree.scheme(),
            }],
            encryption: Encryption {
                suite: Suite::HpkeX25519ChaCha20Poly1305,
                recipient_key: self.recipient.enc.key_id(),
            },
            nonce: self.world.random(),
        };
        let aad = part_aad(&manifest.binding()?, 0);
        let to = self.recipient.enc.public();
        let (sealed, sealing) = timed(|| seal(&to, &aad, &secret, &self.content, &mut random));
        let sealed = sealed?;
        for part in &mut manifest.parts {
            part.ciphertext = digest_of(&sealed);
        }
        let (statement, signing) = timed(|| Statement::sign(&manifest, &self.sender.sign));
        let statement = statement?;
        let key = self.sender.sign.public();
        let (verified, verifying) = timed(|| Statement::verify(statement.as_bytes(), key));
        verified?;
        let (opened, opening) = timed(|| open(&self.recipient.enc, &aad, &sealed));
        opened?;

        let recipient = self.channel.recipient();
        let leaf = merkle::leaf_hash(statement.as_bytes());
        let appended = log.append(leaf);
        let stage = Stage {
            by: recipient.clone(),
            name: StageName::Received,
            message_id: Some(id),
            statement: statement.digest(),
            entry: Some((appended.index, appended.size)),
            at: now,
            reason: None,
        };
        let (staged, staging) = timed(|| StagedStatement::sign(&stage, &self.recipient.sign));
        let staged = staged?;
        let (receipt, receipting) = timed(|| Receipt::issue(recipient, &appended, &self.recipient.log));
        let receipt = receipt?;
        let key = self.recipient.sign.public();
        let (read, reading) = timed(|| StagedStatement::verify(staged.as_bytes(), key));
        read?;
        let key = self.recipient.log.public();
        let (proved, proving) = timed(|| Receipt::verify(receipt.as_bytes(), &leaf, recipient, &key));
        proved?;
        Ok([sealing, signing, verifying, opening, staging, receipting, reading, proving])
    }
}

#[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_primitive_is_done_for_every_message() {
        let primitives = Primitives::new(2048).unwrap();
        let mut times = primitives.run(2).unwrap();
        times.add(&primitives.run(1).unwrap());
        assert_eq!(times.messages, 3);
        assert!(times.micros().all(|(_, micros)| micros > 0.0), "{times:?}");
        let sum: Duration = times.spent.iter().sum();
        assert!((times.total_micros() - sum.as_secs_f64() * 1e6 / 3.0).abs() < 0.01);
    }
}
