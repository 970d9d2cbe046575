//! Whatever the network does, a channel is applied once and in order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Inbox, Taken, World};
use evidence::merkle::Frontier;
use exchange::{Outcome, Prepared};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The messages of the channel.
const MESSAGES: u64 = 5;

fn message(prepared: &[Prepared], number: u64) -> &Prepared {
    &prepared[usize::try_from(number).unwrap() - 1]
}

/// Delivers the messages of `order` to an empty inbox and checks each step.
fn deliver(world: &mut World, prepared: &[Prepared], order: &[u64]) -> Result<(), TestCaseError> {
    (world.inbox, world.log) = (Inbox::default(), Frontier::new());
    let mut answers = BTreeMap::new();
    for number in order.iter().copied() {
        let next = answers.len() as u64 + 1;
        let (taken, response) = world.receive(&message(prepared, number).envelope);
        match taken {
            Taken::Applied(content) => {
                prop_assert_eq!(number, next);
                prop_assert_eq!(content, vec![format!("<CD001C>{number}</CD001C>")]);
                answers.insert(number, response);
            }
            Taken::Repeated => prop_assert_eq!(Some(&response), answers.get(&number)),
            Taken::Gap(expected) => prop_assert_eq!((expected, number > next), (next, true)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
    prop_assert_eq!(world.log.size(), answers.len() as u64);
    for (number, response) in answers {
        let Outcome::Acknowledged(acknowledged) = world.outcome(&response, message(prepared, number)) else {
            return Err(TestCaseError::fail("an applied message is acknowledged"));
        };
        prop_assert_eq!(acknowledged.included.index, number - 1);
    }
    Ok(())
}

#[test]
fn each_message_is_applied_once_and_in_order_however_it_arrives() {
    let full = std::env::var_os("TIDEWAITER_FULL").is_some();
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(if full { 256 } else { 32 })
    });
    let world = World::new();
    let prepared: Vec<_> = (1..=MESSAGES).map(|number| world.prepared(&world.letter(number))).collect();
    let world = RefCell::new(world);
    let orders = prop::collection::vec(1..=MESSAGES, 0..40);
    let outcome = runner.run(&orders, |order| deliver(&mut world.borrow_mut(), &prepared, &order));
    outcome.unwrap();
}
