//! What cargo cannot say: `cargo xtask --help` lists the project's own commands.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to the person at the terminal"
)]

mod bench;
mod cargo;
mod check;
mod crash;
mod instructions;
mod peers;
mod postgres;
mod proptest;
mod schemathesis;
mod sim;
mod suite;
mod tally;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    Bench(bench::Args),
    Check(check::Args),
    Crash(crash::Args),
    Instructions(instructions::Args),
    Proptest(proptest::Args),
    Schemathesis(schemathesis::Args),
    Sim(sim::Args),
    Test(test::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Bench(args) => bench::run(&args),
        Command::Check(args) => check::run(args),
        Command::Crash(args) => crash::run(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Proptest(args) => proptest::run(&args),
        Command::Schemathesis(args) => schemathesis::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Test(args) => test::run(&args),
    }
}
