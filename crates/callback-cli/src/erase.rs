//! `callback erase`: a person's data is erased from a running service.

use anyhow::ensure;
use clap::Args;
use serde_json::json;

use crate::client::{Api, Printer, ServiceArgs};

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The person's address, such as tel:+41785556677.
    #[arg(long, value_name = "ADDRESS")]
    target: String,
    /// Forget also that the person asked not to be called.
    #[arg(long)]
    forget_suppression: bool,
    /// Do it: what is erased cannot be brought back.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn run(args: &EraseArgs) -> anyhow::Result<()> {
    ensure!(
        args.yes,
        "nothing was erased: what is erased cannot be brought back, so --yes is needed"
    );
    let body = json!({
        "Target": args.target, "KeepSuppression": !args.forget_suppression,
    });
    let done = Api::new(&args.service)?.post("/v1.0/erasures", Some(&body))?;
    let words = format!(
        "erased: {} callbacks, {} entries of the suppression list, {} remembered answers",
        done["Callbacks"], done["Suppressions"], done["Answers"]
    );
    Printer::new(args.service.output).done(&words, &done)
}
