//! The search for the largest packet that a path carries whole: which size to ask for next, and what the answers come to.
//!
//! Sans-IO: a [`Search`] says what to send ([`Search::poll`]) and is told what came of it ([`Search::handle`]). It asks for the full
//! size first, which settles most paths with one probe; after that it follows what routers say, as far as that can be true, and else the
//! plateaus of RFC 1191 section 7.1, by halves. Where nothing answered the full size it looks first whether anything is answered at all.
//! That large packets vanish is believed only if small ones keep coming through meanwhile: a router that answers only so often looks alike.
//!
//! Sources: RFC 1191, RFC 8201, RFC 8899 (probing without ICMP).

use std::net::IpAddr;

/// At most so many probes look for the size, and so many more see whether what was found lasts.
const PROBES_MAX: u8 = 16;
const CONFIRMATIONS: u8 = 3;
/// A size that nothing answered is asked for so often before it counts as silent.
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
    /// The path carries all that the first link does.
    Whole,
    /// This size passes, and a router says that larger ones are too big.
    Reduced {
        /// The largest that was seen to pass.
        value: u32,
        /// Who said that more is too big.
        from: IpAddr,
    },
    /// A router names this size, and nothing of it or of any other size was answered.
    Told {
        /// As it was named.
        value: u32,
        /// Who named it.
        from: IpAddr,
    },
    /// Packets up to `passes` arrive, and those of `vanishes` and more vanish without a word.
    Vanishes {
        /// The largest that passed.
        passes: u32,
        /// The smallest that vanished.
        vanishes: u32,
    },
    /// Nothing was answered, or not steadily: it can't be told.
    Silent,
}

/// The smallest size that did not pass, and why.
#[derive(Clone, Copy, Debug)]
struct Fails {
    size: u32,
    /// The MTU that a router named, and its address; none for silence.
    told: Option<(u32, IpAddr)>,
    /// How often it was asked for.
    asks: u8,
}

/// A search over one path.
#[derive(Clone, Debug)]
pub struct Search {
    least: u32,
    /// What is asked for now, and how often it was.
    size: u32,
    asks: u8,
    sent: u8,
    passes: Option<u32>,
    fails: Option<Fails>,
    /// The smallest size that a router said is too big.
    refused: Option<Fails>,
    /// What a router named last that can be true.
    named: Option<(u32, IpAddr)>,
    /// How many of the last questions were asked, once something was found to vanish.
    confirmed: Option<u8>,
    found: Option<Found>,
}

impl Search {
    /// A search from the size of the first link down to `least`: 68 for IPv4 (RFC 791), 1280 for IPv6 (RFC 8200 section 5).
    pub fn new(first: u32, least: u32) -> Self {
        Self {
            least: least.min(first),
            size: first,
            asks: 0,
            sent: 0,
            passes: None,
            fails: None,
            refused: None,
            named: None,
            confirmed: None,
            found: None,
        }
    }

    /// The size to send now; none once the search has ended.
    pub fn poll(&mut self) -> Option<u32> {
        if self.found.is_some() {
            return None;
        }
        self.sent += 1;
        self.asks += 1;
        Some(self.size)
    }

    /// What came of the size that was asked for last.
    pub fn handle(&mut self, outcome: Outcome) {
        if self.found.is_some() {
            return;
        }
        if let Some(number) = self.confirmed {
            self.confirm(number, outcome);
            return;
        }
        let size = self.size;
        match outcome {
            Outcome::Passed => {
                self.passes = Some(size);
                // What was silent before and passes now was lost by chance, and no limit.
                if self.fails.is_some_and(|fails| fails.size <= size) {
                    self.fails = self.refused;
                }
            }
            Outcome::TooBig { mtu, from } => {
                if mtu >= self.least && mtu < size {
                    self.named = Some((mtu, from));
                }
                self.fails = Some(Fails {
                    size,
                    told: Some((mtu, from)),
                    asks: self.asks,
                });
                self.refused = self.fails;
            }
            Outcome::Silent => {
                let answered = self.passes.is_some() || self.named.is_some();
                if answered && self.asks < ASKS && self.sent < PROBES_MAX {
                    return;
                }
                self.fails = Some(Fails {
                    size,
                    told: None,
                    asks: self.asks,
                });
            }
        }
        if self.sent < PROBES_MAX {
            self.go_on();
        } else {
            self.end();
        }
    }

    /// What it came to, once it has ended.
    pub fn found(&self) -> Option<Found> {
        self.found
    }

    fn ask(&mut self, size: u32) {
        self.size = size;
        self.asks = 0;
    }

    /// Between what passes and what fails.
    fn go_on(&mut self) {
        let Some(fails) = self.fails else {
            self.end();
            return;
        };
        let told = fails.told.map(|(mtu, _)| mtu);
        match self.passes {
            // What was silent at first, before anything was known to be answered.
            Some(_) if told.is_none() && fails.asks < ASKS => {
                self.size = fails.size;
                self.asks = fails.asks;
            }
            Some(passes) if fails.size <= passes + 1 || told == Some(passes) => self.end(),
            Some(passes) => self.ask(match told {
                Some(mtu) if mtu > passes && mtu < fails.size => mtu,
                _ => between(passes, fails.size),
            }),
            None if fails.size <= self.least => self.end(),
            None => self.ask(match told {
                Some(mtu) if mtu >= self.least && mtu < fails.size => mtu,
                // A router that names none, or one that can't be: the next size that links commonly have.
                Some(_) => plateau_below(fails.size).max(self.least),
                None => self.least,
            }),
        }
    }

    fn end(&mut self) {
        self.found = Some(match (self.passes, self.fails) {
            (Some(_), None) => Found::Whole,
            (
                Some(value),
                Some(Fails {
                    told: Some((_, from)),
                    ..
                }),
            ) => Found::Reduced { value, from },
            (Some(passes), Some(_)) => {
                self.confirmed = Some(0);
                self.ask(passes);
                return;
            }
            (None, _) => match self.named {
                Some((value, from)) => Found::Told { value, from },
                None => Found::Silent,
            },
        });
    }

    /// What passes and what vanishes, asked in turn: as before each time, or it was chance.
    fn confirm(&mut self, number: u8, outcome: Outcome) {
        let (Some(passes), Some(Fails { size: vanishes, .. })) = (self.passes, self.fails) else {
            return;
        };
        let asked_what_passes = number.is_multiple_of(2);
        let as_before = match outcome {
            Outcome::Passed => asked_what_passes,
            Outcome::Silent => !asked_what_passes,
            Outcome::TooBig { .. } => false,
        };
        if !as_before {
            self.found = Some(Found::Silent);
        } else if number + 1 == CONFIRMATIONS {
            self.found = Some(Found::Vanishes { passes, vanishes });
        } else {
            self.confirmed = Some(number + 1);
            self.ask(if asked_what_passes { vanishes } else { passes });
        }
    }
}

/// A size between two, near their middle: one that links commonly have, if there is one.
fn between(passes: u32, fails: u32) -> u32 {
    let middle = passes + (fails - passes) / 2;
    PLATEAUS
        .into_iter()
        .find(|plateau| *plateau > passes && *plateau < fails)
        .filter(|plateau| plateau.abs_diff(middle) < (fails - passes) / 3 + 1)
        .unwrap_or(middle)
}

fn plateau_below(size: u32) -> u32 {
    PLATEAUS
        .into_iter()
        .find(|plateau| *plateau < size)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
