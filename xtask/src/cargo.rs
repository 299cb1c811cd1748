//! Cargo, started at the root of the workspace.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// A cargo command at the root of the workspace, by the same cargo that started us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args(args);
    command
}

/// Whether `cargo nextest` is installed.
pub(crate) fn has_nextest() -> bool {
    cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it, for headings.
pub(crate) fn as_typed(command: &Command) -> String {
    let environment = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        let quote = if value.contains(' ') { "\"" } else { "" };
        Some(format!("{}={quote}{value}{quote}", name.to_string_lossy()))
    });
    let arguments = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    environment.chain(["cargo".to_owned()]).chain(arguments).collect::<Vec<_>>().join(" ")
}
