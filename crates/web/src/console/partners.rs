//! Partner administrations: the state of the exchange with each, and how an operator stops it and lets it go on.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::names;
use super::paths;
use super::visit::Visit;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::Administration;
use node::{PartnerView, Role};
use serde::Deserialize;

/// The longest reason of a suspension, in characters: it stands in every refusal that the partner gets.
pub const REASON_LIMIT: usize = 200;

/// A partner.
#[derive(Clone, Debug)]
pub struct Partner {
    administration: String,
    country: String,
    address: String,
    fingerprint: String,
    agreements: Vec<String>,
    registers: Vec<String>,
    queued: i64,
    delivered: i64,
    refused: i64,
    last_delivery: Option<Moment>,
    last_contact: Option<Moment>,
    last_problem: Option<String>,
    state: &'static str,
    suspension: Option<String>,
}

impl From<&PartnerView> for Partner {
    fn from(view: &PartnerView) -> Self {
        let registers = view.registers.iter();
        Self {
            administration: view.administration.clone(),
            country: names::country(&view.country).to_owned(),
            address: view.address.clone(),
            fingerprint: view.fingerprint.clone(),
            agreements: view.agreements.clone(),
            registers: registers.map(|(name, version)| format!("{name}, version {version}")).collect(),
            queued: view.queued,
            delivered: view.delivered,
            refused: view.refused,
            last_delivery: view.last_delivery.map(Moment::from_micros),
            last_contact: view.last_contact.map(Moment::from_micros),
            last_problem: view.last_problem.clone(),
            state: match view.state {
                "suspended" => "Suspended",
                "awaits-confirmation" => "Waits until it has taken our acceptance",
                _ => "Active",
            },
            suspension: view.suspension.clone(),
        }
    }
}

/// What was wrong with a form that was sent.
#[derive(Clone, Debug)]
pub struct Wrong {
    administration: String,
    entered: String,
    words: String,
}

/// The page of all partners.
#[derive(Template)]
#[template(path = "partners.html")]
pub struct PartnersPage {
    frame: Frame,
    partners: Vec<Partner>,
    /// Whether whoever looks may stop and resume the exchange.
    operates: bool,
    wrong: Option<Wrong>,
}

impl PartnersPage {
    /// The page of these partners.
    pub fn new(frame: Frame, views: &[PartnerView], operates: bool, wrong: Option<Wrong>) -> Self {
        Self { frame, partners: views.iter().map(Partner::from).collect(), operates, wrong }
    }

    /// What was wrong with the form of this partner.
    fn wrong_with(&self, partner: &Partner) -> Option<&Wrong> {
        self.wrong.as_ref().filter(|wrong| wrong.administration == partner.administration)
    }
}

/// `GET /console/partners`.
pub async fn show(visit: Visit) -> Result<Response, Failure> {
    draw(visit, StatusCode::OK, None).await
}

async fn draw(visit: Visit, status: StatusCode, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Partners);
    let views = visit.node.partners().await.map_err(visit.failed())?;
    let operates = visit.principal.role == Role::Operator;
    Ok(page(status, &PartnersPage::new(visit.frame, &views, operates, wrong)))
}

/// What the forms of the page carry.
#[derive(Deserialize)]
pub struct Entered {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    reason: String,
}

/// `POST /console/partners/{administration}/suspension`.
pub async fn suspend(
    visit: Visit,
    Path(administration): Path<String>,
    form: Result<Form<Entered>, FormRejection>,
) -> Result<Response, Failure> {
    let entered = admitted(&visit, form)?;
    let reason = entered.reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = if reason.is_empty() {
        "Enter why the exchange is suspended. The partner reads it.".to_owned()
    } else if reason.chars().count() > REASON_LIMIT {
        format!("The reason must have at most {REASON_LIMIT} characters.")
    } else {
        let partner = partner(&visit, &administration)?;
        let actor = visit.principal.name.clone();
        let found = visit.node.suspend_partner(&partner, &reason, &actor).await.map_err(visit.failed())?;
        return back(&visit, &administration, found);
    };
    let wrong = Wrong { administration, entered: entered.reason, words };
    draw(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong)).await
}

/// `POST /console/partners/{administration}/resumption`.
pub async fn resume(
    visit: Visit,
    Path(administration): Path<String>,
    form: Result<Form<Entered>, FormRejection>,
) -> Result<Response, Failure> {
    admitted(&visit, form)?;
    let partner = partner(&visit, &administration)?;
    let actor = visit.principal.name.clone();
    let found = visit.node.resume_partner(&partner, &actor).await.map_err(visit.failed())?;
    back(&visit, &administration, found)
}

/// The form, if whoever sent it may.
fn admitted(visit: &Visit, form: Result<Form<Entered>, FormRejection>) -> Result<Entered, Failure> {
    let Form(entered) = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    visit.check_form_token(&entered.form_token, paths::PARTNERS.to_owned())?;
    if visit.principal.role != Role::Operator {
        let words = "The operator stops the exchange with a partner and lets it go on; officers do not.";
        return Err(Failure::forbidden(&visit.frame, words));
    }
    Ok(entered)
}

fn partner(visit: &Visit, administration: &str) -> Result<Administration, Failure> {
    Administration::parse(administration).map_err(|_| absent(visit, administration))
}

fn absent(visit: &Visit, administration: &str) -> Failure {
    Failure::absent(&visit.frame, format!("No partner `{administration}` is registered here."))
}

/// Back to the page, so that reloading it repeats nothing.
fn back(visit: &Visit, administration: &str, found: bool) -> Result<Response, Failure> {
    if found { Ok(Redirect::to(paths::PARTNERS).into_response()) } else { Err(absent(visit, administration)) }
}
