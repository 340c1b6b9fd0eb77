//! To which autonomous system an address belongs, by a table of ranges.
//!
//! The table is text, one range a line, its columns separated by tabs: first address, last address, number, country, name. That is the form
//! in which the data of the routing registries and of route collectors is commonly given away. The country is read over; country and name
//! may be missing; number 0 means "not routed".

use std::collections::HashMap;
use std::net::IpAddr;

use thiserror::Error;

/// So many characters of a name are kept.
const LONGEST_NAME: usize = 120;

/// A line that is no range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct SystemsError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Ranges of addresses and their autonomous systems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Systems {
    /// By their first address, the wider first.
    ranges: Vec<Range>,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u128,
    last: u128,
    /// The greatest last address of this range and all before it: where to stop looking.
    reach: u128,
    number: u32,
    name: Option<u32>,
}

impl Systems {
    /// Reads a table.
    ///
    /// # Errors
    /// The first line that is no range, with its number.
    pub fn read(text: &str) -> Result<Self, SystemsError> {
        let mut systems = Self::default();
        let mut known: HashMap<&str, u32> = HashMap::new();
        for (line, row) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if row.trim().is_empty() || row.starts_with('#') {
                continue;
            }
            let wrong = |what: String| SystemsError {
                line: line + 1,
                what,
            };
            let mut columns = row.split('\t').map(str::trim);
            let (Some(first), Some(last), Some(number)) =
                (columns.next(), columns.next(), columns.next())
            else {
                return Err(wrong(
                    "fewer than three columns, or not separated by tabs".to_owned(),
                ));
            };
            let address = |text: &str| {
                text.parse::<IpAddr>()
                    .map_err(|_| wrong(format!("`{}` is no address", brief(text))))
            };
            let (from, to) = (address(first)?, address(last)?);
            if from.is_ipv4() != to.is_ipv4() {
                return Err(wrong(format!("{from} and {to} are of two families")));
            }
            if to < from {
                return Err(wrong(format!("{to} comes before {from}")));
            }
            let digits = number
                .strip_prefix("AS")
                .or_else(|| number.strip_prefix("as"));
            let number: u32 = digits
                .unwrap_or(number)
                .parse()
                .map_err(|_| wrong(format!("`{}` is no AS number", brief(number))))?;
            if number == 0 {
                continue;
            }
            let name = columns.nth(1).filter(|name| !name.is_empty()).map(|name| {
                *known.entry(name).or_insert_with(|| {
                    systems
                        .names
                        .push(name.chars().take(LONGEST_NAME).collect());
                    u32::try_from(systems.names.len() - 1).unwrap_or(u32::MAX)
                })
            });
            systems.ranges.push(Range {
                first: place(from),
                last: place(to),
                reach: 0,
                number,
                name,
            });
        }
        systems
            .ranges
            .sort_by_key(|range| (range.first, std::cmp::Reverse(range.last)));
        let mut reach = 0;
        for range in &mut systems.ranges {
            reach = reach.max(range.last);
            range.reach = reach;
        }
        Ok(systems)
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The number and the name of the system that the narrowest range around an address belongs to.
    pub fn of(&self, ip: IpAddr) -> Option<(u32, Option<&str>)> {
        let at = place(ip.to_canonical());
        let before = self.ranges.partition_point(|range| range.first <= at);
        let around = self.ranges.get(..before)?.iter().rev();
        let range = around
            .take_while(|range| range.reach >= at)
            .filter(|range| range.last >= at)
            .min_by_key(|range| range.last - range.first)?;
        let name = range.name.and_then(|name| self.names.get(name as usize));
        Some((range.number, name.map(String::as_str)))
    }
}

/// One order for both families: IPv4 addresses as IPv6 maps them (RFC 4291 section 2.5.5.2).
fn place(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn brief(text: &str) -> String {
    super::text::escape(&text.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "192.0.2.0\t192.0.2.255\t64500\tZZ\tEXAMPLE-ONE Example One Ltd\n\
         198.51.100.0\t198.51.100.255\t0\tNone\tNot routed\n\
         \n\
         # narrower, within the first\n\
         192.0.2.128\t192.0.2.191\tAS64501\tZZ\t\n\
         2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64502\n";

    fn of(systems: &Systems, ip: &str) -> Option<(u32, Option<String>)> {
        let (number, name) = systems.of(ip.parse().unwrap())?;
        Some((number, name.map(str::to_owned)))
    }

    #[test]
    fn the_narrowest_range_around_an_address_tells_its_system() {
        let systems = Systems::read(TABLE).unwrap();
        assert_eq!(systems.len(), 3);
        let one = Some((64500, Some("EXAMPLE-ONE Example One Ltd".to_owned())));
        assert_eq!(of(&systems, "192.0.2.0"), one);
        assert_eq!(of(&systems, "192.0.2.255"), one);
        assert_eq!(of(&systems, "::ffff:192.0.2.1"), one);
        assert_eq!(of(&systems, "192.0.2.130"), Some((64501, None)));
        assert_eq!(of(&systems, "192.0.2.192"), one);
        assert_eq!(of(&systems, "198.51.100.1"), None);
        assert_eq!(of(&systems, "192.0.1.255"), None);
        assert_eq!(of(&systems, "192.0.3.0"), None);
        assert_eq!(of(&systems, "2001:db8::1"), Some((64502, None)));
        assert_eq!(of(&systems, "2001:db9::"), None);
        assert_eq!(of(&systems, "::"), None);
    }

    #[test]
    fn a_line_that_is_no_range_is_told_with_its_number() {
        for (text, said) in [
            (
                "192.0.2.0,192.0.2.255,64500",
                "line 1: fewer than three columns, or not separated by tabs",
            ),
            (
                "\n192.0.2.0/24\t192.0.2.255\t64500",
                "line 2: `192.0.2.0/24` is no address",
            ),
            ("192.0.2.0\t192.0.2.255\tAS", "line 1: `AS` is no AS number"),
            (
                "192.0.2.0\t192.0.2.255\t4294967296",
                "line 1: `4294967296` is no AS number",
            ),
            (
                "192.0.2.9\t192.0.2.1\t64500",
                "line 1: 192.0.2.1 comes before 192.0.2.9",
            ),
            (
                "192.0.2.9\t::1\t64500",
                "line 1: 192.0.2.9 and ::1 are of two families",
            ),
        ] {
            assert_eq!(Systems::read(text).unwrap_err().to_string(), said);
        }
        assert!(Systems::read("").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_search_through_all(ranges in prop::collection::vec((any::<u8>(), any::<u8>(), 1..9u32), 0..12), at in any::<u8>()) {
            let ordered: Vec<_> = ranges.iter().map(|(a, b, number)| (a.min(b), a.max(b), number)).collect();
            let lines: Vec<_> = ordered.iter().map(|(a, b, number)| format!("10.0.0.{a}\t10.0.0.{b}\t{number}")).collect();
            let systems = Systems::read(&lines.join("\n")).unwrap();
            let around = ordered.iter().filter(|(a, b, _)| (**a..=**b).contains(&at));
            let widths: Vec<_> = around.map(|(a, b, number)| (*b - *a, **number)).collect();
            let narrowest = widths.iter().map(|(width, _)| *width).min();
            match systems.of(IpAddr::from([10, 0, 0, at])) {
                Some((number, _)) => prop_assert!(widths.contains(&(narrowest.unwrap(), number))),
                None => prop_assert!(widths.is_empty()),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f:./\tAS\n#]{0,200}") {
            let _ = Systems::read(&text);
        }
    }
}
