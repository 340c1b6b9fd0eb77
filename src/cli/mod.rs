//! What was typed: clap types, and what they mean.
//!
//! Two stages. [`parse`] first takes the words apart (`args`), then finds out what they mean ([`config`]): a [`Config`] that exists is
//! valid, and nothing after it complains of usage. Everything that needs no network is answered by [`run_static`]. This is the one
//! place that reads the environment and the terminal ([`terminal`]) and writes the result ([`output`]); it may use `model`, `report`
//! (for the form of the output) and `diagnose` (to explain findings). It never opens a socket.

mod args;
pub mod baseline;
pub mod config;
pub mod explain;
mod generate;
mod help;
pub mod inventory;
pub mod output;
pub mod pager;
mod payload;
pub mod saved;
pub mod schema;
pub mod systems;
pub mod terminal;
mod usage;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::StyledStr;
use clap_complete::Shell;

pub use config::{Charset, Colour, Config, Diff, Explain, ProseForm, Save, Show};
pub use usage::Usage;

use crate::diagnose::Rule;
use crate::model::ExitStatus;
use terminal::Terminal;

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Invocation {
    /// Check targets.
    Check(Box<Config>),
    /// Show saved reports.
    Show(Box<Show>),
    /// Compare two saved reports.
    Diff(Diff),
    /// Explain a finding, or list all.
    Explain(Explain),
    /// Print the JSON Schema.
    Schema(schema::Of),
    /// Make faults on loopback, and check each.
    Demo(Box<Config>),
    /// Print a shell's completions.
    Completions(Shell),
    /// Write the manual pages into a directory.
    Man(PathBuf),
    /// Print help.
    Help(StyledStr),
    /// Print the version.
    Version(String),
}

/// What an invocation without network gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Static {
    /// For stdout.
    pub text: String,
    /// For the shell.
    pub status: ExitStatus,
    /// Whether it is to be read in a pager where it is longer than the terminal ([`pager`]).
    pub paged: bool,
}

impl Static {
    /// Something that is printed as it is.
    fn printed(text: String) -> Self {
        Self {
            text,
            status: ExitStatus::Passed,
            paged: false,
        }
    }
}

/// What was typed, program name first → what is to be done.
///
/// # Errors
/// What is wrong with it, and what was expected.
pub fn parse<I, T>(words: I) -> Result<Invocation, Usage>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    match args::Typed::try_parse_from(&words) {
        Ok(typed) => config::invocation(typed),
        Err(error) => match error.kind() {
            clap::error::ErrorKind::DisplayHelp => Ok(Invocation::Help(help::of(&words, &error))),
            clap::error::ErrorKind::DisplayVersion => {
                Ok(Invocation::Version(error.render().to_string()))
            }
            _ => Err(usage::from_clap(&error, &help::command_in(&words))),
        },
    }
}

/// Whether a monitoring system calls, as far as the words tell before they are understood: `-o nagios` in any of its spellings.
pub fn is_plugin(words: &[OsString]) -> bool {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let typed = if let Some(long) = word.strip_prefix("--output") {
            long.to_owned()
        } else if let Some(short) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
            // Options without a value may stand before it: `-qo nagios`.
            match short
                .trim_start_matches(['q', 'v', '4', '6'])
                .strip_prefix('o')
            {
                Some(rest) => rest.to_owned(),
                None => continue,
            }
        } else if word == "--" {
            return false;
        } else {
            continue;
        };
        let given = match typed.strip_prefix('=') {
            Some(given) => given.to_owned(),
            None if typed.is_empty() => words.next().unwrap_or_default().into_owned(),
            None => typed,
        };
        if given == "nagios" {
            return true;
        }
    }
    false
}

/// Answers what needs no network; none for what does.
///
/// # Errors
/// An ID that is no finding's is wrong usage; a directory that can't be written is not.
pub fn run_static(
    invocation: &Invocation,
    rules: &[&Rule],
    terminal: &Terminal,
) -> Option<Result<Static, Usage>> {
    let printed = |text| Some(Ok(Static::printed(text)));
    match invocation {
        Invocation::Check(_) | Invocation::Show(_) | Invocation::Diff(_) | Invocation::Demo(_) => {
            None
        }
        Invocation::Explain(asked) => {
            let style = terminal.prose_style(asked.colour, asked.charset);
            Some(explain::run(asked, rules, &style).map(|text| Static {
                paged: asked.form == ProseForm::Text,
                ..Static::printed(text)
            }))
        }
        Invocation::Schema(of) => printed(schema::text(*of)),
        Invocation::Completions(shell) => printed(generate::completions(*shell)),
        Invocation::Man(directory) => Some(generate::man(directory, rules)),
        Invocation::Help(text) if terminal.style(Colour::Auto, None).colour => {
            printed(text.ansi().to_string())
        }
        Invocation::Help(text) => printed(text.to_string()),
        Invocation::Version(text) => printed(text.clone()),
    }
}

#[cfg(test)]
mod tests;
