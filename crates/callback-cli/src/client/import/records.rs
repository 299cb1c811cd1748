//! The lines of a file that is imported.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::super::export::{Form, MEMBERS};

/// Members whose cells are numbers.
const NUMBERS: [&str; 5] =
    ["MaxRetries", "SecondsBetweenRetries", "LeftInQueueTimeInSeconds", "RetryCount", "Version"];
/// Digits of the hash that tells files apart.
const HASH_BYTES: usize = 16;

/// A line.
#[derive(Debug)]
pub(super) struct Record {
    /// Its number in the file; the first line is 1.
    pub(super) line: u64,
    /// How much of the file it takes.
    pub(super) bytes: u64,
    /// The body of its request, or why there is none.
    pub(super) body: Result<Value, String>,
    /// The line as it stands, where there is no body.
    pub(super) text: String,
}

/// A file whose content is known.
#[derive(Debug)]
pub(super) struct Source {
    shown: String,
    file: File,
    form: Form,
    hash: String,
    bytes: u64,
    is_stdin: bool,
}

type Records<'s> = Box<dyn Iterator<Item = anyhow::Result<Record>> + 's>;

impl Source {
    /// Opens a file; standard input is kept in a temporary one.
    pub(super) fn open(path: &Path, form: Option<Form>) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let shown = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let during = || format!("failed to read {shown}");
        let mut file = if is_stdin {
            let mut kept = tempfile::tempfile().context("failed to make a temporary file")?;
            io::copy(&mut io::stdin().lock(), &mut kept).with_context(during)?;
            kept
        } else {
            File::open(path).with_context(during)?
        };
        file.rewind().with_context(during)?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        let (mut bytes, mut first) = (0, None);
        loop {
            let read = file.read(&mut buffer).with_context(during)?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            first =
                first.or_else(|| piece.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
            hasher.update(piece);
            bytes += u64::try_from(read).unwrap_or_default();
        }
        ensure!(first != Some(b'['), "{shown} is a JSON array; NDJSON has one object in each line");
        let sniffed = if first == Some(b'{') { Form::Ndjson } else { Form::Csv };
        let digest = hasher.finalize();
        let hash = digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { shown, file, form: form.unwrap_or(sniffed), hash, bytes, is_stdin })
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn is_stdin(&self) -> bool {
        self.is_stdin
    }

    /// The lines from the first on; an error ends them.
    pub(super) fn records(&self) -> anyhow::Result<Records<'_>> {
        let mut file = &self.file;
        file.rewind().with_context(|| format!("failed to read {}", self.shown))?;
        match self.form {
            Form::Ndjson => Ok(Box::new(self.objects())),
            Form::Csv => self.rows(),
        }
    }

    fn objects(&self) -> impl Iterator<Item = anyhow::Result<Record>> {
        let lines = BufReader::new(&self.file).split(b'\n').zip(1..);
        lines.filter_map(move |(read, line)| {
            let read = match read.with_context(|| format!("failed to read {}", self.shown)) {
                Ok(read) => read,
                Err(error) => return Some(Err(error)),
            };
            let bytes = u64::try_from(read.len()).unwrap_or_default() + 1;
            let text = String::from_utf8_lossy(&read);
            let text = text.trim().trim_start_matches('\u{feff}');
            if text.is_empty() {
                return None;
            }
            let body = match serde_json::from_str::<Value>(text) {
                Ok(body @ Value::Object(_)) => Ok(body),
                Ok(_) => Err("the line is no JSON object".to_owned()),
                Err(error) => Err(format!("the line is no JSON: {error}")),
            };
            let text = if body.is_err() { text.to_owned() } else { String::new() };
            Some(Ok(Record { line, bytes, body, text }))
        })
    }

    fn rows(&self) -> anyhow::Result<Records<'_>> {
        let during = || format!("failed to read {}", self.shown);
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&self.file);
        let header: Vec<String> = reader
            .headers()
            .with_context(during)?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect();
        for name in &header {
            ensure!(
                MEMBERS.contains(&name.as_str()),
                "{}: the first line names {name:?}, which is no member of a callback; Target, \
                 ServiceSip, DueDate and so on are expected",
                self.shown
            );
        }
        let mut before = reader.position().byte();
        let mut rows = reader.into_records();
        Ok(Box::new(std::iter::from_fn(move || {
            let row = rows.next()?;
            let end = rows.reader().position().byte();
            let bytes = end.saturating_sub(before);
            before = end;
            Some(match row {
                Ok(row) => Ok(read_row(&header, &row, bytes)),
                Err(error) => Err(error).with_context(|| format!("failed to read {}", self.shown)),
            })
        })))
    }
}

fn read_row(header: &[String], row: &csv::StringRecord, bytes: u64) -> Record {
    let line = row.position().map_or(0, csv::Position::line);
    let text = row.iter().collect::<Vec<_>>().join(",");
    if row.len() != header.len() {
        let problem = format!("{} cells are expected, and {} are there", header.len(), row.len());
        return Record { line, bytes, body: Err(problem), text };
    }
    let cells = header.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
    let members: Map<String, Value> =
        cells.map(|(name, cell)| (name.clone(), value(name, cell))).collect();
    Record { line, bytes, body: Ok(Value::Object(members)), text: String::new() }
}

/// A cell as a member; what is no number where one is expected stays text, for the service to say so.
fn value(name: &str, cell: &str) -> Value {
    let number = NUMBERS.contains(&name).then(|| cell.parse::<i64>().ok()).flatten();
    number.map_or_else(|| Value::from(cell), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> anyhow::Result<Vec<(u64, Result<Value, String>)>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let source = Source::open(file.path(), None)?;
        let records = source.records()?;
        records.map(|record| record.map(|record| (record.line, record.body))).collect()
    }

    #[test]
    fn cells_become_members_and_empty_ones_are_absent() {
        let text = "Target,MaxRetries,Description\ntel:+411,2,\"two\nlines, and a comma\"\ntel:+412,many,\n,,\n";
        let rows = read(text).unwrap();
        assert_eq!(
            rows,
            [
                (
                    2,
                    Ok(
                        json!({"Target": "tel:+411", "MaxRetries": 2, "Description": "two\nlines, and a comma"})
                    )
                ),
                (4, Ok(json!({"Target": "tel:+412", "MaxRetries": "many"}))),
                (5, Ok(json!({}))),
            ]
        );
    }

    #[test]
    fn lines_keep_their_numbers_and_broken_ones_do_not_end_the_file() {
        let rows = read("{\"Target\": \"a\"}\n\n{oops\n7\n{\"Target\": \"b\"}").unwrap();
        let lines: Vec<_> = rows.iter().map(|(line, body)| (*line, body.is_ok())).collect();
        assert_eq!(lines, [(1, true), (3, false), (4, false), (5, true)]);
        let rows = read("Target,Priority\na\nb,High\n").unwrap();
        assert!(rows[0].1.as_ref().unwrap_err().contains("2 cells"), "{rows:?}");
        assert!(rows[1].1.is_ok());
    }

    #[test]
    fn an_unknown_column_and_an_array_are_refused_at_once() {
        assert!(read("Target,Prio\n").unwrap_err().to_string().contains("\"Prio\""));
        assert!(read(" [{}]").unwrap_err().to_string().contains("array"));
    }
}
