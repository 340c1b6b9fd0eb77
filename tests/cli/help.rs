//! Help and version: short enough, wide enough for any terminal, and true.

use unicode_width::UnicodeWidthStr as _;

use crate::{command, nwcheck, run};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["tcp"],
    &["icmp"],
    &["udp"],
    &["dns"],
    &["trace"],
    &["show"],
    &["diff"],
    &["schema"],
    &["explain"],
    &["demo"],
];

#[test]
fn help_fits_eighty_columns() {
    for words in COMMANDS {
        for flag in ["-h", "--help"] {
            let run = nwcheck(words.iter().chain([&flag]));
            assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{words:?}");
            for line in run.stdout.lines() {
                assert!(line.width() <= 80, "{words:?}: {line}");
                assert!(!line.ends_with(' '), "{words:?}: {line:?}");
            }
            assert!(run.stdout.contains("Examples:"), "{words:?}");
            assert!(run.stdout.contains("Exit status:"), "{words:?}");
        }
    }
}

#[test]
fn help_has_what_is_there_and_nothing_else() {
    let text = nwcheck(["tcp", "--help"]).stdout;
    for option in [
        "--output",
        "--save",
        "--quiet",
        "--verbose",
        "--color",
        "--ascii",
        "--redact",
        "--count",
        "--interval",
        "--timeout",
        "--deadline",
        "--wait",
        "-4",
        "-6",
        "--source ",
        "--source-port",
        "--interface",
        "--tos",
        "--server",
        "--resolve",
        "--max-hops",
        "--flows",
        "--all-paths",
        "--confidence ",
        "--confidence-scope",
        "--as-database",
        "--rate",
        "--no-path",
        "--no-local",
        "--all-addresses",
        "--inventory",
        "--control",
        "--expect",
        "--max-loss",
        "--max-avg",
        "--max-p95",
        "--max-connect",
        "--fail-on",
        "--baseline",
    ] {
        assert!(text.contains(option), "{option}");
    }
    assert!(!text.contains("sarif"));
    let top = nwcheck(["--help"]).stdout;
    assert!(top.lines().count() <= 46, "{}", top.lines().count());
    for hidden in ["completions", "man "] {
        assert!(!top.contains(hidden), "{hidden}");
    }
}

#[test]
fn help_is_coloured_only_where_that_is_asked_for() {
    assert!(!nwcheck(["--help"]).stdout.contains('\u{1b}'));
    let coloured = run(command(["--help"]).env("CLICOLOR_FORCE", "1"));
    assert!(coloured.stdout.contains('\u{1b}'));
    let not = run(command(["--help"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1"));
    assert!(!not.stdout.contains('\u{1b}'));
}

#[test]
fn the_version_is_the_packages() {
    for flag in ["-V", "--version"] {
        let run = nwcheck([flag]);
        assert_eq!(
            run.stdout,
            concat!("nwcheck ", env!("CARGO_PKG_VERSION"), "\n")
        );
        assert_eq!(run.status, 0);
    }
}
