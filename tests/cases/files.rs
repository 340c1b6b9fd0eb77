//! The case files: where they are, and of what each is a case.

use std::path::{Path, PathBuf};

use nwcheck::model::{Id, Origin};

use crate::expected::Stance;
use crate::scenario::{Scenario, read};

/// One case file.
pub struct Case {
    /// Its path below `tests/cases`.
    pub name: String,
    /// The id whose folder it is in, and what its rule must make of it.
    pub subject: Option<(Id, Stance)>,
    /// What it says.
    pub scenario: Scenario,
}

/// `tests/cases`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// All case files, in order.
pub fn all() -> Vec<Case> {
    let mut paths = Vec::new();
    gather(&root(), &mut paths);
    paths.sort();
    paths.iter().map(|path| case(path)).collect()
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "case")
        {
            paths.push(path);
        }
    }
}

fn case(path: &Path) -> Case {
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    let text = std::fs::read_to_string(path).unwrap();
    let scenario = read(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    let parts: Vec<&str> = name.split('/').collect();
    let subject = match parts.as_slice() {
        ["adversarial", _] => None,
        [family, folder, file] => {
            let id: Id = folder
                .parse()
                .unwrap_or_else(|()| panic!("{name}: no such id"));
            assert_eq!(*family, family_of(id), "{name}: {id} is of another family");
            let word = file.split(['-', '.']).next().unwrap_or_default();
            Some((
                id,
                word.parse()
                    .unwrap_or_else(|()| panic!("{name}: fires, clear or unknown?")),
            ))
        }
        _ => panic!("{name}: expected adversarial/NAME.case or FAMILY/ID/NAME.case"),
    };
    Case {
        name,
        subject,
        scenario,
    }
}

const fn family_of(id: Id) -> &'static str {
    match id.origin() {
        Origin::Name => "name",
        Origin::Local => "local",
        Origin::Path => "path",
        Origin::Destination => "destination",
        Origin::Service => "service",
        Origin::Policy => "policy",
        _ => "unknown",
    }
}
