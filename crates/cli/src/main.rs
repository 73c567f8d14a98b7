//! The `veritorch` command: compile, run, prove, generate, commit-tensor, verify, inspect, ledger, renew and bench.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 good, 1 a proof or a check failed,
//! 2 bad use or bad input, 130 interrupted.

#![forbid(unsafe_code)]

mod args;
mod arrays;
mod commands;
mod failure;
mod interrupt;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::install();
    let terminal = Terminal::new(cli.quiet);
    let call = || match &cli.command {
        Command::Check(args) => commands::check(args, &terminal),
        Command::Compile(args) => commands::compile(args, &terminal),
        Command::Run(args) => commands::run(args, &terminal),
        Command::Prove(args) => commands::prove(args, &terminal),
        Command::CommitTensor(args) => commands::commit_tensor(args, &terminal),
        Command::Generate(args) => commands::generate(args, &terminal),
        Command::Verify(args) => commands::verify(args, &terminal),
        Command::Inspect(args) => commands::inspect(args, &terminal),
        Command::Ledger(args) => commands::ledger(args, &terminal),
        Command::Renew(args) => commands::renew(args, &terminal),
        Command::Bench(args) => commands::bench(args, &cli.threads, &terminal),
    };
    let result = check_threads(&cli.threads).and_then(|()| match &cli.command {
        // makes a pool for each number of threads
        Command::Bench(_) => call(),
        _ => with_threads(&cli.threads, call),
    });
    terminal.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.error(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn check_threads(threads: &[usize]) -> Result<(), Failure> {
    match threads.iter().find(|threads| !(1..=4096).contains(*threads)) {
        Some(threads) => Err(Failure::usage("--threads", format!("{threads}, expected 1 to 4096"))),
        None => Ok(()),
    }
}

/// Runs with this many threads; by default with one per processor.
fn with_threads(threads: &[usize], call: impl FnOnce() -> Result<(), Failure> + Send) -> Result<(), Failure> {
    let &[threads] = threads else {
        return match threads.len() {
            0 => call(),
            count => Err(Failure::usage("--threads", format!("{count} numbers, expected one; only bench takes several"))),
        };
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::usage("--threads", error.to_string()))?;
    pool.install(call)
}
