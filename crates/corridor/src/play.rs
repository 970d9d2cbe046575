//! Plays the people of a corridor: the declarant who submits, the officers who decide, the carrier who drives.
//!
//! Each step looks at what the nodes say the movement's state is and does the one thing that this state waits for. So
//! a step that was lost because a node was killed is simply seen to be missing and done again; the nodes make sure that
//! doing it twice has one effect.

use crate::client::{Api, ClientError};
use crate::plan::{Declaration, Expectation};
use crate::script;
use base::{Country, OfficeReference};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a movement is looked at while it waits for another node.
const LOOK_AGAIN: Duration = Duration::from_millis(40);

/// How often a movement is looked at without any change before it counts as stuck: two minutes, which is longer than
/// the longest pause between two deliveries to a node that was away.
const PATIENCE: u32 = 3000;

/// Access to one country's node for each part that is played there.
#[derive(Clone)]
pub struct Cast {
    /// The trader.
    pub trader: Api,
    /// The officer.
    pub officer: Api,
}

/// The people at every node, by country.
pub type Corridor = BTreeMap<Country, Cast>;

/// A row of a node's list of movements.
#[derive(Clone, Debug, Deserialize)]
pub struct MovementRow {
    /// The room: `departure`, `passage` or `destination`.
    pub room: String,
    /// The movement reference number; empty before acceptance.
    pub mrn: String,
    /// The office that the row belongs to.
    pub office: String,
    /// The state's name.
    pub state: String,
}

#[derive(Deserialize)]
struct Movements {
    movements: Vec<MovementRow>,
}

/// How a declaration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written off, and its guarantees released.
    WrittenOff {
        /// Its movement reference number.
        mrn: String,
    },
    /// Rejected with these messages.
    Rejected {
        /// The types of the rejecting messages, as in `CC056C`.
        messages: Vec<String>,
    },
    /// It did not come to an end.
    Stuck {
        /// The state in which it was last seen, and what was refused.
        state: String,
    },
}

impl Outcome {
    /// Whether this is how the declaration had to end.
    pub fn meets(&self, expectation: &Expectation) -> bool {
        match (self, expectation) {
            (Self::WrittenOff { .. }, Expectation::WrittenOff) => true,
            (Self::Rejected { messages }, Expectation::Rejected(expected)) => messages.contains(expected),
            _ => false,
        }
    }
}

/// Plays one declaration to its end.
pub struct Play<'a> {
    corridor: &'a Corridor,
    declaration: &'a Declaration,
    submitted: bool,
    controlled: bool,
    pause: Duration,
    last_refusal: String,
}

/// What one look at the movement led to.
enum Step {
    /// Something was done or has changed; the text is the state now.
    At(String),
    /// It is over.
    Over(Outcome),
}

impl<'a> Play<'a> {
    /// A play of `declaration` in `corridor`.
    pub fn new(corridor: &'a Corridor, declaration: &'a Declaration) -> Self {
        Self {
            corridor,
            declaration,
            submitted: false,
            controlled: false,
            pause: Duration::ZERO,
            last_refusal: String::new(),
        }
    }

    /// Lets the people take their time: `pause` passes after each change of state, so that someone who watches the
    /// consoles sees what waits.
    #[must_use]
    pub fn unhurried(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Plays until the declaration is written off or rejected, or nothing moves any more. `report` is told of each
    /// change of state.
    pub async fn run(mut self, report: impl Fn(&str)) -> Outcome {
        let mut last = String::new();
        let mut quiet = 0;
        loop {
            match self.step().await {
                Ok(Step::Over(outcome)) => return outcome,
                Ok(Step::At(state)) if state != last => {
                    report(&state);
                    (last, quiet) = (state, 0);
                    tokio::time::sleep(self.pause).await;
                }
                Ok(Step::At(_)) | Err(ClientError::Away(..)) => quiet += 1,
                Err(error) => {
                    self.last_refusal = error.to_string();
                    quiet += 1;
                }
            }
            if quiet > PATIENCE {
                return Outcome::Stuck { state: format!("{last} {}", self.last_refusal).trim().to_owned() };
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn at(&self, country: Country) -> Result<&'a Cast, ClientError> {
        self.corridor
            .get(&country)
            .ok_or_else(|| ClientError::Away(country.to_string(), "the corridor has no such node".into()))
    }

    async fn step(&mut self) -> Result<Step, ClientError> {
        let home = self.at(self.declaration.departure_country())?;
        // The answer to the declaration itself says whether it is rejected; only then are movements looked at, since
        // another declaration may have the same reference.
        if !self.submitted {
            let step = self.submit(home).await?;
            self.submitted = true;
            return Ok(step);
        }
        let Some(route) = &self.declaration.route else {
            return Ok(Step::At("accepted without a route".to_owned()));
        };
        let path = format!("/api/v1/movements?lrn={}", escape(route.lrn.as_str()));
        let rows: Movements = home.trader.get(&path).await?;
        let Some(movement) = rows.movements.into_iter().find(|row| row.room == "departure") else {
            return Ok(Step::At("submitted".to_owned()));
        };
        match movement.state.as_str() {
            "PreLodged" => self.present(home).await?,
            "Accepted" => self.decide_control(home, &movement.mrn).await?,
            "UnderControl" => {
                // Control that was satisfactory leads back to acceptance: once is enough.
                self.controlled = true;
                self.decide(&home.officer, &movement.mrn, json!({"decision": "control-satisfactory"}))
                    .await?;
            }
            "Released" | "Arrived" => return self.travel(&movement).await,
            "WrittenOff" => return self.guarantee_released(&movement.mrn).await,
            "NotReleased" | "Cancelled" => return Ok(Step::Over(Outcome::Stuck { state: movement.state })),
            _ => {}
        }
        Ok(Step::At(movement.state))
    }

    async fn submit(&self, home: &Cast) -> Result<Step, ClientError> {
        match home.trader.submit(&self.declaration.xml).await {
            Ok(_) => Ok(Step::At("submitted".to_owned())),
            Err(ClientError::Problem { body, .. }) if body.get("replies").is_some() => {
                let replies =
                    body.get("replies").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
                let messages = replies
                    .iter()
                    .filter_map(|reply| reply.get("type").and_then(serde_json::Value::as_str))
                    .map(str::to_owned)
                    .collect();
                Ok(Step::Over(Outcome::Rejected { messages }))
            }
            Err(error) => Err(error),
        }
    }

    async fn present(&self, home: &Cast) -> Result<(), ClientError> {
        let message = script::presentation(self.declaration)
            .map_err(|words| ClientError::Answer("CC170C".into(), words))?;
        home.trader.submit(&message).await.map(|_| ())
    }

    /// The officer of departure takes every third movement under control, so that each way is travelled.
    async fn decide_control(&self, home: &Cast, mrn: &str) -> Result<(), ClientError> {
        let decision = if self.declaration.index % 3 == 2 && !self.controlled {
            json!({"decision": "control", "type": "10"})
        } else {
            json!({"decision": "release"})
        };
        self.decide(&home.officer, mrn, decision).await
    }

    async fn decide(&self, officer: &Api, mrn: &str, decision: serde_json::Value) -> Result<(), ClientError> {
        officer.post(&format!("/api/v1/movements/{mrn}/decisions"), &decision).await.map(|_| ())
    }

    async fn travel(&self, movement: &MovementRow) -> Result<Step, ClientError> {
        let Some(route) = &self.declaration.route else {
            return Ok(Step::At(movement.state.clone()));
        };
        for office in &route.transit {
            let row = self.row(office, "passage", &movement.mrn).await?;
            match row.as_ref().map(|row| row.state.as_str()) {
                Some("Announced") => {
                    let crossing = json!({"decision": "crossing", "office": office.as_str()});
                    self.decide(&self.at(office.country())?.officer, &movement.mrn, crossing).await?;
                    return Ok(Step::At(format!("crossing {office}")));
                }
                Some(_) => {}
                None => return Ok(Step::At(format!("on the way to {office}"))),
            }
        }
        self.arrive(route, movement).await
    }

    async fn arrive(&self, route: &crate::plan::Route, movement: &MovementRow) -> Result<Step, ClientError> {
        let there = self.at(route.destination.country())?;
        let row = self.row(&route.destination, "destination", &movement.mrn).await?;
        let state = row.map(|row| row.state).unwrap_or_default();
        match state.as_str() {
            "" => return Ok(Step::At(format!("on the way to {}", route.destination))),
            "Announced" => {
                let message = script::arrival(self.declaration, &movement.mrn)
                    .map_err(|words| ClientError::Answer("CC007C".into(), words))?;
                there.trader.submit(&message).await?;
            }
            "Arrived" if route.authorised => {
                self.decide(&there.officer, &movement.mrn, json!({"decision": "permit-unloading"})).await?;
            }
            "Unloading" => {
                let message = script::unloading_remarks(self.declaration, &movement.mrn)
                    .map_err(|words| ClientError::Answer("CC044C".into(), words))?;
                there.trader.submit(&message).await?;
            }
            "Arrived" | "Unloaded" => {
                let results = json!({"decision": "control-result", "code": "A1", "seals": "intact"});
                self.decide(&there.officer, &movement.mrn, results).await?;
            }
            _ => {}
        }
        Ok(Step::At(format!("{} {state}", route.destination)))
    }

    async fn row(
        &self,
        office: &OfficeReference,
        room: &str,
        mrn: &str,
    ) -> Result<Option<MovementRow>, ClientError> {
        let rows: Movements =
            self.at(office.country())?.officer.get(&format!("/api/v1/movements?mrn={mrn}")).await?;
        Ok(rows.movements.into_iter().find(|row| row.room == room && row.office == office.as_str()))
    }

    async fn guarantee_released(&self, mrn: &str) -> Result<Step, ClientError> {
        let references = self.declaration.route.iter().flat_map(|route| &route.guarantees);
        for guarantee in references {
            let officer = &self.at(guarantee.grn.country())?.officer;
            let account: serde_json::Value =
                officer.get(&format!("/api/v1/guarantees/{}", guarantee.grn)).await?;
            let locks =
                account.get("locks").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            if locks.iter().any(|lock| lock.get("mrn").and_then(serde_json::Value::as_str) == Some(mrn)) {
                return Ok(Step::At(format!("guarantee {} still locked", guarantee.grn)));
            }
        }
        Ok(Step::Over(Outcome::WrittenOff { mrn: mrn.to_owned() }))
    }
}

/// Escapes a value for a query string.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
