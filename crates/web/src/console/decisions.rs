//! An officer takes a decision.

use super::decision::Entered;
use super::failure::Failure;
use super::movement::{BrokenRule, Outcome, draw};
use super::paths;
use super::visit::Visit;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use node::{OfficerDecision, Submission};

/// `POST /console/movements/{movement}/decisions`.
///
/// A decision that takes effect leads back to the movement, so that reloading the page repeats nothing. One that does
/// not, draws the page again with everything that was entered.
pub async fn take(
    visit: Visit,
    Path(movement): Path<String>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(pairs) = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    let entered = Entered::from_pairs(pairs);
    visit.check_form_token(entered.form_token(), paths::movement(&movement))?;
    if !visit.principal.role.decides() {
        return Err(Failure::forbidden(&visit.frame, "Officers decide on movements; the operator does not."));
    }
    let problems = entered.problems().ok_or_else(|| {
        Failure::malformed(&visit.frame, format!("There is no decision `{}`.", entered.decision()))
    })?;
    if !problems.is_empty() {
        return draw(
            visit,
            &movement,
            StatusCode::UNPROCESSABLE_ENTITY,
            Outcome::Incomplete { entered, problems },
        )
        .await;
    }
    let decision: OfficerDecision = match serde_json::from_value(entered.to_json()) {
        Ok(decision) => decision,
        Err(error) => {
            let refused = Outcome::Refused { entered, words: error.to_string(), rules: Vec::new() };
            return draw(visit, &movement, StatusCode::UNPROCESSABLE_ENTITY, refused).await;
        }
    };
    let taken = visit.node.decide(&visit.principal, &movement, decision).await.map_err(visit.failed())?;
    let Some(submission) = taken else {
        let words = format!("No movement `{movement}` is known at this administration.");
        return Err(Failure::absent(&visit.frame, words));
    };
    if submission.accepted {
        let page = paths::with_query(&paths::movement(&movement), &[("taken", entered.decision())]);
        return Ok(Redirect::to(&page).into_response());
    }
    let rules = broken_rules(&submission);
    let refused = Outcome::Refused { entered, words: submission.words, rules };
    draw(visit, &movement, StatusCode::CONFLICT, refused).await
}

fn broken_rules(submission: &Submission) -> Vec<BrokenRule> {
    let rules = submission.errors.iter();
    rules
        .map(|error| BrokenRule {
            code: error.code.clone(),
            rule: error.reason.clone(),
            place: error.pointer.clone(),
        })
        .collect()
}
