use proptest::prelude::*;

use super::{Incomparable, compare, markdown, text};
use crate::model::diff::{Change, Diff, Step};
use crate::model::finding::Severity;
use crate::model::report::{Status, Verdict};
use crate::model::statistics::Probes;
use crate::model::target::Protocol;
use crate::model::{Endpoint, Finding, Id, Ms, Observation, Operation, Outcome, Report};
use crate::report::{Style, fixtures};

fn report(name: &str) -> Report {
    let all = fixtures::all();
    all.into_iter().find(|(n, _)| *n == name).unwrap().1
}

fn two(a: &Report, b: &Report) -> Diff {
    compare(std::slice::from_ref(a), std::slice::from_ref(b)).unwrap()
}

fn of(diff: &Diff, step: Step) -> Change {
    let found = diff.comparisons[0]
        .steps
        .iter()
        .find(|one| one.step == step);
    found.unwrap().change
}

/// A burst of connections with these round trips, in microseconds; none is a time-out.
fn burst(times: impl IntoIterator<Item = Option<u64>>) -> Probes {
    let observations: Vec<Observation> = times
        .into_iter()
        .map(|micros| Observation {
            rtt_ms: micros.map(Ms::from_micros),
            ..Observation::new(
                Operation::Connect,
                Ms::ZERO,
                if micros.is_some() {
                    Outcome::Ok
                } else {
                    Outcome::Timeout
                },
            )
        })
        .collect();
    Probes::count(&observations)
}

#[test]
fn a_report_is_the_same_as_itself() {
    for (name, report) in fixtures::all() {
        let diff = two(&report, &report);
        assert_eq!(diff.change, Change::Same, "{name}: {diff:?}");
        assert_eq!((diff.exit_status, diff.comparisons[0].parts_at), (0, None));
        assert!(
            diff.comparisons[0]
                .steps
                .iter()
                .all(|step| step.differences.is_empty())
        );
    }
}

#[test]
fn what_is_worse_one_way_is_better_the_other() {
    let (good, bad) = (report("healthy"), report("port-closed"));
    let worse = two(&good, &bad);
    assert_eq!((worse.change, worse.exit_status), (Change::Worse, 1));
    let better = two(&bad, &good);
    assert_eq!((better.change, better.exit_status), (Change::Better, 0));
    assert_eq!(of(&better, Step::Findings), Change::Better);
    assert_eq!(of(&worse, Step::Verdict), Change::Worse);
}

#[test]
fn what_chance_explains_is_no_difference() {
    let a = report("healthy");
    for (before, now, change) in [
        // Ten round trips of 20 ms and their scatter.
        (20_000..20_010, 20_500..20_510, Change::Same),
        (20_000..22_000, 22_000..23_000, Change::Same),
        (20_000..20_100, 60_000..60_100, Change::Worse),
        (60_000..60_100, 20_000..20_100, Change::Better),
        // Microseconds of a loopback: three times as long, and still nothing.
        (20..25, 60..70, Change::Same),
    ] {
        let spread = |range: std::ops::Range<u64>| {
            let step = (range.end - range.start) / 5;
            burst((0..10).map(move |n| Some(range.start + n % 5 * step)))
        };
        let (mut a, mut b) = (a.clone(), a.clone());
        a.endpoints[0].probes = spread(before.clone());
        b.endpoints[0].probes = spread(now.clone());
        let diff = two(&a, &b);
        assert_eq!(of(&diff, Step::Destination), change, "{before:?} {now:?}");
    }
    for (lost_before, lost_now, change) in [
        (0, 3, Change::Same),
        (1, 4, Change::Same),
        (0, 10, Change::Worse),
        (9, 0, Change::Better),
    ] {
        let lossy = |lost: u64| burst((0..10).map(move |n| (n >= lost).then_some(20_000 + n)));
        let (mut a, mut b) = (a.clone(), a.clone());
        a.endpoints[0].probes = lossy(lost_before);
        b.endpoints[0].probes = lossy(lost_now);
        let diff = two(&a, &b);
        assert_eq!(
            of(&diff, Step::Destination),
            change,
            "{lost_before} {lost_now}"
        );
    }
    // Four answers show no spread.
    let few = |time: u64| burst((0..4).map(move |_| Some(time)));
    let (mut x, mut y) = (a.clone(), a.clone());
    x.endpoints[0].probes = few(1000);
    y.endpoints[0].probes = few(90_000);
    assert_eq!(of(&two(&x, &y), Step::Destination), Change::Same);
}

#[test]
fn other_addresses_are_a_change_and_nothing_worse() {
    let a = report("addresses-partly-broken");
    let mut b = a.clone();
    let resolution = b.resolution.as_mut().unwrap();
    resolution.addresses.reverse();
    assert_eq!(two(&a, &b).change, Change::Same, "servers rotate them");
    let resolution = b.resolution.as_mut().unwrap();
    resolution.addresses[0] = "203.0.113.99".parse().unwrap();
    let diff = two(&a, &b);
    assert_eq!((diff.change, diff.exit_status), (Change::Changed, 0));
    assert_eq!(diff.comparisons[0].parts_at, Some(Step::Name));
    assert!(
        diff.comparisons[0].steps[0].differences[0]
            .text
            .contains("203.0.113.99")
    );
}

#[test]
fn a_name_that_no_longer_resolves_is_worse() {
    let a = report("addresses-partly-broken");
    let mut b = a.clone();
    let resolution = b.resolution.as_mut().unwrap();
    resolution.addresses.clear();
    resolution.sources[0].outcome = Outcome::Nxdomain;
    let diff = two(&a, &b);
    assert_eq!((diff.change, diff.exit_status), (Change::Worse, 1));
    assert!(
        diff.comparisons[0].steps[0].differences[0]
            .text
            .contains("NXDOMAIN")
    );
}

#[test]
fn ways_part_where_both_have_answers_and_none_in_common() {
    let a = report("healthy-long-path");
    let mut b = a.clone();
    let path = b.endpoints[0].path.as_mut().unwrap();
    for node in &mut path.hops[1].nodes {
        // Silence in one of them says nothing.
        node.address = None;
    }
    assert_eq!(two(&a, &b).change, Change::Same);
    let path = b.endpoints[0].path.as_mut().unwrap();
    let hop = path.hops.len() - 2;
    let ttl = path.hops[hop].ttl;
    path.hops[hop].nodes[0].address = Some("198.51.100.77".parse().unwrap());
    let diff = two(&a, &b);
    let comparison = &diff.comparisons[0];
    assert_eq!(
        (diff.change, comparison.parts_at),
        (Change::Changed, Some(Step::Path))
    );
    let said = &comparison.steps[2].differences[0].text;
    assert!(said.contains(&format!("from hop {ttl} on")), "{said}");
    // From another machine the way differs by nature: where they join is said.
    b.source.host = Some("another".to_owned());
    let diff = two(&a, &b);
    let said = &diff.comparisons[0].steps[2].differences[0].text;
    assert!(said.contains("the ways join at"), "{said}");
    assert!(diff.comparisons[0].notes[0].contains("different machines"));
}

#[test]
fn a_path_that_no_longer_arrives_is_worse_once_it_was_traced_to_its_end() {
    let a = report("healthy");
    let mut b = a.clone();
    let path = b.endpoints[0].path.as_mut().unwrap();
    path.reached = false;
    path.complete = false;
    assert_eq!(of(&two(&a, &b), Step::Path), Change::Unknown);
    assert_eq!(two(&a, &b).change, Change::Same, "the verdicts are alike");
    b.endpoints[0].path.as_mut().unwrap().complete = true;
    assert_eq!(of(&two(&a, &b), Step::Path), Change::Worse);
    b.endpoints[0].path = None;
    assert_eq!(of(&two(&a, &b), Step::Path), Change::Unknown);
}

#[test]
fn a_new_warning_is_worse_and_a_new_note_is_not() {
    let a = report("healthy");
    let with = |severity| {
        let mut b = a.clone();
        b.findings
            .push(Finding::new(Id::PathLoss, severity, "3 of 10 were lost"));
        b
    };
    let diff = two(&a, &with(Severity::Warning));
    assert_eq!(
        (of(&diff, Step::Findings), diff.exit_status),
        (Change::Worse, 1)
    );
    let diff = two(&a, &with(Severity::Info));
    assert_eq!(
        (of(&diff, Step::Findings), diff.exit_status),
        (Change::Changed, 0)
    );
    let diff = two(&with(Severity::Warning), &with(Severity::Error));
    assert_eq!(of(&diff, Step::Findings), Change::Worse);
    let diff = two(&with(Severity::Warning), &a);
    assert_eq!((diff.change, diff.exit_status), (Change::Better, 0));
}

#[test]
fn where_one_could_not_tell_neither_can_the_comparison() {
    let a = report("healthy");
    let mut b = a.clone();
    b.verdict = Verdict::Indeterminate;
    b.status = Status::Indeterminate;
    assert_eq!(two(&a, &b).exit_status, 3);
    assert_eq!(two(&b, &a).exit_status, 3);
    b.findings
        .push(Finding::new(Id::PathLoss, Severity::Warning, "x"));
    assert_eq!(two(&a, &b).exit_status, 1, "what is worse is worse");
}

#[test]
fn other_demands_are_not_held_against_each_other() {
    let a = report("healthy");
    let mut b = a.clone();
    b.options.max_avg_ms = Some(Ms::from_micros(1));
    b.options.count = 20;
    b.verdict = Verdict::Fail;
    b.findings
        .push(Finding::new(Id::ThresholdLatency, Severity::Error, "x"));
    let diff = two(&a, &b);
    assert_eq!((diff.change, diff.exit_status), (Change::Same, 0));
    let note = &diff.comparisons[0].notes[0];
    assert_eq!(note, "They were asked differently: --count, --max-avg.");
}

#[test]
fn a_single_report_is_compared_with_another_targets_and_of_several_the_same_ones() {
    let (a, b) = (report("healthy"), report("port-closed"));
    let diff = two(&a, &b);
    assert!(diff.comparisons[0].notes[0].starts_with("The targets differ"));
    let mut later = b.clone();
    later.started_at += std::time::Duration::from_secs(60);
    later.verdict = Verdict::Warn;
    let diff = compare(
        &[a.clone(), b.clone()],
        &[b.clone(), later, report("local-no-route")],
    )
    .unwrap();
    assert_eq!(diff.comparisons.len(), 1);
    assert_eq!(diff.comparisons[0].b.verdict, Verdict::Warn);
    assert_eq!(diff.only_in_a, [a.target.label()]);
    assert_eq!(diff.only_in_b.len(), 1);
    assert!(
        diff.comparisons[0]
            .notes
            .iter()
            .any(|note| note.contains("newest"))
    );
    let none = compare(&[a.clone(), b.clone()], &[report("local-no-route")]);
    assert_eq!(none.unwrap_err(), Incomparable::Targets);
}

#[test]
fn checks_by_other_protocols_can_t_be_compared() {
    let a = report("healthy");
    let mut b = a.clone();
    b.target.protocol = Protocol::Icmp;
    let said = compare(&[a], &[b]).unwrap_err().to_string();
    assert!(said.contains("a check by tcp, B by icmp"), "{said}");
}

#[test]
fn ipv4_and_ipv6_are_held_against_each_other() {
    let a = report("healthy");
    let mut b = a.clone();
    let v6: Endpoint = "[2001:db8::7]:443".parse().unwrap();
    b.endpoints[0].address = v6.address;
    b.endpoints[0].status = Status::Unreachable;
    assert_eq!(of(&two(&a, &b), Step::Destination), Change::Worse);
}

#[test]
fn nothing_hostile_gets_through() {
    let mut a = report("hostile");
    let b = report("healthy");
    a.target.host = "x\u{202e}|<script>![i](http://e)@team `y`\n# z".to_owned();
    a.target.uri = None;
    a.source.host = Some("h|<b>\u{1b}[2J".to_owned());
    for (a, b) in [(&a, &b), (&b, &a)] {
        let diff = two(a, b);
        let marked = markdown(&diff);
        // What a backslash stands before is text.
        let live = marked
            .replace("\\[", "")
            .replace("\\]", "")
            .replace("\\!", "");
        for bad in [
            "<script", "<b>", "![i]", "](http", "@team", "\u{202e}", "\u{1b}", "\n# z",
        ] {
            assert!(!live.contains(bad), "{bad}: {marked}");
        }
        for line in marked.lines().filter(|line| line.starts_with('|')) {
            let cells = line.replace("\\|", "").matches('|').count();
            assert_eq!(cells, 4, "{line}");
        }
        let shown = text(&diff, &Style::default());
        assert!(!shown.contains(['\u{202e}', '\u{1b}']), "{shown}");
    }
}

proptest! {
    #[test]
    fn one_way_is_the_other_way_turned_round(
        a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), width in 20..200usize,
    ) {
        let all = fixtures::all();
        let (a, b) = (&a.get(&all).1, &b.get(&all).1);
        let (forth, back) = (two(a, b), two(b, a));
        let turned = match forth.change {
            Change::Better => Change::Worse,
            Change::Worse => Change::Better,
            other => other,
        };
        // Where the verdicts are alike, or can't be compared, what is worse counts, and what is better does not.
        let untold = |change| matches!(change, Change::Worse | Change::Unknown);
        prop_assert!(
            back.change == turned || (untold(forth.change) && untold(back.change)),
            "{:?} {:?}", forth.change, back.change
        );
        text(&forth, &Style { width, ..Style::default() });
        markdown(&forth);
    }
}
