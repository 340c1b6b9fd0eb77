//! The hosts file (hosts(5)), and the names that are nearly the one asked for.
//!
//! Pure. Near misses come from the hosts file and the search list alone: nobody is asked for them.

use crate::model::Address;
use crate::model::text::escape;

/// At most so many near misses are named.
const MOST_MISSES: usize = 5;
/// At most so many names of a hosts file are compared: a block list has millions.
const MOST_COMPARED: usize = 20_000;
/// Shorter names than this are nearly everything.
const SHORTEST: usize = 4;

/// A line of the hosts file: an address and its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    address: Address,
    names: Vec<&'a str>,
}

/// Reads the text of a hosts file; what is no address with a name is passed over.
pub(super) fn read(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().filter_map(|line| {
        let mut words = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        let names: Vec<&str> = words.collect();
        (!names.is_empty()).then_some(Entry { address, names })
    })
}

/// The addresses of any of these names, in the order of the file, each once.
pub(super) fn addresses(text: &str, names: &[String]) -> Vec<Address> {
    let mut found = Vec::new();
    for entry in read(text) {
        let is_it = entry
            .names
            .iter()
            .any(|known| names.iter().any(|name| same(known, name)));
        if is_it && !found.contains(&entry.address) {
            found.push(entry.address);
        }
    }
    found
}

fn same(known: &str, name: &str) -> bool {
    bare(known).eq_ignore_ascii_case(bare(name))
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Names in the hosts file, or made of the search list, that are nearly the one asked for and not among those that were tried:
/// one or two characters away, or the same first label in another domain. The nearest first.
pub(super) fn near_misses(
    host: &str,
    tried: &[String],
    text: &str,
    search: &[String],
) -> Vec<String> {
    let host = bare(host).to_ascii_lowercase();
    let (first, domain) = host.split_once('.').unwrap_or((&host, ""));
    let in_file = read(text)
        .flat_map(|entry| entry.names)
        .take(MOST_COMPARED)
        .map(|name| bare(name).to_ascii_lowercase());
    let in_search = search
        .iter()
        .filter(|_| !domain.is_empty())
        .map(|suffix| format!("{first}.{suffix}"));

    let mut found: Vec<(usize, String)> = Vec::new();
    for (name, from_file) in in_file
        .map(|name| (name, true))
        .chain(in_search.map(|name| (name, false)))
    {
        if tried.contains(&name) || found.iter().any(|(_, known)| *known == name) {
            continue;
        }
        let moved =
            from_file && first.len() >= 2 && name.split('.').next() == Some(first) && name != host;
        let distance = distance(&host, &name);
        let allowed = if host.len() < 2 * SHORTEST { 1 } else { 2 };
        if host.len() >= SHORTEST && distance <= allowed {
            found.push((distance, name));
        } else if moved {
            found.push((3, name));
        }
    }
    found.sort();
    found
        .into_iter()
        .take(MOST_MISSES)
        .map(|(_, name)| escape(&name))
        .collect()
}

/// How many characters must be put in, left out or changed, or exchanged with their neighbour, to make one of the other
/// (optimal string alignment); names longer than DNS can carry are far from all.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 || a.len() > 255 || b.len() > 255 {
        return usize::MAX;
    }
    let a: Vec<char> = a.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=a.len()).collect();
    let mut last_b = None;
    for (row, cb) in b.chars().enumerate() {
        let mut line = vec![row + 1];
        for (column, &ca) in a.iter().enumerate() {
            let at =
                |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX);
            let change = at(&above, column) + usize::from(ca != cb);
            let mut best = change
                .min(at(&above, column + 1) + 1)
                .min(at(&line, column) + 1);
            if column > 0 && last_b == Some(ca) && a.get(column - 1) == Some(&cb) {
                best = best.min(at(&before, column - 1).saturating_add(1));
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
        last_b = Some(cb);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "127.0.0.1 localhost\n# 10.0.0.9 db\n10.0.0.1\tdb.corp.example. DB # primary\r\n2001:db8::1 db\n\
                        10.0.0.1 db\n10.0.0.2 mail.corp.example\nnonsense\n10.0.0.3\n";

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_has_the_addresses_of_all_its_lines_once() {
        let found = addresses(FILE, &names(&["Db"]));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.1", "2001:db8::1"]
        );
        assert!(addresses(FILE, &names(&["db2"])).is_empty());
    }

    #[test]
    fn a_slip_of_the_finger_is_a_near_miss() {
        let host = "mial.corp.example";
        assert_eq!(
            near_misses(host, &names(&[host]), FILE, &[]),
            ["mail.corp.example"]
        );
    }

    #[test]
    fn the_same_first_label_in_another_domain_is_a_near_miss() {
        let host = "mail.lab.example";
        assert_eq!(
            near_misses(host, &names(&[host]), FILE, &[]),
            ["mail.corp.example"]
        );
    }

    #[test]
    fn a_slip_in_a_domain_of_the_search_list_is_a_near_miss() {
        let host = "web.corp.exmaple";
        let tried = names(&[host, "web.corp.exmaple.corp.example"]);
        assert_eq!(
            near_misses(host, &tried, FILE, &names(&["corp.example"])),
            ["web.corp.example"]
        );
    }

    #[test]
    fn what_was_tried_already_and_what_is_far_is_no_near_miss() {
        assert!(near_misses("other.example", &names(&["other.example"]), FILE, &[]).is_empty());
        assert!(near_misses("db", &names(&["db", "db.corp.example"]), FILE, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)([0-9a-f:.%]{0,20}[ \t].{0,40}\n|.{0,40}\n){0,10}", host in ".{0,40}") {
            let tried = vec![host.clone()];
            let _ = addresses(&text, &tried);
            prop_assert!(near_misses(&host, &tried, &text, &tried).len() <= MOST_MISSES);
        }

        #[test]
        fn a_distance_is_the_same_both_ways_and_none_to_itself(a in "[a-c]{0,6}", b in "[a-c]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &a), 0);
        }
    }
}
