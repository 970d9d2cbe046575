//! The nodes of a corridor as processes: started, watched, started again when they die, stopped at the end.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a node that died is left alone before it is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(150);

/// How long a node may take to finish its work when it is asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// One node's process, kept running until it is stopped.
pub struct Supervised {
    stopping: Arc<AtomicBool>,
    restarts: Arc<AtomicU32>,
    watcher: tokio::task::JoinHandle<()>,
    wake: Arc<tokio::sync::Notify>,
}

/// What to start: the binary, the node's configuration, and where its log goes.
#[derive(Clone, Debug)]
pub struct Program {
    /// The `tidewaiter` binary.
    pub binary: PathBuf,
    /// The node's configuration.
    pub config: PathBuf,
    /// The file that takes the node's log.
    pub log: PathBuf,
}

impl Program {
    /// Starts the node. It stops by itself when this process dies, since its standard input then closes.
    fn start(&self) -> std::io::Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .arg("--stop-with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
    }
}

impl Supervised {
    /// Starts `program` and keeps it running.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn start(program: Program) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let restarts = Arc::new(AtomicU32::new(0));
        let wake = Arc::new(tokio::sync::Notify::new());
        let first = program.start()?;
        let watcher = tokio::spawn(watch(
            program,
            first,
            Arc::clone(&stopping),
            Arc::clone(&restarts),
            Arc::clone(&wake),
        ));
        Ok(Self { stopping, restarts, watcher, wake })
    }

    /// How often the node had to be started again.
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Stops the node gracefully, and by force when it takes too long.
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        // The watcher ends by itself; if it panicked there is nothing left to stop.
        let _ = self.watcher.await;
    }
}

async fn watch(
    program: Program,
    first: Child,
    stopping: Arc<AtomicBool>,
    restarts: Arc<AtomicU32>,
    wake: Arc<tokio::sync::Notify>,
) {
    let mut child = first;
    // Waiting for a child closes the standard input that it still holds, so the pipe is kept apart.
    let mut lifeline = child.stdin.take();
    loop {
        tokio::select! {
            _ = child.wait() => {}
            () = wake.notified() => {}
        }
        if stopping.load(Ordering::SeqCst) {
            // Closing its standard input asks the node to finish what it is doing and stop.
            drop(lifeline.take());
            if tokio::time::timeout(STOP_PATIENCE, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
            return;
        }
        restarts.fetch_add(1, Ordering::Relaxed);
        loop {
            tokio::time::sleep(RESTART_PAUSE).await;
            if stopping.load(Ordering::SeqCst) {
                return;
            }
            if let Ok(next) = program.start() {
                child = next;
                lifeline = child.stdin.take();
                break;
            }
        }
    }
}
