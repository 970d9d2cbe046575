//! Three nodes that witness each other's logs over HTTPS: cosignatures and quorum, a log that shows two histories, and a
//! database that was restored from a backup.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use evidence::witness::AddCheckpoint;
use evidence::{
    Checkpoint, CosignedCheckpoint, Equivocation, Purpose, Quorum, SignatureType, SignedNote, Witness,
    merkle, witness_name,
};
use node::{
    Config, DocumentContent, Lane, LogError, NewDocument, Node, NodeError, Principal, Progress,
    RevocationOrder, Role, Rotation, World,
};
use std::sync::Arc;
use support::witnesses::{Federation, Office, administration, entry, leaves};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_cosigned_by_the_quorum_and_proves_its_entries() {
    let federation = Federation::running(700).await;
    assert_eq!(federation.publish(&["FR", "IT"]).await, 700);
    let node = federation.office("GB").node();
    let note = node.log_checkpoint().await.unwrap().unwrap();
    let witnesses: Vec<Witness> = ["FR", "IT"]
        .map(|country| Witness::of(&administration(country), federation.office(country).card().witness))
        .to_vec();
    let key = federation.office("GB").card().log;
    let cosigned = CosignedCheckpoint::verify(&note, "tidewaiter.example/GB", &key, &witnesses).unwrap();
    assert_eq!((cosigned.checkpoint.size, cosigned.cosignatures.len()), (700, 2));
    assert_eq!(cosigned.checkpoint.root.0, merkle::root(&leaves(700, 0)));
    let proof = node.log_proof(123).await.unwrap().unwrap();
    assert_eq!((proof.entry, proof.size, &proof.note), (entry(123, 0), 700, &note));
    cosigned.checkpoint.verify_inclusion(&proof.leaf, 123, &proof.path).unwrap();
    let view = node.log_view().await.unwrap();
    assert!(view.quorums[0].met && view.quorums[0].covered == Some(700), "{:?}", view.quorums);
    assert_eq!(view.witnesses.iter().map(|witness| witness.size).collect::<Vec<_>>(), [Some(700); 2]);
    let metrics = node.metrics().await.unwrap();
    for line in ["log_checkpoint_leaves 700", "log_cosignatures 2", "log_quorum_met 1", "log_behind 0"] {
        assert!(metrics.contains(&format!("\ntidewaiter_{line}\n")), "{line}");
    }
    // Asking again gives the same; a partner that was asked once knows where to prove from.
    assert_eq!(federation.publish(&["FR"]).await, 700);
}

/// Adds lines to the section `log` of an office's configuration.
fn set_in_log(office: &Office, lines: &str) {
    let text = std::fs::read_to_string(&office.config).unwrap();
    assert!(text.contains("[log]\n") && text.contains("cosign_ml_dsa_44 = false\n"), "{text}");
    let text = text.replace("cosign_ml_dsa_44 = false\n", "").replace("[log]\n", &format!("[log]\n{lines}"));
    std::fs::write(&office.config, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_with_ml_dsa_44_too_and_the_quorum_accepts_it() {
    let mut federation = Federation::prepared(40).await;
    let config = |country| Config::load(&federation.office(country).config).unwrap();
    let key = node::ml_dsa_witness_key(&config("FR"), None).unwrap();
    assert_eq!(node::ml_dsa_witness_key(&config("FR"), None).unwrap(), key, "there is one");
    let other = node::ml_dsa_witness_key(&config("IT"), None).unwrap();
    set_in_log(federation.office("FR"), "cosign_ml_dsa_44 = true\n");
    // Great Britain does not know Italy's key, and Italy has one that it was not told to use.
    set_in_log(federation.office("GB"), &format!("witness_keys = [\"{key}\"]\n"));
    for office in &mut federation.offices {
        office.start().await;
    }
    let france = federation.office("FR").node();
    assert_eq!(france.log_view().await.unwrap().witness_keys[1], key);
    assert_eq!(federation.office("IT").node().log_view().await.unwrap().witness_keys.len(), 1);
    assert_eq!(federation.publish(&["FR", "IT"]).await, 40);

    let node = federation.office("GB").node();
    let note = node.log_checkpoint().await.unwrap().unwrap();
    let british = federation.office("GB").card().log;
    let verified = |witnesses: &[Witness]| {
        CosignedCheckpoint::verify(&note, "tidewaiter.example/GB", &british, witnesses).unwrap()
    };
    let post_quantum = Witness::from_verifier_key(&key).unwrap();
    let cosigned = verified(std::slice::from_ref(&post_quantum));
    assert_eq!(cosigned.cosignatures.len(), 1);
    assert_eq!(cosigned.cosignatures[0].signature_type, SignatureType::MlDsa44Cosignature);
    // Alone it is no quorum, as no register could revoke it; together with Ed25519 it is one witness and not two.
    let of = |needed| Quorum::new(needed, ["FR", "IT"].map(administration).into()).unwrap();
    assert!(!of(1).evaluate(&administration("GB"), &cosigned).unwrap().met());
    let both = [post_quantum, Witness::of(&administration("FR"), federation.office("FR").card().witness)];
    let cosigned = verified(&both);
    assert_eq!(cosigned.cosignatures.len(), 2);
    assert!(of(1).evaluate(&administration("GB"), &cosigned).unwrap().met());
    assert!(!of(2).evaluate(&administration("GB"), &cosigned).unwrap().met());
    assert_eq!(
        verified(&[Witness::from_verifier_key(&other).unwrap()]).cosignatures,
        [],
        "Italy was not told to"
    );
    let view = node.log_view().await.unwrap();
    assert!(view.quorums[0].met && view.quorums[0].covered == Some(40), "{:?}", view.quorums);

    // A witness that it does not know to cosign with ML-DSA-44 counts by its Ed25519 key, and the rest is not kept.
    let office = federation.office_mut("FR");
    office.stop().await;
    office.enter(0, 7, 0);
    office.start().await;
    let france = Arc::clone(federation.office("FR").node());
    france.sign_checkpoint().await.unwrap();
    assert_eq!(france.request_cosignature(&administration("IT")).await.unwrap(), 7);
    let britain = federation.office_mut("GB");
    britain.stop().await;
    node::ml_dsa_witness_key(&Config::load(&britain.config).unwrap(), None).unwrap();
    let text = std::fs::read_to_string(&britain.config).unwrap();
    std::fs::write(&britain.config, text.replace("[log]\n", "[log]\ncosign_ml_dsa_44 = true\n")).unwrap();
    britain.start().await;
    assert_eq!(france.request_cosignature(&administration("GB")).await.unwrap(), 7);
    let note = SignedNote::parse("checkpoint", &france.log_checkpoint().await.unwrap().unwrap()).unwrap();
    let names: Vec<_> = note.signatures().iter().map(|line| (line.name(), line.signature().len())).collect();
    let (log, gb, it) =
        ("tidewaiter.example/FR", "tidewaiter.example/GB/witness", "tidewaiter.example/IT/witness");
    assert_eq!(names, [(log, 64), (gb, 72), (it, 72)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_of_ml_dsa_44_that_cannot_work_is_refused() {
    let federation = Federation::prepared(1).await;
    let office = federation.office("GB");
    let text = std::fs::read_to_string(&office.config).unwrap();
    let ed25519 = Witness::of(&administration("FR"), federation.office("FR").card().witness).verifier_key();
    for (lines, words) in [
        ("cosign_ml_dsa_44 = true\n".to_owned(), "make one with `tidewaiter key witness-ml-dsa-44`"),
        (format!("witness_keys = [\"{ed25519}\"]\n"), "in cards and key registers: give ML-DSA-44"),
        ("witness_keys = [\"FR\"]\n".to_owned(), "it is not as in `name+hash+base64`"),
    ] {
        set_in_log(office, &lines);
        let opened = Node::open(Config::load(&office.config).unwrap(), World::system()).await;
        let refused = opened.err().unwrap().to_string();
        assert!(refused.contains(words), "{refused}");
        std::fs::write(&office.config, &text).unwrap();
    }
}

/// The real time two hours later.
struct Later;

impl node::Clock for Later {
    fn now(&self) -> base::Timestamp {
        node::SystemClock.now().plus_seconds(7_200)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_proved_after_the_checkpoint_over_it_is_forgotten() {
    let mut federation = Federation::prepared(10).await;
    let office = federation.office_mut("GB");
    for size in [10, 20, 30] {
        if size > 10 {
            office.enter(size - 10, size, 0);
        }
        office.start().await;
        // Nobody cosigns it.
        office.node().sign_checkpoint().await.unwrap();
        assert_eq!(office.node().log_proof(3).await.unwrap().unwrap().size, 10);
        office.node().prune_checkpoints().await.unwrap();
        office.stop().await;
    }
    let world = World { clock: Arc::new(Later), ..World::system() };
    let node = Node::open(Config::load(&office.config).unwrap(), world).await.unwrap();
    assert_eq!(node.log_proof(3).await.unwrap().unwrap().size, 10, "it is kept until then");
    node.prune_checkpoints().await.unwrap();
    let proof = node.log_proof(3).await.unwrap().unwrap();
    assert_eq!(proof.size, 30);
    let checkpoint = Checkpoint::verify(&proof.note, "tidewaiter.example/GB", &office.card().log).unwrap();
    checkpoint.verify_inclusion(&proof.leaf, 3, &proof.path).unwrap();
    node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_grows_from_witness_to_witness() {
    let mut federation = Federation::running(10).await;
    assert_eq!(federation.publish(&["FR"]).await, 10);
    let office = federation.office_mut("GB");
    office.stop().await;
    office.enter(10, 1_000, 0);
    office.start().await;
    // Italy has never seen the log; France has cosigned 10.
    assert_eq!(federation.publish(&["FR", "IT"]).await, 1_000);
    let node = federation.office("GB").node();
    // The first checkpoint has one cosignature of the two that the agreement asks for, the second both.
    assert_eq!(node.log_proof(3).await.unwrap().unwrap().size, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_shows_two_roots_is_proved_to_equivocate() {
    let federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    assert_eq!(federation.lie_to("IT", 300).await, 200);
    assert_proved(&federation, "FR", "IT", "it signed two roots for the size 300").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_histories_of_different_sizes_are_proved_from_the_tiles() {
    let federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    assert_eq!(federation.lie_to("IT", 280).await, 200);
    // The tiles of Great Britain lead to the checkpoint of 300 and give another root for its first 280 entries.
    assert_proved(&federation, "FR", "IT", "it signed two roots for the size 280").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_lied_to_itself_has_the_proof() {
    let federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    let leaves = leaves(300, 1);
    let checkpoint = Checkpoint::new(&administration("GB"), 300, merkle::root(&leaves));
    let note = checkpoint.sign(&federation.office("GB").identity().keys.log).unwrap();
    let note = SignedNote::parse("checkpoint", &note).unwrap();
    let body = AddCheckpoint { old_size: 300, proof: Vec::new(), note }.to_body();
    let reply = federation.office("FR").node().add_checkpoint(body.as_bytes()).await.unwrap();
    assert_eq!((reply.status, reply.content_type, reply.body.as_str()), (409, "text/x.tlog.size", "300\n"));
    let view = federation.office("FR").node().log_view().await.unwrap();
    assert!(view.findings[0].proved, "{:?}", view.findings);
}

/// Whoever stole a log key can sign histories that its owner never showed: once it is revoked, what it signed accuses nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_log_key_signed_proves_no_equivocation() {
    let federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    assert_eq!(federation.lie_to("IT", 300).await, 200);
    let britain = federation.office("GB").node();
    let threshold = node::Threshold { change: 2, revocation: 1 };
    let founded = britain.found_register("common-transit", Some(threshold)).await.unwrap();
    assert_eq!(founded, Progress::InForce { version: 1 });
    let stolen = federation.office("GB").card().log.key_id().to_string();
    britain.rotate_key(Rotation { purpose: Purpose::Log, algorithm: None, device: None }).await.unwrap();
    let order = RevocationOrder { key: stolen, effective_position: None, reason: "compromised".into() };
    britain.revoke_key(order).await.unwrap();
    let france = federation.office("FR").node();
    britain.look_after_registers().await.unwrap();
    assert_eq!(france.key_registers().await.unwrap()[0].version, 3);
    for _ in 0..2 {
        france.compare_with(&administration("IT")).await.unwrap();
    }
    let view = france.log_view().await.unwrap();
    let findings: Vec<_> = view.findings.iter().map(|found| (found.kind.as_str(), found.proved)).collect();
    assert_eq!(findings, [("unproved", false)], "{:?}", view.findings);
    assert!(view.findings[0].words.contains("a key that was revoked"), "{}", view.findings[0].words);
}

/// `finder` compares with `source`, and keeps a proof that holds under the log's key alone.
async fn assert_proved(federation: &Federation, finder: &str, source: &str, words: &str) {
    let node = federation.office(finder).node();
    for _ in 0..2 {
        node.compare_with(&administration(source)).await.unwrap();
    }
    let view = node.log_view().await.unwrap();
    assert_eq!(view.findings.len(), 1, "it is raised once: {:?}", view.findings);
    let finding = &view.findings[0];
    assert!(finding.words.contains(words), "{}", finding.words);
    assert!(node.metrics().await.unwrap().contains("\ntidewaiter_log_equivocations 1\n"));
    let proof = node.finding_proof(finding.id).await.unwrap().unwrap();
    let proof = Equivocation::from_cbor(&proof).unwrap();
    assert_eq!(proof.log(), &administration("GB"));
    proof.verify(&[federation.office("GB").card().log]).unwrap();
    // An officer who has seen to it ends the alarm; finding and proof stay.
    let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
    assert_eq!(node.see_finding(&officer, finding.id, " ").await.unwrap(), Err(node::SeeError::Note));
    node.see_finding(&officer, finding.id, "told all partners").await.unwrap().unwrap();
    let again = node.see_finding(&officer, finding.id, "again").await.unwrap();
    assert_eq!(again, Err(node::SeeError::Absent(finding.id)));
    let metrics = node.metrics().await.unwrap();
    assert!(
        metrics.contains("\ntidewaiter_log_equivocations 0\n")
            && metrics.contains("\ntidewaiter_log_findings 0\n")
    );
    let kept = node.log_view().await.unwrap().findings.remove(0);
    let seen = kept.seen.unwrap();
    assert_eq!((kept.id, seen.by.as_str(), seen.note.as_str()), (finding.id, "officer", "told all partners"));
    assert!(node.finding_proof(finding.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_that_were_shown_one_history_find_nothing() {
    let mut federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR", "IT"]).await, 300);
    let office = federation.office_mut("GB");
    office.stop().await;
    office.enter(300, 700, 0);
    office.start().await;
    assert_eq!(federation.publish(&["FR"]).await, 700);
    for (finder, source) in [("FR", "IT"), ("IT", "FR"), ("GB", "FR"), ("GB", "IT")] {
        let node = federation.office(finder).node();
        node.compare_with(&administration(source)).await.unwrap();
        let view = node.log_view().await.unwrap();
        assert!(view.findings.is_empty() && view.behind.is_none(), "{finder}: {view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_hides_its_tiles_is_reported() {
    let mut federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    assert_eq!(federation.lie_to("IT", 280).await, 200);
    federation.office_mut("GB").stop().await;
    let node = federation.office("FR").node();
    // Whoever is away for a moment hides nothing.
    for _ in 0..2 {
        node.compare_with(&administration("IT")).await.unwrap();
        assert!(node.log_view().await.unwrap().findings.is_empty());
    }
    node.compare_with(&administration("IT")).await.unwrap();
    let view = node.log_view().await.unwrap();
    assert_eq!((view.findings[0].kind.as_str(), view.findings[0].proved), ("unproved", false));
}

fn is_behind<T: std::fmt::Debug>(outcome: Result<T, NodeError>) -> bool {
    matches!(outcome, Err(NodeError::Log(LogError::Behind(_))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_signs_nothing() {
    let mut federation = Federation::running(300).await;
    assert_eq!(federation.publish(&["FR"]).await, 300);
    let office = federation.office_mut("GB");
    office.stop().await;
    office.copy_database("node.db", "backup.db");
    office.enter(300, 400, 0);
    office.start().await;
    assert_eq!(federation.publish(&["FR"]).await, 400);
    let office = federation.office_mut("GB");
    office.stop().await;
    office.copy_database("node.db", "latest.db");
    office.copy_database("backup.db", "node.db");
    office.start().await;
    let node = office.node();
    let reason = node.readiness().await.unwrap_err();
    assert!(reason.contains("a checkpoint of 400 entries") && reason.contains("has 300 entries"), "{reason}");
    assert!(is_behind(node.sign_checkpoint().await));
    assert!(is_behind(node.add_checkpoint(b"old 0\n\n").await));
    assert!(is_behind(node.receive(&administration("FR"), Vec::new()).await));
    assert!(node.log_view().await.unwrap().behind.is_some());
    assert!(node.metrics().await.unwrap().contains("\ntidewaiter_log_behind 1\n"));
    // As long as before, and still another history.
    office.stop().await;
    office.enter(300, 400, 1);
    office.start().await;
    assert!(office.node().readiness().await.unwrap_err().contains("has other entries"));
    // The latest database puts it right.
    office.stop().await;
    office.copy_database("latest.db", "node.db");
    office.enter(400, 401, 0);
    office.start().await;
    assert_eq!(office.node().readiness().await, Ok(()));
    assert_eq!(federation.publish(&["FR", "IT"]).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_remembers_what_a_restored_node_has_forgotten() {
    let mut federation = Federation::running(300).await;
    assert_eq!(federation.publish(&[]).await, 0);
    let office = federation.office_mut("GB");
    office.stop().await;
    office.copy_database("node.db", "backup.db");
    office.enter(300, 400, 0);
    office.start().await;
    assert_eq!(federation.publish(&["FR"]).await, 400);
    // The machine was lost, and the record beside the keys with it.
    let office = federation.office_mut("GB");
    office.stop().await;
    office.copy_database("backup.db", "node.db");
    std::fs::remove_file(office.folder().join("keys.json.checkpoint")).unwrap();
    office.enter(300, 350, 1);
    office.start().await;
    assert_eq!(office.node().readiness().await, Ok(()));
    let node = federation.office("GB").node();
    node.sign_checkpoint().await.unwrap();
    assert!(node.request_cosignature(&administration("FR")).await.is_err());
    let reason = node.readiness().await.unwrap_err();
    assert!(reason.contains("shown by NTA.FR"), "{reason}");
    assert!(is_behind(node.sign_checkpoint().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_with_a_restored_database_cosigns_no_second_history() {
    let mut federation = Federation::prepared(300).await;
    federation.office("FR").copy_database("node.db", "backup.db");
    for country in ["GB", "FR", "IT"] {
        federation.office_mut(country).start().await;
    }
    assert_eq!(federation.publish(&["FR"]).await, 300);
    let office = federation.office_mut("FR");
    office.stop().await;
    office.copy_database("backup.db", "node.db");
    office.start().await;
    // Its database has never heard of the log; the record beside its keys has.
    assert_eq!(federation.lie_to("FR", 280).await, 409);
    assert_eq!(federation.publish(&["FR"]).await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stops_a_node_with_an_invention() {
    let federation = Federation::running(300).await;
    assert_eq!(federation.publish(&[]).await, 0);
    // Under a key that is not the log's, France would not cosign it, and Great Britain would not believe it.
    let stranger = federation.office("IT").identity();
    let invented = Checkpoint::new(&administration("GB"), 9_999, [1; 32]).sign(&stranger.keys.log).unwrap();
    let body = AddCheckpoint {
        old_size: 0,
        proof: Vec::new(),
        note: SignedNote::parse("checkpoint", &invented).unwrap(),
    };
    let france = federation.office("FR").node();
    assert_eq!(france.add_checkpoint(body.to_body().as_bytes()).await.unwrap().status, 403);
    let node = federation.office("GB").node();
    node.compare_with(&administration("FR")).await.unwrap();
    assert_eq!(node.readiness().await, Ok(()));
    assert_eq!(witness_name(&administration("FR")), "tidewaiter.example/FR/witness");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_publish_and_cosign_by_themselves() {
    let federation = Federation::running(700).await;
    let began = tokio::time::Instant::now();
    let workers: Vec<_> = federation
        .offices
        .iter()
        .map(|office| Arc::clone(office.node()).start_workers(std::future::pending()))
        .collect();
    let node = federation.office("GB").node();
    while node.log_view().await.unwrap().quorums[0].covered != Some(700) {
        assert!(began.elapsed().as_secs() < 60, "{:?}", node.log_view().await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    println!("700 entries were below a checkpoint with its quorum after {:?}", began.elapsed());
    workers.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Great Britain sends France a document, and has its receipt.
async fn receipted(federation: &Federation) -> tokio::task::JoinHandle<()> {
    let node = federation.office("GB").node();
    let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
    let new = NewDocument {
        recipient: administration("FR"),
        subject: "case-1".to_owned(),
        purpose: node::default_purpose().unwrap(),
        lane: Lane::Normal,
        expires_seconds: node::DEFAULT_EXPIRY_SECONDS,
        document: DocumentContent {
            title: "A case".to_owned(),
            media_type: "text/plain".to_owned(),
            content: b"about it".to_vec(),
        },
    };
    node.send_document(&officer, new).await.unwrap().unwrap();
    let workers = Arc::clone(node).start_workers(std::future::pending());
    let began = tokio::time::Instant::now();
    while !node.metrics().await.unwrap().contains("\ntidewaiter_letters_delivered_total 1\n") {
        assert!(began.elapsed().as_secs() < 60, "the document was not delivered");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    workers
}

/// A checkpoint under the log key of France, shown to Great Britain.
async fn france_shows(federation: &Federation, size: u64, leaves: &[merkle::Hash]) {
    let checkpoint = Checkpoint::new(&administration("FR"), size, merkle::root(leaves));
    let note = checkpoint.sign(&federation.office("FR").identity().keys.log).unwrap();
    let note = SignedNote::parse("checkpoint", &note).unwrap();
    let body = AddCheckpoint { old_size: 0, proof: Vec::new(), note }.to_body();
    let node = federation.office("GB").node();
    assert_eq!(node.add_checkpoint(body.as_bytes()).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_breaks_the_promise_of_a_receipt_is_proved_to_equivocate() {
    let federation = Federation::running(3).await;
    let workers = receipted(&federation).await;
    let node = federation.office("GB").node();
    // France has one entry, the document's statement; to Great Britain as a witness it shows another.
    france_shows(&federation, 1, &leaves(1, 1)).await;
    node.compare_receipt(&administration("FR")).await.unwrap();
    let view = node.log_view().await.unwrap();
    assert_eq!(view.findings.len(), 1, "{:?}", view.findings);
    assert!(view.findings[0].words.contains("in a receipt"), "{}", view.findings[0].words);
    let proof = node.finding_proof(view.findings[0].id).await.unwrap().unwrap();
    let proof = Equivocation::from_cbor(&proof).unwrap();
    proof.verify(&[federation.office("FR").card().log]).unwrap();
    workers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_keeps_the_promise_of_a_receipt_is_in_order() {
    let federation = Federation::running(3).await;
    let workers = receipted(&federation).await;
    let (france, node) = (federation.office("FR").node(), federation.office("GB").node());
    france.sign_checkpoint().await.unwrap();
    assert_eq!(france.request_cosignature(&administration("GB")).await, Ok(1));
    node.compare_receipt(&administration("FR")).await.unwrap();
    assert!(node.log_view().await.unwrap().findings.is_empty());
    // The parties of the document get its entry from either log, and nobody else does.
    for (owner, index) in [(france, 0), (node, 3)] {
        for (asking, gets) in [("GB", true), ("FR", true), ("IT", false)] {
            let entry = owner.log_entry_for(&administration(asking), index).await.unwrap();
            assert_eq!(entry.is_some(), gets, "{asking}");
        }
    }
    workers.abort();
}
