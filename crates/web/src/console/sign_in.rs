//! Signing in and out.

use super::failure::Failure;
use super::frame::{Frame, page};
use super::paths;
use super::visit::{Visit, cookie_name, is_from_elsewhere, session_cookie};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use node::Node;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many sign-ins are looked at together: checking a password costs a core on purpose, and the node needs its own.
static TURNS: Semaphore = Semaphore::const_new(2);

/// How many sign-ins may wait for their turn, or have it. Nobody waits longer than 16 failures take.
static QUEUE: Semaphore = Semaphore::const_new(32);

/// How long a failed sign-in takes, whatever is wrong with it. With [`TURNS`] this allows four guesses a second.
const FAILURE_TAKES: Duration = Duration::from_millis(500);

/// How much of a name that nobody has goes into the log.
const LOGGED_NAME: usize = 64;

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Its frame.
    pub frame: Frame,
    /// Where it leads.
    pub next: String,
    /// The name as it was typed.
    pub name: String,
    /// Why the last attempt failed.
    pub problem: Option<&'static str>,
}

/// Where to return to after the sign-in.
#[derive(Deserialize)]
pub struct Return {
    #[serde(default)]
    next: String,
}

/// The form of the sign-in.
#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The form of the sign-out.
#[derive(Deserialize)]
pub struct SignOut {
    #[serde(default)]
    form_token: String,
}

/// `GET /console/sign-in?next=`.
pub async fn show(State(node): State<Arc<Node>>, Query(wanted): Query<Return>) -> Response {
    let next = paths::safe_next(&wanted.next).to_owned();
    let frame = Frame::new(node.administration(), node.exercise());
    page(StatusCode::OK, &SignInPage { frame, next, name: String::new(), problem: None })
}

/// `POST /console/sign-in`.
pub async fn submit(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Failure> {
    let frame = Frame::new(node.administration(), node.exercise());
    let Form(form) = form.map_err(|rejection| Failure::malformed(&frame, rejection.body_text()))?;
    let next = paths::safe_next(&form.next).to_owned();
    if is_from_elsewhere(&headers) {
        return Err(Failure::stale_form(&frame, paths::sign_in(&next)));
    }
    let again = |status, problem| {
        let problem = Some(problem);
        page(
            status,
            &SignInPage { frame: frame.clone(), next: next.clone(), name: form.name.clone(), problem },
        )
    };
    let Ok(_place) = QUEUE.try_acquire() else {
        let problem = "Many people are signing in just now. Try again in a moment.";
        return Ok(again(StatusCode::TOO_MANY_REQUESTS, problem));
    };
    // The semaphore is never closed, so this only waits.
    let _turn = TURNS.acquire().await;
    let fails_at = tokio::time::Instant::now() + FAILURE_TAKES;
    let cookie = node.sign_in(form.name.trim(), &form.password).await;
    let cookie = cookie.map_err(|error| Failure::unavailable(&frame, &error))?;
    let Some(cookie) = cookie else {
        tokio::time::sleep_until(fails_at).await;
        tracing::warn!(name = ?form.name.chars().take(LOGGED_NAME).collect::<String>(), "a sign-in at the console failed");
        return Ok(again(StatusCode::FORBIDDEN, "The name or the password is wrong."));
    };
    tracing::info!(name = form.name.trim(), "signed in at the console");
    let set = format!("{}={cookie}; {}", cookie_name(node.administration()), attributes(&headers));
    Ok((AppendHeaders([(header::SET_COOKIE, set)]), Redirect::to(&next)).into_response())
}

/// `POST /console/sign-out`.
pub async fn sign_out(
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<SignOut>,
) -> Result<Response, Failure> {
    visit.check_form_token(&form.form_token, paths::WORKLIST.to_owned())?;
    if let Some(cookie) = session_cookie(&headers, visit.node.administration()) {
        visit.node.sign_out(cookie).await.map_err(visit.failed())?;
    }
    let clear = format!("{}=; Max-Age=0; {}", cookie_name(visit.node.administration()), attributes(&headers));
    Ok((AppendHeaders([(header::SET_COOKIE, clear)]), Redirect::to(paths::SIGN_IN)).into_response())
}

/// The attributes of the session cookie: never shown to scripts, never sent along from another site, and only over TLS
/// unless the browser itself runs on this machine.
fn attributes(headers: &HeaderMap) -> &'static str {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text("x-forwarded-proto") == "https" || !is_loopback(text("host")) {
        "Path=/; HttpOnly; SameSite=Strict; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Strict"
    }
}

/// Whether `host`, with or without a port, is this machine's own loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_cookie_is_secure_except_on_loopback() {
        let secure = |host: &'static str, proto: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
            attributes(&headers).contains("Secure")
        };
        for host in ["127.0.0.1:8443", "localhost", "localhost:80", "[::1]:8080", "127.8.9.1"] {
            assert!(!secure(host, "http"), "for {host}");
            assert!(secure(host, "https"), "for {host} behind TLS");
        }
        for host in ["console.customs.example", "127.0.0.1.evil.example", "10.0.0.1:80", "", "[2001:db8::1]"]
        {
            assert!(secure(host, "http"), "for {host}");
        }
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let attributes = attributes(&HeaderMap::new());
        for demanded in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(attributes.contains(demanded));
        }
    }
}
