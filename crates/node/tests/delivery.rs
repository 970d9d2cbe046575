//! The life of documents between two nodes: decided and handed out, too late, dead and sent again, and more than may wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/pair.rs"]
mod pair;

use base::Administration;
use exchange::DeliveryStatus;
use node::{DocumentDecision, Lane};
use pair::{DOOMED, Pair, SPOILT, officer};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn a_lone_document_is_sealed_with_the_commit_that_posts_it_and_others_are_not() {
    let pair = Pair::open(|_| {}).await;
    // Until the workers have begun, a document waits for them.
    pair.comes_to(&pair.send("case-0", "First", Lane::Normal, 5).await.unwrap().1, DeliveryStatus::Received)
        .await;
    pair.hold(true);
    let (_, lone) = pair.send("case-1", "Lone", Lane::Normal, 5).await.unwrap();
    let status = pair.nodes[0].delivery(&lone).await.unwrap().unwrap().status;
    assert_eq!(status, DeliveryStatus::Sent, "it is sealed when the call returns");
    let (_, behind) = pair.send("case-1", "Behind it", Lane::Normal, 5).await.unwrap();
    let status = pair.nodes[0].delivery(&behind).await.unwrap().unwrap().status;
    assert_eq!(status, DeliveryStatus::Queued, "it waits for the one before it");
    let (_, beside) = pair.send("case-2", "Beside it", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&beside, DeliveryStatus::Sent).await;
    // The sender looks into the outbox every 100 ms.
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!([&lone, &behind, &beside].map(|id| pair.put(id)), [1, 0, 1], "none is under way twice");
    pair.hold(false);
    for id in [&lone, &behind, &beside] {
        pair.comes_to(id, DeliveryStatus::Received).await;
        assert_eq!(pair.put(id), 1);
    }
    assert_eq!(pair.received("case-1").await, ["Lone", "Behind it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_documents_at_once_are_delivered_once_each() {
    let pair = Pair::open(|_| {}).await;
    let mut sent = Vec::new();
    for round in 0..40 {
        // One alone, then some together, so that the two ways of sealing meet.
        for number in 0..=round % 4 {
            sent.push(pair.send(&format!("case-{number}"), "Document", Lane::Normal, 5).await.unwrap().1);
        }
        if round % 5 == 0 {
            pair.comes_to(sent.last().unwrap(), DeliveryStatus::Received).await;
        }
    }
    for id in &sent {
        pair.comes_to(id, DeliveryStatus::Received).await;
        assert_eq!(pair.put(id), 1);
    }
    let of_first = pair.received("case-0").await.len();
    assert_eq!((sent.len(), of_first), (100, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_sees_how_far_a_document_came() {
    let pair = Pair::open(|_| {}).await;
    let (message, id) = pair.send("case-1", "Accepted", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let label = open[0].label.as_deref().unwrap();
    assert!(label.contains("\"handling\""), "{label}");
    let accept = DocumentDecision { accept: true, words: "secret words of an officer".to_owned() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    pair.nodes[1].hand_out_document(open[0].message).await.unwrap().unwrap();
    pair.comes_to(&id, DeliveryStatus::Delivered).await;
    let stages = pair.nodes[0].delivery(&id).await.unwrap().unwrap().stages;
    let told: Vec<(DeliveryStatus, &str)> = stages.iter().map(|one| (one.stage, one.code.as_str())).collect();
    assert_eq!(told, [(DeliveryStatus::Decided, "accepted"), (DeliveryStatus::Delivered, "")]);
    assert!(stages.iter().all(|one| !one.words.contains("secret")), "an officer's words stay there");
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "accepted");

    let (message, id) = pair.send("case-1", "Declined", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let decline = DocumentDecision { accept: false, words: "not ours".to_owned() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, decline).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "declined");

    let (_, id) = pair.send("case-1", "Forgotten", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    pair.days_pass(6);
    pair.comes_to(&id, DeliveryStatus::Expired).await;
    assert_eq!(pair.nodes[1].open_documents(0, 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_late_leaves_a_tombstone_and_its_channel_goes_on() {
    let pair = Pair::open(|_| {}).await;
    pair.close(true);
    let (_, tried) = pair.send("case-2", "Tried", Lane::Normal, 1).await.unwrap();
    let (late_message, late) = pair.send("case-2", "Too late", Lane::Normal, 1).await.unwrap();
    let (_, good) = pair.send("case-2", "In time", Lane::Normal, 30).await.unwrap();
    pair.comes_to(&tried, DeliveryStatus::Sent).await;
    pair.days_pass(2);
    // Nothing of the second has left: it is over at once, although the partner is away.
    pair.comes_to(&late, DeliveryStatus::Expired).await;
    assert_eq!(pair.nodes[0].delivery(&tried).await.unwrap().unwrap().status, DeliveryStatus::Sent);
    assert!(pair.nodes[0].alarm_count().await.unwrap() > 0);
    pair.metric("tidewaiter_circuit_open{partner=\"NTA.FR\"} 1").await;
    pair.close(false);
    pair.comes_to(&good, DeliveryStatus::Received).await;
    pair.comes_to(&tried, DeliveryStatus::Expired).await;
    assert_eq!(pair.received("case-2").await, ["In time"]);

    let dead = pair.nodes[0].dead_letters(0, 10).await.unwrap();
    let fates: Vec<&str> = dead.iter().map(|letter| letter.fate).collect();
    assert_eq!(fates, ["expired", "expired"]);
    let again = pair.nodes[0].redrive(&officer(), dead[1].id).await.unwrap().unwrap();
    let view = pair.nodes[0].document(again).await.unwrap().unwrap();
    let replaces = view.replacements.replaces.unwrap();
    assert_eq!((replaces.message, replaces.exchange_id.as_deref()), (late_message, Some(late.as_str())));
    assert_eq!((replaces.officer.as_str(), view.replacements.replaced_by), ("officer", None));
    let former = pair.nodes[0].document(late_message).await.unwrap().unwrap().replacements;
    assert_eq!((former.replaces, former.replaced_by.unwrap().message), (None, again));
    let exchange_id = view.row.exchange_id.unwrap();
    let replaced_by = pair.nodes[0].delivery(&late).await.unwrap().unwrap().replacements.replaced_by.unwrap();
    assert_eq!((replaced_by.message, replaced_by.exchange_id.as_ref()), (again, Some(&exchange_id)));
    let settled = pair.nodes[0].settled_dead_letters(None, 10).await.unwrap();
    let [settled] = settled.as_slice() else { panic!("one was dealt with: {settled:?}") };
    assert_eq!(
        (settled.message, settled.replacements.replaced_by.as_ref()),
        (Some(late_message), Some(&replaced_by))
    );
    assert!(settled.closing.as_deref().unwrap().starts_with("sent again as message "), "{settled:?}");
    assert_eq!(pair.nodes[0].settled_dead_letters(Some(settled.id), 10).await.unwrap().len(), 0);
    pair.comes_to(&exchange_id, DeliveryStatus::Received).await;
    assert_eq!(pair.received("case-2").await, ["In time", "Too late"]);
    assert!(pair.nodes[0].redrive(&officer(), dead[1].id).await.unwrap().is_err(), "once only");
    let close = async |reason| pair.nodes[0].close_dead_letter(&officer(), dead[0].id, reason).await.unwrap();
    assert!(close(" ").await.is_err());
    assert!(close("it was said by telephone").await.is_ok());
    assert!(close("again").await.is_err());
    assert_eq!(pair.nodes[0].dead_letters(0, 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_on_which_this_node_fails_rest_and_hold_up_nobody() {
    let pair = Pair::open(|_| {}).await;
    pair.way.dooms.store(true, Ordering::SeqCst);
    let mut doomed = Vec::new();
    // More than may be under way at once.
    for number in 0..70 {
        let subject = format!("{DOOMED}-{number}");
        doomed.push(pair.send(&subject, "Doomed", Lane::Normal, 5).await.unwrap().1);
    }
    let (_, good) = pair.send("case-1", "Behind them", Lane::Bulk, 5).await.unwrap();
    pair.comes_to(&good, DeliveryStatus::Received).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tries: usize = doomed.iter().map(|id| pair.put(id)).sum();
    assert!(tries <= 2 * doomed.len(), "{tries} attempts: they rest for 5 s");
    pair.way.dooms.store(false, Ordering::SeqCst);
    pair.seconds_pass(60);
    for id in &doomed {
        pair.comes_to(id, DeliveryStatus::Received).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_refused_hold_up_no_other_channel() {
    let pair = Pair::open(|_| {}).await;
    pair.spoil(true);
    let mut refused = Vec::new();
    // As many as open a circuit, and more.
    for number in 0..8 {
        refused.push(pair.send(&format!("{SPOILT}-{number}"), "Refused", Lane::Urgent, 30).await.unwrap().1);
    }
    for id in &refused {
        pair.comes_to(id, DeliveryStatus::Sent).await;
    }
    // They are tried again and again, each time in vain.
    pair.metric_over("tidewaiter_letters_postponed_total", 24.0).await;
    let (_, good) = pair.send("case-4", "Welcome", Lane::Bulk, 30).await.unwrap();
    pair.comes_to(&good, DeliveryStatus::Received).await;
    let queue = pair.nodes[0].exchange().await.unwrap().queues.remove(0);
    assert_eq!((queue.circuit, queue.letters), ("closed", 8));
    pair.spoil(false);
    for id in &refused {
        pair.comes_to(id, DeliveryStatus::Received).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_past_its_time_ends_and_its_channel_goes_on() {
    let pair = Pair::open(|_| {}).await;
    pair.spoil(true);
    let subject = format!("{SPOILT}-9");
    let (_, first) = pair.send(&subject, "Refused", Lane::Normal, 1).await.unwrap();
    let (_, second) = pair.send(&subject, "Refused too", Lane::Normal, 1).await.unwrap();
    pair.metric_over("tidewaiter_letters_postponed_total", 4.0).await;
    let alarm = pair.nodes[0].exchange().await.unwrap().queues.remove(0).alarms.remove(0);
    assert_eq!(alarm.code, node::AlarmCode::LetterRefused);
    assert!(
        alarm.words.contains(&first) && alarm.words.contains("the parts are not those"),
        "{}",
        alarm.words
    );
    pair.days_pass(2);
    pair.comes_to(&first, DeliveryStatus::Expired).await;
    pair.comes_to(&second, DeliveryStatus::Expired).await;
    let dead = pair.nodes[0].dead_letters(0, 10).await.unwrap();
    // The second was sealed before its time was over and is dead too, or was withdrawn and waits as a tombstone.
    assert!(
        dead.iter().any(|letter| letter.exchange_id == first
            && letter.reason.contains("refused until its time was over: the parts are not")),
        "{dead:?}"
    );
    let (_, third) = pair.send(&subject, "In time", Lane::Normal, 30).await.unwrap();
    pair.metric_over("tidewaiter_letters_postponed_total", 8.0).await;
    pair.spoil(false);
    // The partner has used neither number: both are brought.
    pair.comes_to(&third, DeliveryStatus::Received).await;
    assert_eq!(pair.received(&subject).await, ["In time"]);
    assert_eq!(pair.nodes[0].exchange().await.unwrap().queues.remove(0).letters, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_erased_document_still_arrives() {
    let pair = Pair::open(|_| {}).await;
    let (message, id) = pair.send("case-5", "Erased", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    pair.nodes[0].erase(&officer(), message, "the data subject asked").await.unwrap().unwrap();
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let accept = DocumentDecision { accept: true, words: String::new() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suspended_partner_states_waits_for_the_resumption() {
    let pair = Pair::open(|_| {}).await;
    let (_, id) = pair.send("case-6", "Suspended", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let france = Administration::parse("NTA.FR").unwrap();
    assert!(pair.nodes[0].suspend_partner(&france, "a break-in", "keeper").await.unwrap());
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let accept = DocumentDecision { accept: true, words: String::new() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    while pair.way.batches.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(pair.nodes[0].delivery(&id).await.unwrap().unwrap().status, DeliveryStatus::Received);
    assert!(pair.nodes[0].resume_partner(&france, "keeper").await.unwrap());
    pair.days_pass(1);
    pair.comes_to(&id, DeliveryStatus::Decided).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_for_a_partner_that_hangs_are_on_their_way_once() {
    let pair = Pair::open(|_| {}).await;
    let mut sent = Vec::new();
    for number in 0..6 {
        let (_, id) = pair.send(&format!("case-7-{number}"), "Held", Lane::Normal, 5).await.unwrap();
        pair.comes_to(&id, DeliveryStatus::Received).await;
        sent.push(id);
    }
    pair.way.holds.store(true, Ordering::SeqCst);
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    assert_eq!(open.len(), 6);
    for document in &open {
        let accept = DocumentDecision { accept: true, words: String::new() };
        // Each decision wakes the bearer.
        assert!(pair.nodes[1].decide_document(&officer(), document.message, accept).await.unwrap().unwrap());
        while pair.way.bearing.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // It also looks by itself twice a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    pair.way.holds.store(false, Ordering::SeqCst);
    for id in &sent {
        pair.comes_to(id, DeliveryStatus::Decided).await;
    }
    assert_eq!(pair.way.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_all_but_urgent_documents_and_drains_in_order() {
    let pair = Pair::open(|config| config.exchange.queue_letters = 6).await;
    pair.close(true);
    for number in 0..6 {
        pair.send("case-3", &format!("N{number}"), Lane::Normal, 30).await.unwrap();
    }
    let refused = pair.send("case-3", "One too many", Lane::Bulk, 30).await.unwrap_err().to_string();
    assert!(refused.starts_with("6 letters and 0 MiB wait for `NTA.FR`"), "{refused}");
    let (_, urgent) = pair.send("case-3", "Urgent", Lane::Urgent, 30).await.unwrap();
    let queue = pair.nodes[0].exchange().await.unwrap().queues.remove(0);
    assert_eq!((queue.letters, queue.alarms[0].code), (7, node::AlarmCode::QueueFull));
    pair.close(false);
    pair.comes_to(&urgent, DeliveryStatus::Received).await;
    let expected: Vec<String> =
        (0..6).map(|number| format!("N{number}")).chain(["Urgent".to_owned()]).collect();
    assert_eq!(pair.received("case-3").await, expected);
    assert_eq!(pair.nodes[0].exchange().await.unwrap().queues.remove(0).letters, 0);
}
