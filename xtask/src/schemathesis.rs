//! `cargo xtask schemathesis`: the real program, asked whatever its own document allows and more.
//!
//! Schemathesis makes requests from the OpenAPI document and holds each answer against it.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cargo::cargo;

/// The release that the document is known to be right for.
const RELEASE: &str = "schemathesis==4.32.5";
/// What every answer must be: none of a server's failures, and as the document says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Ask the real program whatever its document allows, and hold every answer against it.
///
/// The program runs without keys on a SQLite file of its own.
/// Schemathesis is put into a folder under the target directory with pip, unless
/// `CALLBACK_SCHEMATHESIS` names its program.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many examples are made for each operation.
    #[arg(long, value_name = "N", default_value_t = 15)]
    examples: u32,

    /// The seed of what is asked.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let built = cargo(&["build", "--package", "callback-cli"]).status();
    ensure!(built.context("failed to start cargo")?.success(), "the program was not built");
    let target = target_directory()?;
    let program = installed(&target)?;
    let folder = target.join("schemathesis-run");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("failed to remove the last run")?;
    }
    std::fs::create_dir_all(&folder).context("failed to make a folder for the run")?;
    let (_running, address) = serve(&target.join("debug/callback"), &folder)?;
    let status = Command::new(&program)
        .current_dir(&folder)
        .arg("run")
        .arg(format!("{address}/openapi.json"))
        .args(["--no-color", "--workers", "2", "--request-timeout", "20", "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--max-time", "150"])
        .args(["--max-examples", &args.examples.to_string(), "--seed", &args.seed.to_string()])
        // A stream of events has no end to wait for.
        .args(["--exclude-path", "/v1.0/events"])
        .status()
        .with_context(|| format!("failed to start {}", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn target_directory() -> anyhow::Result<PathBuf> {
    let told = cargo(&["metadata", "--format-version", "1", "--no-deps"]).output();
    let told = told.context("failed to start cargo")?.stdout;
    let metadata: Value = serde_json::from_slice(&told).context("failed to read the metadata")?;
    let target = metadata["target_directory"].as_str().context("there is no target directory")?;
    Ok(PathBuf::from(target))
}

/// The program of Schemathesis, put there if it is not.
fn installed(target: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("CALLBACK_SCHEMATHESIS") {
        return Ok(named.into());
    }
    let folder = target.join("schemathesis");
    let program = folder.join("bin/schemathesis");
    if !program.exists() {
        let mut venv = Command::new("python3");
        let made = venv.args(["-m", "venv"]).arg(&folder).status();
        let made = made.context("failed to start python3; apt-get install python3-venv")?;
        ensure!(made.success(), "no environment was made; apt-get install python3-venv");
        let mut pip = Command::new(folder.join("bin/pip"));
        let got = pip.args(["install", "--quiet", RELEASE]).status();
        ensure!(got.context("failed to start pip")?.success(), "{RELEASE} was not installed");
    }
    Ok(program)
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn serve(program: &Path, folder: &Path) -> anyhow::Result<(Running, String)> {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CALLBACK_") {
            command.env_remove(name);
        }
    }
    let child = command
        .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--database"])
        .arg(folder.join("callback.db"))
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {}", program.display()))?;
    let mut running = Running(child);
    let said = running.0.stderr.take().context("standard error is not piped")?;
    let mut lines = BufReader::new(said).lines();
    while let Some(Ok(line)) = lines.next() {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = entry["fields"]["address"].as_str() {
            let address = format!("http://{address}");
            thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if line.contains("\"level\":\"ERROR\"") {
                        eprintln!("{line}");
                    }
                }
            });
            return Ok((running, address));
        }
    }
    bail!("the program ended before it served")
}
