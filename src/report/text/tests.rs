//! Each case at several widths, compared with a file that was looked at: `NWCHECK_UPDATE_CASES=1 cargo test` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use unicode_width::UnicodeWidthStr as _;

use super::{batch, render};
use crate::report::{Style, Verbosity, fixtures};

const UPDATE: &str = "NWCHECK_UPDATE_CASES";

/// Compares with the file, or writes it where that is asked for.
pub(super) fn compare(name: &str, text: &str) {
    compare_file(&format!("{name}.txt"), text);
}

/// The same for a file of another form.
pub(in crate::report) fn compare_file(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/text")
        .join(name);
    if std::env::var_os(UPDATE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == text,
        "{} is not what is rendered (look at it, then {UPDATE}=1 cargo test):\n{}",
        path.display(),
        difference(&known, text)
    );
}

/// The lines that differ, each with its sign.
fn difference(known: &str, text: &str) -> String {
    let (known, text): (Vec<&str>, Vec<&str>) = (known.lines().collect(), text.lines().collect());
    let mut shown = String::new();
    for number in 0..known.len().max(text.len()) {
        let (old, new) = (known.get(number), text.get(number));
        if old != new {
            for (sign, line) in [('-', old), ('+', new)] {
                if let Some(line) = line {
                    writeln!(shown, "{:4} {sign} {line}", number + 1).unwrap();
                }
            }
        }
    }
    shown
}

fn style(width: usize) -> Style {
    Style {
        width,
        ..Style::default()
    }
}

#[test]
fn text_is_what_was_looked_at() {
    for (name, report) in fixtures::all() {
        for width in [60, 80, 120] {
            compare(&format!("{name}.{width}"), &render(&report, &style(width)));
        }
        let verbose = Style {
            verbosity: Verbosity::Verbose,
            ..style(100)
        };
        compare(&format!("{name}.verbose"), &render(&report, &verbose));
        let ascii = Style {
            ascii: true,
            ..style(80)
        };
        let text = render(&report, &ascii);
        assert!(text.is_ascii(), "{text}");
        compare(&format!("{name}.ascii"), &text);
        let colour = Style {
            colour: true,
            ..style(80)
        };
        compare(
            &format!("{name}.colour"),
            &render(&report, &colour).replace('\u{1b}', "\\e"),
        );
    }
    for width in [60, 100] {
        compare(
            &format!("batch.{width}"),
            &batch(&fixtures::batch(), &style(width)),
        );
    }
}

#[test]
fn a_quiet_check_is_one_line_for_each_target() {
    let quiet = Style {
        verbosity: Verbosity::Quiet,
        ..style(300)
    };
    for (name, report) in fixtures::all() {
        assert_eq!(render(&report, &quiet).lines().count(), 1, "{name}");
    }
    assert_eq!(batch(&fixtures::batch(), &quiet).lines().count(), 4);
}

#[test]
fn what_is_healthy_is_short() {
    for (name, report) in fixtures::all() {
        if name.starts_with("healthy") {
            let lines = render(&report, &style(100)).lines().count();
            assert!(lines <= 15, "{name}: {lines}");
        }
    }
}

#[test]
fn what_speaks_there_is_one_row_cut_and_safe() {
    use crate::model::{Ms, Observation, Operation, Outcome};
    let mut report = fixtures::all().swap_remove(0).1;
    let to = report.endpoints[0].endpoint();
    let mut heard = |said: &[u8], after: u64| {
        report
            .observations
            .retain(|o| o.operation != Operation::Read);
        report.observations.push(Observation {
            endpoint: Some(to.clone()),
            elapsed_ms: Some(Ms::from_millis(after)),
            banner: Some(crate::model::speech::banner::read(said)),
            ..Observation::new(Operation::Read, Ms::ZERO, Outcome::Ok)
        });
        let text = render(&report, &style(200));
        let row = text.lines().find(|line| line.trim().starts_with("speaks"));
        row.unwrap().trim().to_owned()
    };
    let row = heard(b"SSH-2.0-OpenSSH_9.2\r\n", 12);
    assert_eq!(row, "speaks        SSH-2.0-OpenSSH_9.2 (after 12.0 ms)");
    let row = heard(b"220 mail.example ESMTP\r\n", 12);
    assert!(row.contains("SMTP: 220 mail.example ESMTP"), "{row}");
    let row = heard(
        &[b"220 \x1b[31m\xe2\x80\xae ESMTP ".as_slice(), &[b'x'; 500]].concat(),
        12,
    );
    assert!(
        row.contains(r"220 \u{1b}[31m\u{202e} ESMTP xx") && row.contains("x… (after"),
        "{row}"
    );
    assert!(row.chars().count() < 120, "{row}");
}

#[test]
fn colour_changes_no_character() {
    for (name, report) in fixtures::all() {
        let plain = render(&report, &style(80));
        let coloured = Style {
            colour: true,
            ..style(80)
        };
        let coloured = anstream::adapter::strip_str(&render(&report, &coloured)).to_string();
        assert_eq!(plain, coloured, "{name}");
    }
}

#[test]
fn running_text_keeps_to_the_width_and_nothing_moves_the_cursor() {
    for (name, report) in fixtures::all() {
        for width in [60, 80, 120] {
            let text = render(&report, &style(width));
            for line in text.lines() {
                assert!(
                    !line.chars().any(crate::model::text::deceives),
                    "{name}: {line:?}"
                );
                assert!(!line.ends_with(' '), "{name}: {line:?}");
                // A command is never broken, and a word never cut.
                let command = line.contains("nwcheck tcp") || line.contains("sudo ");
                let word = !line.trim().contains(' ');
                assert!(
                    command || word || line.width() <= width,
                    "{name} at {width}: {line}"
                );
            }
        }
    }
}
