//! The control group of this process: what of processor and memory it may use, and how it fared by that.
//!
//! Only version 2 of the hierarchy (`Documentation/admin-guide/cgroup-v2.rst`). A limit of any group above holds too, as far as the
//! groups above can be seen: in a container its own is the root.

#![deny(clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::load::{Memory, parse_pressure};
use super::{number, read};

/// Where the hierarchy is mounted.
const ROOT: &str = "/sys/fs/cgroup";
/// More groups than that are not nested in practice.
const DEEPEST: usize = 32;

/// What the control groups of this process say. Each part is `None` where no group says it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Group {
    /// How long its tasks had to stand still because a processor quota was used up, since the group was made: of the group that stood
    /// still the longest.
    pub throttled: Option<Duration>,
    /// The memory of the group that has the smallest share left, without what can be taken back from files.
    pub memory: Option<Memory>,
    /// How long at least one task of the own group waited for memory, since it was made.
    pub memory_stalled: Option<Duration>,
}

/// A snapshot. No privilege is needed.
pub fn group() -> Group {
    let Some(text) = read("/proc/self/cgroup") else {
        return Group::default();
    };
    let folders = folders(&text);
    let throttled = folders
        .iter()
        .filter_map(|folder| throttled(&read(folder.join("cpu.stat"))?));
    let memory = folders.iter().filter_map(|folder| {
        let limit = number(folder.join("memory.max"))?;
        let used = number(folder.join("memory.current"))?;
        let back = reclaimable(&read(folder.join("memory.stat"))?);
        Some(left(limit, used, back))
    });
    Group {
        throttled: throttled.max(),
        memory: memory.min_by(|a, b| a.available_percent().total_cmp(&b.available_percent())),
        memory_stalled: folders
            .first()
            .and_then(|own| read(own.join("memory.pressure")))
            .and_then(|text| parse_pressure(&text))
            .map(|pressure| pressure.some.total),
    }
}

/// The folders of the own group and of those above it, the own first. A path that leads out of what can be seen stands for the root.
fn folders(text: &str) -> Vec<PathBuf> {
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")) else {
        return Vec::new();
    };
    let outside = path.split('/').any(|part| part == "..");
    let path = if outside { "" } else { path.trim_matches('/') };
    let own = Path::new(ROOT).join(path);
    own.ancestors()
        .take_while(|folder| folder.starts_with(ROOT))
        .take(DEEPEST)
        .map(Path::to_owned)
        .collect()
}

fn throttled(text: &str) -> Option<Duration> {
    field(text, "throttled_usec").map(Duration::from_micros)
}

/// Bytes that the kernel takes back before it refuses any.
fn reclaimable(text: &str) -> u64 {
    ["inactive_file", "active_file", "slab_reclaimable"]
        .iter()
        .filter_map(|name| field(text, name))
        .fold(0, u64::saturating_add)
}

fn left(limit: u64, used: u64, back: u64) -> Memory {
    Memory {
        total: limit,
        available: limit.saturating_sub(used.saturating_sub(back)),
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (word, value) = line.split_once(' ')?;
        (word == name).then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_groups_above_count_and_nothing_outside_of_what_is_seen() {
        let root = PathBuf::from(ROOT);
        let found = folders("1:name=systemd:/x\n0::/a.slice/b.scope\n");
        assert_eq!(
            found,
            [
                root.join("a.slice/b.scope"),
                root.join("a.slice"),
                root.clone()
            ]
        );
        assert_eq!(folders("0::/\n"), std::slice::from_ref(&root));
        assert_eq!(folders("0::/../other\n"), [root]);
        assert!(folders("1:cpu:/x\n").is_empty());
    }

    #[test]
    fn what_files_hold_is_not_in_use() {
        let back = reclaimable("anon 5\nactive_file 300\ninactive_file 500\n");
        assert_eq!(left(1000, 900, back).available, 900);
        assert_eq!(left(1000, 900, 0).available, 100);
        assert_eq!(left(1000, 3000, 0).available, 0);
        assert_eq!(
            throttled("nr_throttled 2\nthrottled_usec 1500\n"),
            Some(Duration::from_micros(1500))
        );
        assert_eq!(throttled("usage_usec 1500\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z0-9 :/._\\n-]{0,120}") {
            let _ = folders(&text);
            let _ = (throttled(&text), reclaimable(&text));
        }
    }
}
