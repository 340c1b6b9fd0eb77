//! What no compiler sees: which module may know which, that pure modules stay pure, that every finding has its rule and its words,
//! and that what is generated or written for people names all that there is.
//!
//! It reads the files of `src` as text. A rule here is changed together with the map in `src/lib.rs`, and with the reason.

// What reads the repository is part of each test, and may fail as one.
#![allow(clippy::unwrap_used)]

#[path = "tidy/packages.rs"]
mod packages;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use nwcheck::diagnose::rules;
use nwcheck::model::Id;
use source::{Source, named_below, places_of};

/// Which modules a module may name. Each line is below those that it names: there is no way back.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("proto", &[]),
    ("net", &[]),
    ("policy", &["model"]),
    ("diagnose", &["policy", "model"]),
    ("report", &["model"]),
    ("plan", &["diagnose", "model"]),
    // The rules that were listed are too many for the evidence: what they make of its flows stands there.
    ("probe", &["net", "proto", "policy", "model"]),
    ("collect", &["plan", "probe", "diagnose", "model"]),
    ("progress", &["model"]),
    ("cli", &["diagnose", "report", "model"]),
    // The demo is a caller of the pipeline as `app` is, with targets of its own.
    (
        "demo",
        &[
            "cli", "collect", "diagnose", "report", "progress", "probe", "model",
        ],
    ),
    (
        "app",
        &[
            "cli", "collect", "demo", "diagnose", "report", "progress", "probe", "model",
        ],
    ),
];

/// What is written for people.
const PAGES: [&str; 5] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/how-it-knows.md",
    "docs/json.md",
    "docs/azure.md",
];

/// What breaks the arrows today, by file and module named. A line that is no longer true fails, so that it goes with its cause.
const DEBTS: &[(&str, &str, &str)] = &[];

/// Modules that see no socket, clock, environment, file or printer.
const PURE: &[&str] = &["model", "plan", "proto", "policy", "diagnose", "report"];

/// What pure modules never name.
const IMPURE: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "libc",
    "nix",
    "socket2",
    "anstream",
    "terminal_size",
    "tracing",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "stdout",
    "stderr",
];
/// Which parts of the standard library they never name.
const IMPURE_STD: &[&str] = &["fs", "env", "process", "io", "os", "thread"];

/// Names that say nothing of what a module is for.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "core", "engine", "misc",
];

/// Lines that a file may have; tests in a file of their own may have more.
const LONGEST: usize = 600;
const LONGEST_TESTS: usize = 800;

/// Ids of the catalogue that explanations may name before their rules are there.
const LATER: &[&str] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all that was found, a line each.
#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

/// A place in a file, for a person to go to.
fn place(source: &Source, at: usize, what: &str) -> String {
    let (line, text) = source.line_at(at);
    format!("{}:{line}: {what}: {text}", source.path)
}

/// The modules of the crate's root that a file names, through `crate::` or through enough `super::`.
fn crate_modules(source: &Source) -> Vec<(usize, String)> {
    let mut named = named_below(&source.shipped, "crate::");
    let up = "super::".repeat(source.module.len().max(1));
    if !source.module.is_empty() {
        named.extend(named_below(&source.shipped, &up));
    }
    named.retain(|(_, module)| !matches!(module.as_str(), "super" | "self" | ""));
    named
}

#[test]
fn every_module_of_the_crate_has_its_place_among_the_arrows() {
    let lib = file("src/lib.rs");
    let modules: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(module, _)| *module).collect();
    assert_eq!(modules, known);
    for module in modules {
        assert!(
            lib.contains(&format!("//! | [`{module}`] |")),
            "{module} is not on the map in src/lib.rs"
        );
    }
}

#[test]
fn the_arrows_lead_one_way() {
    for (number, (module, below)) in ARROWS.iter().enumerate() {
        for named in *below {
            assert!(
                ARROWS[..number].iter().any(|(earlier, _)| earlier == named),
                "{module} → {named} may lead back"
            );
        }
    }
}

#[test]
fn modules_name_only_what_the_arrows_allow() {
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    for source in source::all(root()) {
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == source.top()) else {
            continue;
        };
        for (at, named) in crate_modules(&source) {
            let is_module = ARROWS.iter().any(|(module, _)| *module == named);
            if !is_module || named == source.top() || allowed.contains(&named.as_str()) {
                continue;
            }
            match DEBTS
                .iter()
                .find(|(path, module, _)| *path == source.path && *module == named)
            {
                Some(debt) => {
                    met.insert(*debt);
                }
                None => found.push(place(
                    &source,
                    at,
                    &format!("{} names {named}", source.top()),
                )),
            }
        }
    }
    for debt in DEBTS.iter().filter(|debt| !met.contains(*debt)) {
        found.push(format!(
            "{} no longer names {}: take the line out of DEBTS",
            debt.0, debt.1
        ));
    }
    none(&found);
}

#[test]
fn the_loop_knows_of_the_rules_only_what_they_need() {
    let mut found = Vec::new();
    for source in source::all(root())
        .iter()
        .filter(|source| source.top() == "collect")
    {
        for (at, named) in named_below(&source.shipped, "diagnose::") {
            if named != "Need" {
                found.push(place(
                    source,
                    at,
                    &format!("collect names diagnose::{named}"),
                ));
            }
        }
        if source.shipped.contains("diagnose;") || source.shipped.contains("diagnose::*") {
            found.push(format!("{}: names diagnose as a whole", source.path));
        }
    }
    none(&found);
}

#[test]
fn pure_modules_see_no_socket_clock_environment_file_or_printer() {
    let mut found = Vec::new();
    for source in source::all(root())
        .iter()
        .filter(|source| PURE.contains(&source.top()))
    {
        for word in IMPURE {
            for at in places_of(&source.shipped, word) {
                found.push(place(
                    source,
                    at,
                    &format!("{} is pure, and names {word}", source.top()),
                ));
            }
        }
        for (at, part) in named_below(&source.shipped, "std::") {
            if IMPURE_STD.contains(&part.as_str()) {
                found.push(place(
                    source,
                    at,
                    &format!("{} is pure, and names std::{part}", source.top()),
                ));
            }
        }
    }
    none(&found);
}

#[test]
fn unsafe_and_the_operating_system_stay_below_net() {
    let mut found = Vec::new();
    for source in source::all(root())
        .iter()
        .filter(|source| source.top() != "net")
    {
        for word in ["unsafe", "target_os", "libc"] {
            for at in places_of(&source.code, word) {
                found.push(place(source, at, &format!("{word} outside src/net")));
            }
        }
    }
    none(&found);
}

#[test]
fn every_unsafe_says_why_it_is_safe() {
    let mut found = Vec::new();
    for source in source::all(root()) {
        let lines: Vec<&str> = source.text.lines().collect();
        for at in places_of(&source.code, "unsafe") {
            let (number, _) = source.line_at(at);
            if !says_why(&lines[..number - 1]) {
                found.push(place(&source, at, "no SAFETY above it"));
            }
        }
    }
    none(&found);
}

/// Whether the comment above the statement that ends in these lines says why it is safe (`SAFETY:`), or when (`# Safety`).
fn says_why(above: &[&str]) -> bool {
    let comment = |line: &str| line.starts_with("//");
    let mut lines = above.iter().rev().map(|line| line.trim());
    // A statement may have begun a line or two before.
    let mut begun = lines
        .by_ref()
        .take(3)
        .skip_while(|line| !comment(line) && !line.ends_with([';', '}']));
    let Some(first) = begun.next().filter(|line| comment(line)) else {
        return false;
    };
    let said = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    said(first)
        || begun
            .chain(above.iter().rev().skip(3).map(|line| line.trim()))
            .take_while(|line| comment(line))
            .any(said)
}

#[test]
fn only_progress_draws_progress() {
    let mut found = Vec::new();
    for source in source::all(root())
        .iter()
        .filter(|source| source.path != "src/progress.rs")
    {
        for at in places_of(&source.code, "indicatif") {
            found.push(place(source, at, "indicatif outside src/progress.rs"));
        }
    }
    none(&found);
}

#[test]
fn every_rule_that_is_written_is_registered() {
    let mut found = Vec::new();
    let sources = source::all(root());
    let families = sources
        .iter()
        .find(|source| source.path == "src/diagnose/rules/mod.rs")
        .unwrap();
    for source in &sources {
        let [top, list, family, rest @ ..] = source.module.as_slice() else {
            continue;
        };
        if (top.as_str(), list.as_str()) != ("diagnose", "rules") || source.shipped.is_empty() {
            continue;
        }
        if !families
            .shipped
            .contains(&format!("{family}::{}", family.to_uppercase()))
        {
            found.push(format!("{}: its family is not in FAMILIES", source.path));
        }
        let register = format!("src/diagnose/rules/{family}/mod.rs");
        let register = sources.iter().find(|other| other.path == register).unwrap();
        for (at, _) in source.shipped.match_indices(": Rule = Rule {") {
            let name = source.shipped[..at]
                .rsplit(char::is_whitespace)
                .next()
                .unwrap();
            let path: Vec<&str> = rest.iter().map(String::as_str).chain([name]).collect();
            let path = path.join("::");
            let registered = register.shipped.match_indices('&').any(|(at, _)| {
                let after = register.shipped[at + 1..].trim_start_matches("r#");
                after.starts_with(&path) && !after[path.len()..].starts_with(char::is_alphanumeric)
            });
            if !registered {
                found.push(place(
                    source,
                    at,
                    &format!("not in the list in {}", register.path),
                ));
            }
        }
    }
    none(&found);
}

#[test]
fn every_id_has_one_rule_with_all_its_words() {
    let mut found = Vec::new();
    for id in Id::ALL {
        let rules: Vec<_> = rules::all().filter(|rule| rule.id == *id).collect();
        let [rule] = rules.as_slice() else {
            found.push(format!("{id}: {} rules", rules.len()));
            continue;
        };
        for (part, text) in parts(rule) {
            if text.trim().len() < 20 || !text.trim_end().ends_with(['.', '?', '`']) {
                found.push(format!("{id}: its {part} is no sentence: {text:?}"));
            }
        }
    }
    let ids: BTreeSet<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();
    assert_eq!(ids.len(), Id::ALL.len(), "two ids are written alike");
    none(&found);
}

fn parts(rule: &nwcheck::diagnose::Rule) -> [(&'static str, &'static str); 4] {
    let explain = rule.explain;
    [
        ("meaning", explain.meaning),
        ("proof", explain.proof),
        ("remedy", explain.remedy),
        ("lookalikes", explain.lookalikes),
    ]
}

#[test]
fn every_id_that_an_explanation_names_exists() {
    let mut found = Vec::new();
    for rule in rules::all() {
        for (part, text) in parts(rule) {
            for id in quoted_ids(text) {
                if id.parse::<Id>().is_err() && !LATER.contains(&id) {
                    found.push(format!(
                        "{}: its {part} names `{id}`, which is no finding",
                        rule.id
                    ));
                }
            }
        }
    }
    for id in LATER.iter().filter(|id| id.parse::<Id>().is_ok()) {
        found.push(format!("{id} is there now: take it out of LATER"));
    }
    none(&found);
}

/// What stands in backticks and looks like an id: words of small letters with hyphens between, led by a family's name.
fn quoted_ids(text: &str) -> impl Iterator<Item = &str> {
    let family = |word: &str| {
        let first = word.split('-').next().unwrap_or("");
        let known = [
            "dns",
            "local",
            "path",
            "port",
            "host",
            "vm",
            "echo",
            "udp",
            "destination",
            "service",
            "tls",
            "http",
            "policy",
            "expectation",
            "threshold",
        ];
        known.contains(&first)
    };
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.contains('-')
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
        .filter(move |word| family(word))
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let mut found = Vec::new();
    for source in source::all(root()) {
        let lines = source.text.lines().count();
        let most = if source.shipped.is_empty() {
            LONGEST_TESTS
        } else {
            LONGEST
        };
        if lines > most {
            found.push(format!("{}: {lines} lines, at most {most}", source.path));
        }
    }
    none(&found);
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let mut found = Vec::new();
    for source in source::all(root()) {
        for word in ["TODO", "FIXME", "XXX"] {
            for at in places_of(&source.text, word) {
                let line = source.text[..at].matches('\n').count() + 1;
                found.push(format!("{}:{line}: {word}", source.path));
            }
        }
        for word in ["dbg!", "todo!", "unimplemented!"] {
            for at in places_of(&source.code, word) {
                found.push(place(&source, at, word));
            }
        }
    }
    none(&found);
}

#[test]
fn modules_are_named_for_what_they_are() {
    let mut found = Vec::new();
    for source in source::all(root()) {
        for part in &source.module {
            if EMPTY_NAMES.contains(&part.as_str()) {
                found.push(format!(
                    "{}: `{part}` says nothing of what it is for",
                    source.path
                ));
            }
        }
        let starts = source.text.trim_start().starts_with("//!");
        if !starts && !source.shipped.is_empty() {
            found.push(format!(
                "{}: does not begin with what it is for (//!)",
                source.path
            ));
        }
    }
    none(&found);
}

#[test]
fn the_change_log_and_the_read_me_list_every_finding() {
    let mut found = Vec::new();
    for path in ["CHANGELOG.md", "README.md"] {
        let text = file(path);
        for id in Id::ALL {
            if !text.contains(&format!("`{id}`")) {
                found.push(format!("{path} does not list `{id}`"));
            }
        }
    }
    for path in PAGES {
        for id in quoted_ids(&file(path)) {
            if id.parse::<Id>().is_err() {
                found.push(format!("{path} names `{id}`, which is no finding"));
            }
        }
    }
    none(&found);
}

#[test]
fn the_links_between_pages_lead_somewhere() {
    let mut found = Vec::new();
    for path in PAGES {
        let text = file(path);
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        for after in text.split("](").skip(1) {
            let link = after.split(')').next().unwrap_or_default();
            if link.contains("://") {
                continue;
            }
            let (to, part) = link.split_once('#').unwrap_or((link, ""));
            let to = if to.is_empty() {
                root().join(path)
            } else {
                root().join(folder).join(to)
            };
            let there = fs::read_to_string(&to).or_else(|error| {
                if to.is_dir() {
                    Ok(String::new())
                } else {
                    Err(error)
                }
            });
            match there {
                Err(_) => found.push(format!("{path}: {link}: no such file")),
                Ok(text) if !part.is_empty() && !headings(&text).contains(part) => {
                    found.push(format!("{path}: {link}: no such heading"));
                }
                Ok(_) => {}
            }
        }
    }
    none(&found);
}

/// The anchors of a page's headings, as GitHub makes them: lower case, spaces to hyphens, and of the rest letters, digits and hyphens alone.
fn headings(text: &str) -> BTreeSet<String> {
    let anchor = |line: &str| {
        let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        });
        Some(kept.collect())
    };
    text.lines().filter_map(anchor).collect()
}

#[test]
fn every_command_has_its_page_and_its_completions() {
    let mut found = Vec::new();
    let commands = commands();
    assert!(
        commands.iter().any(|command| command == "tcp"),
        "{commands:?}"
    );
    for command in &commands {
        let page = format!("man/nwcheck-{command}.1");
        if !root().join(&page).exists() {
            found.push(format!("there is no {page}"));
        }
        for shell in [
            "nwcheck.bash",
            "_nwcheck",
            "nwcheck.fish",
            "_nwcheck.ps1",
            "nwcheck.elv",
        ] {
            if places_of(&file(&format!("completions/{shell}")), command).is_empty() {
                found.push(format!("completions/{shell} does not know {command}"));
            }
        }
    }
    none(&found);
}

#[test]
fn the_pages_name_only_options_that_exist() {
    let mut help = String::new();
    for command in commands() {
        let _ = writeln!(help, "{}", nwcheck(&[&command, "--help"]));
    }
    let mut found = Vec::new();
    let pages = PAGES.map(|path| (path, file(path)));
    let lines = pages
        .iter()
        .flat_map(|(path, text)| text.lines().enumerate().map(move |line| (path, line)));
    for (path, (number, line)) in lines {
        // A line of cargo's or another program's has options of its own.
        let of_another = [
            "cargo ",
            "git ",
            "docker ",
            "ansible-inventory ",
            "kubectl ",
        ]
        .iter()
        .any(|program| line.contains(program));
        for at in places_of(line, "--").into_iter().filter(|_| !of_another) {
            let option: String = line[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            if option.len() > 3
                && option != "--help"
                && option != "--version"
                && places_of(&help, &option).is_empty()
            {
                found.push(format!("{path}:{}: {option}", number + 1));
            }
        }
    }
    none(&found);
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = nwcheck(&["--help"]);
    let list = help.split("Commands:").nth(1).unwrap_or("");
    list.lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

fn nwcheck(words: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_nwcheck");
    let output = Command::new(program)
        .env_clear()
        .args(words)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn comments_texts_and_tests_are_not_taken_for_code() {
    let text = "let a = \"crate::net\"; // crate::net\nlet b = r#\"libc \"x\"\"#; let c = '\"'; fn f<'a>(r#loop: &'a str) {} /* nix */ use crate::{a::{x, y}, b};";
    let code = source::blanked(text);
    assert!(
        !code.contains("net") && !code.contains("libc") && !code.contains("nix"),
        "{code}"
    );
    assert!(code.contains("r#loop"), "{code}");
    let named: Vec<String> = named_below(&code, "crate::")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(named, ["a", "b"]);
}
