//! A reader of GitHub's workflow commands, as the runner reads what a step prints.

use nwcheck::model::report::Verdict;
use nwcheck::report::Form;

/// A command: its name, its one property, and its message.
struct Command {
    level: String,
    title: String,
    message: String,
}

fn read(line: &str) -> Command {
    let rest = line
        .strip_prefix("::")
        .unwrap_or_else(|| panic!("no command: {line}"));
    let (command, message) = rest.split_once("::").unwrap();
    let (level, properties) = command.split_once(' ').unwrap();
    assert!(["error", "warning", "notice"].contains(&level), "{line}");
    let all: Vec<&str> = properties.split(',').collect();
    let [one] = all[..] else { panic!("{line}") };
    let title = one.strip_prefix("title=").unwrap();
    assert!(!title.contains(':') && !title.is_empty(), "{line}");
    Command {
        level: level.to_owned(),
        title: unescaped(
            title,
            &[
                ("%0D", "\r"),
                ("%0A", "\n"),
                ("%3A", ":"),
                ("%2C", ","),
                ("%25", "%"),
            ],
        ),
        message: unescaped(message, &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]),
    }
}

fn unescaped(text: &str, mappings: &[(&str, &str)]) -> String {
    for (at, _) in text.match_indices('%') {
        assert!(
            mappings
                .iter()
                .any(|(code, _)| text[at..].starts_with(code)),
            "{text}"
        );
    }
    mappings.iter().fold(text.to_owned(), |text, (code, sign)| {
        text.replace(code, sign)
    })
}

#[test]
fn every_line_is_a_command_of_ours() {
    super::each(Form::Github, |text, document| {
        let commands: Vec<Command> = text.lines().map(read).collect();
        let mut commands = commands.iter().peekable();
        for report in document.reports() {
            let first = commands.next().unwrap();
            let level = match report.verdict {
                Verdict::Pass => "notice",
                Verdict::Warn => "warning",
                Verdict::Fail | Verdict::Indeterminate => "error",
            };
            assert_eq!(first.level, level);
            assert!(
                first
                    .title
                    .starts_with(&format!("nwcheck {}", report.target.label()))
            );
            assert_eq!(first.message.lines().next().unwrap(), report.summary);
            let ids: Vec<&str> = report
                .findings
                .iter()
                .map(|finding| finding.id.as_str())
                .collect();
            while let Some(other) = commands.peek() {
                let id = other.title.rsplit(' ').next().unwrap();
                let finding = report
                    .findings
                    .iter()
                    .find(|finding| finding.id.as_str() == id);
                if !ids.contains(&id)
                    || !finding.is_some_and(|f| other.message.starts_with(&f.title))
                {
                    break;
                }
                commands.next();
            }
        }
        assert!(commands.next().is_none(), "{text}");
    });
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Github, |text| {
        text.lines()
            .map(|line| {
                assert!(!line.chars().any(nwcheck::model::text::deceives), "{line}");
                let command = read(line);
                format!("{} {}", command.level, command.message.lines().count())
            })
            .collect()
    });
}
