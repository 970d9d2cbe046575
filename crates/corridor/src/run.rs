//! One run of a corridor: set up the nodes, play the declarations, write down what was said.

use crate::client::{Api, ClientError};
use crate::fleet::{Fleet, FleetError, Ground, Storage, StoreChoice};
use crate::plan::{Declaration, Expectation, Plan, PlanError};
use crate::play::{Corridor, Outcome, Play};
use crate::progress::{Drawing, Progress};
use crate::timeline::{Entry, Timeline};
use base::Country;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
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
    /// The folder in which the nodes' configuration, storage and logs are kept afterwards; a temporary one, which is
    /// removed when all went well, when left out.
    pub keep: Option<PathBuf>,
    /// Whether progress is drawn on the terminal.
    pub progress: Drawing,
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
    /// The demonstration's folder is someone else's.
    #[error("`{0}` holds what no demonstration left there: give an empty or a new folder")]
    NotOurs(PathBuf),
    /// The messages could not be written.
    #[error("cannot write to `{0}`: {1}")]
    Out(PathBuf, std::io::Error),
    /// The reference data could not be read.
    #[error(transparent)]
    Reference(#[from] node::ReferenceError),
    /// The nodes still had letters to deliver long after the last declaration had ended.
    #[error(
        "{0} letter(s) are still under way a minute after the last declaration ended: see the nodes' logs"
    )]
    Unsettled(i64),
    /// The user stopped the run.
    #[error("stopped before the declarations had ended; nothing was written")]
    Stopped,
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
    /// Messages that did not arrive: withheld, refused by the partner, or held for an officer.
    pub undelivered: Vec<String>,
    /// The timeline in words.
    #[serde(skip)]
    pub lines: Vec<String>,
}

impl Report {
    /// Whether every declaration ended as it had to and every ledger balances.
    pub fn passed(&self) -> bool {
        let ended = self.declarations.iter().all(|ending| ending.ok);
        ended && self.unbalanced.is_empty() && self.undelivered.is_empty()
    }
}

/// Carries out a run, unless `stop` resolves before its declarations have ended.
///
/// # Errors
/// When it cannot be set up, a node stays away, the messages cannot be written, or it is stopped.
pub async fn run(options: &Options, stop: impl Future<Output = ()>) -> Result<Report, RunError> {
    let catalogue = node::load_catalogue(options.reference.as_deref())?;
    let today = node::World::system().clock.now().date();
    let declarations = options.declarations.iter().enumerate();
    let declarations = declarations
        .map(|(index, file)| Declaration::load(index, file, &node::Lists(&catalogue), today))
        .collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::of(declarations)?;
    // Before anything is started: a folder that cannot be written would waste the whole run.
    std::fs::create_dir_all(&options.out).map_err(|error| RunError::Out(options.out.clone(), error))?;
    let fleet = Fleet::launch(
        &options.binary,
        &plan.countries,
        &Ground {
            folder: options.keep.clone(),
            store: options.store.clone(),
            reference: options.reference.clone(),
        },
    )?;
    tokio::select! {
        report = conduct(&fleet, plan, options) => {
            let passed = report.as_ref().is_ok_and(Report::passed);
            fleet.stop(if passed { Storage::Discard } else { Storage::Keep }).await;
            report
        }
        () = stop => {
            fleet.stop(Storage::Discard).await;
            Err(RunError::Stopped)
        }
    }
}

async fn conduct(fleet: &Fleet, plan: Plan, options: &Options) -> Result<Report, RunError> {
    fleet.ready().await?;
    fleet.register_guarantees(&plan.registrations).await?;
    let endings = play_all(fleet, plan, options.progress).await;
    let operators = fleet.operators();
    settle(&operators).await?;
    let timeline = Timeline::collect(&operators).await?;
    timeline.write(&options.out).map_err(|error| RunError::Out(options.out.clone(), error))?;
    Ok(Report {
        declarations: endings,
        messages: timeline.entries().cloned().collect(),
        restarts: fleet.restarts(),
        unbalanced: unbalanced(&operators).await?,
        undelivered: undelivered(&timeline),
        lines: timeline.lines(),
    })
}

/// Plays everything: first what has to be accepted, then what has to be rejected, since a rejected message may carry the
/// identification of an accepted one, and the first to use it has it.
async fn play_all(fleet: &Fleet, plan: Plan, drawing: Drawing) -> Vec<Ending> {
    let progress = Arc::new(Progress::new(plan.declarations.len(), drawing));
    let corridor = Arc::new(fleet.cast());
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let accepted = |declaration: &Declaration| declaration.expectation == Expectation::WrittenOff;
    let (first, then): (Vec<_>, Vec<_>) = plan.declarations.into_iter().partition(accepted);
    let mut endings = Vec::new();
    for declarations in [first, then] {
        endings.extend(play_some(&corridor, &gate, &progress, declarations).await);
    }
    progress.done();
    endings.sort_by_key(|(index, _)| *index);
    endings.into_iter().map(|(_, ending)| ending).collect()
}

async fn play_some(
    corridor: &Arc<Corridor>,
    gate: &Arc<Semaphore>,
    progress: &Arc<Progress>,
    declarations: Vec<Declaration>,
) -> Vec<(usize, Ending)> {
    let mut tasks = Vec::new();
    for declaration in declarations {
        let (corridor, gate, progress) = (Arc::clone(corridor), Arc::clone(gate), Arc::clone(progress));
        let (index, file) = (declaration.index, declaration.file.display().to_string());
        let task = tokio::spawn(async move {
            // The semaphore is never closed, so acquiring it cannot fail.
            let _turn = gate.acquire().await;
            let name = declaration.file.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let outcome = Play::new(&corridor, &declaration).run(|state| progress.says(&name, state)).await;
            let ending = ending(&declaration, &outcome);
            if ending.ok {
                progress.finished();
            } else {
                progress.failed(&name);
            }
            ending
        });
        tasks.push((index, file, task));
    }
    let mut endings = Vec::new();
    for (index, file, task) in tasks {
        let ending = task.await.unwrap_or_else(|error| Ending {
            file,
            lrn: None,
            mrn: None,
            expected: "to be played".to_owned(),
            outcome: format!("the play broke off: {error}"),
            ok: false,
        });
        endings.push((index, ending));
    }
    endings
}

fn ending(declaration: &Declaration, outcome: &Outcome) -> Ending {
    let expected = match &declaration.expectation {
        Expectation::WrittenOff => "written off".to_owned(),
        Expectation::Rejected(message) => format!("rejected with {message}"),
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

/// What the nodes say of their letters at one look at each.
#[derive(Default, PartialEq, Eq)]
struct Letters {
    queued: i64,
    settled: i64,
}

/// Waits until no node has a letter left to deliver.
///
/// The nodes are looked at one after the other, and a letter that one delivers may make another write one behind our
/// back. So two looks in a row must find nothing queued and the same number of letters settled: then none was written
/// between them.
async fn settle(operators: &BTreeMap<Country, Api>) -> Result<(), RunError> {
    let mut before = None;
    for _ in 0..SETTLE_LOOKS {
        let letters = letters(operators).await?;
        if letters.queued == 0 && before.as_ref() == Some(&letters) {
            return Ok(());
        }
        before = Some(letters);
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
    let queued = before.map_or(0, |letters| letters.queued);
    Err(RunError::Unsettled(queued))
}

async fn letters(operators: &BTreeMap<Country, Api>) -> Result<Letters, RunError> {
    let mut letters = Letters::default();
    for api in operators.values() {
        let answer: Partners = api.get_patiently("/api/v1/partners").await?;
        for partner in answer.partners {
            letters.queued += partner.queued;
            letters.settled += partner.delivered + partner.refused;
        }
    }
    Ok(letters)
}

#[derive(Deserialize)]
struct Partners {
    partners: Vec<Traffic>,
}

#[derive(Deserialize)]
struct Traffic {
    queued: i64,
    delivered: i64,
    refused: i64,
}

#[derive(Deserialize)]
struct Guarantees {
    guarantees: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    grn: String,
    balanced: bool,
    locks: Vec<serde_json::Value>,
}

/// The accounts that are out of balance or still hold a lock.
async fn unbalanced(operators: &BTreeMap<Country, Api>) -> Result<Vec<String>, RunError> {
    let mut wrong = Vec::new();
    for (country, api) in operators {
        let answer: Guarantees = api.get_patiently("/api/v1/guarantees").await?;
        let accounts = answer.guarantees.into_iter();
        let open = accounts.filter(|account| !account.balanced || !account.locks.is_empty());
        wrong.extend(open.map(|account| format!("{country} {}", account.grn)));
    }
    Ok(wrong)
}

/// The messages of a run that did not arrive.
fn undelivered(timeline: &Timeline) -> Vec<String> {
    let lost = timeline
        .entries()
        .filter(|entry| matches!(entry.outcome.as_str(), "withheld" | "refused" | "held" | "queued"));
    lost.map(|entry| format!("{:04} {} {}", entry.number, entry.message_type, entry.outcome)).collect()
}
