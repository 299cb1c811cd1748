//! `cargo xtask check`: everything that is wrong without running the program.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::cargo::{as_typed, cargo};

/// Check formatting, lints, documentation and the rules of the repository.
///
/// Goes on after a failure, and names at the end whatever does not hold.
#[derive(Clone, Copy, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args) -> anyhow::Result<ExitCode> {
    let mut broken = Vec::new();
    for (name, mut command) in steps() {
        println!("==> {name}: {}", as_typed(&command));
        let status =
            command.status().with_context(|| format!("failed to start the check of {name}"))?;
        if !status.success() {
            broken.push(name);
        }
    }
    println!();
    if broken.is_empty() {
        println!("everything holds");
        return Ok(ExitCode::SUCCESS);
    }
    println!("does not hold: {}", broken.join(", "));
    Ok(ExitCode::FAILURE)
}

fn steps() -> Vec<(&'static str, Command)> {
    let mut docs = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        ("formatting", cargo(&["fmt", "--all", "--check"])),
        ("the rules of the repository", cargo(&["test", "--quiet", "--package", "xtask"])),
        // A build of the workspace unifies features and would hide a missing one.
        ("the domain alone", cargo(&["check", "--quiet", "--package", "callback-domain"])),
        (
            "lints",
            cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ),
        ("documentation", docs),
    ]
}
