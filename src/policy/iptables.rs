//! Reads `iptables-save` and `ip6tables-save` (iptables-save(8), iptables-extensions(8)).

mod condition;
mod target;
mod words;

use std::collections::BTreeMap;

use super::form::{
    Base, Chain, Family, Hook, Kind, Origin, Rule, Ruleset, Step, Table, Turn, Verdict,
};
use condition::Conditions;
use words::{Word, words};

/// At most so many rules are read; with more the list is said not to be all.
const RULES: usize = 200_000;

/// Reads what one of the two programs writes; `family` is which of them it was. A rule that is not understood is kept as such, with its words.
pub fn read(text: &str, family: Family) -> Ruleset {
    let mut ruleset = Ruleset::default();
    let mut table: Option<Table> = None;
    let mut rules = 0;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('*') {
            ruleset.tables.extend(table.take());
            table = Some(Table {
                origin: Origin::Iptables,
                family,
                name: name.to_owned(),
                active: Some(true),
                chains: Vec::new(),
                sets: BTreeMap::new(),
                maps: BTreeMap::new(),
            });
        } else if line == "COMMIT" {
            ruleset.tables.extend(table.take());
        } else if let Some(table) = &mut table {
            if let Some(header) = line.strip_prefix(':') {
                table.chains.extend(chain(&table.name, header));
            } else if let Some((chain, rule)) = read_rule(line, family) {
                rules += 1;
                if rules > RULES {
                    continue;
                }
                if let Some(chain) = table.chains.iter_mut().find(|known| known.name == chain) {
                    chain.rules.push(rule);
                }
            }
        }
    }
    let whole = table.is_none();
    ruleset.tables.extend(table);
    if rules > RULES {
        ruleset.gaps.push(format!(
            "there are more than {RULES} rules, and not all were read"
        ));
    } else if !whole {
        ruleset
            .gaps
            .push("the list of the rules was cut short".to_owned());
    }
    for table in &mut ruleset.tables {
        settle_targets(table);
    }
    ruleset
}

/// `NAME POLICY [packets:bytes]`.
fn chain(table: &str, header: &str) -> Option<Chain> {
    let mut words = header.split_whitespace();
    let name = words.next()?.to_owned();
    let policy = words.next()?;
    let base = (policy != "-")
        .then(|| base(table, &name, policy))
        .flatten();
    Some(Chain {
        name,
        base,
        rules: Vec::new(),
    })
}

/// Where a table's built-in chain runs (`enum nf_ip_hook_priorities`).
fn base(table: &str, chain: &str, policy: &str) -> Option<Base> {
    let hook = Hook::named(chain)?;
    let source = matches!(hook, Hook::Input | Hook::Postrouting);
    let priority = match table {
        "raw" => -300,
        "mangle" => -150,
        "nat" if source => 100,
        "nat" => -100,
        "security" => 50,
        _ => 0,
    };
    Some(Base {
        hook,
        priority,
        kind: match table {
            "nat" => Kind::Nat,
            "mangle" => Kind::Route,
            _ => Kind::Filter,
        },
        policy: match policy {
            "DROP" => Verdict::Drop,
            _ => Verdict::Accept,
        },
        devices: None,
    })
}

/// `-A CHAIN …`, with counters before it or not.
fn read_rule(line: &str, family: Family) -> Option<(String, Rule)> {
    let line = match line.strip_prefix('[') {
        Some(after) => after.split_once("] ")?.1,
        None => line,
    };
    let after = line.strip_prefix("-A ")?;
    let (chain, rest) = after.split_once(' ').unwrap_or((after, ""));
    let steps = match words(rest) {
        Some(words) => steps(&words, family),
        None => vec![Step::Opaque],
    };
    let rule = Rule {
        handle: None,
        text: line.to_owned(),
        steps,
    };
    Some((chain.to_owned(), rule))
}

fn steps(words: &[Word], family: Family) -> Vec<Step> {
    let mut conditions = Conditions::new(family);
    let mut left = words;
    let mut turn = Turn::Straight;
    let plain =
        |words: &[Word]| -> Vec<String> { words.iter().map(|word| word.text.clone()).collect() };
    while let Some((word, rest)) = left.split_first() {
        match word.text.as_str() {
            "!" => {
                turn = Turn::Round;
                left = rest;
            }
            "-j" | "-g" => {
                let Some((name, options)) = rest.split_first() else {
                    return vec![Step::Opaque];
                };
                let mut steps = conditions.steps();
                let goto = word.text == "-g";
                steps.extend(target::steps(&name.text, &plain(options), goto, family));
                return steps;
            }
            option => {
                let (values, after) = rest.split_at(arguments(option, rest));
                conditions.take(option, &plain(values), turn);
                turn = Turn::Straight;
                left = after;
            }
        }
    }
    // Without a target a rule only counts.
    conditions.steps()
}

/// How many words belong to an option.
fn arguments(option: &str, rest: &[Word]) -> usize {
    // What a person chose may look like an option.
    if matches!(
        option,
        "--comment" | "--string" | "--hex-string" | "--name" | "--hashlimit-name" | "--helper"
    ) {
        return rest.len().min(1);
    }
    let is_option = |word: &Word| {
        let text = word.text.strip_prefix('-');
        let named = text.and_then(|text| text.chars().next());
        !word.quoted
            && (word.text == "!" || named.is_some_and(|c| c.is_ascii_alphabetic() || c == '-'))
    };
    rest.iter().position(is_option).unwrap_or(rest.len())
}

/// Targets that are no chain of the table are something that is not known.
fn settle_targets(table: &mut Table) {
    let names: std::collections::BTreeSet<String> = table
        .chains
        .iter()
        .map(|chain| chain.name.clone())
        .collect();
    let steps = table
        .chains
        .iter_mut()
        .flat_map(|chain| &mut chain.rules)
        .flat_map(|rule| &mut rule.steps);
    for step in steps {
        if let Step::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) = step
            && !names.contains(name)
        {
            *step = Step::Opaque;
        }
    }
}
