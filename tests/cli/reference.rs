//! The reference of the report in `docs/json.md`: made from the schema, so that it can't say anything else.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::{file, nwcheck};

const PAGE: &str = "docs/json.md";
/// What stands before the part that is made.
const MARK: &str =
    "<!-- From here on the page is made from the schema by tests/cli/reference.rs. -->\n";

#[test]
fn the_reference_of_the_report_is_that_of_the_schema() {
    let schema: Value = serde_json::from_str(&nwcheck(["schema"]).stdout).unwrap();
    let page = fs::read_to_string(file(PAGE)).unwrap();
    let (written, known) = page.split_once(MARK).unwrap();
    let made = reference(&schema);
    if std::env::var_os("NWCHECK_UPDATE_DOCS").is_some() {
        fs::write(file(PAGE), format!("{written}{MARK}{made}")).unwrap();
    } else {
        assert!(
            known == made,
            "{PAGE} is not what the schema says; make it anew: NWCHECK_UPDATE_DOCS=1 cargo test --test cli reference"
        );
    }
}

/// The objects and enumerations of the schema, each where it is first met, the report itself before them.
fn reference(schema: &Value) -> String {
    let mut page = String::from("\n## Reference\n\n### Report\n\n");
    let mut seen = BTreeSet::new();
    let mut ahead = VecDeque::new();
    table(&mut page, schema, &mut seen, &mut ahead);
    while let Some(name) = ahead.pop_front() {
        let of = &schema["$defs"][&name];
        let _ = write!(page, "\n### {name}\n\n{}\n\n", told(of));
        if of["properties"].is_object() {
            table(&mut page, of, &mut seen, &mut ahead);
        } else if let Some(values) = of["oneOf"].as_array() {
            page.push_str("| value | meaning |\n|---|---|\n");
            for value in values {
                for (name, meaning) in meanings(value) {
                    let _ = writeln!(page, "| `{name}` | {meaning} |");
                }
            }
        } else {
            let _ = writeln!(page, "{}.", kind(of, &mut seen, &mut ahead));
        }
    }
    page
}

/// The values that one alternative of an enumeration stands for, each with what it means.
fn meanings(alternative: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (&alternative["const"], &alternative["enum"]) {
        (Value::String(name), _) => vec![(name.clone(), told(alternative))],
        (_, Value::Array(names)) => names
            .iter()
            .map(|name| (text(name), told(alternative)))
            .collect(),
        _ => panic!("an alternative that is no value: {alternative}"),
    }
}

/// The keys of an object.
fn table(
    page: &mut String,
    object: &Value,
    seen: &mut BTreeSet<String>,
    ahead: &mut VecDeque<String>,
) {
    page.push_str("| key | type | what it is |\n|---|---|---|\n");
    for (key, of) in object["properties"].as_object().unwrap() {
        let kind = kind(of, seen, ahead);
        let _ = writeln!(page, "| `{key}` | {kind} | {} |", told(of));
    }
}

/// What a value may be, in words; what it refers to is put ahead.
fn kind(of: &Value, seen: &mut BTreeSet<String>, ahead: &mut VecDeque<String>) -> String {
    if let Some(name) = of["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        if seen.insert(name.to_owned()) {
            ahead.push_back(name.to_owned());
        }
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(alternatives) = of["anyOf"].as_array() {
        let kinds: Vec<String> = alternatives
            .iter()
            .map(|alternative| kind(alternative, seen, ahead))
            .collect();
        return kinds.join(" or ");
    }
    if let Some(fixed) = of["const"].as_str() {
        return format!("`{fixed}`");
    }
    let names: Vec<&str> = match &of["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => panic!("a value of no type: {of}"),
    };
    let kinds: Vec<String> = names
        .into_iter()
        .map(|name| match name {
            "array" if of["prefixItems"].is_array() => {
                let items = of["prefixItems"].as_array().unwrap();
                let items: Vec<_> = items.iter().map(|item| kind(item, seen, ahead)).collect();
                format!("[{}]", items.join(", "))
            }
            "array" => format!("list of {}", kind(&of["items"], seen, ahead)),
            "object" if of["additionalProperties"].is_object() => {
                format!(
                    "object of {}",
                    kind(&of["additionalProperties"], seen, ahead)
                )
            }
            other => other.to_owned(),
        })
        .collect();
    kinds.join(" or ")
}

/// The description, on one line and as it may stand in a table.
fn told(of: &Value) -> String {
    let text = of["description"].as_str().unwrap_or_default();
    // rustdoc's links are none here.
    let text = text.replace("[`", "`").replace("`]", "`");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|").replace('<', "&lt;")
}
