//! The benchmark of transit: the golden path between three administrations in one process, everything on but the
//! network, against bare durable inserts of the same bytes into the same database, arms in turn.

use super::report::{BenchCase, BenchReport};
use super::scratch::Scratch;
use super::{BenchError, officer, trader};
use crate::demo::traffic;
use crate::fleet::StoreChoice;
use crate::plan::Declaration;
use crate::script;
use base::{Administration, Country, Eori, Money};
use node::{
    Config, Delivery, GuaranteeRegistration, MovementFilter, Node, OfficerDecision, ResultCode, Seals, SetUp,
    Transport, TransportError, World,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// Rounds in which the two arms take turns, so that a machine that slows down slows both.
const ROUNDS: usize = 4;

/// The countries on the way, each with a node.
const COUNTRIES: [&str; 3] = ["GB", "FR", "IT"];

/// The name of the bare arm's store.
const BARE: &str = "bare";

/// The stores of a case.
const STORES: [&str; 4] = ["gb", "fr", "it", BARE];

/// How long a round may take until all letters have arrived.
const ROUND_LIMIT: Duration = Duration::from_secs(300);

/// Measures SQLite, and PostgreSQL where there is one.
///
/// # Errors
/// When a node cannot be set up, or a movement does not go its way.
pub async fn bench_transit(postgres: Option<&str>, movements: usize) -> Result<BenchReport, BenchError> {
    let mut report = BenchReport { cases: Vec::new(), skipped: Vec::new() };
    report.cases.push(case(&StoreChoice::Sqlite, movements).await?);
    match postgres {
        Some(url) => report.cases.push(case(&StoreChoice::Postgres(url.to_owned()), movements).await?),
        None => match tokio::task::spawn_blocking(node::private_postgres).await {
            Ok(Some(server)) => {
                report.cases.push(case(&StoreChoice::Postgres(server.url()), movements).await?);
            }
            _ => report.skipped.push("postgres  not measured: no server given, none installed".to_owned()),
        },
    }
    Ok(report)
}

/// Takes envelopes from one node of the process to another.
struct Loopback {
    from: Administration,
    nodes: Arc<OnceLock<BTreeMap<Administration, Arc<Node>>>>,
}

impl Transport for Loopback {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let node = self.nodes.get().and_then(|nodes| nodes.get(partner));
            let node = node.ok_or_else(|| TransportError::UnknownPartner(partner.clone()))?;
            let failed =
                |error: node::NodeError| TransportError::Unreachable(partner.clone(), error.to_string());
            node.receive(&self.from, envelope.into()).await.map_err(failed)
        })
    }
}

/// The nodes of one case, with their workers.
struct Corridor {
    nodes: BTreeMap<Administration, Arc<Node>>,
    stop: tokio::sync::watch::Sender<bool>,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

/// What the two arms took.
#[derive(Default)]
struct Arms {
    transit: Duration,
    bare: Duration,
    messages: u64,
    commands: u64,
    commits: u64,
}

async fn case(choice: &StoreChoice, movements: usize) -> Result<BenchCase, BenchError> {
    let per_round = movements.div_ceil(ROUNDS).max(1);
    let declarations = declarations(per_round * ROUNDS)?;
    let scratch = Scratch::new(choice, &STORES);
    let corridor = open(&scratch).await?;
    let bare = block_in_place(|| node::BareStore::open(&scratch.store(BARE)));
    let measured = match &bare {
        Ok(bare) => corridor.measure(bare, declarations.chunks(per_round)).await,
        Err(_) => Ok(Arms::default()),
    };
    // Nobody may write any more when the stores are removed, so this comes before any error is returned.
    corridor.close().await;
    bare?.close().await;
    let arms = measured?;
    Ok(BenchCase {
        store: match choice {
            StoreChoice::Sqlite => "sqlite".to_owned(),
            StoreChoice::Postgres(_) => "postgres".to_owned(),
        },
        movements: per_round * ROUNDS,
        messages: arms.messages,
        messages_per_s: arms.messages as f64 / arms.transit.as_secs_f64(),
        bare_inserts_per_s: arms.messages as f64 / arms.bare.as_secs_f64(),
        ratio: arms.bare.as_secs_f64() / arms.transit.as_secs_f64(),
        commands_per_commit: arms.commands as f64 / (arms.commits.max(1)) as f64,
    })
}

async fn open(scratch: &Scratch) -> Result<Corridor, BenchError> {
    let countries = COUNTRIES.map(|code| Country::parse(code).unwrap_or_else(|_| unreachable!()));
    let parties: Vec<Administration> = countries.iter().map(|country| Administration::of(*country)).collect();
    let unused = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let mut prepared = BTreeMap::new();
    for administration in &parties {
        let name = administration.country().as_str().to_lowercase();
        let set_up = SetUp {
            folder: scratch.folder.join(&name),
            administration: administration.clone(),
            store: match scratch.choice {
                StoreChoice::Sqlite => "sqlite:node.db".to_owned(),
                StoreChoice::Postgres(_) => scratch.store(&name),
            },
            api: unused,
            peer: unused,
            corridor_defaults: false,
            reference: None,
        };
        prepared.insert(administration.clone(), block_in_place(|| node::initialise(&set_up))?);
    }
    let shared = Arc::new(OnceLock::new());
    let mut nodes = BTreeMap::new();
    for (administration, files) in &prepared {
        let others = prepared.iter().filter(|(other, _)| *other != administration);
        node::join_corridor(&files.config, others.map(|(_, files)| files.card.clone()).collect(), &parties)?;
        let config = Config::load(&files.config).map_err(node::NodeError::from)?;
        let transport = Arc::new(Loopback { from: administration.clone(), nodes: Arc::clone(&shared) });
        nodes.insert(administration.clone(), Node::open_with(config, World::system(), transport).await?);
    }
    // Set once, here.
    let _ = shared.set(nodes.clone());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let workers = nodes.values().map(|node| {
        let mut stopped = stopped.clone();
        Arc::clone(node).start_workers(async move { drop(stopped.wait_for(|stop| *stop).await) })
    });
    let workers = workers.collect();
    Ok(Corridor { nodes, stop, workers })
}

impl Corridor {
    fn node(&self, country: &str) -> Result<&Arc<Node>, BenchError> {
        let country = Country::parse(country).map_err(|invalid| BenchError::Astray(invalid.to_string()))?;
        let node = self.nodes.get(&Administration::of(country));
        node.ok_or_else(|| BenchError::Astray(format!("there is no node of {country}")))
    }

    /// Lets the arms take turns, a round for each batch of declarations.
    async fn measure(
        &self,
        bare_store: &node::BareStore,
        batches: impl Iterator<Item = &[Declaration]>,
    ) -> Result<Arms, BenchError> {
        let mut arms = Arms::default();
        for (number, batch) in batches.enumerate() {
            if number == 0 {
                self.register(batch).await?;
            }
            arms.transit += self.round(batch).await?;
            let bodies = self.new_bodies().await?;
            arms.messages += bodies.len() as u64;
            arms.bare += insert(bare_store, bodies).await?;
        }
        (arms.commands, arms.commits) = self.nodes.values().fold((0, 0), |(commands, commits), node| {
            let (more, others) = node.store_statistics();
            (commands + more, commits + others)
        });
        Ok(arms)
    }

    /// Registers the guarantee, which all declarations share.
    async fn register(&self, declarations: &[Declaration]) -> Result<(), BenchError> {
        let declaration =
            declarations.first().ok_or_else(|| BenchError::Astray("nothing to play".to_owned()))?;
        let route = declaration.route.as_ref().ok_or_else(|| BenchError::Astray("no route".to_owned()))?;
        for used in &route.guarantees {
            let holder =
                Eori::parse(&route.holder).map_err(|invalid| BenchError::Astray(invalid.to_string()))?;
            let amount = Money::from_minor(999_999_999_999_999, base::Currency::EUR);
            let registration = GuaranteeRegistration {
                grn: used.grn.clone(),
                kind: used.kind,
                holders: BTreeSet::from([holder]),
                access_code: used.access_code.clone(),
                reference_amount: amount.map_err(|invalid| BenchError::Astray(invalid.to_string()))?,
                percentage: 100,
                valid_from: None,
                valid_until: None,
                not_valid_in: BTreeSet::new(),
                office: None,
            };
            self.node(used.grn.country().as_str())?.register_guarantee(&officer(), registration).await?;
        }
        Ok(())
    }

    /// Takes movements from declaration to write-off, in steps: each step is taken for all of them at once, and the
    /// letters of all are under way together. Returns what the steps took; what people prepare between them, and the
    /// look at the end, do not count.
    #[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
    async fn round(&self, declarations: &[Declaration]) -> Result<Duration, BenchError> {
        let (gb, fr, it) = (self.node("GB")?, self.node("FR")?, self.node("IT")?);
        let messages: Vec<Vec<u8>> = declarations.iter().map(|one| one.xml.clone()).collect();
        let started = Instant::now();
        let mut tasks = Vec::new();
        for xml in messages {
            let node = Arc::clone(gb);
            tasks.push(tokio::spawn(
                async move { node.submit(&trader(), xml).await.map(|done| done.movement) },
            ));
        }
        let mut mrns = Vec::new();
        for task in tasks {
            mrns.push(task.await.map_err(|error| BenchError::Astray(error.to_string()))??);
        }
        self.settle().await?;
        let mut taken = started.elapsed();

        let arrivals = declarations.iter().zip(&mrns).map(|(one, mrn)| script::arrival(one, mrn));
        let arrivals = arrivals.collect::<Result<Vec<_>, _>>().map_err(BenchError::Astray)?;
        let started = Instant::now();
        let mut tasks = Vec::new();
        for mrn in &mrns {
            let (node, mrn) = (Arc::clone(fr), mrn.clone());
            let crossing = OfficerDecision::Crossing { office: None };
            tasks.push(tokio::spawn(async move { node.decide(&officer(), &mrn, crossing).await.map(drop) }));
        }
        for task in tasks {
            task.await.map_err(|error| BenchError::Astray(error.to_string()))??;
        }
        // Nobody arrives before the frontier is known to be crossed: every movement has the same messages.
        self.settle().await?;
        let mut tasks = Vec::new();
        for xml in arrivals {
            let node = Arc::clone(it);
            tasks.push(tokio::spawn(async move { node.submit(&trader(), xml).await.map(drop) }));
        }
        for task in tasks {
            task.await.map_err(|error| BenchError::Astray(error.to_string()))??;
        }
        let code = ResultCode::satisfactory();
        let mut tasks = Vec::new();
        for mrn in &mrns {
            let (node, mrn) = (Arc::clone(it), mrn.clone());
            let seals = Some(Seals::Intact);
            let result = OfficerDecision::ControlResult { code: code.clone(), seals, reason: None };
            tasks.push(tokio::spawn(async move { node.decide(&officer(), &mrn, result).await.map(drop) }));
        }
        for task in tasks {
            task.await.map_err(|error| BenchError::Astray(error.to_string()))??;
        }
        self.settle().await?;
        taken += started.elapsed();
        self.check_written_off(&mrns).await?;
        Ok(taken)
    }

    async fn check_written_off(&self, mrns: &[String]) -> Result<(), BenchError> {
        let gb = self.node("GB")?;
        for mrn in mrns {
            let filter = MovementFilter { mrn: Some(mrn.clone()), ..MovementFilter::default() };
            let rows = gb.movements(filter, 5).await?;
            if !rows.iter().any(|row| row.state == "WrittenOff") {
                let states: Vec<_> = rows.iter().map(|row| format!("{} {}", row.room, row.state)).collect();
                return Err(BenchError::Astray(format!("`{mrn}` is not written off: {}", states.join(", "))));
            }
        }
        Ok(())
    }

    /// Waits until no letter is under way.
    #[allow(clippy::disallowed_methods, reason = "a measurement that never ends must end")]
    async fn settle(&self) -> Result<(), BenchError> {
        let started = Instant::now();
        loop {
            let mut queued = 0;
            for node in self.nodes.values() {
                queued += node.partners().await?.iter().map(|partner| partner.queued).sum::<i64>();
            }
            if queued == 0 {
                return Ok(());
            }
            if started.elapsed() > ROUND_LIMIT {
                return Err(BenchError::Astray(format!("{queued} letters are still under way")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The bytes of every message that the nodes put on record in this round; a message between two nodes stands in
    /// both records and counts once.
    async fn new_bodies(&self) -> Result<Vec<Vec<u8>>, BenchError> {
        let mut bodies = Vec::new();
        for node in self.nodes.values() {
            bodies.extend(node.new_message_bodies().await?);
        }
        Ok(bodies)
    }

    async fn close(self) {
        // Workers that are gone already need no word.
        let _ = self.stop.send(true);
        for worker in self.workers {
            let _ = worker.await;
        }
        for node in self.nodes.values() {
            node.close().await;
        }
    }
}

/// The bare arm: inserts the bodies, and returns what it took.
#[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
async fn insert(store: &node::BareStore, bodies: Vec<Vec<u8>>) -> Result<Duration, BenchError> {
    let started = Instant::now();
    store.insert_all(bodies).await?;
    Ok(started.elapsed())
}

/// Declarations from Leeds through Calais to Turin, made before any clock runs.
fn declarations(count: usize) -> Result<Vec<Declaration>, BenchError> {
    let catalogue = node::load_catalogue(None).map_err(|error| BenchError::Astray(error.to_string()))?;
    let (lists, today) = (node::Lists(&catalogue), World::system().clock.now().date());
    // Every third declaration of the traffic goes that way.
    let traffic = (0..count).map(|index| traffic(index * 3).map(|xml| (index, xml)));
    let traffic = traffic.collect::<Option<Vec<_>>>();
    let traffic =
        traffic.ok_or_else(|| BenchError::Astray("the shipped declaration is malformed".to_owned()))?;
    let declaration = |(index, xml)| Declaration::parse(index, Path::new("bench"), xml, &lists, today);
    Ok(traffic.into_iter().map(declaration).collect())
}
