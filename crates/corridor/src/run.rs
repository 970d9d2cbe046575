//! One run of a corridor: set up the nodes, play the declarations, write down what was said.

use crate::client::{Api, ClientError};
use crate::fleet::{Fleet, FleetError, StoreChoice};
use crate::plan::{Declaration, Plan, PlanError};
use crate::play::{Outcome, Play};
use crate::progress::Progress;
use crate::timeline::{Entry, Timeline};
use base::Country;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many declarations are under way at once: enough to keep two cores busy, few enough to read the timeline.
const AT_ONCE: usize = 12;

/// How often the nodes are asked whether their last letters have arrived.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// How often they are asked before the run ends without an answer: one minute.
const SETTLE_LOOKS: u32 = 1200;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `tidewaiter` binary that each node runs.
    pub binary: PathBuf,
    /// The declarations to play.
    pub declarations: Vec<PathBuf>,
    /// Where the messages are written.
    pub out: PathBuf,
    /// Official reference data that every node loads; the built-in sets otherwise.
    pub reference: Option<PathBuf>,
    /// The database of the nodes.
    pub store: StoreChoice,
    /// Whether progress may be drawn on the terminal.
    pub progress: bool,
}

/// Why a run could not be carried out. A declaration that ends badly is no error of the run: see [`Report::passed`].
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nothing to play.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The nodes could not be set up.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A node did not answer when it had to.
    #[error("a node does not answer: {0}")]
    Client(#[from] ClientError),
    /// The messages could not be written.
    #[error("cannot write to `{0}`: {1}")]
    Out(PathBuf, std::io::Error),
    /// The reference data could not be read.
    #[error(transparent)]
    Reference(#[from] node::ReferenceError),
}

/// How one declaration ended, and whether it had to end so.
#[derive(Clone, Debug, Serialize)]
pub struct Ending {
    /// The declaration's file.
    pub file: String,
    /// Its local reference number, when it is legible.
    pub lrn: Option<String>,
    /// Its movement reference number, when it got one.
    pub mrn: Option<String>,
    /// How it had to end, in words.
    pub expected: String,
    /// How it ended, in words.
    pub outcome: String,
    /// Whether the two agree.
    pub ok: bool,
}

/// What a run brought.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each declaration's end.
    pub declarations: Vec<Ending>,
    /// Every message in order.
    pub messages: Vec<Entry>,
    /// How often each node had to be started again.
    pub restarts: BTreeMap<String, u32>,
    /// Guarantee accounts whose ledger does not balance, or that still hold a lock of this run.
    pub unbalanced: Vec<String>,
    /// The timeline in words.
    #[serde(skip)]
    pub lines: Vec<String>,
}

impl Report {
    /// Whether every declaration ended as it had to and every ledger balances.
    pub fn passed(&self) -> bool {
        self.declarations.iter().all(|ending| ending.ok) && self.unbalanced.is_empty()
    }
}

/// Carries out a run.
///
/// # Errors
/// When it cannot be set up, a node stays away, or the messages cannot be written.
pub async fn run(options: &Options) -> Result<Report, RunError> {
    let catalogue = node::load_catalogue(options.reference.as_deref())?;
    let today = node::World::system().clock.now().date();
    let declarations = options.declarations.iter().enumerate();
    let declarations = declarations
        .map(|(index, file)| Declaration::load(index, file, &node::Lists(&catalogue), today))
        .collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::of(declarations)?;
    let fleet =
        Fleet::launch(&options.binary, &plan.countries, &options.store, options.reference.as_deref()).await?;
    fleet.register_guarantees(&plan.registrations).await?;
    let endings = play_all(&fleet, plan, options.progress).await;
    settle(&fleet.operators()).await?;
    let timeline = Timeline::collect(&fleet.operators()).await?;
    timeline.write(&options.out).map_err(|error| RunError::Out(options.out.clone(), error))?;
    let unbalanced = unbalanced(&fleet.operators()).await?;
    let report = Report {
        declarations: endings,
        messages: timeline.entries().cloned().collect(),
        restarts: fleet.restarts(),
        unbalanced,
        lines: timeline.lines(),
    };
    fleet.stop(report.passed()).await;
    Ok(report)
}

async fn play_all(fleet: &Fleet, plan: Plan, draw: bool) -> Vec<Ending> {
    let progress = Arc::new(Progress::new(plan.declarations.len(), draw));
    let corridor = Arc::new(fleet.cast());
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = Vec::new();
    for declaration in plan.declarations {
        let (corridor, gate, progress) = (Arc::clone(&corridor), Arc::clone(&gate), Arc::clone(&progress));
        tasks.push(tokio::spawn(async move {
            // The semaphore is never closed, so acquiring it cannot fail.
            let _turn = gate.acquire().await;
            let name = declaration.file.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let outcome = Play::new(&corridor, &declaration).run(|state| progress.says(&name, state)).await;
            let ending = ending(&declaration, &outcome);
            progress.finished(&name, ending.ok);
            ending
        }));
    }
    let mut endings = Vec::new();
    for task in tasks {
        endings.extend(task.await.ok());
    }
    progress.done();
    endings
}

fn ending(declaration: &Declaration, outcome: &Outcome) -> Ending {
    let expected = match &declaration.expectation {
        crate::plan::Expectation::WrittenOff => "written off".to_owned(),
        crate::plan::Expectation::Rejected(message) => format!("rejected with {message}"),
    };
    let (mrn, words) = match outcome {
        Outcome::WrittenOff { mrn } => (Some(mrn.clone()), "written off".to_owned()),
        Outcome::Rejected { messages } => (None, format!("rejected with {}", messages.join(", "))),
        Outcome::Stuck { state } => (None, format!("stuck: {state}")),
    };
    Ending {
        file: declaration.file.display().to_string(),
        lrn: declaration.route.as_ref().map(|route| route.lrn.to_string()),
        mrn,
        expected,
        outcome: words,
        ok: outcome.meets(&declaration.expectation),
    }
}

/// Waits until no node has a letter left to deliver.
async fn settle(operators: &BTreeMap<Country, Api>) -> Result<(), RunError> {
    for _ in 0..SETTLE_LOOKS {
        let mut waiting = 0;
        for api in operators.values() {
            let Ok(answer) = api.get::<serde_json::Value>("/api/v1/partners").await else {
                waiting += 1;
                continue;
            };
            let partners =
                answer.get("partners").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            waiting += partners
                .iter()
                .filter_map(|partner| partner.get("queued").and_then(serde_json::Value::as_i64))
                .sum::<i64>();
        }
        if waiting == 0 {
            return Ok(());
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
    Ok(())
}

/// The accounts that are out of balance or still hold a lock.
async fn unbalanced(operators: &BTreeMap<Country, Api>) -> Result<Vec<String>, RunError> {
    let mut wrong = Vec::new();
    for (country, api) in operators {
        let answer: serde_json::Value = api.get("/api/v1/guarantees").await?;
        let accounts =
            answer.get("guarantees").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        for account in accounts {
            let balanced = account.get("balanced").and_then(serde_json::Value::as_bool).unwrap_or(false);
            if !balanced {
                let grn = account.get("grn").and_then(serde_json::Value::as_str).unwrap_or_default();
                wrong.push(format!("{country} {grn}"));
            }
        }
    }
    Ok(wrong)
}
