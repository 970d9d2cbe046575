use super::*;
use crate::samples::{administration, every_bit_counts, keys, moment};
use proptest::prelude::*;

fn received() -> Stage {
    Stage {
        by: administration("FR"),
        name: StageName::Received,
        message_id: Some(MessageId::new(moment(), [1; 10])),
        statement: Digest([4; 32]),
        entry: Some((4, 5)),
        at: moment(),
        reason: None,
    }
}

fn refused() -> Stage {
    Stage {
        name: StageName::Refused,
        entry: None,
        reason: Some(StageReason { code: "expired".to_owned(), words: "the message has expired".to_owned() }),
        ..received()
    }
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let id = prop::option::of((any::<i64>(), any::<[u8; 10]>()));
    let reason = prop::option::of(("[a-z0-9-]{1,64}", "[a-zA-Z0-9 .`\u{e0}-\u{ff}]{0,200}"));
    let entry = prop::option::of((any::<u64>(), 1u64..));
    (0usize..5, id, any::<[u8; 32]>(), entry, any::<i64>(), reason).prop_map(
        |(name, id, digest, entry, at, reason)| {
            let name = StageName::ALL[name];
            let reason = reason.map(|(code, words)| StageReason { code, words });
            Stage {
                by: administration("FR"),
                name,
                message_id: id.map(|(time, random)| MessageId::new(Timestamp::from_micros(time), random)),
                statement: Digest(digest),
                entry: entry.map(|(index, size)| (index % size, size)),
                at: Timestamp::from_micros(at),
                reason,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_stage_is_signed_and_read_as_it_is_or_not_at_all(stage in any_stage()) {
        let key = &keys(2).sign;
        match StagedStatement::sign(&stage, key) {
            Ok(staged) => prop_assert_eq!(StagedStatement::verify(staged.as_bytes(), key.public()).unwrap(), stage),
            Err(_) => prop_assert!(stage.validate().is_err()),
        }
    }
}

#[test]
fn every_bit_of_a_staged_statement_counts() {
    let key = &keys(2).sign;
    for stage in [received(), refused(), Stage { message_id: None, ..refused() }] {
        let staged = StagedStatement::sign(&stage, key).unwrap();
        assert!(staged.as_bytes().len() < MAX_STAGE);
        every_bit_counts(staged.as_bytes(), |bytes| StagedStatement::verify(bytes, key.public()).is_ok());
    }
}

#[test]
fn each_stage_states_what_it_must() {
    type Change = fn(&mut Stage);
    let changes: [(&str, Stage, Change); 10] = [
        ("received without entry", received(), |s| s.entry = None),
        ("received without message", received(), |s| s.message_id = None),
        ("received with reason", received(), |s| s.reason = refused().reason),
        ("refused without reason", refused(), |s| s.reason = None),
        ("refused with entry", refused(), |s| s.entry = Some((0, 1))),
        ("entry outside the log", received(), |s| s.entry = Some((5, 5))),
        ("code with a space", refused(), |s| s.reason.as_mut().unwrap().code = "a b".to_owned()),
        ("no code", refused(), |s| s.reason.as_mut().unwrap().code.clear()),
        ("long words", refused(), |s| s.reason.as_mut().unwrap().words = "x".repeat(513)),
        ("words of two lines", refused(), |s| s.reason.as_mut().unwrap().words = "a\nb".to_owned()),
    ];
    for (name, mut stage, change) in changes {
        assert!(StagedStatement::sign(&stage, &keys(2).sign).is_ok());
        change(&mut stage);
        assert!(StagedStatement::sign(&stage, &keys(2).sign).is_err(), "{name}");
    }
}

#[test]
fn claims_that_contradict_the_stage_are_refused() {
    let stage = received();
    let right = stage.claims();
    for claims in [
        Claims { issuer: "nobody".to_owned(), ..right.clone() },
        Claims { subject: "another".to_owned(), ..right.clone() },
        Claims { issued_at: 0, ..right.clone() },
    ] {
        let bytes = cose::sign(&PROFILE, &claims, stage.to_cbor().unwrap(), &keys(2).sign).unwrap();
        assert!(StagedStatement::read(&bytes).is_err());
    }
}

#[test]
fn a_message_has_one_life() {
    use StageName::{Decided, Delivered, Expired, Received, Refused};
    for one in StageName::ALL {
        assert!(StageName::admissible(&[one]) && !StageName::admissible(&[one, one]));
    }
    let pairs = [[Received, Decided], [Received, Delivered], [Received, Expired], [Decided, Delivered]];
    for (at, one) in StageName::ALL.into_iter().enumerate() {
        for other in StageName::ALL.into_iter().skip(at + 1) {
            let admissible = pairs.contains(&[one, other]);
            assert_eq!(StageName::admissible(&[one, other]), admissible, "{one} and {other}");
            assert_eq!(StageName::admissible(&[other, one]), admissible, "{other} and {one}");
        }
    }
    assert!(StageName::admissible(&[]) && StageName::admissible(&[Received, Decided, Delivered]));
    assert!(
        !StageName::admissible(&[Received, Decided, Expired]) && !StageName::admissible(&[Received, Refused])
    );
}
