//! Progress on a terminal: a bar that counts declarations and names what moved last. On anything else, nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Whether progress is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// It is, when standard error is a terminal.
    OnTerminal,
    /// It is not.
    Never,
}

/// The progress of a run.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress over `declarations`.
    pub fn new(declarations: usize, drawing: Drawing) -> Self {
        let bar = ProgressBar::new(declarations as u64);
        if drawing == Drawing::Never || !std::io::stderr().is_terminal() {
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

    /// A declaration has ended as it had to.
    pub fn finished(&self) {
        self.bar.inc(1);
    }

    /// A declaration has ended otherwise.
    pub fn failed(&self, name: &str) {
        self.bar.println(format!("{name} did not end as it had to"));
        self.bar.inc(1);
    }

    /// The run is over.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
