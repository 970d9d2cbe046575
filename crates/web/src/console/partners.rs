//! Partner administrations, and the state of the exchange with each.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::names;
use super::visit::Visit;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use node::PartnerView;

/// A partner.
#[derive(Clone, Debug)]
pub struct Partner {
    administration: String,
    country: String,
    address: String,
    fingerprint: String,
    agreements: Vec<String>,
    queued: i64,
    delivered: i64,
    refused: i64,
    last_delivery: Option<Moment>,
    last_problem: Option<String>,
}

impl From<&PartnerView> for Partner {
    fn from(view: &PartnerView) -> Self {
        Self {
            administration: view.administration.clone(),
            country: names::country(&view.country).to_owned(),
            address: view.address.clone(),
            fingerprint: view.fingerprint.clone(),
            agreements: view.agreements.clone(),
            queued: view.queued,
            delivered: view.delivered,
            refused: view.refused,
            last_delivery: view.last_delivery.map(Moment::from_micros),
            last_problem: view.last_problem.clone(),
        }
    }
}

/// The page of all partners.
#[derive(Template)]
#[template(path = "partners.html")]
pub struct PartnersPage {
    frame: Frame,
    partners: Vec<Partner>,
}

impl PartnersPage {
    /// The page of these partners.
    pub fn new(frame: Frame, views: &[PartnerView]) -> Self {
        Self { frame, partners: views.iter().map(Partner::from).collect() }
    }
}

/// `GET /console/partners`.
pub async fn show(visit: Visit) -> Result<Response, Failure> {
    let visit = visit.within(Section::Partners);
    let views = visit.node.partners().await.map_err(visit.failed())?;
    Ok(page(StatusCode::OK, &PartnersPage::new(visit.frame, &views)))
}
