//! The `qlik-roster` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    qlik_roster::cli::run(std::env::args_os())
}
