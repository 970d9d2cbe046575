//! What tests draw pages of.

use super::decision::Entered;
use super::frame::{Frame, Section};
use base::Administration;
use node::{
    Alarm, AlarmCode, AttachmentView, CheckpointView, DeadLetterView, DecisionView, EntryView, EventRow,
    ExchangeView, FindingView, GuaranteeView, LockView, LogView, MessageRow, MovementRow, MovementView,
    PartnerView, PossibleDecision, Principal, QueueView, QuorumView, Replacement, Replacements, Role,
    SeenView, WitnessView,
};

pub const MRN: &str = "26GB000060KNEJKEJ3";

/// 24 November 2026, 06:00:00 UTC.
pub const SIX: i64 = 1_795_500_000_000_000;

/// A movement that waits at its office of departure.
pub fn movement() -> MovementRow {
    MovementRow {
        room: "departure".to_owned(),
        movement: MRN.to_owned(),
        mrn: MRN.to_owned(),
        lrn: "MEDICINES-0001".to_owned(),
        office: "GB000060".to_owned(),
        state: "UnderControl".to_owned(),
        holder: "GB123456789000".to_owned(),
        waits_for_officer: true,
        created: SIX,
        updated: SIX + 5_000_000,
        change: 7,
    }
}

/// A declaration received from a trader.
pub fn message() -> MessageRow {
    MessageRow {
        id: 1,
        at: SIX,
        direction: "received".to_owned(),
        from_party: "trader".to_owned(),
        to_party: "GB".to_owned(),
        message_type: "CC015C".to_owned(),
        identification: "MSG-000001".to_owned(),
        movement: MRN.to_owned(),
        outcome: "accepted".to_owned(),
        clause: None,
        exchange_id: None,
    }
}

/// The acceptance of the declaration.
pub fn event() -> EventRow {
    EventRow { at: SIX, room: "departure".to_owned(), kind: "Accepted".to_owned(), words: "acme".to_owned() }
}

/// A decision that the node offers.
pub fn possible(decision: &str, office: &str) -> PossibleDecision {
    PossibleDecision {
        decision: decision.to_owned(),
        label: String::new(),
        office: (!office.is_empty()).then(|| office.to_owned()),
        needs_reason: false,
    }
}

pub fn frame(section: Section) -> Frame {
    let principal = Principal { name: "j.doe".to_owned(), role: Role::Officer };
    let administration = Administration::parse("NTA.GB").unwrap();
    let mut frame =
        Frame::new(&administration, false).for_principal(&principal, "form-secret").within(section);
    // The real addresses change with every edit of the stylesheet.
    frame.stylesheet = "/assets/0/console.css".to_owned();
    frame.mark = "/assets/0/mark.svg".to_owned();
    frame
}

pub fn view() -> MovementView {
    let record = MessageRow {
        id: 2,
        at: SIX + 5_000_000,
        direction: "sent".to_owned(),
        from_party: "GB".to_owned(),
        to_party: "FR".to_owned(),
        message_type: "CD050C".to_owned(),
        outcome: "delivered".to_owned(),
        clause: Some("gb-fr-it-transit 1, clause 3.2".to_owned()),
        exchange_id: Some("0199b6a0-0000-7000-8000-000000000001".to_owned()),
        ..message()
    };
    let disclosed = DecisionView {
        message: 2,
        recipient: "NTA.FR".to_owned(),
        clause: "gb-fr-it-transit 1, clause 3.2".to_owned(),
        outcome: "cleared".to_owned(),
        words: "21 of 34 elements".to_owned(),
    };
    MovementView {
        rows: vec![movement()],
        messages: vec![message(), record],
        events: vec![event()],
        decisions: vec![disclosed],
        notices: Vec::new(),
        possible: vec![
            possible("control-satisfactory", ""),
            PossibleDecision {
                label: "Control unsatisfactory: do not release".to_owned(),
                ..possible("control-unsatisfactory", "")
            },
        ],
    }
}

pub fn guarantee() -> GuaranteeView {
    GuaranteeView {
        grn: "26GB0000010000019".to_owned(),
        kind: "1".to_owned(),
        holders: vec!["GB123456789000".to_owned()],
        state: "valid".to_owned(),
        reference_amount: "100000.00 EUR".to_owned(),
        available: "75000.00 EUR".to_owned(),
        locked: "25000.00 EUR".to_owned(),
        balanced: true,
        locks: vec![LockView { mrn: MRN.to_owned(), amount: "25000.00 EUR".to_owned(), since: SIX }],
        entries: vec![EntryView {
            at: SIX,
            words: format!("locked for {MRN}"),
            debit: "available".to_owned(),
            credit: "locked".to_owned(),
            amount: "25000.00 EUR".to_owned(),
            balance: "75000.00 EUR".to_owned(),
        }],
    }
}

pub fn partner() -> PartnerView {
    PartnerView {
        administration: "NTA.FR".to_owned(),
        country: "FR".to_owned(),
        address: "https://node.fr.example:9443".to_owned(),
        fingerprint: "12345 67890 01234 56789 00042 31337 86753 00911".to_owned(),
        agreements: vec!["gb-fr-it-transit 1".to_owned()],
        queued: 3,
        delivered: 128,
        refused: 0,
        last_delivery: Some(SIX),
        last_problem: Some("connection refused".to_owned()),
        state: "active",
        suspension: None,
        registers: [("gb-fr-it-transit".to_owned(), 4)].into(),
        last_contact: Some(SIX + 60_000_000),
    }
}

/// A log that one partner has cosigned and one has not, with a finding about a third.
pub fn log() -> LogView {
    let checkpoint = |origin: &str, size| CheckpointView {
        origin: origin.to_owned(),
        size,
        root: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d".to_owned(),
        at: SIX,
    };
    let witness = |administration: &str, size| WitnessView {
        administration: administration.to_owned(),
        size,
        at: size.map(|_| SIX),
        problem: size.is_none().then(|| "connection refused".to_owned()),
    };
    let finding = |id, proved: bool| FindingView {
        id,
        at: SIX,
        origin: "tidewaiter.example/IT".to_owned(),
        kind: if proved { "equivocation" } else { "unproved" }.to_owned(),
        words: "the log of `NTA.IT` showed two histories".to_owned(),
        proved,
        seen: (!proved).then(|| SeenView {
            at: SIX + 3_600_000_000,
            by: "j.doe".to_owned(),
            note: "NTA.IT restored its database; asked for the old checkpoints".to_owned(),
        }),
    };
    LogView {
        origin: "tidewaiter.example/GB".to_owned(),
        verifier_key: "tidewaiter.example/GB+0a1b2c3d+AQID".to_owned(),
        witness_keys: vec!["tidewaiter.example/GB/witness+4e5f6a7b+BAID".to_owned()],
        size: 4_243,
        checkpoint: Some(checkpoint("tidewaiter.example/GB", 4_242)),
        witnesses: vec![witness("NTA.FR", Some(4_242)), witness("NTA.IT", None)],
        quorums: vec![QuorumView {
            agreement: "gb-fr-it-transit version 1".to_owned(),
            needed: 2,
            witnesses: ["NTA.FR", "NTA.GB", "NTA.IT"].map(str::to_owned).to_vec(),
            covered: Some(4_000),
            met: false,
        }],
        witnessed: vec![checkpoint("tidewaiter.example/FR", 77)],
        findings: vec![finding(2, true), finding(1, false)],
        behind: None,
    }
}

/// A letter that was refused, and what took its place was refused too and sent again.
pub fn dead_letter() -> DeadLetterView {
    let other = |message| {
        Some(Replacement {
            message,
            exchange_id: Some("0199b6a0-0000-7000-8000-000000000009".to_owned()),
            message_type: "DOCUMENT".to_owned(),
            officer: "j.doe".to_owned(),
            at: SIX,
        })
    };
    DeadLetterView {
        id: 4,
        exchange_id: "0199b6a0-0000-7000-8000-000000000004".to_owned(),
        partner: "NTA.FR".to_owned(),
        subject: "CASE-2026-77".to_owned(),
        sequence: 2,
        message_type: "DOCUMENT".to_owned(),
        clause: "documents.exchange".to_owned(),
        fate: "refused",
        reason: "the document is too large there".to_owned(),
        created: SIX,
        since: Some(SIX + 1_000_000),
        closed: Some(SIX + 2_000_000),
        closing: Some("sent again as message 9 by j.doe".to_owned()),
        message: Some(7),
        replacements: Replacements { replaces: other(3), replaced_by: other(9) },
    }
}

/// What waits for France, which does not answer, and one dead letter.
pub fn exchange() -> ExchangeView {
    ExchangeView {
        queues: vec![QueueView {
            partner: "NTA.FR".to_owned(),
            circuit: "open",
            rests_until: Some(SIX + 60_000_000),
            letters: 12,
            bytes: 34_567,
            oldest: Some(SIX),
            problem: Some("connection refused".to_owned()),
            delivered: 128,
            refused: 1,
            expired: 0,
            last_delivery: Some(SIX),
            alarms: vec![Alarm {
                code: AlarmCode::PartnerAway,
                words: "NTA.FR does not answer: 12 letters wait, the oldest for 7 minutes".to_owned(),
            }],
        }],
        stages_waiting: 1,
    }
}

/// An attachment of which half has arrived.
pub fn attachment() -> AttachmentView {
    AttachmentView {
        id: 9,
        state: "arriving".to_owned(),
        standing: "under way",
        name: "scans.tar".to_owned(),
        media_type: "application/x-tar".to_owned(),
        size: 1_048_576,
        digest: Some("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d".to_owned()),
        chunks: 4,
        chunks_here: 2,
        chunks_there: Some(2),
        partner: "NTA.FR".to_owned(),
        exchange_id: Some("0199b6a0-0000-7000-8000-000000000005".to_owned()),
        document: None,
        owner: String::new(),
    }
}

pub fn counts() -> Vec<(String, String, i64)> {
    let count = |room: &str, state: &str, number| (room.to_owned(), state.to_owned(), number);
    vec![
        count("destination", "Arrived", 2),
        count("departure", "UnderControl", 1),
        count("departure", "WrittenOff", 40),
    ]
}

/// What a form was sent with.
pub fn entered(pairs: &[(&str, &str)]) -> Entered {
    Entered::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}
