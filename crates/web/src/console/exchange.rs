//! The exchange: what waits for each partner, alarms, and dead letters with what can be done about them.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::paths;
use super::replacement::{Other, address_of};
use super::visit::Visit;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use node::{DeadLetterView, ExchangeView, QueueView};
use serde::Deserialize;

/// The address of the page.
const PAGE: &str = "/console/exchange";

/// How many dead letters are shown at once.
const SHOWN: i64 = 50;

/// How many of those that were dealt with are shown at once.
const SETTLED_SHOWN: i64 = 20;

/// What waits for a partner.
pub struct Queue {
    partner: String,
    state: &'static str,
    tone: &'static str,
    letters: i64,
    size: String,
    oldest: Option<Moment>,
    problem: String,
    alarms: Vec<String>,
}

impl From<&QueueView> for Queue {
    fn from(view: &QueueView) -> Self {
        let (state, tone) = match view.circuit {
            "closed" => ("answers", "good"),
            "trial" => ("being tried", "wait"),
            _ => ("does not answer", "bad"),
        };
        Self {
            partner: view.partner.clone(),
            state,
            tone,
            letters: view.letters,
            size: size(view.bytes),
            oldest: view.oldest.map(Moment::from_micros),
            problem: view.problem.clone().unwrap_or_default(),
            alarms: view.alarms.iter().map(|alarm| alarm.words.clone()).collect(),
        }
    }
}

/// A dead letter.
pub struct Dead {
    id: i64,
    exchange_id: String,
    partner: String,
    subject: String,
    kind: String,
    clause: String,
    fate: &'static str,
    reason: String,
    since: Option<Moment>,
    address: Option<String>,
    closed: Option<Moment>,
    closing: String,
    others: Vec<Other>,
}

impl From<&DeadLetterView> for Dead {
    fn from(view: &DeadLetterView) -> Self {
        Self {
            id: view.id,
            exchange_id: view.exchange_id.clone(),
            partner: view.partner.clone(),
            subject: view.subject.clone(),
            kind: view.message_type.clone(),
            clause: view.clause.clone(),
            fate: view.fate,
            reason: view.reason.clone(),
            since: view.since.map(Moment::from_micros),
            address: view.message.map(|message| address_of(&view.message_type, message)),
            closed: view.closed.map(Moment::from_micros),
            closing: view.closing.clone().unwrap_or_default(),
            others: Other::all_of(&view.replacements),
        }
    }
}

/// The page of the exchange.
#[derive(Template)]
#[template(path = "exchange.html")]
pub struct ExchangePage {
    frame: Frame,
    queues: Vec<Queue>,
    stages_waiting: i64,
    dead: Vec<Dead>,
    next: String,
    settled: Vec<Dead>,
    earlier: String,
    decides: bool,
    done: String,
    problem: String,
}

impl ExchangePage {
    /// The page of this state of the exchange: dead letters that nobody has dealt with, and those that somebody has.
    pub fn new(
        frame: Frame,
        view: &ExchangeView,
        (dead, settled): (&[DeadLetterView], &[DeadLetterView]),
        decides: bool,
    ) -> Self {
        let full = |letters: &[DeadLetterView], most: i64| i64::try_from(letters.len()).unwrap_or(0) == most;
        let next = dead.last().filter(|_| full(dead, SHOWN));
        let earlier = settled.last().filter(|_| full(settled, SETTLED_SHOWN));
        Self {
            frame,
            queues: view.queues.iter().map(Queue::from).collect(),
            stages_waiting: view.stages_waiting,
            dead: dead.iter().map(Dead::from).collect(),
            next: next.map(|last| format!("{PAGE}?after={}", last.id)).unwrap_or_default(),
            settled: settled.iter().map(Dead::from).collect(),
            earlier: earlier.map(|last| format!("{PAGE}?before={}#settled", last.id)).unwrap_or_default(),
            decides,
            done: String::new(),
            problem: String::new(),
        }
    }
}

/// Bytes in the unit that reads best.
pub fn size(bytes: i64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// Where the list of dead letters goes on, and what was just done.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: i64,
    before: Option<i64>,
    #[serde(default)]
    done: String,
}

async fn draw(visit: Visit, asked: Asked, status: StatusCode, problem: String) -> Result<Response, Failure> {
    let visit = visit.within(Section::Exchange);
    let view = visit.node.exchange().await.map_err(visit.failed())?;
    let letters = visit.node.dead_letters(asked.after, SHOWN).await.map_err(visit.failed())?;
    let settled =
        visit.node.settled_dead_letters(asked.before, SETTLED_SHOWN).await.map_err(visit.failed())?;
    let done = match asked.done.as_str() {
        "sent" => "The message is on its way again, as a new message.",
        "closed" => "The dead letter is closed.",
        _ => "",
    };
    let decides = visit.principal.role.decides();
    let drawn = ExchangePage::new(visit.frame, &view, (&letters, &settled), decides);
    let shown = ExchangePage { done: done.to_owned(), problem, ..drawn };
    Ok(page(status, &shown))
}

/// `GET /console/exchange`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    draw(visit, asked, StatusCode::OK, String::new()).await
}

/// What an officer does about a dead letter.
#[derive(Deserialize)]
pub struct Deed {
    form_token: String,
    deed: String,
    #[serde(default)]
    reason: String,
}

/// `POST /console/exchange/dead-letters/{id}`: sends it again or closes it.
pub async fn deal(
    visit: Visit,
    Path(id): Path<i64>,
    form: Result<Form<Deed>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    visit.check_form_token(&form.form_token, PAGE.to_owned())?;
    if !visit.principal.role.decides() {
        let words = "Officers deal with dead letters; the operator does not.";
        return Err(Failure::forbidden(&visit.frame, words));
    }
    let (done, failed) = match form.deed.as_str() {
        "send" => {
            let sent = visit.node.redrive(&visit.principal, id).await.map_err(visit.failed())?;
            ("sent", sent.err())
        }
        "close" => {
            let closed = visit.node.close_dead_letter(&visit.principal, id, &form.reason).await;
            ("closed", closed.map_err(visit.failed())?.err())
        }
        other => {
            return Err(Failure::malformed(&visit.frame, format!("There is no deed `{other}`.")));
        }
    };
    match failed {
        None => Ok(Redirect::to(&paths::with_query(PAGE, &[("done", done)])).into_response()),
        Some(error) => {
            let asked = Asked { after: 0, before: None, done: String::new() };
            let words = format!("Dead letter {id}: {error}.");
            draw(visit, asked, StatusCode::UNPROCESSABLE_ENTITY, words).await
        }
    }
}
