//! What proves a message, as its page tells it, and the evidence file to download.

use super::failure::Failure;
use super::moment::Moment;
use super::paths;
use super::visit::Visit;
use crate::api::evidence::download as file;
use axum::extract::{Path, Query};
use axum::response::Response;
use node::{Disclose, EvidenceOutcome, EvidenceStanding, EvidenceView, ExportError, NodeError};
use serde::Deserialize;

/// The evidence of a message on its page.
pub struct Evidence {
    /// The address of the message, under which the file is.
    pub address: String,
    /// Whether who looks may have the file show more than that there was a message.
    pub decides: bool,
    /// Whether everything that is here holds.
    pub holds: bool,
    /// What is proved, one sentence each.
    pub proved: Vec<Line>,
    /// The attachments that the statement covers, one sentence each.
    pub attachments: Vec<String>,
    /// What does not hold, one sentence each.
    pub problems: Vec<String>,
    /// What is not proved, one sentence each.
    pub gaps: Vec<String>,
    /// When the content was erased, by whom and why.
    pub erased: Option<(Moment, String, String)>,
}

/// One sentence, and when it was said.
pub struct Line {
    /// The sentence.
    pub words: String,
    /// When, by the clock of who said it.
    pub at: String,
}

impl Evidence {
    /// What the page of a message says to a visitor; nothing when it is not between nodes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn for_visit(visit: &Visit, message: i64) -> Result<Option<Self>, Failure> {
        let view = visit.node.evidence_view(message).await.map_err(visit.failed())?;
        let decides = visit.principal.role.decides();
        Ok(view.map(|view| Self::of(&view, paths::message(message), decides)))
    }

    /// What the page says of a verdict. That times are those of clocks, and what the agreement says, is no news to an
    /// officer of a party.
    fn of(view: &EvidenceView, address: String, decides: bool) -> Self {
        let verdict = &view.verdict;
        let known = |found: &&node::Finding| found.standing == EvidenceStanding::Proved;
        let proved = verdict
            .findings
            .iter()
            .filter(known)
            .map(|found| Line { words: found.words.clone(), at: found.at.clone().unwrap_or_default() });
        let told = ["truth", "time", "agreement-text", "content", "revocations"];
        let gaps = verdict.not_proved.iter().filter(|gap| !told.contains(&gap.code.as_str()));
        Self {
            address,
            decides,
            holds: verdict.outcome != EvidenceOutcome::Refused,
            proved: proved.collect(),
            attachments: verdict.attachments.iter().map(node::EvidenceAttachment::words).collect(),
            problems: verdict.problems.iter().map(|problem| problem.words.clone()).collect(),
            gaps: gaps.map(|gap| gap.words.clone()).collect(),
            erased: view
                .erasure
                .as_ref()
                .map(|erasure| (Moment::from_micros(erasure.at), erasure.by.clone(), erasure.ground.clone())),
        }
    }
}

/// What of the content the file shows.
#[derive(Deserialize)]
pub struct Shown {
    show: Option<String>,
    #[serde(default)]
    attachments: bool,
}

/// `GET /console/messages/{id}/evidence`: the evidence file, with the whole content for an
/// officer who asks `?show=whole`.
pub async fn download(
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Failure> {
    let absent =
        || Failure::absent(&visit.frame, format!("There is no evidence of a message `{id}` on record."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    let disclose = match shown.show.as_deref() {
        Some("whole") => Disclose::Whole,
        _ => Disclose::Nothing,
    };
    if (shown.attachments || disclose != Disclose::Nothing) && !visit.principal.role.decides() {
        let words =
            "Content is shown by officers of the administration only; the operator gets the file without it.";
        return Err(Failure::forbidden(&visit.frame, words));
    }
    match visit.node.evidence_with(number, disclose, shown.attachments).await {
        Ok(Some(bytes)) => Ok(file(number, bytes)),
        Ok(None) => Err(absent()),
        Err(NodeError::Export(error)) if !matches!(error, ExportError::Store(_)) => {
            Err(Failure::absent(&visit.frame, format!("There is no such evidence: {error}.")))
        }
        Err(error) => Err(visit.failed()(error)),
    }
}
