//! What an import keeps: which lines were acknowledged, and which were refused.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::super::failure::Refused;
use super::records::Record;
use super::sending::told;

const TITLE: &str = "callback import 1";

/// The lines that were acknowledged, each noted as soon as it is; a process that dies loses at
/// most lines whose idempotency keys the service still knows.
#[derive(Debug)]
pub(super) struct State {
    file: Option<File>,
}

impl State {
    /// Opens the state of an import, and answers the lines that it holds.
    pub(super) fn open(path: Option<&Path>, hash: &str) -> anyhow::Result<(Self, BTreeSet<u64>)> {
        let Some(path) = path else { return Ok((Self { file: None }, BTreeSet::new())) };
        let shown = path.display();
        let during = || format!("failed to open the state {shown}");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).with_context(during)?;
        if file.try_lock().is_err() {
            anyhow::bail!("the state {shown} is in use by another import");
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(during)?;
        let title = format!("{TITLE} {hash}\n");
        if text.is_empty() || (title.starts_with(&text) && text != title) {
            file.set_len(0).and_then(|()| file.rewind()).with_context(during)?;
            file.write_all(title.as_bytes()).with_context(during)?;
            return Ok((Self { file: Some(file) }, BTreeSet::new()));
        }
        ensure!(
            text.starts_with(&title),
            "the state {shown} belongs to an import of something else; if the file was changed, \
             name another with --state, and take out the lines that are in already"
        );
        // The end of a line that was being written when the process died is no line.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let whole_bytes = u64::try_from(whole).context("the state is too long")?;
        file.set_len(whole_bytes).with_context(during)?;
        file.seek(SeekFrom::End(0)).with_context(during)?;
        let lines = BufReader::new(text.get(title.len()..whole).unwrap_or_default().as_bytes());
        let mut done = BTreeSet::new();
        for line in lines.lines() {
            let line = line.with_context(during)?;
            let number = line.split(' ').next().and_then(|number| number.parse().ok());
            done.insert(number.with_context(|| format!("the state {shown} holds {line:?}"))?);
        }
        Ok((Self { file: Some(file) }, done))
    }

    /// Notes that a line is a callback now.
    pub(super) fn acknowledge(&mut self, line: u64, id: &str) -> anyhow::Result<()> {
        match &mut self.file {
            Some(file) => file
                .write_all(format!("{line} {id}\n").as_bytes())
                .context("failed to note in the state what was acknowledged"),
            None => Ok(()),
        }
    }
}

/// The lines that were refused in this run; a file is made when there is the first.
#[derive(Debug)]
pub(super) struct Report {
    path: Option<PathBuf>,
    file: Option<File>,
    refused: Vec<(u64, String)>,
}

impl Report {
    pub(super) const fn new(path: Option<PathBuf>) -> Self {
        Self { path, file: None, refused: Vec::new() }
    }

    /// Writes a refused line at once, or says it where there is no file.
    pub(super) fn refuse(&mut self, record: &Record, refused: &Refused) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            super::super::output::say(&format!("line {}: {refused}", record.line));
            return Ok(());
        };
        let during = || format!("failed to write the report {}", path.display());
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create(path).with_context(during)?),
        };
        let line = format!("{}\n", told(record, refused));
        file.write_all(line.as_bytes()).with_context(during)?;
        self.refused.push((record.line, line));
        Ok(())
    }

    /// Puts the lines in their order; a report of an earlier run goes when nothing is refused.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let during = || format!("failed to write the report {}", path.display());
        if self.file.is_none() {
            return match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(during)
                }
                Ok(()) | Err(_) => Ok(()),
            };
        }
        self.refused.sort();
        let text: String = self.refused.iter().map(|(_, line)| line.as_str()).collect();
        std::fs::write(path, text).with_context(during)
    }

    /// Where refused lines are, for the end of a sentence.
    pub(super) fn place(&self) -> String {
        let path = self.path.as_ref().filter(|_| self.file.is_some());
        path.map(|path| format!(", see {}", path.display())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_up_to_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut state, done) = State::open(Some(&path), "abc").unwrap();
        assert!(done.is_empty());
        state.acknowledge(2, "x").unwrap();
        state.acknowledge(17, "y").unwrap();
        state.file.as_mut().unwrap().write_all(b"1").unwrap();
        assert!(State::open(Some(&path), "abc").unwrap_err().to_string().contains("in use"));
        drop(state);
        let (mut state, done) = State::open(Some(&path), "abc").unwrap();
        assert_eq!(done, [2, 17].into());
        state.acknowledge(3, "z").unwrap();
        drop(state);
        assert_eq!(State::open(Some(&path), "abc").unwrap().1, [2, 3, 17].into());
    }

    #[test]
    fn the_state_of_another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        drop(State::open(Some(&path), "abc").unwrap());
        let error = State::open(Some(&path), "def").unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
    }
}
