//! What a command was asked for, on standard output.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::Value;

use super::table::{self, Column, Table};

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Shows answers in one form.
#[derive(Debug)]
pub(crate) struct Printer {
    output: Output,
    colours: bool,
}

/// A colour of the terminal, with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// What is well, or comes.
    Green,
    /// What fails, or goes.
    Red,
    /// What changes.
    Yellow,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { output, colours: io::stdout().is_terminal() && !refused }
    }

    /// The same, as to a file.
    #[cfg(test)]
    pub(crate) const fn without_colours(self) -> Self {
        Self { colours: false, ..self }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// One object.
    pub(crate) fn object(&self, item: &Value) -> anyhow::Result<()> {
        match self.output {
            Output::Table => write(&table::object(item)),
            Output::Json => json_line(item),
        }
    }

    /// A whole list.
    pub(crate) fn list(&self, columns: &'static [Column], list: &Value) -> anyhow::Result<()> {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        self.rows(&mut Table::new(columns), items)
    }

    /// More rows of a list.
    pub(crate) fn rows(&self, table: &mut Table, items: &[Value]) -> anyhow::Result<()> {
        match self.output {
            Output::Table => write(&table.rows(items)),
            Output::Json => {
                write(&items.iter().map(|item| format!("{item}\n")).collect::<String>())
            }
        }
    }

    /// What was done, in words for people, and as JSON for programs.
    pub(crate) fn done(&self, words: &str, item: &Value) -> anyhow::Result<()> {
        match self.output {
            Output::Table => write(&format!("{words}\n")),
            Output::Json => json_line(item),
        }
    }

    /// Text in a colour, where colours are shown.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Red => 31,
            Colour::Yellow => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

fn json_line(item: &Value) -> anyhow::Result<()> {
    write(&format!("{item}\n"))
}

/// Writes to standard output, at once.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("failed to write to standard output")
}

/// Says something beside the answer, on standard error; nobody is there to be told when it fails.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
