//! Reads `nft -j list ruleset` (libnftables-json(5)), and beside it `nft -a --debug=netlink list ruleset` for the words of each
//! rule.
//!
//! The text is used for what the JSON leaves out too: the devices of a chain and whether a table is dormant (nft 1.0.6), and that a rule
//! that resets is for one family alone.

mod expression;
mod listing;
mod symbol;

use std::collections::BTreeMap;

use serde_json::Value;

use super::form::{
    Base, Chain, Family, Field, Hook, Kind, Map, Match, Origin, Pattern, Rule, Ruleset, Set, Step,
    Table, Verdict,
};
pub(super) use symbol::PROTOCOLS;

use expression::{Column, columns_of_type};
use listing::Listing;

/// At most so many rules, chains and sets are read; with more the list is said not to be all.
const OBJECTS: usize = 200_000;
/// At most so many elements of one set.
const ELEMENTS: usize = 500_000;

/// Reads the JSON, with the words of the rules from the text where that is there.
///
/// # Errors
/// Why the text is not such a document. What is not understood within one is no error: its rules are kept as not understood.
pub fn read(json: &str, text: Option<&str>) -> Result<Ruleset, String> {
    let document: Value = serde_json::from_str(json)
        .map_err(|error| format!("the rules as nft lists them are no JSON: {error}"))?;
    let Some(objects) = document.get("nftables").and_then(Value::as_array) else {
        return Err("what nft lists has no `nftables`".to_owned());
    };
    let listing = text.map(listing::read).unwrap_or_default();
    let mut ruleset = Ruleset::default();
    if objects.len() > OBJECTS {
        ruleset.gaps.push(format!(
            "there are more than {OBJECTS} rules, chains and sets, and not all were read"
        ));
    }
    let objects = &objects[..objects.len().min(OBJECTS)];
    for object in objects {
        if let Some(table) = object.get("table") {
            ruleset.tables.extend(read_table(table, &listing));
        }
    }
    let places: BTreeMap<(Family, String), usize> = ruleset
        .tables
        .iter()
        .enumerate()
        .map(|(number, table)| ((table.family, table.name.clone()), number))
        .collect();
    let place = |of: &Value| {
        let family = Family::named(string(of, "family")?)?;
        places
            .get(&(family, string(of, "table")?.to_owned()))
            .copied()
    };
    // Sets before rules: what a named set holds is told by its type.
    for object in objects {
        for (kind, is_map) in [("set", false), ("map", true)] {
            let Some(of) = object.get(kind) else { continue };
            let Some(table) = place(of).and_then(|number| ruleset.tables.get_mut(number)) else {
                continue;
            };
            let name = string(of, "name").unwrap_or_default().to_owned();
            if is_map {
                table.maps.insert(name, named_map(of));
            } else {
                table.sets.insert(name, named_set(of));
            }
        }
        if let Some(of) = object.get("chain") {
            let Some(table) = place(of).and_then(|number| ruleset.tables.get_mut(number)) else {
                continue;
            };
            let chain = read_chain(of, table, &listing);
            table.chains.push(chain);
        }
    }
    let mut chains: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for (number, table) in ruleset.tables.iter().enumerate() {
        for (chain, of) in table.chains.iter().enumerate() {
            chains.insert((number, of.name.clone()), chain);
        }
    }
    for object in objects {
        let Some(of) = object.get("rule") else {
            continue;
        };
        let Some(number) = place(of) else { continue };
        let name = string(of, "chain").unwrap_or_default().to_owned();
        let Some(chain) = chains.get(&(number, name)) else {
            continue;
        };
        let Some(table) = ruleset.tables.get_mut(number) else {
            continue;
        };
        let rule = read_rule(of, table, &listing);
        if let Some(chain) = table.chains.get_mut(*chain) {
            chain.rules.push(rule);
        }
    }
    Ok(ruleset)
}

/// Which tables hold rules that iptables made and that nft can't put into words: their own program lists them.
pub fn tables_of_iptables(json: &str) -> Vec<(Family, String)> {
    let Ok(document) = serde_json::from_str::<Value>(json) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let objects = document.get("nftables").and_then(Value::as_array);
    for of in objects.into_iter().flatten().filter_map(|o| o.get("rule")) {
        let foreign = of
            .get("expr")
            .and_then(Value::as_array)
            .is_some_and(|expr| expr.iter().any(|step| step.get("xt").is_some()));
        let (Some(family), Some(table)) = (
            string(of, "family").and_then(Family::named),
            string(of, "table"),
        ) else {
            continue;
        };
        let key = (family, table.to_owned());
        if foreign && !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

fn string<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str)
}

fn read_table(of: &Value, listing: &Listing) -> Option<Table> {
    let family = Family::named(string(of, "family")?)?;
    let name = string(of, "name")?.to_owned();
    let flags: Vec<&str> = match of.get("flags") {
        Some(Value::String(flag)) => vec![flag],
        Some(Value::Array(flags)) => flags.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    // nft 1.0.6 writes one letter of a flag's name.
    let told = flags
        .iter()
        .all(|flag| matches!(*flag, "owner" | "persist"));
    let active = if flags.contains(&"dormant") {
        Some(false)
    } else if told {
        Some(true)
    } else {
        listing.dormant(family, &name).map(|dormant| !dormant)
    };
    Some(Table {
        origin: Origin::Nft,
        family,
        name,
        active,
        chains: Vec::new(),
        sets: BTreeMap::new(),
        maps: BTreeMap::new(),
    })
}

fn read_chain(of: &Value, table: &Table, listing: &Listing) -> Chain {
    let name = string(of, "name").unwrap_or_default().to_owned();
    let base = string(of, "hook").and_then(|hook| {
        let priority = of.get("prio").and_then(Value::as_i64)?;
        let devices = match of.get("dev") {
            Some(Value::String(device)) => Some(vec![device.clone()]),
            Some(Value::Array(devices)) => Some(
                devices
                    .iter()
                    .filter_map(Value::as_str)
                    .map(ToOwned::to_owned)
                    .collect(),
            ),
            _ => listing.devices(table.family, &table.name, &name),
        };
        Some(Base {
            hook: Hook::named(hook)?,
            priority: i32::try_from(priority).ok()?,
            kind: match string(of, "type") {
                Some("nat") => Kind::Nat,
                Some("route") => Kind::Route,
                _ => Kind::Filter,
            },
            policy: match string(of, "policy") {
                Some("drop") => Verdict::Drop,
                _ => Verdict::Accept,
            },
            devices,
        })
    });
    Chain {
        name,
        base,
        rules: Vec::new(),
    }
}

fn read_rule(of: &Value, table: &Table, listing: &Listing) -> Rule {
    let handle = of.get("handle").and_then(Value::as_u64);
    let statements = of.get("expr").and_then(Value::as_array);
    let mut steps: Vec<Step> = Vec::new();
    for statement in statements.into_iter().flatten() {
        expression::statement(statement, table, &mut steps);
    }
    let chain = string(of, "chain").unwrap_or_default();
    let families =
        handle.and_then(|handle| listing.families(table.family, &table.name, chain, handle));
    tell_families(&mut steps, table.family, families);
    let words = handle.and_then(|handle| listing.words(table.family, &table.name, chain, handle));
    let text = words.map_or_else(
        || {
            let plain = statements.map(|all| Value::Array(all.clone()).to_string());
            plain.unwrap_or_default()
        },
        ToOwned::to_owned,
    );
    Rule {
        handle,
        text,
        steps,
    }
}

/// Says what nft leaves unsaid: that a rule is for one family alone. Where the kernel's code is not there, a rule that resets may be for
/// both or for one.
fn tell_families(steps: &mut Vec<Step>, of: Family, told: Option<&[Family]>) {
    let reset = Step::Verdict(Verdict::Reject("tcp reset".to_owned()));
    let only = |family: &Family| {
        let number = if *family == Family::Ip6 { 10 } else { 2 };
        Step::Match(Match::one(Field::Family, [Pattern::exactly(number)]))
    };
    match (told, steps.iter().position(|step| *step == reset)) {
        (Some(families), _) => {
            steps.splice(0..0, families.iter().map(only));
        }
        (None, Some(at))
            if !matches!(of, Family::Ip | Family::Ip6) && !steps.iter().any(names_family) =>
        {
            steps.insert(at, Step::Doubt);
        }
        _ => {}
    }
}

/// Whether a step holds for one family alone.
fn names_family(step: &Step) -> bool {
    let Step::Match(condition) = step else {
        return false;
    };
    condition.any.iter().any(|each| {
        each.keys.iter().any(|key| {
            matches!(
                key.field,
                Field::Source4
                    | Field::Source6
                    | Field::Destination4
                    | Field::Destination6
                    | Field::Protocol4
                    | Field::Protocol6
            )
        })
    })
}

/// What kinds of values a set holds, side by side.
fn set_columns(of: &Value) -> Vec<Column> {
    match of.get("type") {
        Some(Value::String(kind)) => vec![columns_of_type(kind)],
        Some(Value::Array(kinds)) => kinds
            .iter()
            .map(|kind| kind.as_str().map_or(Column::Opaque, columns_of_type))
            .collect(),
        _ => vec![Column::Opaque],
    }
}

fn named_set(of: &Value) -> Set {
    let columns = set_columns(of);
    let elements = of.get("elem").and_then(Value::as_array);
    let elements = elements.map(Vec::as_slice).unwrap_or_default();
    if elements.len() > ELEMENTS {
        return Set::Unknown;
    }
    Set::Elements(
        elements
            .iter()
            .map(|element| expression::element(element, &columns))
            .collect(),
    )
}

fn named_map(of: &Value) -> Map {
    let verdicts = string(of, "map") == Some("verdict");
    let columns = set_columns(of);
    let elements = of.get("elem").and_then(Value::as_array);
    let elements = elements.map(Vec::as_slice).unwrap_or_default();
    if !verdicts || elements.len() > ELEMENTS {
        return Map::Unknown;
    }
    expression::verdicts(elements, &columns)
}

/// A pattern for what can't be read, in place of an element.
fn unreadable() -> Vec<Pattern> {
    vec![Pattern::Unknown]
}
