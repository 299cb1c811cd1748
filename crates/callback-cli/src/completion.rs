//! What shells and readers of manuals want to know about the command line.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::client::write;

/// Write the completions of a shell to standard output.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback completions bash > /etc/bash_completion.d/callback
  callback completions zsh > ~/.zfunc/_callback
  callback completions fish > ~/.config/fish/completions/callback.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual: the page of the program to standard output, or a page for each command to a
/// folder.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback man /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The folder, which is made when it is not there.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "callback", &mut script);
    write(&String::from_utf8(script).context("the completions are no text")?)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<()> {
    if let Some(folder) = &args.folder {
        let during = || format!("failed to write the manual to {}", folder.display());
        std::fs::create_dir_all(folder).with_context(during)?;
        return clap_mangen::generate_to(Cli::command(), folder).with_context(during);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .context("failed to write the manual")?;
    write(&String::from_utf8(page).context("the manual is no text")?)
}
