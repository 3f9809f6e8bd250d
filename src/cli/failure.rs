//! Reports on standard error why a command failed: what was tried and why it did not work, in one
//! line, with the code that `docs/errors.md` explains.

use std::error::Error;
use std::fmt;
use std::io;

use clap::error::ErrorKind;

use super::Exit;
use super::error::CliError;
use super::error_codes;
use super::style::{Colour, Tone, tell};
use crate::config::ConfigError;
use crate::printable;
use crate::telemetry::chain;

/// Reports why a command failed.
pub(super) fn complain(failure: &anyhow::Error) {
    let label = Colour::of(&io::stderr()).paint(Tone::Bad, "error");
    tell(&format!("{label}: {}", Complaint(failure)));
}

/// Reports what is wrong with the arguments, with a code as for every failure; help that was asked
/// for is printed as it is.
pub(super) fn complain_of_arguments(error: &clap::Error) -> Exit {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        drop(error.print());
    } else {
        let code = CliError::usage("").code();
        let (text, colour) = (error.render(), Colour::of(&io::stderr()));
        // The message quotes what was typed. That was escaped earlier where necessary, so the only
        // control codes are those for colour.
        match colour {
            Colour::On => tell(&with_code(text.ansi().to_string().trim_end(), code)),
            Colour::Off => {
                let text = with_code(text.to_string().trim_end(), code);
                tell(&printable::lines(&text));
            }
        }
    }
    // clap exits with 2 if it had to show help instead of doing something.
    match error.exit_code() {
        0 => Exit::Success,
        _ => Exit::Usage,
    }
}

/// Puts a code at the end of the first line, before the colon if a list follows.
fn with_code(text: &str, code: &str) -> String {
    let (first, rest) = match text.split_once('\n') {
        Some((first, rest)) => (first, format!("\n{rest}")),
        None => (text, String::new()),
    };
    match first.strip_suffix(':') {
        Some(first) => format!("{first} [{code}]:{rest}"),
        None => format!("{first} [{code}]{rest}"),
    }
}

/// The report of a failure.
struct Complaint<'a>(&'a anyhow::Error);

impl fmt::Display for Complaint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error: &(dyn Error + 'static) = self.0.as_ref();
        // A configuration error has one line for each problem, each with its code.
        if let Some(problems) = error.downcast_ref::<ConfigError>() {
            return f.write_str(&printable::lines(&problems.to_string()));
        }
        // Anything else is one line, whatever a name or an answer in it contains.
        let text = chain(error);
        write!(
            f,
            "{} [{}]",
            printable::line(&text),
            error_codes::code(self.0)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_at_the_end_of_the_first_line() {
        for (text, expected) in [
            (
                "error: unexpected argument",
                "error: unexpected argument [c]",
            ),
            (
                "error: unexpected argument '--x'\n\n  tip: write `--y`",
                "error: unexpected argument '--x' [c]\n\n  tip: write `--y`",
            ),
            (
                "error: these were not provided:\n  --endpoint",
                "error: these were not provided [c]:\n  --endpoint",
            ),
        ] {
            assert_eq!(with_code(text, "c"), expected);
        }
    }
}
