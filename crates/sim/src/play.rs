//! The people of a simulation: traders who declare and arrive, officers who decide, carriers who cross frontiers.
//!
//! Each looks at what a node says the movement's state is and does the one thing that this state waits for. Whoever
//! finds a node away, or gets no answer, looks again later; the nodes make sure that doing it twice has one effect.

use crate::clock;
use crate::consignments::Consignment;
use crate::documents::{self, Planned};
use crate::faults::Fault;
use crate::officers::Officers;
use crate::stage::Stage;
use crate::world::WorldError;
use base::{Administration, Country, Currency, Eori, Money, OfficeReference};
use corridor::{Plan, Registration, script};
use evidence::witness_name;
use node::{
    GuaranteeRegistration, MovementFilter, MovementRow, Node, OfficerDecision, Principal, Role, Seals,
    Submission,
};
use std::sync::Arc;
use std::time::Duration;
use store::{log, stages, witnessing};

/// How often the people look around.
const LOOK: Duration = Duration::from_millis(50);

/// How long the people of one movement may take over a step, in milliseconds: what driving is in a simulation.
const STEP: (u64, u64) = (50, 2_500);

/// How long everything must have been at rest before the simulation ends.
const REST: Duration = Duration::from_millis(1_000);

/// How many rows of a movement are read: it has one in each of its offices here.
const ROWS: i64 = 20;

/// What one look at a movement led to.
enum Look {
    /// The movement is in this state; what it waited for has been done.
    At(String),
    /// A node is away, or could not do it now.
    Away,
    /// It is written off and its guarantees are released.
    Over,
}

/// One consignment with its people.
struct Journey {
    consignment: Consignment,
    next_look: Duration,
    last: String,
    over: bool,
}

/// Plays all consignments to their end, sends all documents, and waits until the federation is at rest.
pub(crate) async fn people(
    stage: Arc<Stage>,
    consignments: Vec<Consignment>,
    mut letters: Vec<Planned>,
) -> Result<(), WorldError> {
    for registration in registrations(&consignments)? {
        while !register(&stage, &registration).await? {
            tokio::time::sleep(LOOK).await;
        }
    }
    let mut journeys: Vec<Journey> = consignments
        .into_iter()
        .map(|consignment| Journey {
            consignment,
            next_look: Duration::from_millis(stage.draw(|dice| dice.between(0, 15_000))),
            last: String::new(),
            over: false,
        })
        .collect();
    let mut officers = Officers::default();
    let mut rest = Duration::ZERO;
    while rest < REST {
        for journey in &mut journeys {
            journey.look(&stage).await?;
        }
        let sent = documents::send_due(&stage, &mut letters).await?;
        officers.look(&stage).await;
        let resting = sent && journeys.iter().all(|journey| journey.over) && is_quiet(&stage).await;
        rest = if resting { rest + LOOK } else { Duration::ZERO };
        tokio::time::sleep(LOOK).await;
    }
    stage.note("people", "everything is at rest");
    Ok(())
}

/// The guarantees that the consignments use.
fn registrations(consignments: &[Consignment]) -> Result<Vec<Registration>, WorldError> {
    if consignments.is_empty() {
        return Ok(Vec::new());
    }
    let declarations = consignments.iter().map(|consignment| consignment.declaration.clone()).collect();
    let plan = Plan::of(declarations).map_err(|error| WorldError::Consignment(error.to_string()))?;
    Ok(plan.registrations.into_values().collect())
}

/// Whether every node is up, nothing is under way, nothing waits for an officer, and every log is witnessed.
async fn is_quiet(stage: &Stage) -> bool {
    if !stage.is_whole() {
        return false;
    }
    for country in stage.federation.countries() {
        let Some(node) = stage.node(*country) else {
            return false;
        };
        let Ok(partners) = node.partners().await else {
            return false;
        };
        if partners.iter().any(|partner| partner.queued > 0) || !is_settled(stage, *country) {
            return false;
        }
    }
    true
}

/// Whether a node has brought all its statements back, has no document open, and has had its log witnessed.
fn is_settled(stage: &Stage, country: Country) -> bool {
    let quorum = stage.federation.quorum();
    let own = Administration::of(country);
    let settled = stage.read(country, |tx| {
        let open = tx.query("SELECT message FROM documents WHERE standing = 'open' LIMIT 1", &[])?;
        let size = log::size(tx)?;
        let names: Vec<String> =
            quorum.witnesses().iter().filter(|one| **one != own).map(witness_name).collect();
        let witnessed = witnessing::cosignatures(tx, size)?;
        let met = witnessed.iter().filter(|one| names.contains(&one.witness)).count() >= quorum.needed();
        let signed = log::latest_checkpoint(tx)?.map_or(0, |latest| latest.size);
        Ok(open.is_empty() && stages::count(tx)? == 0 && signed == size && (size == 0 || met))
    });
    settled == Some(true)
}

/// Registers a guarantee where it is not registered yet; `false` when the node could not be asked.
async fn register(stage: &Stage, wanted: &Registration) -> Result<bool, WorldError> {
    let country = wanted.grn.country();
    let Some(node) = stage.node(country) else {
        return Ok(false);
    };
    match node.guarantee_account(&wanted.grn).await {
        Ok(None) => {}
        Ok(Some(_)) => return Ok(true),
        Err(_) => return Ok(false),
    }
    let unusable = |error: &dyn std::fmt::Display| WorldError::Consignment(error.to_string());
    let holders = wanted.holders.iter().map(|holder| Eori::parse(holder)).collect::<Result<_, _>>();
    let uses = i64::try_from(wanted.uses).unwrap_or(i64::MAX);
    let amount = wanted.greatest.minor().saturating_mul(uses);
    let registration = GuaranteeRegistration {
        grn: wanted.grn.clone(),
        kind: wanted.kind,
        holders: holders.map_err(|invalid| unusable(&invalid))?,
        access_code: wanted.access_code.clone(),
        reference_amount: Money::from_minor(amount, Currency::EUR).map_err(|invalid| unusable(&invalid))?,
        percentage: 100,
        // The clocks of other nodes may be a second before midnight.
        valid_from: Some(clock::BEGINNING.date().plus_days(-1)),
        valid_until: None,
        not_valid_in: std::collections::BTreeSet::new(),
        office: None,
    };
    hinder(stage, country);
    match node.register_guarantee(&officer(), registration).await {
        Ok(submission) => {
            check(stage, country, "registration of a guarantee", &submission);
            stage.note(country.as_str(), format!("guarantee {} registered", wanted.grn));
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

/// Lets the commit of the command that follows fail, if that befalls it.
fn hinder(stage: &Stage, country: Country) {
    if stage.befalls(Fault::CommitFailed, country) {
        stage.fail_next_commit(country);
    }
}

/// What the people do is right by construction, so a node that refuses it is wrong.
fn check(stage: &Stage, country: Country, what: &str, submission: &Submission) {
    if !submission.accepted {
        let errors: Vec<String> = submission
            .errors
            .iter()
            .map(|error| format!("{} {} {}", error.pointer, error.code, error.reason))
            .collect();
        stage.violation(format!("{country} refused the {what}: {} {}", submission.words, errors.join("; ")));
    }
}

fn officer() -> Principal {
    Principal { name: "officer".to_owned(), role: Role::Officer }
}

/// The outcome of a call: `None` when the node is away or could not do it now.
type Called<T> = Option<T>;

impl Journey {
    /// Looks at the movement, if its people are not under way.
    async fn look(&mut self, stage: &Stage) -> Result<(), WorldError> {
        if self.over || clock::elapsed() < self.next_look {
            return Ok(());
        }
        let look = self.act(stage).await?;
        let (least, most) = STEP;
        let pause = stage.draw(|dice| dice.between(least, most));
        self.next_look = clock::elapsed() + Duration::from_millis(pause);
        let now = match look {
            Look::At(state) => state,
            Look::Away => return Ok(()),
            Look::Over => {
                self.over = true;
                "written off, guarantee released".to_owned()
            }
        };
        if now != self.last {
            stage.note("people", format!("{}: {now}", self.lrn()));
            self.last = now;
        }
        Ok(())
    }

    fn lrn(&self) -> String {
        self.consignment.declaration.route.as_ref().map(|route| route.lrn.to_string()).unwrap_or_default()
    }

    async fn act(&self, stage: &Stage) -> Result<Look, WorldError> {
        let home = self.consignment.declaration.departure_country();
        let filter = MovementFilter { lrn: Some(self.lrn()), ..MovementFilter::default() };
        let Some(rows) = rows(stage, home, filter).await else {
            return Ok(Look::Away);
        };
        let movement = rows.into_iter().find(|row| row.room == "departure");
        let Some(movement) = self.remembered(stage, movement) else {
            return Ok(self.declare(stage, home).await);
        };
        let done = match movement.state.as_str() {
            "PreLodged" => {
                let presentation = script::presentation(&self.consignment.declaration);
                self.submit(stage, home, "CC170C", message(presentation)?).await.map(drop)
            }
            "Accepted" => self.release(stage, home, &movement.mrn).await,
            "UnderControl" => {
                decide(stage, home, &movement.mrn, OfficerDecision::ControlSatisfactory { reason: None })
                    .await
            }
            "Released" | "Arrived" => return self.travel(stage, &movement).await,
            "WrittenOff" => return Ok(self.released(stage, &movement.mrn).await),
            _ => Some(()),
        };
        Ok(done.map_or(Look::Away, |()| Look::At(movement.state)))
    }

    /// The officer of departure releases a movement, after control where one is due.
    async fn release(&self, stage: &Stage, home: Country, mrn: &str) -> Called<()> {
        let view = stage.node(home)?.movement(mrn).await.ok()?;
        let controlled =
            view.is_some_and(|view| view.events.iter().any(|event| event.kind == "ControlRecorded"));
        let decision = if self.consignment.controlled && !controlled {
            OfficerDecision::Control { kind: "10".to_owned(), reason: None }
        } else {
            OfficerDecision::Release
        };
        decide(stage, home, mrn, decision).await
    }

    /// The movement as the node shows it. What was accepted once must not be forgotten, nor get another MRN.
    fn remembered(&self, stage: &Stage, movement: Option<MovementRow>) -> Option<MovementRow> {
        match (&movement, stage.accepted(&self.lrn())) {
            (Some(row), _) if !row.mrn.is_empty() => stage.note_accepted(&self.lrn(), &row.mrn),
            (None, Some(mrn)) => {
                stage.violation(format!("declaration {} was accepted as {mrn} and is forgotten", self.lrn()));
            }
            _ => {}
        }
        movement
    }

    async fn declare(&self, stage: &Stage, home: Country) -> Look {
        match self.submit(stage, home, "CC015C", self.consignment.declaration.xml.clone()).await {
            Some(submission) => {
                let mrn = base::Mrn::parse(&submission.movement).ok();
                if let (true, Some(mrn)) = (submission.accepted, mrn) {
                    stage.note_accepted(&self.lrn(), mrn.as_str());
                }
                Look::At("declared".to_owned())
            }
            None => Look::Away,
        }
    }

    /// Submits a message. `None` when nobody heard of the outcome, whatever it was.
    async fn submit(&self, stage: &Stage, country: Country, kind: &str, xml: Vec<u8>) -> Called<Submission> {
        let node = stage.node(country)?;
        let trader = Principal { name: self.consignment.trader.clone(), role: Role::Trader };
        hinder(stage, country);
        let first = attempt(stage, country, kind, &node, &trader, xml.clone()).await?;
        if stage.befalls(Fault::Duplicated, country)
            && let Some(again) = attempt(stage, country, kind, &node, &trader, xml).await
        {
            let same = (first.message, &first.movement, first.accepted)
                == (again.message, &again.movement, again.accepted);
            if !same {
                stage.violation(format!("{country} answered a repeated {kind} of {} otherwise", self.lrn()));
            }
        }
        if stage.befalls(Fault::PowerCut, country) {
            stage.cut_power(country);
            return None;
        }
        if stage.befalls(Fault::AnswerLost, country) {
            return None;
        }
        check(stage, country, &format!("{kind} of {}", self.lrn()), &first);
        Some(first)
    }

    async fn travel(&self, stage: &Stage, movement: &MovementRow) -> Result<Look, WorldError> {
        let Some(route) = &self.consignment.declaration.route else {
            return Ok(Look::Away);
        };
        for office in &route.transit {
            let Some(row) = row(stage, office, "passage", &movement.mrn).await else {
                return Ok(Look::Away);
            };
            match row.as_ref().map(|row| row.state.as_str()) {
                Some("Announced") => {
                    let crossing = OfficerDecision::Crossing { office: Some(office.clone()) };
                    let done = decide(stage, office.country(), &movement.mrn, crossing).await;
                    return Ok(done.map_or(Look::Away, |()| Look::At(format!("crossing at {office}"))));
                }
                Some(_) => {}
                None => return Ok(Look::At(format!("on the way to {office}"))),
            }
        }
        self.arrive(stage, &route.destination, route.authorised, &movement.mrn).await
    }

    async fn arrive(
        &self,
        stage: &Stage,
        office: &OfficeReference,
        authorised: bool,
        mrn: &str,
    ) -> Result<Look, WorldError> {
        let Some(row) = row(stage, office, "destination", mrn).await else {
            return Ok(Look::Away);
        };
        let state = row.map(|row| row.state).unwrap_or_default();
        let (country, declaration) = (office.country(), &self.consignment.declaration);
        let done = match state.as_str() {
            "" => return Ok(Look::At(format!("on the way to {office}"))),
            "Announced" => {
                let arrival = message(script::arrival(declaration, mrn))?;
                self.submit(stage, country, "CC007C", arrival).await.map(drop)
            }
            "Arrived" if authorised => decide(stage, country, mrn, OfficerDecision::PermitUnloading).await,
            "Unloading" => {
                let remarks = message(script::unloading_remarks(declaration, mrn))?;
                self.submit(stage, country, "CC044C", remarks).await.map(drop)
            }
            "Arrived" | "Unloaded" => {
                let code = customs::transit::ResultCode::satisfactory();
                decide(
                    stage,
                    country,
                    mrn,
                    OfficerDecision::ControlResult { code, seals: Some(Seals::Intact), reason: None },
                )
                .await
            }
            _ => Some(()),
        };
        Ok(done.map_or(Look::Away, |()| Look::At(format!("at {office}: {state}"))))
    }

    /// Whether its guarantees are released.
    async fn released(&self, stage: &Stage, mrn: &str) -> Look {
        for used in self.consignment.declaration.route.iter().flat_map(|route| &route.guarantees) {
            let Some(node) = stage.node(used.grn.country()) else {
                return Look::Away;
            };
            match node.guarantee_account(&used.grn).await {
                Ok(Some(account)) if account.locks.iter().all(|lock| lock.mrn != mrn) => {}
                Ok(_) => return Look::At("WrittenOff".to_owned()),
                Err(_) => return Look::Away,
            }
        }
        Look::Over
    }
}

fn message(made: Result<Vec<u8>, String>) -> Result<Vec<u8>, WorldError> {
    made.map_err(WorldError::Consignment)
}

async fn attempt(
    stage: &Stage,
    country: Country,
    kind: &str,
    node: &Node,
    trader: &Principal,
    xml: Vec<u8>,
) -> Called<Submission> {
    match node.submit(trader, xml).await {
        Ok(submission) => Some(submission),
        Err(_) => {
            stage.note(country.as_str(), format!("{kind} of {} cannot be taken now", trader.name));
            None
        }
    }
}

async fn decide(stage: &Stage, country: Country, mrn: &str, decision: OfficerDecision) -> Called<()> {
    let node = stage.node(country)?;
    let words = serde_json::to_value(&decision).unwrap_or_default();
    let name = words.get("decision").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    hinder(stage, country);
    match node.decide(&officer(), mrn, decision).await {
        Ok(Some(submission)) => check(stage, country, &format!("decision `{name}` on {mrn}"), &submission),
        Ok(None) => stage.violation(format!("{country} does not know {mrn}, for which it shows a row")),
        Err(_) => {
            stage.note(country.as_str(), format!("decision `{name}` on {mrn} cannot be taken now"));
            return None;
        }
    }
    if stage.befalls(Fault::PowerCut, country) {
        stage.cut_power(country);
        return None;
    }
    Some(())
}

async fn rows(stage: &Stage, country: Country, filter: MovementFilter) -> Called<Vec<MovementRow>> {
    stage.node(country)?.movements(filter, ROWS).await.ok()
}

/// The row of a movement in one office's room: `None` when the node is away, `Some(None)` when it has no such row.
async fn row(stage: &Stage, office: &OfficeReference, room: &str, mrn: &str) -> Called<Option<MovementRow>> {
    let filter = MovementFilter { mrn: Some(mrn.to_owned()), ..MovementFilter::default() };
    let rows = rows(stage, office.country(), filter).await?;
    Some(rows.into_iter().find(|row| row.room == room && row.office == office.as_str()))
}
