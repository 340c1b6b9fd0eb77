//! The search over simulated paths, in virtual time.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const MS: u64 = 1;
/// So long an answer is waited for.
const PATIENCE: u64 = 100 * MS;
const ROUND_TRIP: u64 = 40 * MS;

/// What a router does with a packet that its next link does not take.
#[derive(Clone, Copy, Debug)]
enum Temper {
    Honest,
    /// Says that it is too big, and names this MTU: 0 is none, and it may be false.
    Names(u32),
    Hides,
}

/// A link, and the router before it.
#[derive(Clone, Copy, Debug)]
struct Link {
    mtu: u32,
    temper: Temper,
}

/// A path with an end that answers.
#[derive(Clone, Debug)]
struct Path {
    links: Vec<Link>,
    /// The end answers so many at once, and then one a second.
    burst: Option<u32>,
    loss_percent: u64,
    random: u64,
    now: u64,
    filled: u64,
}

impl Path {
    fn of(links: impl IntoIterator<Item = (u32, Temper)>) -> Self {
        Self {
            links: links
                .into_iter()
                .map(|(mtu, temper)| Link { mtu, temper })
                .collect(),
            burst: None,
            loss_percent: 0,
            random: 1,
            now: 0,
            filled: 0,
        }
    }

    fn mtu(&self) -> u32 {
        self.links.iter().map(|link| link.mtu).min().unwrap_or(0)
    }

    fn send(&mut self, size: u32) -> Outcome {
        let outcome = self.answer(size);
        self.now += match outcome {
            Outcome::Silent => PATIENCE,
            _ => ROUND_TRIP,
        };
        outcome
    }

    fn answer(&mut self, size: u32) -> Outcome {
        if self.chance() < self.loss_percent {
            return Outcome::Silent;
        }
        for (number, link) in (1..).zip(&self.links) {
            let said = match link.temper {
                _ if size <= link.mtu => continue,
                Temper::Hides => return Outcome::Silent,
                Temper::Honest => link.mtu,
                Temper::Names(mtu) => mtu,
            };
            return Outcome::TooBig {
                mtu: said,
                from: router(number),
            };
        }
        let Some(tokens) = &mut self.burst else {
            return Outcome::Passed;
        };
        while self.now >= self.filled + 1000 * MS {
            self.filled += 1000 * MS;
            *tokens += 1;
        }
        match tokens.checked_sub(1) {
            Some(left) => {
                *tokens = left;
                Outcome::Passed
            }
            None => Outcome::Silent,
        }
    }

    fn chance(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 100
    }
}

fn router(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

/// Runs a search to its end; what it found, and how many probes it took.
fn run(first: u32, least: u32, path: &mut Path) -> (Found, u8) {
    let mut search = Search::new(first, least);
    let mut sent = 0;
    while let Some(size) = search.poll() {
        assert!(size <= first && size >= least.min(first), "{size}");
        sent += 1;
        search.handle(path.send(size));
    }
    (search.found().expect("it has ended"), sent)
}

#[test]
fn a_path_as_wide_as_its_first_link_takes_one_probe() {
    let mut path = Path::of([(1500, Temper::Honest)]);
    assert_eq!(run(1500, 68, &mut path), (Found::Whole, 1));
}

#[test]
fn a_router_that_says_its_mtu_is_believed_once_that_passes() {
    let mut path = Path::of([(1500, Temper::Honest), (1400, Temper::Honest)]);
    let from = router(2);
    assert_eq!(
        run(1500, 68, &mut path),
        (Found::Reduced { value: 1400, from }, 2)
    );
}

#[test]
fn of_two_narrow_links_the_narrower_one_is_named() {
    let mut path = Path::of([(1450, Temper::Honest), (1300, Temper::Honest)]);
    let from = router(2);
    assert_eq!(
        run(1500, 68, &mut path),
        (Found::Reduced { value: 1300, from }, 3)
    );
}

#[test]
fn a_router_that_names_no_mtu_leads_down_the_plateaus() {
    let mut path = Path::of([(1492, Temper::Names(0))]);
    let (found, sent) = run(1500, 68, &mut path);
    let (value, from) = (1492, router(1));
    assert_eq!(found, Found::Reduced { value, from });
    assert!(sent <= 6, "{sent}");
}

#[test]
fn an_mtu_that_can_t_be_true_is_not_believed() {
    for named in [0, 1, 67, 1500, 1501, 9000, u32::MAX] {
        let mut path = Path::of([(1450, Temper::Names(named))]);
        let (value, from) = (1450, router(1));
        assert_eq!(
            run(1500, 68, &mut path).0,
            Found::Reduced { value, from },
            "{named}"
        );
    }
}

#[test]
fn a_jumbo_interface_on_an_ordinary_path_is_no_riddle() {
    let mut path = Path::of([(9000, Temper::Honest), (1500, Temper::Honest)]);
    let (value, from) = (1500, router(2));
    assert_eq!(
        run(9000, 1280, &mut path),
        (Found::Reduced { value, from }, 2)
    );
}

#[test]
fn a_host_that_answers_nothing_can_t_be_told_and_is_left_alone() {
    let mut path = Path::of([(1500, Temper::Honest)]);
    path.burst = Some(0);
    path.filled = u64::MAX / 2;
    assert_eq!(run(1500, 1280, &mut path), (Found::Silent, 2));
}

#[test]
fn a_router_s_word_stands_though_nothing_is_answered_beyond_it() {
    let mut path = Path::of([(1400, Temper::Honest)]);
    path.burst = Some(0);
    path.filled = u64::MAX / 2;
    let (value, from) = (1400, router(1));
    assert_eq!(run(1500, 68, &mut path).0, Found::Told { value, from });
}

#[test]
fn a_hole_behind_a_router_that_speaks_is_not_laid_to_it() {
    let mut path = Path::of([(1400, Temper::Honest), (1300, Temper::Hides)]);
    let (found, _) = run(1500, 68, &mut path);
    assert!(
        matches!(found, Found::Vanishes { passes, vanishes } if passes <= 1300 && vanishes <= 1400),
        "{found:?}"
    );
}

#[test]
fn a_large_datagram_that_is_lost_once_is_no_limit() {
    let mut search = Search::new(1500, 68);
    for (size, outcome) in [
        (1500, Outcome::Silent),
        (68, Outcome::Passed),
        (1500, Outcome::Passed),
    ] {
        assert_eq!(search.poll(), Some(size));
        search.handle(outcome);
    }
    assert_eq!(search.found(), Some(Found::Whole));
}

#[test]
fn one_that_is_lost_below_what_a_router_refuses_leaves_its_word() {
    let mut search = Search::new(1500, 68);
    let from = router(1);
    for (size, outcome) in [
        (1500, Outcome::TooBig { mtu: 0, from }),
        (1492, Outcome::Silent),
        (68, Outcome::Passed),
        (1492, Outcome::Passed),
    ] {
        assert_eq!(search.poll(), Some(size));
        search.handle(outcome);
    }
    while search.poll().is_some() {
        search.handle(Outcome::TooBig { mtu: 0, from });
    }
    let value = 1492;
    assert_eq!(search.found(), Some(Found::Reduced { value, from }));
}

#[test]
fn an_end_that_answers_only_so_often_is_no_hole() {
    for (burst, start) in (0..3).flat_map(|burst| (0..40).map(move |step| (burst, step * 25))) {
        for first in [1500, 9000] {
            let mut path = Path::of([(9000, Temper::Honest)]);
            (path.burst, path.now) = (Some(burst), start);
            let (found, _) = run(first, 68, &mut path);
            assert!(
                !matches!(found, Found::Vanishes { .. }),
                "{burst} from {start}: {found:?}"
            );
        }
    }
}

fn temper() -> impl Strategy<Value = Temper> {
    prop_oneof![
        Just(Temper::Honest),
        Just(Temper::Names(0)),
        any::<u32>().prop_map(Temper::Names),
        (0_u32..2000).prop_map(Temper::Names),
        Just(Temper::Hides),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let links = prop::collection::vec((68_u32..9001, temper()), 1..5);
    let burst = prop::option::of(0_u32..8);
    (links, burst, 0_u64..60, any::<u64>()).prop_map(|(links, burst, loss_percent, random)| Path {
        burst,
        loss_percent,
        random,
        ..Path::of(links)
    })
}

proptest! {
    #[test]
    fn it_ends_within_its_bounds_and_claims_nothing_that_did_not_pass(
        mut path in path(), first in 68_u32..65_536, v6: bool,
    ) {
        let least = if v6 { 1280 } else { 68 };
        let mtu = path.mtu();
        let (found, sent) = run(first, least, &mut path);
        prop_assert!(sent <= PROBES_MAX + CONFIRMATIONS);
        prop_assert!(path.now <= u64::from(sent) * PATIENCE);
        let said = |from: IpAddr| {
            (1..).zip(&path.links).any(|(number, link)| {
                router(number) == from && link.mtu < first && !matches!(link.temper, Temper::Hides)
            })
        };
        match found {
            Found::Whole => prop_assert!(first <= mtu),
            Found::Reduced { value, from } => prop_assert!(value <= mtu && value < first && said(from)),
            Found::Told { value, from } => prop_assert!(value < first && value >= least.min(first) && said(from)),
            Found::Vanishes { passes, vanishes } => prop_assert!(passes <= mtu && passes < vanishes && vanishes <= first),
            Found::Silent => {}
        }
    }

    #[test]
    fn honest_routers_lead_to_the_very_size(
        mtus in prop::collection::vec(1280_u32..9001, 1..6), first in 1280_u32..9001,
    ) {
        let mut path = Path::of(mtus.iter().map(|mtu| (*mtu, Temper::Honest)));
        let mtu = path.mtu();
        let (found, sent) = run(first, 1280, &mut path);
        if mtu >= first {
            prop_assert_eq!(found, Found::Whole);
        } else {
            let narrowest = (1..).zip(&mtus).find(|(_, other)| **other == mtu).map(|(number, _)| router(number)).unwrap();
            prop_assert_eq!(found, Found::Reduced { value: mtu, from: narrowest });
        }
        prop_assert!(usize::from(sent) <= mtus.len() + 1);
    }

    #[test]
    fn a_hole_is_narrowed_down(first in 1500_u32..9001, mtu in 100_u32..1500) {
        let mut path = Path::of([(mtu, Temper::Hides)]);
        let (found, _) = run(first, 68, &mut path);
        let Found::Vanishes { passes, vanishes } = found else { panic!("{found:?}") };
        prop_assert!(passes <= mtu && vanishes > mtu);
    }

    #[test]
    fn a_router_that_names_none_is_found_out_nearly_to_the_byte(mtu in 68_u32..1500) {
        let mut path = Path::of([(mtu, Temper::Names(0))]);
        let (found, _) = run(1500, 68, &mut path);
        let Found::Reduced { value, .. } = found else { panic!("{found:?}") };
        prop_assert!(value <= mtu && mtu - value < 16, "{value} for {mtu}");
    }
}
