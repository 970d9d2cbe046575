//! The node's log: how large it is, who has cosigned it, and what monitoring has found about any log.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::visit::Visit;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use node::{CheckpointView, FindingView, LogView, SeeError, WitnessView};
use serde::Deserialize;

/// The address of the page.
const PAGE: &str = "/console/log";

/// A checkpoint of a log.
#[derive(Clone, Debug)]
pub struct Head {
    origin: String,
    size: u64,
    root: String,
    at: Moment,
}

impl From<&CheckpointView> for Head {
    fn from(view: &CheckpointView) -> Self {
        let at = Moment::from_micros(view.at);
        Self { origin: view.origin.clone(), size: view.size, root: view.root.clone(), at }
    }
}

/// A partner as a witness.
#[derive(Clone, Debug)]
pub struct WitnessRow {
    administration: String,
    size: Option<u64>,
    at: Option<Moment>,
    state: &'static str,
    tone: &'static str,
    problem: Option<String>,
}

impl WitnessRow {
    fn new(view: &WitnessView, latest: u64) -> Self {
        let (state, tone) = match view.size {
            Some(size) if size >= latest => ("Up to date", "good"),
            Some(_) => ("Behind", "wait"),
            None => ("Has not cosigned yet", "wait"),
        };
        Self {
            administration: view.administration.clone(),
            size: view.size,
            at: view.at.map(Moment::from_micros),
            state,
            tone,
            problem: view.problem.clone(),
        }
    }
}

/// A quorum that an agreement asks for.
#[derive(Clone, Debug)]
pub struct QuorumRow {
    agreement: String,
    rule: String,
    covered: Option<u64>,
    state: &'static str,
    tone: &'static str,
}

/// Something that monitoring has found.
#[derive(Clone, Debug)]
pub struct FindingRow {
    at: Moment,
    kind: &'static str,
    tone: &'static str,
    origin: String,
    words: String,
    proof: Option<String>,
    id: i64,
    seen: Option<Seen>,
    /// What an officer entered whose note was not taken.
    note: String,
}

/// Who has seen to a finding.
#[derive(Clone, Debug)]
pub struct Seen {
    by: String,
    note: String,
    at: Moment,
}

impl From<&FindingView> for FindingRow {
    fn from(view: &FindingView) -> Self {
        let (kind, tone) = if view.proved {
            ("Two histories, proved", "bad")
        } else {
            ("Not shown to be one history", "wait")
        };
        Self {
            at: Moment::from_micros(view.at),
            kind,
            tone,
            origin: view.origin.clone(),
            words: view.words.clone(),
            id: view.id,
            note: String::new(),
            seen: view.seen.as_ref().map(|seen| Seen {
                by: seen.by.clone(),
                note: seen.note.clone(),
                at: Moment::from_micros(seen.at),
            }),
            proof: view.proved.then(|| format!("/console/log/findings/{}/proof", view.id)),
        }
    }
}

/// The page of the log.
#[derive(Template)]
#[template(path = "log.html")]
pub struct LogPage {
    frame: Frame,
    origin: String,
    verifier_key: String,
    witness_keys: Vec<String>,
    size: u64,
    head: Option<Head>,
    behind: Option<String>,
    witnesses: Vec<WitnessRow>,
    quorums: Vec<QuorumRow>,
    witnessed: Vec<Head>,
    findings: Vec<FindingRow>,
    decides: bool,
    problem: String,
}

impl LogPage {
    /// The page of this state of the log; only who `decides` is asked to see to findings.
    pub fn new(frame: Frame, view: &LogView, decides: bool) -> Self {
        let latest = view.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let quorums = view.quorums.iter().map(|quorum| QuorumRow {
            agreement: quorum.agreement.clone(),
            rule: format!("{} of {}", quorum.needed, quorum.witnesses.join(", ")),
            covered: quorum.covered,
            state: if quorum.met { "Met" } else { "Not met" },
            tone: if quorum.met { "good" } else { "bad" },
        });
        Self {
            frame,
            origin: view.origin.clone(),
            verifier_key: view.verifier_key.clone(),
            witness_keys: view.witness_keys.clone(),
            size: view.size,
            head: view.checkpoint.as_ref().map(Head::from),
            behind: view.behind.clone(),
            witnesses: view.witnesses.iter().map(|witness| WitnessRow::new(witness, latest)).collect(),
            quorums: quorums.collect(),
            witnessed: view.witnessed.iter().map(Head::from).collect(),
            findings: view.findings.iter().map(FindingRow::from).collect(),
            decides,
            problem: String::new(),
        }
    }

    /// The same page after a note on a finding was not taken: it says why, and keeps what was entered.
    pub fn refused(mut self, id: i64, note: String, error: &SeeError) -> Self {
        self.problem = format!("Finding {id}: {error}.");
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.id == id) {
            finding.note = note;
        }
        self
    }
}

async fn page_of(visit: Visit) -> Result<LogPage, Failure> {
    let visit = visit.within(Section::Log);
    let view = visit.node.log_view().await.map_err(visit.failed())?;
    let decides = visit.principal.role.decides();
    Ok(LogPage::new(visit.frame, &view, decides))
}

/// `GET /console/log`.
pub async fn show(visit: Visit) -> Result<Response, Failure> {
    Ok(page(StatusCode::OK, &page_of(visit).await?))
}

/// What an officer did about a finding.
#[derive(Deserialize)]
pub struct Noted {
    form_token: String,
    #[serde(default)]
    note: String,
}

/// `POST /console/log/findings/{id}/seen`: ends the alarm of a finding, and keeps it on record.
pub async fn see(
    visit: Visit,
    Path(id): Path<String>,
    form: Result<Form<Noted>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    visit.check_form_token(&form.form_token, PAGE.to_owned())?;
    if !visit.principal.role.decides() {
        let words = "Officers see to findings about logs; the operator does not.";
        return Err(Failure::forbidden(&visit.frame, words));
    }
    let absent =
        || Failure::absent(&visit.frame, format!("There is no finding `{id}` that nobody has seen to."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    match visit.node.see_finding(&visit.principal, number, &form.note).await.map_err(visit.failed())? {
        Ok(()) => Ok(Redirect::to(PAGE).into_response()),
        Err(SeeError::Absent(_)) => Err(absent()),
        Err(error @ SeeError::Note) => {
            let shown = page_of(visit).await?.refused(number, form.note, &error);
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
    }
}

/// `GET /console/log/findings/{id}/proof`: the portable proof, to be handed on.
pub async fn proof(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Log);
    let found = match id.parse() {
        Ok(id) => visit.node.finding_proof(id).await.map_err(visit.failed())?,
        Err(_) => None,
    };
    let Some(proof) = found else {
        return Err(Failure::absent(&visit.frame, format!("There is no proof of a finding `{id}`.")));
    };
    let headers = [
        (header::CONTENT_TYPE, node::EQUIVOCATION_TYPE),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"equivocation.cbor\""),
    ];
    Ok((headers, proof).into_response())
}
