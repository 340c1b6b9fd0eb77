//! The search for the largest packet that a path carries whole: which size to ask for next, and what the answers come to.
//!
//! Sans-IO: a [`Search`] says what to send ([`Search::poll`]) and is told what came of it ([`Search::handle`]). It asks for the full
//! size first, which settles most paths with one probe; after that it follows what routers say, as far as that can be true, and else the
//! plateaus of RFC 1191 section 7.1. Where large packets vanish in silence it looks for the size that does not, by halves.
//!
//! Sources: RFC 1191, RFC 8201, RFC 8899 (probing without ICMP).

use std::net::IpAddr;

/// At most so many probes are asked for.
const PROBES_MAX: u8 = 12;
/// A size that nothing answered is asked for again so often before it counts as silent.
const ASKS: u8 = 2;
/// Sizes of links that are common (RFC 1191 table 7-1, with tunnels and jumbo frames of today).
const PLATEAUS: [u32; 16] = [
    65_535, 32_000, 17_914, 9000, 8166, 4352, 2002, 1500, 1492, 1480, 1420, 1280, 1006, 508, 296,
    68,
];

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived whole.
    Passed,
    /// A router said that it is too big, and named the next link's MTU; 0 where it did not (RFC 792).
    TooBig {
        /// As it was named.
        mtu: u32,
        /// Who said so.
        from: IpAddr,
    },
    /// Nothing came back.
    Silent,
}

/// What the search came to. Sizes are bytes with the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The path carries this size; `from` is the router that said so, where it is less than was asked for first.
    Mtu {
        /// The largest that passed.
        value: u32,
        /// Who said that more is too big.
        from: Option<IpAddr>,
    },
    /// Packets up to `passes` arrive, and those of `vanishes` and more vanish without a word.
    Vanishes {
        /// The largest that passed.
        passes: u32,
        /// The smallest that vanished.
        vanishes: u32,
    },
    /// Not even the smallest was answered: it can't be told.
    Silent,
}

/// A search over one path.
#[derive(Clone, Debug)]
pub struct Search {
    least: u32,
    /// What is asked for now, and how often it was.
    size: u32,
    asked: u8,
    sent: u8,
    passes: Option<u32>,
    fails: Option<u32>,
    told_by: Option<IpAddr>,
    found: Option<Found>,
}

impl Search {
    /// A search from the size of the first link down to `least`: 68 for IPv4 (RFC 791), 1280 for IPv6 (RFC 8200 section 5).
    pub fn new(first: u32, least: u32) -> Self {
        Self {
            least: least.min(first),
            size: first,
            asked: 0,
            sent: 0,
            passes: None,
            fails: None,
            told_by: None,
            found: None,
        }
    }

    /// The size to send now; none once the search has ended.
    pub fn poll(&mut self) -> Option<u32> {
        if self.found.is_some() {
            return None;
        }
        if self.sent >= PROBES_MAX {
            self.end();
            return None;
        }
        self.sent += 1;
        self.asked += 1;
        Some(self.size)
    }

    /// What came of the size that was asked for last.
    pub fn handle(&mut self, outcome: Outcome) {
        if self.found.is_some() {
            return;
        }
        let size = self.size;
        match outcome {
            Outcome::Passed => {
                self.passes = Some(self.passes.map_or(size, |old| old.max(size)));
                self.go_on();
            }
            Outcome::TooBig { mtu, from } => {
                self.told_by = Some(from);
                self.fails = Some(self.fails.map_or(size, |old| old.min(size)));
                let sound = mtu >= self.least
                    && mtu < size
                    && self.passes.is_none_or(|passes| mtu > passes);
                if sound {
                    self.ask(mtu);
                } else {
                    self.go_on();
                }
            }
            Outcome::Silent if self.asked < ASKS => {}
            Outcome::Silent => {
                self.fails = Some(self.fails.map_or(size, |old| old.min(size)));
                self.go_on();
            }
        }
    }

    /// What it came to, once it has ended.
    pub fn found(&self) -> Option<Found> {
        self.found
    }

    fn ask(&mut self, size: u32) {
        self.size = size;
        self.asked = 0;
    }

    /// Between what passes and what fails; the smallest size first, where nothing has passed yet and nobody says anything.
    fn go_on(&mut self) {
        match (self.passes, self.fails) {
            (Some(_), None) => self.end(),
            (Some(passes), Some(fails)) if fails <= passes + 1 => self.end(),
            (Some(passes), Some(_)) if self.told_by.is_some() && passes >= self.size => self.end(),
            (Some(passes), Some(fails)) => {
                // The common sizes first: links have those.
                let plateau = PLATEAUS
                    .into_iter()
                    .find(|plateau| *plateau > passes && *plateau < fails);
                let middle = passes + (fails - passes) / 2;
                self.ask(
                    plateau
                        .filter(|plateau| plateau.abs_diff(middle) < (fails - passes) / 3 + 1)
                        .unwrap_or(middle),
                );
            }
            (None, Some(fails)) if fails <= self.least => self.end(),
            (None, Some(fails)) if self.told_by.is_some() => {
                let lower = PLATEAUS.into_iter().find(|plateau| *plateau < fails);
                self.ask(lower.unwrap_or(self.least).max(self.least));
            }
            (None, _) => self.ask(self.least),
        }
    }

    fn end(&mut self) {
        self.found = Some(match (self.passes, self.fails, self.told_by) {
            (None, ..) => Found::Silent,
            (Some(value), None, _) => Found::Mtu { value, from: None },
            (Some(value), Some(_), Some(from)) => Found::Mtu {
                value,
                from: Some(from),
            },
            (Some(passes), Some(vanishes), None) => Found::Vanishes { passes, vanishes },
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// Runs a search over a path that carries `mtu`; `says` is what its router names.
    fn run(first: u32, least: u32, mtu: u32, says: impl Fn(u32) -> Outcome) -> (Found, u32) {
        let mut search = Search::new(first, least);
        let mut sent = 0;
        while let Some(size) = search.poll() {
            sent += 1;
            search.handle(if size <= mtu {
                Outcome::Passed
            } else {
                says(size)
            });
        }
        (search.found().unwrap(), sent)
    }

    #[test]
    fn a_path_as_wide_as_its_first_link_takes_one_probe() {
        let found = run(1500, 68, 1500, |_| Outcome::Silent);
        assert_eq!(
            found,
            (
                Found::Mtu {
                    value: 1500,
                    from: None
                },
                1
            )
        );
    }

    #[test]
    fn a_router_that_says_its_mtu_is_believed_once_that_passes() {
        let found = run(1500, 68, 1400, |_| Outcome::TooBig {
            mtu: 1400,
            from: ROUTER,
        });
        assert_eq!(
            found,
            (
                Found::Mtu {
                    value: 1400,
                    from: Some(ROUTER)
                },
                2
            )
        );
    }

    #[test]
    fn a_router_that_names_no_mtu_leads_down_the_plateaus() {
        let (found, sent) = run(1500, 68, 1492, |_| Outcome::TooBig {
            mtu: 0,
            from: ROUTER,
        });
        assert_eq!(
            found,
            Found::Mtu {
                value: 1492,
                from: Some(ROUTER)
            }
        );
        assert!(sent <= 3, "{sent}");
    }

    #[test]
    fn a_host_that_answers_nothing_can_t_be_told() {
        assert_eq!(run(1500, 1280, 0, |_| Outcome::Silent), (Found::Silent, 4));
    }

    proptest! {
        #[test]
        fn it_ends_within_its_bound_and_never_claims_more_than_passed(
            first in 68_u32..65_536, mtu in 0_u32..70_000, named in 0_u32..70_000, silent: bool, seed in 0_u32..100,
        ) {
            let least = 68;
            let (found, sent) = run(first, least, mtu, |size| {
                if silent || (size + seed) % 7 == 0 { Outcome::Silent } else { Outcome::TooBig { mtu: named, from: ROUTER } }
            });
            prop_assert!(sent <= u32::from(PROBES_MAX));
            match found {
                Found::Mtu { value, .. } | Found::Vanishes { passes: value, .. } => prop_assert!(value <= mtu && value <= first),
                Found::Silent => prop_assert!(mtu < first),
            }
        }

        #[test]
        fn a_black_hole_is_narrowed_down(first in 1500_u32..9001, mtu in 600_u32..1500) {
            let (found, _) = run(first, 68, mtu, |_| Outcome::Silent);
            let Found::Vanishes { passes, vanishes } = found else { panic!("{found:?}") };
            prop_assert!(passes <= mtu && vanishes > mtu);
        }

        #[test]
        fn an_honest_router_s_mtu_is_found_exactly(first in 1281_u32..9001, less in 1_u32..1000) {
            let mtu = first.saturating_sub(less).max(1280);
            let (found, sent) = run(first, 1280, mtu, |_| Outcome::TooBig { mtu, from: ROUTER });
            prop_assert_eq!(found, Found::Mtu { value: mtu, from: Some(ROUTER) });
            prop_assert!(sent <= 2);
        }
    }
}
