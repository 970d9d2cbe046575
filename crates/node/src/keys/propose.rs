//! Making a new version of a key register: it is proposed to the other stewards, and in force once enough have signed.

use super::answer::{PROPOSALS_ROUTE, REGISTERS_ROUTE, RegisterAnswer, own_steward, released};
use super::asking::Asking;
use super::canvass::Canvassed;
use super::orders::{Asked, ToPropose};
use super::records;
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use crate::transport::{Method, PeerRequest};
use base::Administration;
use evidence::key_register::{Approval, KeyRegister, Proposal, RegisterError, SignedRegister};
use std::time::Duration;

/// How often registers are looked after: what is proposed is proposed again, and partners that lag are told.
const PAUSE: Duration = Duration::from_secs(2);

/// How many versions a partner that lags is told in one turn.
const CATCH_UP: u64 = 64;

/// How many proposals are driven in one turn: ours, one that must come first, and what was ordered meanwhile.
const ROUNDS: usize = 4;

/// How long a version is good for, in seconds: 90 days, so that renewing it is a habit and not an event.
pub(crate) const LIFETIME_SECONDS: i64 = 90 * 24 * 3600;

/// The longest answer about a register that is read.
pub(super) const ANSWER_LIMIT: usize = 256 * 1024;

fn posting(path: &str, body: Vec<u8>) -> PeerRequest {
    PeerRequest { method: Method::Post, path: path.to_owned(), body, limit: ANSWER_LIMIT }
}

/// What became of a change of a register.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Progress {
    /// It is in force.
    InForce {
        /// The version.
        version: u64,
    },
    /// It waits for signatures; the node goes on asking for them.
    Waiting {
        /// The version.
        version: u64,
        /// What hinders it, in words.
        because: String,
    },
}

impl Node {
    /// Asks the other stewards to approve our proposal, and takes it up once enough have; then the same for what was
    /// ordered meanwhile.
    ///
    /// # Errors
    /// When the store fails or our key cannot be reached.
    pub(crate) async fn drive_proposal(&self, agreement: &str) -> Result<Progress, NodeError> {
        let _one_at_a_time = self.proposing().lock().await;
        for _ in 1..ROUNDS {
            if let Some(progress) = self.drive_once(agreement).await? {
                return Ok(progress);
            }
        }
        let last = self.drive_once(agreement).await?;
        let version = self.held(agreement).await?.map_or(0, |held| held.register().version);
        Ok(last
            .unwrap_or_else(|| Progress::Waiting { version: version + 1, because: "it goes on soon".into() }))
    }

    /// One round; `None` when the next one has something else to propose.
    async fn drive_once(&self, agreement: &str) -> Result<Option<Progress>, NodeError> {
        let held = self.held(agreement).await?;
        let proposal = match self.to_propose(agreement, held.as_ref()).await? {
            ToPropose::Nothing => {
                let version = held.as_ref().map_or(0, |held| held.register().version);
                return Ok(Some(Progress::InForce { version }));
            }
            ToPropose::After(version, because) => return Ok(Some(Progress::Waiting { version, because })),
            ToPropose::This(proposal) => proposal,
        };
        let register = proposal.register().clone();
        let mut hindrances = Vec::new();
        if !self.enough_with_us(&proposal, held.as_ref()).await? {
            match self.canvass(&proposal, held.as_ref()).await? {
                Canvassed::Done(found) => hindrances = found,
                Canvassed::Again => return Ok(None),
            }
        }
        let moved = self.held(agreement).await?.map_or(0, |held| held.register().version);
        if moved >= register.version {
            // Another's version came first; ours is made again on top of it.
            return Ok(None);
        }
        if self.enough_with_us(&proposal, held.as_ref()).await? {
            let Some(signed) = self.sign_and_gather(&proposal, held.as_ref()).await? else { return Ok(None) };
            self.adopt_register(signed, None).await?;
            self.tell_partners(agreement).await?;
            // What was ordered meanwhile comes next, if anything was.
            return Ok(None);
        }
        let mut because = if hindrances.is_empty() {
            "too few stewards can be reached".to_owned()
        } else {
            hindrances.join("; ")
        };
        let name = agreement.to_owned();
        let waits =
            self.read(move |tx| -> Result<_, NodeError> { Ok(records::queued(tx, &name)?.is_some()) });
        if waits.await? {
            because.push_str("; what was ordered after it follows when it is in force");
        }
        let (name, words) = (agreement.to_owned(), because.clone());
        self.write(move |tx, _| -> Result<_, NodeError> { Ok(records::hinder(tx, &name, &words)?) }).await?;
        Ok(Some(Progress::Waiting { version: register.version, because }))
    }

    /// Whether the approvals that this node has, and its own, suffice.
    pub(super) async fn enough_with_us(
        &self,
        proposal: &Proposal,
        held: Option<&SignedRegister>,
    ) -> Result<bool, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        let register = proposal.register();
        if register.is_in_time(now).is_err() {
            return Ok(false);
        }
        let Some(steward) = own_steward(&bureau, register, held) else { return Ok(false) };
        let mut signed = self.gathered(proposal).await?;
        // Tried and thrown away: what leaves this node is signed once it is known to suffice.
        let key = bureau.identity.ring.steward_key(&steward)?;
        signed.add(Approval::sign(register, &bureau.administration, &key, now)?);
        Ok(match held {
            Some(held) => {
                signed.succeeds(held, now).is_ok() && newcomers_take_it_up(&bureau, &signed, held.register())
            }
            None => signed.starts(&register.agreement, now).is_ok(),
        })
    }

    /// The proposal with the approvals that this node has.
    async fn gathered(&self, proposal: &Proposal) -> Result<SignedRegister, NodeError> {
        let mut signed = SignedRegister::proposal(proposal.register().clone())?;
        let (agreement, version) = (proposal.register().agreement.clone(), proposal.register().version);
        let digest = signed.digest();
        let approvals = self
            .read(move |tx| -> Result<_, NodeError> {
                Ok(records::approvals(tx, (&agreement, version), digest)?)
            })
            .await?;
        approvals.into_iter().for_each(|approval| signed.add(approval));
        Ok(signed)
    }

    /// The proposal with the approvals that this node has and its own; `None` when it has approved another document of that
    /// number.
    pub(super) async fn sign_and_gather(
        &self,
        proposal: &Proposal,
        held: Option<&SignedRegister>,
    ) -> Result<Option<SignedRegister>, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        let register = proposal.register();
        let mut signed = self.gathered(proposal).await?;
        let steward = own_steward(&bureau, register, held);
        let steward = steward.ok_or_else(|| NodeError::NoSteward(register.agreement.clone()))?;
        let key = bureau.identity.ring.steward_key(&steward)?;
        let approval = Approval::sign(register, &bureau.administration, &key, now)?;
        let (agreement, version, digest) = (register.agreement.clone(), register.version, signed.digest());
        let kept = approval.clone();
        let first = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                // Another's may have been approved here since: nobody signs two documents of one number.
                let before = records::approved(tx, &agreement, version, &bureau.administration)?;
                let theirs = records::countersigned(tx, &agreement, version)?;
                let released = theirs.is_some_and(|theirs| released(&theirs, now));
                if before.is_some_and(|before| before != digest) && !released {
                    return Ok(false);
                }
                records::keep_approval(tx, (&agreement, version), digest, &kept)?;
                Ok(true)
            })
            .await?;
        signed.add(approval);
        Ok(first.then_some(signed))
    }

    /// Asks one steward for its approval; gives what became of it.
    pub(super) async fn ask_to_approve(
        &self,
        partner: &Administration,
        proposal: &Proposal,
        held: Option<&SignedRegister>,
    ) -> Result<Asked, NodeError> {
        let newcomer = held.is_some_and(|held| held.register().steward(partner).is_none());
        let body = if newcomer {
            Asking::encode(proposal, self.gathered(proposal).await?.approvals())
        } else {
            proposal.as_bytes().to_vec()
        };
        let ask = posting(PROPOSALS_ROUTE, body);
        let answer = match self.ask_about_register(partner, ask).await {
            Ok(answer) => answer,
            Err(words) => return Ok(Asked::Hindered(words)),
        };
        match answer {
            RegisterAnswer::Approved(approval) if !is_by_steward(&approval, proposal.register(), held) => {
                Ok(Asked::Hindered("its approval does not hold".to_owned()))
            }
            RegisterAnswer::Approved(approval) if approval.steward() == partner => {
                let (agreement, version) =
                    (proposal.register().agreement.clone(), proposal.register().version);
                let digest = proposal.register().digest()?;
                self.write(move |tx, _| -> Result<_, NodeError> {
                    Ok(records::keep_approval(tx, (&agreement, version), digest, &approval)?)
                })
                .await?;
                Ok(Asked::Approved)
            }
            RegisterAnswer::InForce(Some(signed)) => {
                let adopted = self.adopt_register(*signed, Some(partner.clone())).await;
                Ok(adopted.map_or_else(|error| Asked::Hindered(error.to_string()), |_| Asked::Approved))
            }
            RegisterAnswer::GoesFirst(other) => self.give_way(partner, proposal, *other).await,
            RegisterAnswer::Countersigned(other, approval) if approval.steward() == partner => {
                if other.by() == self.administration() {
                    return self.take_up_again(proposal, *other, *approval).await;
                }
                self.give_way(partner, proposal, *other).await
            }
            RegisterAnswer::Refused(words) => Ok(Asked::Hindered(words)),
            RegisterAnswer::Approved(_)
            | RegisterAnswer::InForce(None)
            | RegisterAnswer::Countersigned(..) => {
                Ok(Asked::Hindered("it gave an answer that says nothing".to_owned()))
            }
        }
    }

    pub(super) async fn ask_about_register(
        &self,
        partner: &Administration,
        ask: PeerRequest,
    ) -> Result<RegisterAnswer, String> {
        let answer = self.transport().call(partner, ask).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("it answered with status {}", answer.status));
        }
        RegisterAnswer::decode(&answer.body).map_err(|error| error.to_string())
    }

    /// The other stewards of a version.
    fn other_stewards(&self, register: &KeyRegister) -> Vec<Administration> {
        let stewards = register.stewards.iter().map(|steward| steward.administration.clone());
        stewards.filter(|steward| steward != self.administration()).collect()
    }

    /// Brings the versions that they lack to the parties that lag behind.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn tell_partners(&self, agreement: &str) -> Result<(), NodeError> {
        let bureau = self.bureau();
        let Some(held) = bureau.registers.get(agreement) else { return Ok(()) };
        let version = held.signed.register().version;
        let parties = held.signed.register().parties();
        let others = parties.into_iter().filter(|party| **party != bureau.administration);
        let behind = others.filter(|party| held.known.get(*party).is_none_or(|known| *known < version));
        let mut told = false;
        for partner in behind {
            let known = held.known.get(partner).copied().unwrap_or_default();
            let first = held.admitted(partner);
            // Whoever was let in takes up the version that it has signed; what it missed follows. Where that was signed by
            // too few for it, a later one may do.
            told |= match self.version_of(agreement, first).await? {
                Some(admitting) if known < first && first < version => {
                    self.tell(partner, &held.signed, admitting).await?
                        || self.tell(partner, &held.signed, held.signed.clone()).await?
                }
                _ => self.tell(partner, &held.signed, held.signed.clone()).await?,
            };
        }
        if told { self.refresh_registers().await } else { Ok(()) }
    }

    async fn version_of(&self, agreement: &str, version: u64) -> Result<Option<SignedRegister>, NodeError> {
        let name = agreement.to_owned();
        self.read(move |tx| -> Result<_, NodeError> { Ok(records::version(tx, &name, version)?) }).await
    }

    /// Tells one partner, beginning with `first`; says whether it is known to have the version now.
    async fn tell(
        &self,
        partner: &Administration,
        latest: &SignedRegister,
        first: SignedRegister,
    ) -> Result<bool, NodeError> {
        let (agreement, version) = (latest.register().agreement.clone(), latest.register().version);
        let mut next = first;
        for _ in 0..CATCH_UP {
            let ask = posting(REGISTERS_ROUTE, next.to_bytes());
            let theirs = match self.ask_about_register(partner, ask).await {
                Ok(RegisterAnswer::InForce(theirs)) => theirs,
                Ok(RegisterAnswer::Refused(words)) => {
                    tracing::warn!(%partner, agreement, words, "a partner does not take up the key register");
                    return Ok(false);
                }
                Ok(_) => return Ok(false),
                Err(reason) => {
                    tracing::debug!(%partner, agreement, reason, "a partner cannot be told of the key register");
                    return Ok(false);
                }
            };
            let has = theirs.as_ref().map_or(0, |theirs| theirs.register().version);
            if has > version {
                // The partner is ahead: what it has is taken up if it may be.
                if let Some(theirs) = theirs {
                    self.adopt_register(*theirs, Some(partner.clone())).await.ok();
                }
                return Ok(true);
            }
            let (name, party) = (agreement.clone(), partner.clone());
            self.write(move |tx, _| -> Result<_, NodeError> {
                Ok(records::note_known(tx, &name, &party, has)?)
            })
            .await?;
            if has == version {
                return Ok(true);
            }
            let wanted = has + 1;
            match self.version_of(&agreement, wanted).await? {
                Some(older) if wanted != next.register().version => next = older,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Takes up what partners have that is newer; who cannot be asked is asked another time.
    pub(super) async fn fetch_register(&self, agreement: &str) {
        let bureau = self.bureau();
        let Some(held) = bureau.registers.get(agreement) else { return };
        for partner in self.other_stewards(held.signed.register()) {
            let path = format!("{REGISTERS_ROUTE}/{agreement}");
            let ask = PeerRequest { method: Method::Get, path, body: Vec::new(), limit: ANSWER_LIMIT };
            if let Ok(RegisterAnswer::InForce(Some(theirs))) = self.ask_about_register(&partner, ask).await
                && theirs.register().version > held.signed.register().version
                && let Err(error) = self.adopt_register(*theirs, Some(partner.clone())).await
            {
                tracing::warn!(%partner, agreement, %error, "a newer key register was not taken up");
            }
        }
    }

    pub(super) async fn held(&self, agreement: &str) -> Result<Option<SignedRegister>, NodeError> {
        let name = agreement.to_owned();
        self.read(move |tx| -> Result<_, NodeError> { Ok(records::latest(tx, &name)?) }).await
    }

    /// Looks after the registers for as long as the node runs.
    pub(crate) async fn keep_registers(&self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = self.look_after_registers().await {
                tracing::error!(%error, "the key registers could not be looked after");
            }
        }
    }

    /// One turn: our keys are chosen anew if time changed the choice, proposals are driven on, partners that lag are told.
    ///
    /// # Errors
    /// When the store fails or our key cannot be reached.
    pub async fn look_after_registers(&self) -> Result<(), NodeError> {
        if !self.bureau().keys_are_chosen(self.now()) {
            self.refresh_registers().await?;
        }
        let proposed = self
            .read(|tx| -> Result<_, NodeError> {
                let sql =
                    "SELECT agreement FROM register_proposals UNION SELECT agreement FROM register_orders";
                let rows = tx.query(sql, &[])?;
                Ok(rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        for agreement in proposed {
            if let Err(error) = self.drive_proposal(&agreement).await {
                tracing::warn!(agreement, %error, "a proposal for a key register does not get on");
            }
        }
        let agreements: Vec<String> = self.bureau().registers.keys().cloned().collect();
        for agreement in agreements {
            self.tell_partners(&agreement).await?;
        }
        self.warn_of_expiry().await
    }

    /// Makes the first version of an agreement's register out of the cards of its parties, and has them sign it.
    ///
    /// # Errors
    /// When there is no such agreement, a party's card is missing, or there is a register already.
    pub async fn found_register(
        &self,
        agreement: &str,
        threshold: Option<evidence::key_register::Threshold>,
    ) -> Result<Progress, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        if let Some(held) = self.held(agreement).await? {
            if threshold.is_some_and(|threshold| threshold != held.register().threshold) {
                let has = held.register().threshold;
                return Err(NodeError::Order(format!(
                    "`{agreement}` has a key register already, in which {} must sign a change and {} a revocation: the \
                     threshold is set when a register is made, leave it out",
                    has.change, has.revocation
                )));
            }
            return Ok(Progress::InForce { version: held.register().version });
        }
        let mut all = bureau.decision_point.agreements().map(agreements::Compiled::agreement);
        let found = all.find(|found| found.id.as_str() == agreement);
        let found = found.ok_or_else(|| NodeError::NoAgreement(agreement.to_owned()))?;
        let mut cards = Vec::new();
        for party in found.parties.iter().map(|party| &party.administration) {
            if *party == bureau.administration {
                cards.push(bureau.own_keys());
            } else if let Some(partner) = bureau.partners.get(party) {
                cards.push(bureau.keys_now(&partner.keys, now));
            }
        }
        if cards.len() < 2 {
            return Err(NodeError::NoCards(agreement.to_owned()));
        }
        let change = cards.len() as u64;
        let threshold = threshold.unwrap_or(evidence::key_register::Threshold { change, revocation: 1 });
        let expires = now.plus_seconds(LIFETIME_SECONDS);
        let register = KeyRegister::genesis(agreement, &cards, threshold, now, expires)?;
        if !register.has_majority() {
            return Err(NodeError::Order(format!(
                "{} of {change} parties are too few: more than half must sign a change, or else two groups could make two \
                 versions of one number",
                threshold.change
            )));
        }
        self.propose_first(register, now).await
    }

    /// Lets a partner whose card this node has into the register of an agreement.
    ///
    /// # Errors
    /// When there is no such register or partner, or the change breaks a rule.
    pub async fn admit_to_register(
        &self,
        agreement: &str,
        partner: &Administration,
    ) -> Result<Progress, NodeError> {
        let bureau = self.bureau();
        if bureau.is_party(agreement, partner) == Some(false) {
            return Err(NodeError::Order(format!("`{partner}` is no party of `{agreement}`")));
        }
        let card = bureau.partners.get(partner).map(|partner| bureau.keys_now(&partner.keys, self.now()));
        let card = card.ok_or_else(|| NodeError::NoCards(partner.to_string()))?;
        self.change_register(agreement, |register: &mut KeyRegister, _| register.admit(&card)).await
    }
}

/// Whether whoever is let in takes the version up: as many of the others have signed as it asks for. A version that lets
/// nobody in asks for no more than the threshold.
fn newcomers_take_it_up(bureau: &Bureau, signed: &SignedRegister, before: &KeyRegister) -> bool {
    let (register, others) = (signed.register(), before.stewards.len() as u64);
    if register.stewards.iter().all(|steward| before.steward(&steward.administration).is_some()) {
        return true;
    }
    let needed = bureau.signers(&register.agreement).unwrap_or(others);
    signed.approved_by(&before.stewards).len() as u64 >= needed
}

/// Whether an approval holds under the key of a steward of a version or of the one before it.
fn is_by_steward(approval: &Approval, register: &KeyRegister, held: Option<&SignedRegister>) -> bool {
    let before = held.map(|held| held.register().stewards.as_slice()).unwrap_or_default();
    before.iter().chain(&register.stewards).any(|steward| approval.verify(register, steward).is_ok())
}

impl From<RegisterError> for NodeError {
    fn from(error: RegisterError) -> Self {
        Self::Register(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Country, Digest};
    use evidence::{KeySet, StatementKey};

    /// What a partner gives as its approval is kept only if it is a steward's, for this very document.
    #[test]
    fn an_approval_is_verified_before_it_is_kept() {
        let administration = |code: &str| Administration::of(Country::parse(code).unwrap());
        let keys = |seed: u8| {
            let mut drawn = seed;
            KeySet::draw(&mut |bytes: &mut [u8]| {
                drawn += 10;
                bytes.fill(drawn);
            })
        };
        let now = base::Timestamp::from_micros(1_800_000_000_000_000);
        let card = |code: &str, seed: u8| {
            let register = StatementKey::from_seed(&[seed; 32]).unwrap();
            let sealed = keys(seed).keys();
            let made =
                sealed.unwrap().card(administration(code), Digest([seed; 32]), now, now.plus_seconds(900));
            evidence::PublicKeys { register: Some(register.public()), ..made.unwrap() }
        };
        let threshold = evidence::key_register::Threshold { change: 2, revocation: 1 };
        let cards = [card("GB", 1), card("FR", 2)];
        let register = KeyRegister::genesis("a", &cards, threshold, now, now.plus_seconds(900)).unwrap();
        let held = SignedRegister::proposal(register.clone()).unwrap();
        let next = register.next(now, now.plus_seconds(901));
        let by = |of: &KeyRegister, code: &str, seed: u8| {
            let key = StatementKey::from_seed(&[seed; 32]).unwrap();
            Approval::sign(of, &administration(code), &key, now).unwrap()
        };
        assert!(is_by_steward(&by(&next, "FR", 2), &next, Some(&held)));
        assert!(!is_by_steward(&by(&register, "FR", 2), &next, Some(&held)), "of another document");
        assert!(!is_by_steward(&by(&next, "FR", 3), &next, Some(&held)), "under another key");
        assert!(!is_by_steward(&by(&next, "IT", 3), &next, Some(&held)), "by no steward");
        assert!(!is_by_steward(&by(&next, "FR", 1), &next, Some(&held)), "under another steward's key");
    }
}
