//! The officers who receive documents: each looks from time to time at what is open, reads it, and decides.

use crate::activities::Activity;
use crate::clock;
use crate::faults::Fault;
use crate::stage::Stage;
use base::Country;
use node::{DocumentDecision, DocumentRow, Node, Principal, Role};
use std::time::Duration;

/// How often the officers look at what is open.
const LOOK: Duration = Duration::from_millis(400);

/// How many documents are looked at together.
const AT_ONCE: i64 = 20;

/// How often in a thousand an officer decides on a document at a look, accepts what is decided on, and reads it.
const DECIDES: u64 = 400;
const ACCEPTS: u64 = 650;
const READS: u64 = 500;

/// The officers of all administrations.
#[derive(Default)]
pub(crate) struct Officers {
    next_look: Duration,
}

impl Officers {
    /// Lets the officers look, when it is time.
    pub(crate) async fn look(&mut self, stage: &Stage) {
        if clock::elapsed() < self.next_look {
            return;
        }
        self.next_look = clock::elapsed() + LOOK;
        if stage.all_decided() {
            return;
        }
        for country in stage.federation.countries() {
            let Some(node) = stage.node(*country) else { continue };
            let Ok(open) = node.open_documents(0, AT_ONCE).await else { continue };
            for row in open {
                if stage.draw(|dice| dice.per_mille(DECIDES)) {
                    decide(stage, *country, &node, &row).await;
                }
            }
        }
    }
}

async fn decide(stage: &Stage, country: Country, node: &Node, row: &DocumentRow) {
    let accept = stage.draw(|dice| dice.per_mille(ACCEPTS));
    let (before, after) = stage.draw(|dice| (dice.per_mille(READS), dice.per_mille(READS)));
    // A node that cannot hand it out now hands it out another time, or never: nothing rests on it.
    if before {
        drop(node.hand_out_document(row.message).await);
    }
    if stage.befalls(Fault::CommitFailed, country) {
        stage.fail_next_commit(country);
    }
    let words = if accept { String::new() } else { "not needed here".to_owned() };
    let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
    match node.decide_document(&officer, row.message, DocumentDecision { accept, words }).await {
        Ok(Ok(true)) => {
            stage.did(Activity::DocumentDecided);
            let told = if accept { "accepted" } else { "declined" };
            stage.note(country.as_str(), format!("{} of {} is {told}", row.title, row.partner));
            stage.note_decided(country, row.exchange_id.as_deref().unwrap_or_default(), accept);
        }
        // It was decided on, and the answer was lost.
        Ok(Ok(false)) => {}
        Ok(Err(refused)) => stage.violation(format!("{country} did not let its officer decide: {refused}")),
        Err(_) => stage.note(country.as_str(), format!("{} cannot be decided on now", row.title)),
    }
    if after {
        drop(node.hand_out_document(row.message).await);
    }
    if stage.befalls(Fault::PowerCut, country) {
        stage.cut_power(country);
    }
}
