//! Progress on a terminal: a bar that counts declarations and names what moved last. On anything else, nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// The progress of a run.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress over `declarations`; drawn only when `draw` is set and standard error is a terminal.
    pub fn new(declarations: usize, draw: bool) -> Self {
        let bar = ProgressBar::new(declarations as u64);
        if !draw || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// A declaration has come to a new state.
    pub fn says(&self, name: &str, state: &str) {
        self.bar.set_message(format!("{name}: {state}"));
    }

    /// A declaration has ended.
    pub fn finished(&self, name: &str, ok: bool) {
        if !ok {
            self.bar.println(format!("{name} did not end as it had to"));
        }
        self.bar.inc(1);
    }

    /// The run is over.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
