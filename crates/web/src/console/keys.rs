//! The key registers: their versions, when they expire, and the keys in them.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::visit::Visit;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use node::{KeyView, RegisterView};

/// A key of a register.
#[derive(Clone, Debug)]
pub struct KeyRow {
    administration: String,
    purpose: &'static str,
    key: String,
    from: Moment,
    until: Moment,
    state: &'static str,
    tone: &'static str,
    in_use: bool,
    revoked: Option<String>,
}

impl From<&KeyView> for KeyRow {
    fn from(view: &KeyView) -> Self {
        let (state, tone) = match view.state {
            "active" => ("Active", "good"),
            "revoked" => ("Revoked", "bad"),
            "not-yet" => ("Not valid yet", "wait"),
            _ => ("Expired", "wait"),
        };
        let revoked = view.revoked.as_ref().map(|words| match view.effective_position {
            Some(position) => format!("{words}; what its log had before entry {position} counts"),
            None => words.clone(),
        });
        Self {
            administration: view.administration.clone(),
            purpose: match view.purpose.as_str() {
                "tls" => "Channel (tls)",
                "sign" => "Statements (sign)",
                "enc" => "Sealing (enc)",
                "log" => "Log (log)",
                _ => "Witness (witness)",
            },
            key: view.key.chars().take(16).collect(),
            from: Moment::from_micros(view.from),
            until: Moment::from_micros(view.until),
            state,
            tone,
            in_use: view.in_use,
            revoked,
        }
    }
}

/// A register.
#[derive(Clone, Debug)]
pub struct RegisterRow {
    agreement: String,
    version: u64,
    digest: String,
    issued: Moment,
    expires: Moment,
    state: &'static str,
    tone: &'static str,
    stewards: String,
    threshold: u64,
    revocation_threshold: u64,
    behind: String,
    proposed: Option<String>,
    keys: Vec<KeyRow>,
}

impl From<&RegisterView> for RegisterRow {
    fn from(view: &RegisterView) -> Self {
        let (state, tone) = match view.freshness {
            "fresh" => ("Up to date", "good"),
            "expires-soon" => ("Expires soon", "wait"),
            "grace" => ("Expired, days of grace", "bad"),
            _ => ("Expired, messages wait", "bad"),
        };
        Self {
            agreement: view.agreement.clone(),
            version: view.version,
            digest: view.digest.clone(),
            issued: Moment::from_micros(view.issued),
            expires: Moment::from_micros(view.expires),
            state,
            tone,
            stewards: view.stewards.join(", "),
            threshold: view.threshold,
            revocation_threshold: view.revocation_threshold,
            behind: view.behind.join(", "),
            proposed: view.proposed.clone(),
            keys: view.keys.iter().map(KeyRow::from).collect(),
        }
    }
}

/// The page of all registers.
#[derive(Template)]
#[template(path = "keys.html")]
pub struct KeysPage {
    frame: Frame,
    warnings: Vec<String>,
    registers: Vec<RegisterRow>,
}

impl KeysPage {
    /// The page of these registers, with what runs out.
    pub fn new(frame: Frame, views: &[RegisterView], warnings: Vec<String>) -> Self {
        Self { frame, warnings, registers: views.iter().map(RegisterRow::from).collect() }
    }
}

/// `GET /console/keys`.
pub async fn show(visit: Visit) -> Result<Response, Failure> {
    let visit = visit.within(Section::Keys);
    let views = visit.node.key_registers().await.map_err(visit.failed())?;
    let warnings = visit.node.key_warnings();
    Ok(page(StatusCode::OK, &KeysPage::new(visit.frame, &views, warnings)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixtures::frame;

    fn key(purpose: &str, state: &'static str) -> KeyView {
        let revoked = state == "revoked";
        KeyView {
            administration: "NTA.GB".to_owned(),
            purpose: purpose.to_owned(),
            key: "0123456789abcdef0123456789abcdef".to_owned(),
            from: 1_790_000_000_000_000,
            until: 1_850_000_000_000_000,
            state,
            in_use: state == "active",
            revoked: revoked.then(|| "compromised from 2026-11-24T06:00:00Z on".to_owned()),
            effective_position: revoked.then_some(512),
        }
    }

    fn register() -> RegisterView {
        RegisterView {
            agreement: "common-transit".to_owned(),
            version: 3,
            digest: "6e340b9c".to_owned(),
            issued: 1_795_000_000_000_000,
            expires: 1_803_000_000_000_000,
            freshness: "expires-soon",
            threshold: 2,
            revocation_threshold: 1,
            stewards: vec!["NTA.FR".to_owned(), "NTA.GB".to_owned()],
            behind: vec!["NTA.FR".to_owned()],
            proposed: Some("version 4 waits for signatures: <NTA.FR>: away".to_owned()),
            keys: vec![
                key("sign", "active"),
                key("sign", "revoked"),
                key("tls", "not-yet"),
                key("log", "expired"),
            ],
        }
    }

    #[test]
    fn a_register_is_shown_with_its_keys_and_what_runs_out() {
        let warnings = vec!["common-transit: version 3 expires: renew it".to_owned()];
        let html = KeysPage::new(frame(Section::Keys), &[register()], warnings).render().unwrap();
        for shown in [
            "Expires soon",
            "renew it",
            "2 of NTA.FR, NTA.GB must sign a change, 1 a revocation",
            "what its log had before entry 512 counts",
            "Not valid yet",
            "Statements (sign)",
            "in use",
            "<caption",
            "waits for signatures: &#60;NTA.FR&#62;",
        ] {
            assert!(html.contains(shown), "`{shown}` in {html}");
        }
        assert!(!html.contains("<NTA.FR>") && !html.contains("<script"));
    }

    #[test]
    fn without_a_register_the_page_says_what_to_do() {
        let html = KeysPage::new(frame(Section::Keys), &[], Vec::new()).render().unwrap();
        assert!(html.contains("There is no key register yet"), "{html}");
    }
}
