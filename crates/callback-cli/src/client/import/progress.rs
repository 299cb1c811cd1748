//! How far an import is, on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::Counts;

/// A bar that moves on with the bytes of the file; nothing where nobody watches.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(bytes: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(bytes);
        let style = "{bar:30} {percent:>3}%  {msg}  {elapsed} (still {eta})";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn show(&self, bytes: u64, counts: Counts) {
        self.0.inc(bytes);
        let Counts { created, skipped, refused } = counts;
        self.0.set_message(format!("{created} created, {skipped} skipped, {refused} refused"));
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
