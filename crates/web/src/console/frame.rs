//! What every page has around it: whose console it is, who is signed in, the menu, and the headers of the answer.

use super::{assets, names};
use askama::Template;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base::Administration;
use node::Principal;

/// Nothing runs, nothing comes from elsewhere, nothing is framed; forms go to this node only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// The part of the console that a page belongs to, marked in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Worklist, movements and messages.
    Movements,
    /// Guarantee accounts.
    Guarantees,
    /// Documents between administrations.
    Documents,
    /// The exchange with partners.
    Exchange,
    /// Partner administrations.
    Partners,
    /// The log and its witnesses.
    Log,
    /// The key registers.
    Keys,
    /// Sign-in and errors.
    None,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: &'static str,
    /// The secret that their forms carry.
    pub form_token: String,
}

/// What surrounds a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The administration, as in `NTA.GB`.
    pub administration: String,
    /// Its country, in words.
    pub country: String,
    /// Whether nothing here is real.
    pub exercise: bool,
    /// Who is signed in.
    pub signed_in: Option<SignedIn>,
    /// The address of the stylesheet.
    pub stylesheet: String,
    /// The address of the mark.
    pub mark: String,
    /// The part of the console that it belongs to.
    pub section: Section,
}

impl Frame {
    /// The frame of an administration's console, for nobody yet.
    pub fn new(administration: &Administration, exercise: bool) -> Self {
        Self {
            administration: administration.to_string(),
            country: names::country(administration.country().as_str()).to_owned(),
            exercise,
            signed_in: None,
            stylesheet: assets::address("console.css"),
            mark: assets::address("mark.svg"),
            section: Section::None,
        }
    }

    /// The frame for `principal`, whose forms carry `form_token`.
    pub fn for_principal(mut self, principal: &Principal, form_token: &str) -> Self {
        self.signed_in = Some(SignedIn {
            name: principal.name.clone(),
            role: principal.role.as_str(),
            form_token: form_token.to_owned(),
        });
        self
    }

    /// The frame of a page in `section`.
    pub fn within(mut self, section: Section) -> Self {
        self.section = section;
        self
    }

    /// The secret that forms carry; empty when nobody is signed in.
    pub fn form_token(&self) -> &str {
        self.signed_in.as_ref().map_or("", |signed_in| &signed_in.form_token)
    }

    /// Whether the page is about movements.
    pub fn in_movements(&self) -> bool {
        self.section == Section::Movements
    }

    /// Whether the page is about guarantees.
    pub fn in_guarantees(&self) -> bool {
        self.section == Section::Guarantees
    }

    /// Whether the page is about documents.
    pub fn in_documents(&self) -> bool {
        self.section == Section::Documents
    }

    /// Whether the page is about the exchange.
    pub fn in_exchange(&self) -> bool {
        self.section == Section::Exchange
    }

    /// Whether the page is about partners.
    pub fn in_partners(&self) -> bool {
        self.section == Section::Partners
    }

    /// Whether the page is about the log.
    pub fn in_log(&self) -> bool {
        self.section == Section::Log
    }

    /// Whether the page is about keys.
    pub fn in_keys(&self) -> bool {
        self.section == Section::Keys
    }
}

/// Draws a page.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn; the node's log says why")
                .into_response()
        }
    }
}

/// Adds to every answer of the console what keeps browsers careful with it.
pub async fn guard(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // Pages hold personal and commercial data: no copy stays in a browser or a proxy.
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in HEADERS {
        // What is handed out as a file has a policy of its own, which forbids more.
        if name == header::CONTENT_SECURITY_POLICY && response.headers().contains_key(&name) {
            continue;
        }
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
