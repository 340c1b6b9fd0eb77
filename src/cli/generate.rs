//! Completions and manual pages, made of the clap types: they are committed, and a test compares them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::explain::page as findings;
use super::{Static, Usage, args, help};
use crate::diagnose::Rule;

/// The completions of a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command(), "nwcheck", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The command without what is hidden.
fn command() -> Command {
    let whole = args::Typed::command();
    let mut shown = whole.clone();
    // Subcommands can't be taken away, so that those to be shown are put on anew.
    let subcommands: Vec<Command> = whole
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .cloned()
        .collect();
    shown = Command::new("nwcheck")
        .version(env!("CARGO_PKG_VERSION"))
        .about(shown.get_about().cloned().unwrap_or_default())
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .args(shown.get_arguments().cloned())
        .subcommands(subcommands);
    shown
}

/// Writes a page for `nwcheck`, one for each command, and one of the findings.
pub(super) fn man(directory: &Path, rules: &[&Rule]) -> Result<Static, Usage> {
    let wrong = |error: &std::io::Error| {
        Usage::new(
            format!("man {}", directory.display()),
            format!("the pages can't be written: {error}"),
            "a directory that can be written",
            "nwcheck man man",
        )
    };
    fs::create_dir_all(directory).map_err(|error| wrong(&error))?;
    let mut text = String::new();
    let mut pages = pages();
    pages.push(("nwcheck-findings.7".to_owned(), findings::render(rules)));
    for (name, page) in pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| wrong(&error))?;
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", path.display());
    }
    Ok(Static::printed(text))
}

/// Each page of a command with the name of its file.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut root = command();
    root.build();
    let mut commands = vec![("nwcheck".to_owned(), root.clone())];
    for subcommand in root.get_subcommands() {
        let name = format!("nwcheck-{}", subcommand.get_name());
        let subcommand = subcommand.clone().version(env!("CARGO_PKG_VERSION"));
        commands.push((name, subcommand));
    }
    let names: Vec<String> = commands
        .iter()
        .map(|(name, _)| format!("{name}(1)"))
        .collect();
    let page = |(name, command): &(String, Command)| {
        let mut others = names.clone();
        others.retain(|other| other.strip_suffix("(1)") != Some(name));
        others.push("nwcheck-findings(7)".to_owned());
        (format!("{name}.1"), page(name, command.clone(), &others))
    };
    commands.iter().map(page).collect()
}

/// One page. A page is written to memory, which can't fail.
fn page(name: &str, command: Command, others: &[String]) -> Vec<u8> {
    let subcommands = command.has_subcommands();
    let man = Man::new(command)
        .title(name.to_uppercase())
        .source(concat!("nwcheck ", env!("CARGO_PKG_VERSION")))
        .manual("nwcheck");
    let mut bytes = Vec::new();
    let _ = man.render_title(&mut bytes);
    let _ = man.render_name_section(&mut bytes);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(help::synopsis(name))]);
    roff.control("SH", ["DESCRIPTION"]);
    for (number, paragraph) in help::description(name).iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*paragraph)]);
    }
    let _ = roff.to_writer(&mut bytes);
    if subcommands {
        let _ = man.render_subcommands_section(&mut bytes);
    }
    let _ = man.render_options_section(&mut bytes);
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for example in help::examples(name) {
        roff.control("TP", []);
        roff.text([bold(example.line)]);
        roff.text([roman(example.purpose)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in help::exits(name) {
        roff.control("TP", []);
        roff.text([bold(*code)]);
        roff.text([roman(*meaning)]);
    }
    if let Some(note) = help::exit_note(name) {
        roff.control("PP", []);
        roff.text([roman(note)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(others.join(", "))]);
    let _ = roff.to_writer(&mut bytes);
    bytes
}
