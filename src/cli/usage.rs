//! What is wrong with the command line, in one line: where, what, and what was expected. Clap's own complaints take the same form.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use thiserror::Error;

use super::value;
use crate::model::target::Invalid;
use crate::model::text;

/// Wrong usage: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("nwcheck: {whence}: {what}; expected {expected}, e.g. {example}")]
pub struct Usage {
    /// Which option or target.
    pub whence: String,
    /// What is wrong with it.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// An example that is right.
    pub example: String,
}

impl Usage {
    /// Wrong usage; all that was typed is made safe to show.
    pub fn new(
        whence: impl Into<String>,
        what: impl Into<String>,
        expected: impl Into<String>,
        example: impl Into<String>,
    ) -> Self {
        Self {
            whence: text::escape(&whence.into()),
            what: text::escape(&what.into()),
            expected: text::escape(&expected.into()),
            example: text::escape(&example.into()),
        }
    }
}

impl From<Invalid> for Usage {
    fn from(invalid: Invalid) -> Self {
        Self::new(
            format!("target `{}`", invalid.input),
            invalid.what,
            invalid.expected,
            invalid.example,
        )
    }
}

/// Clap's complaint in our form.
pub(super) fn from_clap(error: &clap::Error, command: &str) -> Usage {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let typed = text(ContextKind::InvalidArg);
    // `--count <N>` and `-c <N>` → `--count`; `--verbose...` → `--verbose`
    let option = typed.split([' ', '=']).next().unwrap_or_default();
    let option = if option.starts_with('-') {
        option.trim_end_matches("...")
    } else {
        option
    };
    let hint = value::hint(option);
    match error.kind() {
        ErrorKind::UnknownArgument if !typed.starts_with('-') => Usage::new(
            command,
            format!("`{typed}` is one word too many"),
            format!("what `nwcheck {command} --help` lists"),
            format!("nwcheck {command}"),
        ),
        ErrorKind::UnknownArgument => {
            let near = text(ContextKind::SuggestedArg);
            let near = near.split([' ', '=']).next().unwrap_or_default();
            let help = format!("nwcheck {command} --help");
            let expected = format!("one that `{help}` lists");
            let example = if near.is_empty() { &help } else { near };
            Usage::new(typed, "there is no such option", expected, example)
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_empty() => {
            let (expected, example) = hint.unwrap_or(("a value", "--count 20"));
            Usage::new(option, "its value is missing", expected, example)
        }
        ErrorKind::InvalidValue => {
            let values = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) => values.clone(),
                _ => Vec::new(),
            };
            let example = values.first().cloned().unwrap_or_default();
            Usage::new(
                option,
                format!("`{}` is not known", text(ContextKind::InvalidValue)),
                values.join(", "),
                example,
            )
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => Usage::new(
            option,
            format!("it takes no value `{}`", text(ContextKind::InvalidValue)),
            "the option alone",
            option,
        ),
        ErrorKind::MissingRequiredArgument => match option {
            "<TARGET>..." => {
                let (expected, example) = match command {
                    "icmp" => ("a host", "nwcheck icmp db.example"),
                    "udp" => ("a host and a port", "nwcheck udp ns.example:53"),
                    "trace" => (
                        "a host, and a port where it has one",
                        "nwcheck trace db.example:5432",
                    ),
                    _ => ("a host and a port", "nwcheck tcp db.example:5432"),
                };
                Usage::new(command, "no target is named", expected, example)
            }
            "<NAME>..." => Usage::new(
                command,
                "no name is given",
                "a name",
                "nwcheck dns db.example",
            ),
            "<FILE>..." => Usage::new(
                command,
                "no file is named",
                "a saved report, or - for stdin",
                "nwcheck show report.json",
            ),
            "<A>" | "<B>" => Usage::new(
                command,
                "two saved reports are compared, and one is missing",
                "two files",
                "nwcheck diff before.json after.json",
            ),
            "<SHELL>" => Usage::new(
                "completions",
                "no shell is named",
                "bash, elvish, fish, powershell, zsh",
                "bash",
            ),
            _ => Usage::new(
                command,
                format!("{option} is missing"),
                format!("what `nwcheck {command} --help` lists"),
                format!("nwcheck {command} --help"),
            ),
        },
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg);
            let other = other.split([' ', '=']).next().unwrap_or_default();
            let other = other.trim_end_matches("...");
            if other == option || other.is_empty() {
                Usage::new(
                    option,
                    "it is given twice",
                    "it once",
                    hint.map_or(option, |(_, example)| example),
                )
            } else {
                Usage::new(
                    option,
                    format!("it can't be used with {other}"),
                    "one of the two",
                    option,
                )
            }
        }
        ErrorKind::InvalidUtf8 => Usage::new(
            "command line",
            "an argument is not UTF-8",
            "text",
            "nwcheck tcp db.example:5432",
        ),
        _ => Usage::new(
            "command line",
            error
                .render()
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: "),
            "what `nwcheck --help` lists",
            "nwcheck tcp db.example:5432",
        ),
    }
}
