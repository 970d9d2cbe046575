//! What an officer can decide about a movement, and how a decision reaches the room it is for.

use crate::proceeding::{Cause, Proceeding, ProceedingError, Submission};
use crate::room::Room;
use crate::rooms::{Departure, Destination, Passage};
use base::{Invalid, Mrn, OfficeReference};
use customs::transit::{ControlType, ResultCode, departure, destination, passage};
use serde::{Deserialize, Serialize};

/// A decision of an officer on one movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OfficerDecision {
    /// Departure: release for transit, once the guarantees are registered.
    Release,
    /// Departure: take the goods under control.
    Control {
        /// The type of control (CL716), as in `10` documentary or `40` physical.
        #[serde(rename = "type", default = "documentary")]
        kind: String,
        /// What to control, in words.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Departure: control found everything as declared.
    ControlSatisfactory {
        /// Remarks.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Departure: control found otherwise, and the goods are not released.
    ControlUnsatisfactory {
        /// What was found.
        reason: String,
    },
    /// Departure: do not release.
    RefuseRelease {
        /// Why.
        reason: String,
    },
    /// Departure: invalidate the declaration on customs' own initiative.
    Invalidate {
        /// Why.
        reason: String,
    },
    /// Departure: the discrepancies found at destination are resolved.
    ResolveDiscrepancies {
        /// How.
        reason: String,
    },
    /// Transit: the consignment crosses the frontier.
    Crossing {
        /// The office; the only one with a record when left out.
        #[serde(default)]
        office: Option<OfficeReference>,
    },
    /// Destination: an authorised consignee may unload.
    PermitUnloading,
    /// Destination: the result of control.
    ControlResult {
        /// The result (CL197): `A1` satisfactory, `A2` considered satisfactory, `B1` discrepancies.
        code: ResultCode,
        /// What was seen of the seals; left out when there are none.
        #[serde(default)]
        seals: Option<Seals>,
        /// Remarks.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Destination: release goods that were held for discrepancies.
    ReleaseGoods,
}

/// The state of the seals of a consignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seals {
    /// In good state.
    Intact,
    /// Broken or missing.
    Broken,
}

fn documentary() -> String {
    "10".to_owned()
}

/// A decision that a movement's state admits, as a page offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PossibleDecision {
    /// The decision's name, as in `control-satisfactory`.
    pub decision: String,
    /// What it is called on a page.
    pub label: String,
    /// The office that decides.
    pub office: Option<String>,
    /// Whether it needs a reason in words.
    pub needs_reason: bool,
}

impl PossibleDecision {
    fn new(decision: &str, label: &str, office: &str, needs_reason: bool) -> Self {
        Self {
            decision: decision.to_owned(),
            label: label.to_owned(),
            office: (!office.is_empty()).then(|| office.to_owned()),
            needs_reason,
        }
    }
}

/// The decisions that a row of the list of movements admits.
pub fn possible(room: &str, state: &str, office: &str) -> Vec<PossibleDecision> {
    let decision = |name: &str, label: &str, reason: bool| PossibleDecision::new(name, label, office, reason);
    match (room, state) {
        ("departure", "Accepted") => vec![
            decision("release", "Release for transit", false),
            decision("control", "Take under control", false),
            decision("refuse-release", "Do not release", true),
            decision("invalidate", "Invalidate the declaration", true),
        ],
        ("departure", "UnderControl") => vec![
            decision("control-satisfactory", "Control satisfactory", false),
            decision("control-unsatisfactory", "Control unsatisfactory: do not release", true),
        ],
        ("departure", "GuaranteeUnderAmendment") => vec![decision("refuse-release", "Do not release", true)],
        ("departure", "Released") => vec![decision("invalidate", "Invalidate the movement", true)],
        ("departure", "UnderResolution") => {
            vec![decision("resolve-discrepancies", "Discrepancies are resolved", true)]
        }
        ("passage", "Announced") => vec![decision("crossing", "Record the frontier crossing", false)],
        ("destination", "Arrived") => vec![
            decision("control-result", "Record the control result", false),
            decision("permit-unloading", "Permit unloading (authorised consignee)", false),
        ],
        ("destination", "Unloaded") => vec![decision("control-result", "Record the control result", false)],
        ("destination", "UnderResolution") => vec![decision("release-goods", "Release the goods", false)],
        _ => Vec::new(),
    }
}

/// A command to one of the rooms.
enum Order {
    Departure(departure::Command),
    Passage(Option<OfficeReference>),
    Destination(destination::Command),
}

/// The longest reason that messages carry (an..512).
const REASON_LIMIT: usize = 512;

impl OfficerDecision {
    /// What an officer has written, in mutable form.
    fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Control { reason, .. }
            | Self::ControlSatisfactory { reason }
            | Self::ControlResult { reason, .. } => reason.as_mut(),
            Self::ControlUnsatisfactory { reason }
            | Self::RefuseRelease { reason }
            | Self::Invalidate { reason }
            | Self::ResolveDiscrepancies { reason } => Some(reason),
            Self::Release | Self::Crossing { .. } | Self::PermitUnloading | Self::ReleaseGoods => None,
        }
    }

    /// Checks what an officer has written, since it goes into messages; lines are joined into one.
    fn checked(mut self) -> Result<Self, Invalid> {
        if let Some(reason) = self.reason_mut() {
            *reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            let length = reason.chars().count();
            if !(1..=REASON_LIMIT).contains(&length) || reason.contains(char::is_control) {
                return Err(Invalid::new("reason", reason, "it must have 1 to 512 characters"));
            }
        }
        if let Self::Control { kind, .. } = &self {
            let coded =
                (1..=3).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !coded {
                return Err(Invalid::new(
                    "type of control",
                    kind,
                    "it must be a code of CL716, as in 10 or 40",
                ));
            }
        }
        Ok(self)
    }

    fn order(self) -> Result<Order, Invalid> {
        Ok(match self {
            Self::Release => Order::Departure(departure::Command::DecideRelease),
            Self::Control { kind, reason } => {
                let controls = vec![ControlType { code: kind, text: reason }];
                Order::Departure(departure::Command::DecideControl { controls, documents: Vec::new() })
            }
            Self::ControlSatisfactory { reason } => Order::Departure(departure::Command::RecordControl {
                code: ResultCode::satisfactory(),
                text: reason,
            }),
            Self::ControlUnsatisfactory { reason } => Order::Departure(departure::Command::RecordControl {
                code: ResultCode::parse("B1")?,
                text: Some(reason),
            }),
            Self::RefuseRelease { reason } => Order::Departure(departure::Command::RefuseRelease {
                code: NOT_RELEASED.to_owned(),
                text: reason,
            }),
            Self::Invalidate { reason } => {
                Order::Departure(departure::Command::Invalidate { justification: reason })
            }
            Self::ResolveDiscrepancies { reason } => {
                Order::Departure(departure::Command::Resolve { text: reason })
            }
            Self::Crossing { office } => Order::Passage(office),
            Self::PermitUnloading => Order::Destination(destination::Command::PermitUnloading),
            Self::ControlResult { code, seals, reason } => {
                Order::Destination(destination::Command::RecordResult {
                    code,
                    seals_intact: seals.map(|seals| seals == Seals::Intact),
                    text: reason,
                })
            }
            Self::ReleaseGoods => Order::Destination(destination::Command::ReleaseGoods),
        })
    }
}

/// The motivation code of a refusal to release that is explained in words (CL211).
const NOT_RELEASED: &str = "4";

impl Proceeding<'_> {
    /// Carries out an officer's decision on the movement named by MRN or key; `None` when there is no such movement in
    /// the room that the decision is for.
    ///
    /// # Errors
    /// When the store fails, or this node cannot do what follows.
    pub fn officer(
        &mut self,
        movement: &str,
        decision: OfficerDecision,
    ) -> Result<Option<Submission>, ProceedingError> {
        let order = match decision.checked().and_then(OfficerDecision::order) {
            Ok(order) => order,
            Err(invalid) => {
                return Ok(Some(Submission { words: invalid.to_string(), ..Submission::default() }));
            }
        };
        let cause = Cause::internal();
        let submission = match order {
            Order::Departure(command) => {
                let Some((found, _)) = self.officer_case(Departure::NAME, movement, None)? else {
                    return Ok(None);
                };
                self.depart(&cause, Some(found), command, None)?
            }
            Order::Destination(command) => {
                let Some((found, _)) = self.officer_case(Destination::NAME, movement, None)? else {
                    return Ok(None);
                };
                self.arrive(&cause, Some(found), command, None)?
            }
            Order::Passage(office) => {
                let case = self.officer_case(Passage::NAME, movement, office.as_ref())?;
                let Some((_, office)) = case else { return Ok(None) };
                let Ok(mrn) = Mrn::parse(movement) else {
                    return Ok(None);
                };
                let on = self.now().date();
                let command = passage::Command::Cross { mrn, office: office.clone(), on };
                self.pass(&cause, Some(office), command, None)?
            }
        };
        self.finish()?;
        Ok(Some(submission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_officer_writes_is_checked() {
        let control = |kind: &str| OfficerDecision::Control { kind: kind.into(), reason: None };
        assert!(control("40").checked().is_ok());
        assert!(control("documentary check").checked().is_err());
        let invalidate = |reason: String| OfficerDecision::Invalidate { reason };
        assert!(invalidate("sold elsewhere".into()).checked().is_ok());
        assert!(invalidate(String::new()).checked().is_err());
        assert!(invalidate("x".repeat(513)).checked().is_err());
        assert_eq!(invalidate("two\nlines".into()).checked(), Ok(invalidate("two lines".into())));
    }

    #[test]
    fn every_possible_decision_is_one_that_can_be_taken() {
        let states = [
            ("departure", "Accepted"),
            ("departure", "UnderControl"),
            ("departure", "GuaranteeUnderAmendment"),
            ("departure", "Released"),
            ("departure", "UnderResolution"),
            ("passage", "Announced"),
            ("destination", "Arrived"),
            ("destination", "Unloaded"),
            ("destination", "UnderResolution"),
        ];
        for (room, state) in states {
            let offered = possible(room, state, "GB000060");
            assert!(!offered.is_empty(), "{room} {state}");
            for one in offered {
                let form = serde_json::json!({"decision": one.decision});
                let mut form = form.as_object().cloned().unwrap_or_default();
                if one.needs_reason {
                    form.insert("reason".into(), "because".into());
                }
                if one.decision == "control-result" {
                    form.insert("code".into(), "A1".into());
                }
                let parsed: Result<OfficerDecision, _> = serde_json::from_value(form.into());
                assert!(parsed.is_ok(), "{}: {parsed:?}", one.decision);
            }
        }
    }
}
