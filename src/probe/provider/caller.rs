//! Runs the programs of one provider within its time, and says what became of them. What they wrote is untrusted.

use std::cell::RefCell;
use std::time::Instant;

use serde::de::DeserializeOwned;

use crate::model::machine::{Instance, Told};
use crate::model::target::without_secrets;
use crate::model::text::escape;
use crate::net::command::{self, CommandError, Output};

/// The machines of the name, none where the provider does not know it; or why it could not tell.
pub(super) type Answer = Result<Vec<Instance>, Trouble>;

/// Why a provider could not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) told: Told,
    /// In words that are safe to show.
    pub(super) words: String,
}

impl Trouble {
    pub(super) fn new(told: Told, words: impl Into<String>) -> Self {
        Self {
            told,
            words: words.into(),
        }
    }

    /// A program that ended badly, with the line of its complaints that says most.
    pub(super) fn failed(program: &str, output: &Output) -> Self {
        let ending = output.ending();
        let words = match complaint(&output.complaint) {
            Some(line) => format!("{program} failed ({ending}): {line}"),
            None => format!("{program} failed ({ending}) and did not say why"),
        };
        Self::new(Told::Failed, words)
    }
}

/// Runs the programs of one provider.
pub(super) struct Caller {
    until: Instant,
    commands: RefCell<Vec<String>>,
}

impl Caller {
    pub(super) const fn new(until: Instant) -> Self {
        Self {
            until,
            commands: RefCell::new(Vec::new()),
        }
    }

    /// What was run, as it would be typed.
    pub(super) fn commands(self) -> Vec<String> {
        self.commands.into_inner()
    }

    /// Runs a program to its end, however that is.
    pub(super) async fn run(&self, program: &str, arguments: &[&str]) -> Result<Output, Trouble> {
        let trouble = |error: CommandError| {
            let told = match &error {
                CommandError::Missing(_) => Told::Absent,
                CommandError::TooSlow(..) => Told::Timeout,
                CommandError::TooMuch(_) => Told::Unreadable,
                _ => Told::Failed,
            };
            Trouble::new(told, escape(&error.to_string()))
        };
        command::find(program).map_err(trouble)?;
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        let typed = escape(&format!("{program} {}", words.join(" ")));
        self.commands.borrow_mut().push(typed);
        command::run(program, arguments, self.until)
            .await
            .map_err(trouble)
    }

    /// The same, and it has to end well.
    pub(super) async fn text(&self, program: &str, arguments: &[&str]) -> Result<String, Trouble> {
        let output = self.run(program, arguments).await?;
        if !output.status.success() {
            return Err(Trouble::failed(program, &output));
        }
        Ok(String::from_utf8_lossy(&output.text).into_owned())
    }

    /// The same, and what it wrote has to be JSON of this form.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        program: &str,
        arguments: &[&str],
    ) -> Result<T, Trouble> {
        let text = self.text(program, arguments).await?;
        json(program, text.as_bytes())
    }
}

/// Reads JSON; what it holds beyond what is asked for is passed over, and what is asked for has to have its type.
pub(super) fn json<T: DeserializeOwned>(program: &str, text: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(text).map_err(|error| {
        // The error's own words may quote what was read.
        let words = format!(
            "what {program} wrote can't be understood (line {} column {})",
            error.line(),
            error.column()
        );
        Trouble::new(Told::Unreadable, words)
    })
}

/// A word as a shell would have to be given it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The line of a program's complaints that says most: the first that calls itself an error, else the last. URIs lose their secrets.
fn complaint(text: &str) -> Option<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| {
        let start: String = line.chars().take(5).collect();
        start.eq_ignore_ascii_case("error")
    };
    let line = lines().find(is_error).or_else(|| lines().next_back())?;
    let words: Vec<String> = line
        .split_whitespace()
        .map(|word| {
            if word.contains("://") {
                without_secrets(word)
            } else {
                word.to_owned()
            }
        })
        .collect();
    Some(escape(&words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_most_is_quoted_without_secrets_and_without_tricks() {
        let of = |text: &str| complaint(text).unwrap();
        assert_eq!(
            of("WARNING: old\nERROR: Please run 'az login'\nmore\n"),
            "ERROR: Please run 'az login'"
        );
        assert_eq!(
            of("\nUnable to locate credentials.\n"),
            "Unable to locate credentials."
        );
        assert_eq!(
            of("can't reach http://me:hunter2@proxy:3128/?sig=hunter2 now"),
            "can't reach http://proxy:3128/?sig=*** now"
        );
        assert_eq!(of("error: \u{1b}[2J\u{202e}"), "error: \\u{1b}[2J\\u{202e}");
        assert!(of(&"x".repeat(10_000)).chars().count() < 300);
        assert_eq!(complaint(" \n"), None);
    }

    #[test]
    fn what_was_run_could_be_typed() {
        assert_eq!(
            quoted("Name=tag:Name,Values=web"),
            "Name=tag:Name,Values=web"
        );
        assert_eq!(quoted("[?name=='web']"), "'[?name=='\\''web'\\'']'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_is_no_json_is_unreadable_and_not_quoted() {
        let trouble = json::<Vec<u8>>("docker", b"[\"secret\"]").unwrap_err();
        assert_eq!(trouble.told, Told::Unreadable);
        assert!(!trouble.words.contains("secret"), "{}", trouble.words);
    }
}
