//! One packet through the chains of one hook. Where it can't be told whether a rule matches, both ways are followed; ways that lead to the
//! same packet at the same rule are one again.

use super::compare::{self, Tri};
use super::evaluate::Place;
use super::form::{
    Alternative, Base, Chain, Change, Family, Field, Hook, Key, Kind, Map, Match, Nat, Origin,
    Pattern, Rule, Ruleset, Set, Step, Table, Verdict,
};
use super::packet::{Device, Packet, Seen, Span, Surroundings, everywhere, number};
use super::value::Value;

/// At most so many ways are followed at a time.
const WAYS: usize = 32;
/// Rules that are looked at for one flow, over all ways.
const RULES: usize = 2_000_000;
/// Chains that may be jumped through (nftables allows 16, `NFT_JUMP_STACK_SIZE`; iptables has no such limit).
const DEPTH: usize = 64;

const TOO_MANY: &str = "the rules leave too many ways open to follow them all";

/// One way that a packet may go.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) packet: Packet,
    /// The rules at which the ways parted, and to which side.
    pub(super) doubts: Vec<(Place, u8)>,
}

/// A way that ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) at: Place,
    /// In what; none where something else decides.
    pub(super) how: Option<Verdict>,
    pub(super) doubts: Vec<(Place, u8)>,
}

/// The walk.
pub(super) struct Walk<'a> {
    pub(super) ruleset: &'a Ruleset,
    pub(super) around: &'a Surroundings,
    /// Where packets were discarded.
    pub(super) ends: Vec<End>,
    /// Where and why the walk was given up.
    pub(super) lost: Option<(Option<Place>, &'static str)>,
    left: usize,
}

/// What a chain makes of the ways that enter it.
#[derive(Default)]
struct Through {
    accepted: Vec<Way>,
    back: Vec<Way>,
}

impl Way {
    /// The same way, where it is taken for this that a rule does so or does not.
    fn parted(&self, at: Place, side: u8) -> Self {
        let mut way = self.clone();
        way.doubts.push((at, side));
        way
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(ruleset: &'a Ruleset, around: &'a Surroundings) -> Self {
        Self {
            ruleset,
            around,
            ends: Vec::new(),
            lost: None,
            left: RULES,
        }
    }

    /// Through the base chains of a hook, in the kernel's order. `between` is told of the priority that comes next, before each chain and at
    /// the end, for what the kernel itself does at a priority.
    pub(super) fn hook(
        &mut self,
        hook: Hook,
        mut ways: Vec<Way>,
        mut between: impl FnMut(i32, &mut Packet),
    ) -> Vec<Way> {
        for way in &mut ways {
            way.packet.translated = false;
        }
        let v6 = ways.first().is_some_and(|way| way.packet.v6);
        for (priority, table, chain) in bases(self.ruleset, hook, v6) {
            for way in &mut ways {
                between(priority, &mut way.packet);
            }
            ways = self.base(table, chain, ways);
            ways = self.merged(ways, Place::chain(table, chain));
        }
        for way in &mut ways {
            between(i32::MAX, &mut way.packet);
        }
        ways
    }

    /// Through one base chain.
    fn base(&mut self, table: usize, chain: usize, ways: Vec<Way>) -> Vec<Way> {
        let at = Place::chain(table, chain);
        let ruleset = self.ruleset;
        let Some((of, base)) = ruleset
            .tables
            .get(table)
            .and_then(|of| Some((of, of.chains.get(chain)?.base.as_ref()?)))
        else {
            return ways;
        };
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for way in ways {
            match applies(of, base, &way.packet, self.around) {
                Tri::Yes => inside.push(way),
                Tri::No => outside.push(way),
                Tri::Unknown => {
                    outside.push(way.parted(at, 0));
                    inside.push(way.parted(at, 1));
                }
            }
        }
        if inside.is_empty() {
            return outside;
        }
        let mark = |way: &Way| way.packet.mark;
        let marks: Vec<_> = inside.iter().map(mark).collect();
        let through = self.chain(table, chain, inside, 0);
        outside.extend(through.accepted);
        for way in through.back {
            match &base.policy {
                Verdict::Drop => self.end(at, Some(Verdict::Drop), way),
                _ => outside.push(way),
            }
        }
        if base.kind == Kind::Route && base.hook == Hook::Output {
            // The route is looked up again for another mark, and may lead elsewhere.
            for way in &mut outside {
                if !marks.contains(&way.packet.mark) {
                    way.packet.output = Device::Unknown;
                }
            }
        }
        outside
    }

    /// Gives up: what becomes of the packet can't be told.
    pub(super) fn lose(&mut self, at: Option<Place>, why: &'static str) {
        self.lost.get_or_insert((at, why));
    }

    fn end(&mut self, at: Place, how: Option<Verdict>, way: Way) {
        // So many ends are enough to tell that it ends, and where.
        if self.ends.len() < 4 * WAYS {
            self.ends.push(End {
                at,
                how,
                doubts: way.doubts,
            });
        }
    }

    /// Through a chain's rules.
    fn chain(&mut self, table: usize, chain: usize, ways: Vec<Way>, depth: usize) -> Through {
        let mut through = Through::default();
        let ruleset = self.ruleset;
        let Some(rules) = ruleset
            .tables
            .get(table)
            .and_then(|table| table.chains.get(chain))
            .map(|chain: &Chain| &chain.rules)
        else {
            through.back = ways;
            return through;
        };
        let mut live = ways;
        for (number, rule) in rules.iter().enumerate() {
            if live.is_empty() {
                break;
            }
            let at = Place {
                table,
                chain,
                rule: Some(number),
            };
            if self.left < live.len() {
                self.lose(Some(at), TOO_MANY);
                live.clear();
                break;
            }
            self.left -= live.len();
            let next = self.rule(rule, at, live, &mut through, depth);
            live = self.merged(next, at);
        }
        through.back.extend(live);
        let at = Place::chain(table, chain);
        through.back = self.merged(through.back, at);
        through.accepted = self.merged(through.accepted, at);
        through
    }

    /// Through one rule; what comes back goes on with the next.
    fn rule(
        &mut self,
        rule: &Rule,
        at: Place,
        ways: Vec<Way>,
        through: &mut Through,
        depth: usize,
    ) -> Vec<Way> {
        let mut next = Vec::new();
        let mut here = ways;
        let ruleset = self.ruleset;
        for step in &rule.steps {
            if here.is_empty() {
                break;
            }
            match step {
                Step::Match(condition) => {
                    let table = &ruleset.tables[at.table];
                    let mut holds = Vec::new();
                    for way in here {
                        match meets(condition, table, &way.packet, self.around) {
                            Tri::Yes => holds.push(way),
                            Tri::No => next.push(way),
                            Tri::Unknown => {
                                next.push(way.parted(at, 0));
                                holds.push(way.parted(at, 1));
                            }
                        }
                    }
                    here = holds;
                }
                Step::Doubt => {
                    next.extend(here.iter().map(|way| way.parted(at, 0)));
                    here = here.iter().map(|way| way.parted(at, 1)).collect();
                }
                Step::Opaque => {
                    for way in here {
                        next.push(way.parted(at, 0));
                        through.accepted.push(way.parted(at, 1));
                        self.end(at, None, way.parted(at, 2));
                    }
                    return next;
                }
                Step::Mark(mark) => {
                    let reads = mark.from.is_some_and(|(of, _)| of == Change::Connection);
                    let nft = ruleset.tables[at.table].origin == Origin::Nft;
                    let mut set = Vec::new();
                    for mut way in here {
                        let mark_of_none = way.packet.read(Field::TrackMark, self.around);
                        if reads && nft && mark_of_none == Value::Absent {
                            next.push(way);
                            continue;
                        }
                        way.packet.set_mark(mark);
                        set.push(way);
                    }
                    here = set;
                }
                Step::Untrack => {
                    for way in &mut here {
                        if matches!(way.packet.track.seen, Seen::NotYet | Seen::Perhaps) {
                            way.packet.track.seen = Seen::Untracked;
                        }
                    }
                }
                Step::Nat(nat) => {
                    let (mut done, mut not) = (Vec::new(), Vec::new());
                    for mut way in here {
                        if translate(nat, &mut way.packet) {
                            done.push(way);
                        } else {
                            not.push(way);
                        }
                    }
                    through.accepted.extend(done);
                    here = not;
                }
                Step::Verdict(verdict) => {
                    self.decide(verdict, at, here, &mut next, through, depth);
                    return next;
                }
                Step::Choose(keys, map) => {
                    for way in here {
                        self.choose(keys, map, at, way, &mut next, through, depth);
                    }
                    return next;
                }
            }
        }
        next.extend(here);
        next
    }

    fn decide(
        &mut self,
        verdict: &Verdict,
        at: Place,
        ways: Vec<Way>,
        next: &mut Vec<Way>,
        through: &mut Through,
        depth: usize,
    ) {
        match verdict {
            Verdict::Accept => through.accepted.extend(ways),
            Verdict::Drop | Verdict::Reject(_) => {
                for way in ways {
                    self.end(at, Some(verdict.clone()), way);
                }
            }
            Verdict::Return => through.back.extend(ways),
            Verdict::Continue => next.extend(ways),
            Verdict::Elsewhere => {
                for way in ways {
                    through.accepted.push(way.parted(at, 0));
                    self.end(at, None, way.parted(at, 1));
                }
            }
            Verdict::Jump(name) | Verdict::Goto(name) => {
                let chains = &self.ruleset.tables[at.table].chains;
                let target = chains.iter().position(|chain| chain.name == *name);
                let Some(target) = target.filter(|_| depth < DEPTH) else {
                    self.lose(Some(at), TOO_MANY);
                    return;
                };
                let inner = self.chain(at.table, target, ways, depth + 1);
                through.accepted.extend(inner.accepted);
                match verdict {
                    Verdict::Jump(_) => next.extend(inner.back),
                    _ => through.back.extend(inner.back),
                }
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "it is `decide` with the key to decide by"
    )]
    fn choose(
        &mut self,
        keys: &[Key],
        map: &Map,
        at: Place,
        way: Way,
        next: &mut Vec<Way>,
        through: &mut Through,
        depth: usize,
    ) {
        let ruleset = self.ruleset;
        let table = &ruleset.tables[at.table];
        let values: Vec<Value> = read(keys, &way.packet, self.around);
        if values.contains(&Value::Absent) {
            next.push(way);
            return;
        }
        let Some(elements) = elements(map, table) else {
            // It may lead anywhere.
            next.push(way.parted(at, 0));
            through.accepted.push(way.parted(at, 1));
            self.end(at, None, way.parted(at, 2));
            return;
        };
        let mut possible: Vec<&Verdict> = Vec::new();
        for (patterns, verdict) in elements {
            match tuple(&values, keys, patterns) {
                Tri::Yes => {
                    self.decide(verdict, at, vec![way], next, through, depth);
                    return;
                }
                Tri::Unknown if !possible.contains(&verdict) => possible.push(verdict),
                _ => {}
            }
        }
        if possible.is_empty() {
            next.push(way);
            return;
        }
        next.push(way.parted(at, 0));
        for (side, verdict) in possible.into_iter().enumerate() {
            let side = u8::try_from(side + 1).unwrap_or(u8::MAX);
            let way = vec![way.parted(at, side)];
            self.decide(verdict, at, way, next, through, depth);
            if self.lost.is_some() {
                return;
            }
        }
    }

    /// Ways with the same packet are one; more than can be followed are given up, and that is said.
    fn merged(&mut self, ways: Vec<Way>, at: Place) -> Vec<Way> {
        let mut merged: Vec<Way> = Vec::with_capacity(ways.len().min(WAYS));
        for way in ways {
            let same = merged.iter().position(|known| known.packet == way.packet);
            if let Some(known) = same.and_then(|number| merged.get_mut(number)) {
                let both = known.doubts.iter().zip(&way.doubts);
                let common = both.take_while(|(a, b)| a == b).count();
                known.doubts.truncate(common);
            } else if merged.len() < WAYS {
                merged.push(way);
            } else {
                self.lose(Some(at), TOO_MANY);
            }
        }
        merged
    }
}

/// The base chains of a hook that a packet of this family meets, in the kernel's order, with the priority at which they run.
fn bases(ruleset: &Ruleset, hook: Hook, v6: bool) -> Vec<(i32, usize, usize)> {
    let mut found = Vec::new();
    let devices = matches!(hook, Hook::Ingress | Hook::Egress);
    for (number, table) in ruleset.tables.iter().enumerate() {
        let sees = match table.family {
            Family::Ip => !v6 && !devices,
            Family::Ip6 => v6 && !devices,
            Family::Inet => true,
            Family::Netdev => devices,
            Family::Bridge | Family::Arp => false,
        };
        if !sees || table.active == Some(false) {
            continue;
        }
        for (chain, base) in table.chains.iter().enumerate() {
            if let Some(base) = base.base.as_ref().filter(|base| base.hook == hook) {
                found.push((base, number, chain));
            }
        }
    }
    // All chains that translate addresses run where the translation is (`nf_nat_ipv4_ops`), in the order of their own priorities. Of
    // equal ones the one that was registered last comes first (`nf_hook_entries_grow`).
    let runs_at = |base: &Base| match (base.kind, base.hook) {
        (Kind::Nat, Hook::Prerouting | Hook::Output) => -100,
        (Kind::Nat, _) => 100,
        _ => base.priority,
    };
    found.sort_by_key(|(base, table, chain)| {
        (
            runs_at(base),
            base.priority,
            std::cmp::Reverse((*table, *chain)),
        )
    });
    found
        .into_iter()
        .map(|(base, table, chain)| (runs_at(base), table, chain))
        .collect()
}

/// Whether a base chain is shown this packet.
fn applies(table: &Table, base: &Base, packet: &Packet, around: &Surroundings) -> Tri {
    let active = table.active.map_or(Tri::Unknown, Tri::from);
    let device = match base.hook {
        Hook::Ingress => Some(&packet.input),
        Hook::Egress => Some(&packet.output),
        _ => None,
    };
    let device = match (device, &base.devices) {
        (None, _) => Tri::Yes,
        (Some(Device::Named(name)), Some(devices)) => devices.contains(name).into(),
        (Some(_), Some(devices)) if devices.is_empty() => Tri::No,
        (Some(_), _) => Tri::Unknown,
    };
    let first = match (base.kind, packet.track.seen) {
        (Kind::Nat, Seen::Tracked) => around.tracks.and(Tri::from(
            packet.track.state == Field::NEW && !packet.translated && !packet.track.bound,
        )),
        (Kind::Nat, _) => Tri::No,
        _ => Tri::Yes,
    };
    active.and(device).and(first)
}

/// Whether a condition holds.
fn meets(condition: &Match, table: &Table, packet: &Packet, around: &Surroundings) -> Tri {
    let mut held = Tri::No;
    let mut asked = false;
    for alternative in &condition.any {
        let values = read(&alternative.keys, packet, around);
        if values.contains(&Value::Absent) {
            continue;
        }
        asked = true;
        held = held.or(holds(alternative, &values, table));
    }
    match (asked, condition.negated) {
        (false, _) => Tri::No,
        (true, true) => held.turned(),
        (true, false) => held,
    }
}

fn holds(alternative: &Alternative, values: &[Value], table: &Table) -> Tri {
    let elements = match &alternative.set {
        Set::Elements(elements) => elements,
        Set::Named(name) => match table.sets.get(name) {
            Some(Set::Elements(elements)) => elements,
            _ => return Tri::Unknown,
        },
        Set::Unknown => return Tri::Unknown,
    };
    if let ([value], [key]) = (values, alternative.keys.as_slice()) {
        return compare::among(value, key.mask, elements.iter().filter_map(|e| e.first()));
    }
    let mut held = Tri::No;
    for element in elements {
        held = held.or(tuple(values, &alternative.keys, element));
    }
    held
}

fn read(keys: &[Key], packet: &Packet, around: &Surroundings) -> Vec<Value> {
    keys.iter()
        .map(|key| packet.read(key.field, around))
        .collect()
}

/// Whether all fields are what one element says.
fn tuple(values: &[Value], keys: &[Key], patterns: &[Pattern]) -> Tri {
    if let [Pattern::Any] = patterns {
        return Tri::Yes;
    }
    if values.len() != patterns.len() {
        return Tri::Unknown;
    }
    let each = values.iter().zip(keys).zip(patterns);
    each.fold(Tri::Yes, |held, ((value, key), pattern)| {
        held.and(compare::is(value, key.mask, pattern))
    })
}

fn elements<'a>(map: &'a Map, table: &'a Table) -> Option<&'a [(Vec<Pattern>, Verdict)]> {
    match map {
        Map::Elements(elements) => Some(elements),
        Map::Named(name) => match table.maps.get(name) {
            Some(Map::Elements(elements)) => Some(elements),
            _ => None,
        },
        Map::Unknown => None,
    }
}

/// Translates, and says whether it did: what is meant for the other family does nothing.
fn translate(nat: &Nat, packet: &mut Packet) -> bool {
    let other = |family: &Option<Family>| match family {
        Some(Family::Ip) => packet.v6,
        Some(Family::Ip6) => !packet.v6,
        _ => false,
    };
    match nat {
        Nat::Destination { family, .. } | Nat::Source { family } if other(family) => false,
        Nat::Destination { address, port, .. } => {
            packet.translate_destination(address.as_ref(), port.as_ref());
            true
        }
        Nat::Redirect { port } => {
            // What this machine sends is redirected to its loopback (`nf_nat_redirect_ipv4`).
            let loopback = number(if packet.v6 {
                std::net::Ipv6Addr::LOCALHOST.into()
            } else {
                std::net::Ipv4Addr::LOCALHOST.into()
            });
            packet.translate_destination(Some(&Pattern::exactly(loopback)), port.as_ref());
            true
        }
        Nat::Source { .. } => {
            // It may be the address that was there before.
            packet.track.translation.source = Tri::Unknown;
            packet.translated = true;
            true
        }
    }
}

/// All addresses of the packet's family, for one that a translation chose.
pub(super) const fn any_address(packet: &Packet) -> Span {
    everywhere(packet.v6)
}
