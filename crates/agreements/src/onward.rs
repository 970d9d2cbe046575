//! Onward transfer: what was given by one administration goes to another only as its label allows.

use crate::clearance::Ground;
use crate::decision::{DecisionPoint, No};
use crate::document::OnwardRule;
use crate::label::{Label, Origin};
use crate::name::Identifier;
use crate::request::Request;

/// The fact that the originator consented to this transfer.
pub const ORIGINATOR_CONSENTS: &str = "originator_consents";

/// Checks the labels of the foreign data from which a document was derived.
pub(crate) fn check(point: &DecisionPoint, request: &Request, clause: &Identifier) -> Result<(), No> {
    for label in &request.sources {
        for origin in &label.origins {
            if let Some(reason) = obstacle(point, request, label, origin) {
                return Err(No::new(Ground::Onward, Some(clause), reason));
            }
        }
    }
    Ok(())
}

fn obstacle(point: &DecisionPoint, request: &Request, label: &Label, origin: &Origin) -> Option<String> {
    let originator = &origin.originator;
    if *originator == request.sender || *originator == request.recipient {
        return None; // one's own, or back to where it came from
    }
    if !label.permits_use(&request.purpose, request.on.date()) {
        return Some(format!(
            "data of {originator} may not be used for `{}` on {}",
            request.purpose,
            request.on.date()
        ));
    }
    let consents = request.facts.get(ORIGINATOR_CONSENTS) == Some(&true);
    let party = point
        .find(&origin.agreement)
        .is_some_and(|compiled| compiled.agreement().has_party(&request.recipient));
    let permitted = match label.onward {
        OnwardRule::Parties => party || consents,
        OnwardRule::Consent => consents,
        OnwardRule::Deny => false,
    };
    (!permitted).then(|| {
        format!("data of {originator} may not be passed on to {} without its consent", request.recipient)
    })
}
