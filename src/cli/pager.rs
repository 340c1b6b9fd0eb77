//! A pager for what is longer than the terminal, as git(1) and man(1) have it.

use std::io::{ErrorKind, Write as _};
use std::process::{Command, Stdio};

use super::output::Written;
use super::terminal::Terminal;

/// What is run when `PAGER` names nothing.
const USUAL: &str = "less";
/// How `less` is to behave where `LESS` does not say it: end where all fits, pass colours, leave the text on the screen.
const LESS: &str = "FRX";

/// The pager for this text and its arguments, as `PAGER` has them, parted at blanks: it is never handed to a shell. None where no terminal
/// reads, where all fits, or where `PAGER` is empty or `cat`.
pub fn wanted(text: &str, terminal: &Terminal) -> Option<Vec<String>> {
    let lines = terminal.lines?;
    if !terminal.stdout || terminal.dumb || text.lines().count() < lines {
        return None;
    }
    let named = terminal.pager.as_deref().unwrap_or(USUAL);
    let words: Vec<String> = named.split_whitespace().map(str::to_owned).collect();
    let program = words.first()?;
    (program != "cat").then_some(words)
}

/// Shows a text in a pager and waits for its end; none where it could not be started. A reader who leaves before the end is no error.
pub fn show(text: &str, words: &[String], terminal: &Terminal) -> Option<Written> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped());
    if !terminal.less {
        command.env("LESS", LESS);
    }
    let mut child = command.spawn().ok()?;
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(text.as_bytes()));
    let _ = child.wait();
    match written {
        Some(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Some(Written::ReaderGone),
        _ => Some(Written::Whole),
    }
}

#[cfg(test)]
mod tests {
    use super::{Terminal, Written, show, wanted};

    fn terminal(pager: Option<&str>) -> Terminal {
        Terminal {
            stdout: true,
            lines: Some(3),
            pager: pager.map(str::to_owned),
            ..Terminal::default()
        }
    }

    #[test]
    fn only_what_is_longer_than_the_terminal_is_paged() {
        let some = Some(vec!["less".to_owned()]);
        assert_eq!(wanted("1\n2\n3\n", &terminal(None)), some);
        assert_eq!(wanted("1\n2\n", &terminal(None)), None);
        let piped = Terminal {
            stdout: false,
            ..terminal(None)
        };
        assert_eq!(wanted("1\n2\n3\n", &piped), None);
    }

    #[test]
    fn the_environment_chooses() {
        let text = "1\n2\n3\n";
        let more = vec!["more".to_owned(), "-d".to_owned()];
        assert_eq!(wanted(text, &terminal(Some("more  -d"))), Some(more));
        for none in ["", " ", "cat"] {
            assert_eq!(wanted(text, &terminal(Some(none))), None, "{none:?}");
        }
    }

    #[test]
    fn a_pager_that_is_not_there_shows_nothing() {
        let words = ["nwcheck-of-no-system".to_owned()];
        assert_eq!(show("text", &words, &terminal(None)), None);
    }

    #[test]
    fn a_reader_who_leaves_is_no_error() {
        let long = "line\n".repeat(1 << 16);
        let shown = show(&long, &["true".to_owned()], &terminal(None));
        assert_eq!(shown, Some(Written::ReaderGone));
    }
}
