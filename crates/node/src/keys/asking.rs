//! How a proposal is brought to a steward, and to a party that it lets in.
//!
//! A steward is given the proposal alone. A party that is let in holds no register to compare it with, so it is given the
//! approvals of the others too: deterministic CBOR, `[1, proposal, [approval, ...]]`, all byte strings.

use evidence::EvidenceError;
use evidence::cbor::{Reader, Writer};
use evidence::key_register::{Approval, MAX_STEWARDS, Proposal, RegisterError};

const WHAT: &str = "request to approve a register";
const FORM: u64 = 1;

/// A proposal that somebody is asked to approve.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// The proposal.
    pub proposal: Proposal,
    /// Who has approved it already, as its proposer says. None of them is verified yet.
    pub approvals: Vec<Approval>,
}

impl Asking {
    /// Writes the form for a party that is let in.
    pub(super) fn encode(proposal: &Proposal, approvals: &[Approval]) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3).uint(FORM).bytes(proposal.as_bytes()).array(approvals.len());
        for approval in approvals {
            out.bytes(approval.as_bytes());
        }
        out.finish()
    }

    /// Reads either form.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RegisterError> {
        let mut input = Reader::new(WHAT, bytes);
        if input.array_of(3).is_err() {
            return Ok(Self { proposal: Proposal::read(bytes)?, approvals: Vec::new() });
        }
        let wrong = |reason: &str| EvidenceError::Malformed { what: WHAT, reason: reason.to_owned() };
        if input.uint()? != FORM {
            return Err(wrong("its form is not 1").into());
        }
        let proposal = Proposal::read(input.bytes()?)?;
        let count = input.array()?;
        if count > MAX_STEWARDS as u64 {
            return Err(wrong("it has more approvals than there are stewards").into());
        }
        let mut approvals = Vec::new();
        for _ in 0..count {
            approvals.push(Approval::read(input.bytes()?)?);
        }
        input.end()?;
        Ok(Self { proposal, approvals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Administration, Country, Digest, Timestamp};
    use evidence::key_register::{KeyRegister, Threshold};
    use evidence::{KeySet, StatementKey};

    #[test]
    fn a_proposal_is_read_alone_and_with_approvals() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let owner = Administration::of(Country::parse("GB").unwrap());
        let mut drawn = 0;
        let keys = KeySet::draw(&mut |bytes: &mut [u8]| {
            drawn += 1;
            bytes.fill(drawn);
        });
        let card = keys.keys().unwrap().card(owner.clone(), Digest([1; 32]), now, now.plus_seconds(900));
        let threshold = Threshold { change: 1, revocation: 1 };
        let register =
            KeyRegister::genesis("a", &[card.unwrap()], threshold, now, now.plus_seconds(900)).unwrap();
        let key = StatementKey::from_seed(&[1; 32]).unwrap();
        let proposal = Proposal::sign(&register, &owner, &key, now).unwrap();
        let approval = Approval::sign(&register, &owner, &key, now).unwrap();
        let alone = Asking::read(proposal.as_bytes()).unwrap();
        assert!(alone.approvals.is_empty() && alone.proposal.as_bytes() == proposal.as_bytes());
        for count in [0, 1, MAX_STEWARDS, MAX_STEWARDS + 1] {
            let approvals = vec![approval.clone(); count];
            let read = Asking::read(&Asking::encode(&proposal, &approvals));
            let Ok(read) = read else {
                assert_eq!(count, MAX_STEWARDS + 1);
                continue;
            };
            assert_eq!((read.proposal.as_bytes(), read.approvals.len()), (proposal.as_bytes(), count));
            assert!(read.approvals.iter().all(|read| read.as_bytes() == approval.as_bytes()));
        }
        for bad in [&b""[..], b"\x83\x02", b"\x83\x01\x40\x80", approval.as_bytes()] {
            assert!(Asking::read(bad).is_err(), "{bad:?}");
        }
    }
}
