//! What traders can do to each other's movements: nothing. And what they get when they say a thing twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use node::OfficerDecision;
use support::{bench, declaration, invalidation, officer, register_guarantee, submit};

fn codes(submission: &node::Submission) -> Vec<&str> {
    submission.errors.iter().map(|error| error.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trader_cannot_act_on_the_movement_of_another() {
    let bench = bench().await;
    let mrn = submit(&bench, "alice", &declaration(1)).await.movement;

    let by_mallory = submit(&bench, "mallory", &invalidation(&mrn, "M-1")).await;
    assert_eq!((by_mallory.accepted, codes(&by_mallory)), (false, vec!["90"]));
    assert!(
        !by_mallory.words.contains("Accepted"),
        "the state is nobody else's business: {}",
        by_mallory.words
    );

    let of_alice = bench.node.messages(Some(mrn.clone()), Some("alice".into()), 0, 100).await.unwrap();
    let kinds: Vec<_> = of_alice.iter().map(|row| row.message_type.as_str()).collect();
    assert_eq!(kinds, ["CC015C", "CC928C", "CC028C"]);
    let of_mallory = bench.node.messages(None, Some("mallory".into()), 0, 100).await.unwrap();
    let kinds: Vec<_> = of_mallory.iter().map(|row| row.message_type.as_str()).collect();
    assert_eq!(kinds, ["CC014C", "CC056C"], "the answer goes to whoever asked");

    assert!(submit(&bench, "alice", &invalidation(&mrn, "A-1")).await.accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_between_administrations_are_not_a_traders_to_read() {
    let bench = bench().await;
    register_guarantee(&bench).await;
    let mrn = submit(&bench, "alice", &declaration(1)).await.movement;
    let released = bench.node.decide(&officer(), &mrn, OfficerDecision::Release).await.unwrap().unwrap();
    assert!(released.accepted, "{}", released.words);

    let all = bench.node.messages(Some(mrn.clone()), None, 0, 100).await.unwrap();
    assert!(
        all.iter().any(|row| row.message_type == "CD205C")
            && all.iter().any(|row| row.message_type == "CD001C")
    );
    let of_alice = bench.node.messages(Some(mrn), Some("alice".into()), 0, 100).await.unwrap();
    assert!(of_alice.iter().all(|row| row.message_type.starts_with("CC")), "{of_alice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_declarants_may_use_the_same_lrn() {
    let bench = bench().await;
    let first = submit(&bench, "alice", &declaration(1)).await;
    let second = submit(&bench, "bob", &declaration(1)).await;
    assert!(first.accepted && second.accepted);
    assert_ne!(first.movement, second.movement);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_and_has_no_second_effect() {
    let bench = bench().await;
    let first = submit(&bench, "alice", &declaration(1)).await;
    let again = submit(&bench, "alice", &declaration(1)).await;
    assert_eq!(
        (again.message, &again.movement, &again.replies),
        (first.message, &first.movement, &first.replies)
    );

    let other = declaration(2).replace("CORRIDOR-000002", "CORRIDOR-000001");
    let other = submit(&bench, "alice", &other).await;
    assert_eq!((other.accepted, codes(&other)), (false, vec!["26"]));
    let once_more = submit(&bench, "alice", &declaration(1)).await;
    assert_eq!(once_more.replies, first.replies, "the refusal of the other message is no answer to this one");

    let malformed = declaration(3).replace("<grossMass>", "<grossMasz>");
    let first = submit(&bench, "alice", &malformed).await;
    let again = submit(&bench, "alice", &malformed).await;
    assert_eq!((first.accepted, again.message, again.replies), (false, first.message, first.replies));
    assert_eq!(again.errors.len(), first.errors.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_declaration_is_found_again_by_its_lrn() {
    let bench = bench().await;
    let accepted = submit(&bench, "alice", &declaration(1)).await;
    let second = declaration(1).replace("CORRIDOR-000001", "CORRIDOR-000009");
    let rejected = submit(&bench, "alice", &second).await;
    assert_eq!((rejected.accepted, codes(&rejected)), (false, vec!["26"]), "the LRN is of an open movement");
    let found =
        bench.node.messages(Some("LEEDS-TURIN-000001".into()), Some("alice".into()), 0, 100).await.unwrap();
    assert!(found.iter().any(|row| row.movement == accepted.movement));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_code_of_a_guarantee_stays_out_of_what_officers_read() {
    let bench = bench().await;
    register_guarantee(&bench).await;
    let accounts = bench.node.guarantee_accounts().await.unwrap();
    assert!(!format!("{accounts:?}").contains("AV26"));
}
