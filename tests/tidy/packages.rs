//! What is packaged: one list of files in all packages, with all pages and completions, no script and no capability; and workflows in
//! which nothing that a stranger may write becomes part of a script.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::{file, none, root};

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asset {
    /// From where in the repository; may hold a pattern.
    source: String,
    /// Whereto, without the first slash.
    place: String,
    /// Its mode, in octal digits.
    mode: String,
}

/// The table of a packager, as cargo reads it.
fn table(name: &str) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"][0]["metadata"][name].clone()
}

/// The files of a table: a list of three, as cargo-deb has them, or of named values.
fn assets(table: &Value) -> Vec<Asset> {
    let assets = table["assets"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assets
        .map(|asset| {
            let of = |index: usize, name: &str| match asset {
                Value::Array(values) => text(&values[index]),
                named => text(&named[name]),
            };
            Asset {
                source: of(0, "source"),
                place: of(1, "dest").trim_start_matches('/').to_owned(),
                mode: of(2, "mode"),
            }
        })
        .collect()
}

/// The files that a pattern of at most one `*`, in its last part, names.
fn named(pattern: &str) -> Vec<String> {
    let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let Some((begin, end)) = name.split_once('*') else {
        return vec![pattern.to_owned()];
    };
    names(folder)
        .into_iter()
        .filter(|known| known.starts_with(begin) && known.ends_with(end))
        .map(|known| format!("{folder}/{known}"))
        .collect()
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// From where each file of a package comes, and whereto it goes.
fn files(table: &Value) -> BTreeMap<String, Asset> {
    let mut files = BTreeMap::new();
    for asset in assets(table) {
        for source in named(&asset.source) {
            let name = source.rsplit('/').next().unwrap();
            let place = if asset.place.ends_with('/') {
                format!("{}{name}", asset.place)
            } else {
                asset.place.clone()
            };
            let mode = asset.mode.clone();
            let known = files.insert(
                source.clone(),
                Asset {
                    source,
                    place,
                    mode,
                },
            );
            assert_eq!(known, None);
        }
    }
    files
}

#[test]
fn all_packages_have_the_same_files_with_the_same_modes() {
    let modes = |name: &str| -> BTreeSet<(String, String)> {
        let files = files(&table(name)).into_values();
        files.map(|asset| (asset.source, asset.mode)).collect()
    };
    assert_eq!(modes("deb"), modes("generate-rpm"));
}

#[test]
fn packages_have_every_page_and_every_completion_where_it_is_looked_for() {
    let mut found = Vec::new();
    for packager in ["deb", "generate-rpm"] {
        let files = files(&table(packager));
        let pages = names("man").into_iter().map(|page| {
            let section = page.rsplit('.').next().unwrap();
            let place = format!("usr/share/man/man{section}/{page}");
            (format!("man/{page}"), place)
        });
        let zsh = match packager {
            "deb" => "usr/share/zsh/vendor-completions/_nwcheck",
            _ => "usr/share/zsh/site-functions/_nwcheck",
        };
        let completions = names("completions").into_iter().map(|name| {
            let place = match name.as_str() {
                "nwcheck.bash" => "usr/share/bash-completion/completions/nwcheck".to_owned(),
                "_nwcheck" => zsh.to_owned(),
                "nwcheck.fish" => "usr/share/fish/vendor_completions.d/nwcheck.fish".to_owned(),
                // These shells look nowhere by themselves.
                other => format!("usr/share/doc/nwcheck/completions/{other}"),
            };
            (format!("completions/{name}"), place)
        });
        for (source, place) in pages.chain(completions) {
            match files.get(&source) {
                Some(asset) if asset.place == place => {}
                Some(asset) => found.push(format!("{packager}: {source} goes to {}", asset.place)),
                None => found.push(format!("{packager}: {source} is not packaged")),
            }
        }
        for source in files.keys().filter(|source| !source.starts_with("target/")) {
            if !root().join(source).is_file() {
                found.push(format!("{packager}: there is no {source}"));
            }
        }
    }
    none(&found);
}

#[test]
fn packages_run_nothing_and_give_no_rights() {
    let known = [
        "assets",
        "auto-req",
        "depends",
        "extended-description",
        "maintainer",
        "priority",
        "require-sh",
        "revision",
        "section",
        "suggests",
    ];
    let mut found = Vec::new();
    for packager in ["deb", "generate-rpm"] {
        let table = table(packager);
        for key in table.as_object().unwrap().keys() {
            if !known.contains(&key.as_str()) {
                found.push(format!(
                    "{packager}: {key}: see that it runs nothing, and add it here"
                ));
            }
        }
        for asset in assets(&table) {
            let program = asset.place == "usr/bin/" || asset.place == "usr/bin/nwcheck";
            if asset.mode != if program { "755" } else { "644" } {
                found.push(format!(
                    "{packager}: {} has mode {}",
                    asset.source, asset.mode
                ));
            }
            if !asset.place.starts_with("usr/") || asset.place.starts_with("usr/local") {
                found.push(format!(
                    "{packager}: {} is no place of a package",
                    asset.place
                ));
            }
        }
        for asset in table["assets"].as_array().unwrap() {
            let keys = asset.as_object().into_iter().flat_map(|named| named.keys());
            for key in keys.filter(|key| !["source", "dest", "mode", "doc"].contains(&key.as_str()))
            {
                found.push(format!("{packager}: an asset has {key}"));
            }
        }
    }
    none(&found);
}

/// The lines of a workflow that are scripts: what stands behind `run:`, and what is indented more below it.
fn scripts(text: &str) -> Vec<(usize, &str)> {
    let mut scripts = Vec::new();
    let mut below: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if below.is_some_and(|at| indent <= at && !line.trim().is_empty()) {
            below = None;
        }
        let item = line.trim_start().trim_start_matches("- ");
        if below.is_some() || item.starts_with("run:") {
            scripts.push((number + 1, line));
        }
        if item.starts_with("run:") {
            below = Some(line.len() - item.len());
        }
    }
    scripts
}

#[test]
fn no_expression_becomes_part_of_a_script() {
    let mut found = Vec::new();
    let workflows = names(".github/workflows").into_iter();
    let paths = workflows
        .map(|name| format!(".github/workflows/{name}"))
        .chain(["action.yml".to_owned()]);
    for path in paths {
        let text = file(&path);
        let scripts = scripts(&text);
        assert!(!scripts.is_empty(), "{path} has no script");
        for (number, line) in scripts {
            if line.contains("${{") {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
        for line in text.lines().filter_map(|line| line.split("uses: ").nth(1)) {
            let version = line.split_once("@v").map_or("", |(_, version)| version);
            if line != "./" && !version.starts_with(|c: char| c.is_ascii_digit()) {
                found.push(format!("{path}: {line} is not held to a version"));
            }
        }
    }
    none(&found);
}

#[test]
fn the_action_hands_its_steps_what_they_read() {
    let action = file("action.yml");
    let mut given: BTreeSet<String> = BTreeSet::new();
    for line in action.lines().map(str::trim) {
        given.extend(line.strip_prefix("NWCHECK_").and_then(|rest| {
            let (name, _) = rest.split_once(": ${{ ")?;
            Some(name.to_owned())
        }));
    }
    let mut read: BTreeSet<String> = BTreeSet::new();
    for step in ["install", "check"] {
        let text = file(&format!("packaging/action/{step}"));
        for part in text
            .split("$NWCHECK_")
            .chain(text.split("${NWCHECK_"))
            .skip(1)
        {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_')
                .collect();
            if !name.is_empty() {
                read.insert(name);
            }
        }
    }
    assert_eq!(given, read);
    let inputs = action.split("\noutputs:").next().unwrap();
    for name in inputs.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        (!name.contains(' ') && !["icon", "color"].contains(&name)).then_some(name)
    }) {
        assert!(
            action.contains(&format!("${{{{ inputs.{name} }}}}")),
            "the input {name} is handed to no step"
        );
    }
}
