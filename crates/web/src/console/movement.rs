//! The page of one movement.

use super::decision::{self, Entered, Problem};
use super::decision_form::DecisionForm;
use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::timeline::{Entry, What, merge};
use super::visit::Visit;
use super::worklist::Line;
use super::{names, paths};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use node::MovementView;
use serde::Deserialize;

/// The page of a movement.
#[derive(Template)]
#[template(path = "movement.html")]
pub struct MovementPage {
    frame: Frame,
    name: String,
    mrn: String,
    lrn: String,
    holder: String,
    decisions_address: String,
    offices: Vec<Line>,
    parties: Vec<String>,
    timeline: Vec<Entry>,
    disclosures: Vec<Disclosure>,
    notices: Vec<Noted>,
    forms: Vec<DecisionForm>,
    problems: Vec<(String, String)>,
    entered: Vec<(&'static str, String)>,
    taken: Option<String>,
    refusal: Option<Refusal>,
}

/// What was decided about giving data to a partner.
#[derive(Clone, Debug)]
pub struct Disclosure {
    message: i64,
    address: String,
    title: String,
    recipient: String,
    outcome: String,
    tone: &'static str,
    clause: String,
    words: String,
}

/// What came of the officer's last decision.
#[derive(Clone, Debug, Default)]
pub enum Outcome {
    /// Nothing was decided.
    #[default]
    None,
    /// It took effect.
    Taken {
        /// The decision's name.
        decision: String,
    },
    /// The form is not complete.
    Incomplete {
        /// What was entered.
        entered: Entered,
        /// What is missing.
        problems: Vec<Problem>,
    },
    /// The node refused it.
    Refused {
        /// What was entered.
        entered: Entered,
        /// Why.
        words: String,
        /// Each rule that it breaks.
        rules: Vec<BrokenRule>,
    },
}

/// A rule that a decision breaks.
#[derive(Clone, Debug, Default)]
pub struct BrokenRule {
    /// The error's code (CL180).
    pub code: String,
    /// The rule, as in `G0009`.
    pub rule: String,
    /// Where.
    pub place: String,
}

/// A refusal, for people.
#[derive(Clone, Debug)]
struct Refusal {
    decision: String,
    words: String,
    rules: Vec<BrokenRule>,
}

impl MovementPage {
    /// The page of `view`, which was asked for as `movement`.
    pub fn new(frame: Frame, movement: &str, view: &MovementView, outcome: Outcome) -> Self {
        let first = |pick: fn(&node::MovementRow) -> &String| {
            view.rows.iter().map(pick).find(|text| !text.is_empty()).cloned().unwrap_or_default()
        };
        let (mrn, lrn) = (first(|row| &row.mrn), first(|row| &row.lrn));
        let (entered, missing) = match &outcome {
            Outcome::Incomplete { entered, problems } => (Some(entered), problems.as_slice()),
            Outcome::Refused { entered, .. } => (Some(entered), [].as_slice()),
            Outcome::None | Outcome::Taken { .. } => (None, [].as_slice()),
        };
        let possible = view.possible.iter().enumerate();
        let forms: Vec<DecisionForm> = possible
            .map(|(number, possible)| DecisionForm::new(number, possible, entered, missing))
            .collect();
        let held = forms.iter().any(|form| form.open);
        let problems = if held {
            forms.iter().flat_map(DecisionForm::problems).collect()
        } else {
            missing.iter().map(|problem| ("decide".to_owned(), problem.words.clone())).collect()
        };
        // The movement may have moved on since the form was drawn: then no form holds what was entered.
        let entered_in_vain = entered.filter(|_| !held).map(Entered::told).unwrap_or_default();
        let name =
            [&mrn, &lrn].into_iter().find(|name| !name.is_empty()).map_or(movement, |name| name).to_owned();
        let (taken, refusal) = told(view, outcome);
        Self {
            decisions_address: format!("{}/decisions", paths::movement(movement)),
            holder: first(|row| &row.holder),
            offices: view.rows.iter().map(Line::from).collect(),
            parties: parties(view),
            timeline: merge(&view.messages, &view.events),
            disclosures: disclosures(view),
            notices: notices(view),
            problems,
            entered: entered_in_vain,
            frame,
            name,
            mrn,
            lrn,
            forms,
            taken,
            refusal,
        }
    }

    fn waits(&self) -> bool {
        self.offices.iter().any(|office| office.waits)
    }
}

/// What the page says on top: the decision that was taken, or why it was refused.
fn told(view: &MovementView, outcome: Outcome) -> (Option<String>, Option<Refusal>) {
    let label = |decision: &str| {
        let possible = view.possible.iter().find(|possible| possible.decision == decision);
        possible.map_or_else(|| names::words(decision), |possible| possible.label.clone())
    };
    match outcome {
        Outcome::Taken { decision } => (Some(label(&decision)), None),
        Outcome::Refused { entered, words, rules } => {
            let decision = label(entered.decision());
            (None, Some(Refusal { decision, words, rules }))
        }
        Outcome::None | Outcome::Incomplete { .. } => (None, None),
    }
}

/// Everyone with whom messages about the movement were exchanged.
fn parties(view: &MovementView) -> Vec<String> {
    let mut parties: Vec<String> = Vec::new();
    for message in &view.messages {
        let received = message.direction == "received";
        let other = names::party(if received { &message.from_party } else { &message.to_party });
        if parties.iter().all(|known| known != other) {
            parties.push(other.to_owned());
        }
    }
    parties
}

/// Something that an officer should know.
#[derive(Clone, Debug)]
pub struct Noted {
    /// When.
    pub at: Moment,
    /// Which office of ours says so.
    pub room: String,
    /// In words.
    pub words: String,
}

fn notices(view: &MovementView) -> Vec<Noted> {
    let noted = |notice: &node::NoticeRow| Noted {
        at: Moment::from_micros(notice.at),
        room: names::room(&notice.room).to_owned(),
        words: notice.words.clone(),
    };
    view.notices.iter().map(noted).collect()
}

fn disclosures(view: &MovementView) -> Vec<Disclosure> {
    let title = |id: i64| {
        let message = view.messages.iter().find(|message| message.id == id);
        message.map_or_else(|| format!("Message {id}"), |message| message.message_type.clone())
    };
    let disclosure = |record: &node::DecisionView| Disclosure {
        message: record.message,
        address: paths::message(record.message),
        title: title(record.message),
        recipient: record.recipient.clone(),
        outcome: names::words(&record.outcome),
        tone: names::tone(&record.outcome),
        clause: record.clause.clone(),
        words: record.words.clone(),
    };
    view.decisions.iter().map(disclosure).collect()
}

/// Draws the page of a movement after `outcome`.
///
/// # Errors
/// When there is no such movement, or the node fails.
pub async fn draw(
    visit: Visit,
    movement: &str,
    status: StatusCode,
    outcome: Outcome,
) -> Result<Response, Failure> {
    let visit = visit.within(Section::Movements);
    let Some(mut view) = visit.node.movement(movement).await.map_err(visit.failed())? else {
        let words = format!("No movement `{movement}` is known at this administration.");
        return Err(Failure::absent(&visit.frame, words));
    };
    if !visit.principal.role.decides() {
        view.possible.clear();
    }
    Ok(page(status, &MovementPage::new(visit.frame, movement, &view, outcome)))
}

/// What the page is to say on top.
#[derive(Default, Deserialize)]
pub struct Said {
    #[serde(default)]
    taken: String,
}

/// `GET /console/movements/{movement}?taken=`.
pub async fn show(
    visit: Visit,
    Path(movement): Path<String>,
    said: Result<Query<Said>, QueryRejection>,
) -> Result<Response, Failure> {
    let taken = said.map(|Query(said)| said.taken).unwrap_or_default();
    // The words come from an address that anyone can make up: only names of decisions are taken from it.
    let known = decision::find(&taken).is_some();
    let outcome = if known { Outcome::Taken { decision: taken } } else { Outcome::None };
    draw(visit, &movement, StatusCode::OK, outcome).await
}
