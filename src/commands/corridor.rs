//! `tidewaiter corridor`: several administrations on this machine, each with a node of its own.

use super::{block_on, fail, say};
use clap::{Args, Subcommand};
use corridor::{Drawing, Options, Report, StoreChoice};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to run.
#[derive(Subcommand)]
pub enum Corridor {
    /// Play declarations from acceptance to write-off, and write down every message
    Run(Run),
    /// Run a lasting corridor of Great Britain, France and Italy with a trickle of traffic
    Demo(Demo),
}

/// A run of declarations.
#[derive(Args)]
pub struct Run {
    /// The declarations: CC015C messages as XML
    #[arg(long = "declaration", required = true, num_args = 1.., value_name = "FILE")]
    declarations: Vec<PathBuf>,
    /// The folder that takes the messages, as NNNN-FROM-TO-TYPE.xml; those of an earlier run are removed from it first
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Official code lists and offices to load first; the built-in sets otherwise
    #[arg(long, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// The nodes' database: `sqlite` or a postgres:// URL
    #[arg(long, default_value = "sqlite")]
    store: StoreChoice,
    /// Keep the nodes' configuration, database and logs in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print a report as JSON instead of the timeline
    #[arg(long)]
    json: bool,
}

/// A lasting corridor.
#[derive(Args)]
pub struct Demo {
    /// The folder that keeps the nodes' data: a new or empty one, or that of an earlier demonstration, which makes room
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    dir: PathBuf,
    /// Play one consignment through the three countries, and exit
    #[arg(long)]
    once: bool,
    /// Seconds between two declarations
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    every: u64,
}

impl Corridor {
    /// Runs it.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Run(run) => block_on(run.run()),
            Self::Demo(demo) => block_on(demo.run()),
        }
    }
}

impl Run {
    async fn run(self) -> ExitCode {
        let binary = match std::env::current_exe() {
            Ok(binary) => binary,
            Err(error) => return fail(error),
        };
        let options = Options {
            binary,
            declarations: self.declarations,
            out: self.out,
            reference: self.reference,
            store: self.store,
            keep: self.keep,
            progress: if self.json { Drawing::Never } else { Drawing::OnTerminal },
        };
        match corridor::run(&options, stop_signal()).await {
            Ok(report) => {
                print(&report, self.json);
                ExitCode::from(u8::from(!report.passed()))
            }
            Err(error) => fail(error),
        }
    }
}

fn print(report: &Report, json: bool) {
    if json {
        let mut value = serde_json::json!(report);
        if let Some(object) = value.as_object_mut() {
            object.insert("ok".to_owned(), report.passed().into());
        }
        say(format_args!("{value}"));
        return;
    }
    for line in &report.lines {
        say(format_args!("{line}"));
    }
    say("");
    for ending in &report.declarations {
        let mark = if ending.ok { "ok    " } else { "FAILED" };
        let mrn = ending.mrn.as_deref().unwrap_or("-");
        say(format_args!("{mark}  {mrn:<18}  {}  {}", ending.outcome, ending.file));
        if !ending.ok {
            say(format_args!("        it should have been {}", ending.expected));
        }
    }
    for account in &report.unbalanced {
        say(format_args!("FAILED  the guarantee account {account} does not balance or still holds a lock"));
    }
    for message in &report.undelivered {
        say(format_args!("FAILED  a message did not arrive: {message}"));
    }
    let restarts: u32 = report.restarts.values().sum();
    if restarts > 0 {
        say(format_args!("nodes were started again {restarts} time(s)"));
    }
}

impl Demo {
    async fn run(self) -> ExitCode {
        let binary = match std::env::current_exe() {
            Ok(binary) => binary,
            Err(error) => return fail(error),
        };
        let demo = corridor::DemoOptions { binary, folder: self.dir, every_seconds: self.every };
        if self.once {
            return match corridor::demo_once(&demo, stop_signal()).await {
                Ok(report) => {
                    print(&report, false);
                    ExitCode::from(u8::from(!report.passed()))
                }
                Err(error) => fail(error),
            };
        }
        match corridor::demo(&demo, stop_signal()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}

/// Resolves when the user wants to stop. It listens from now on, and not only from when it is first awaited.
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler the system ends the process itself.
    let asked = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| signal(kind).ok());
    async move {
        let [terminate, interrupt] = asked.map(|asked| async move {
            match asked {
                Some(mut asked) => drop(asked.recv().await),
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}
