use super::*;
use crate::model::machine::Scope;

/// Machines in a line each, as `name id State/said address scope interface, …`.
pub(super) fn told(all: &[Instance]) -> String {
    let dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let lines = all.iter().map(|instance| {
        let addresses: Vec<String> = instance
            .addresses
            .iter()
            .map(|a| {
                let scope = match a.scope {
                    Scope::Private => "private",
                    Scope::Public => "public",
                };
                format!("{} {scope} {}", a.address, dash(a.interface.as_deref()))
            })
            .collect();
        let (id, said) = (dash(instance.id.as_deref()), dash(instance.said.as_deref()));
        format!(
            "{} {id} {:?}/{said} {}",
            instance.name,
            instance.state,
            addresses.join(", ")
        )
        .trim_end()
        .to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is cut short, of other types or no JSON is unreadable; nothing of it panics, and no control character of it is kept.
pub(super) fn unreadable(read: impl Fn(&[u8]) -> Answer, good: &str) {
    assert!(read(good.as_bytes()).is_ok());
    for text in [
        "",
        "null",
        "42",
        "\"web\"",
        "[[1]]",
        "[null]",
        "{\"a\": [",
        "\u{feff}[]",
    ] {
        match read(text.as_bytes()) {
            Err(trouble) => assert_eq!(trouble.told, Told::Unreadable, "{text}"),
            Ok(all) => panic!("{text}: {all:?}"),
        }
    }
    for end in (0..good.len()).step_by(7) {
        if let Some(cut) = good.get(..end) {
            assert!(read(cut.as_bytes()).is_err(), "{cut}");
        }
    }
    let hostile = good.replace("unning", "\\u001b[2J\\u202eunning");
    for instance in read(hostile.as_bytes()).unwrap_or_default() {
        let said = instance.said.unwrap_or_default();
        assert!(!said.chars().any(crate::model::text::deceives), "{said:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes()).is_err());
}

#[test]
fn addresses_that_lead_nowhere_are_none() {
    for text in [
        "",
        "0.0.0.0",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "x",
        "10.0.0.1/24",
    ] {
        assert_eq!(parsed(text), None, "{text}");
    }
    assert!(parsed("127.0.0.1").is_some() && of_guest("127.0.0.1").is_none());
}

#[test]
fn inventories_that_say_the_same_are_one() {
    let of = |text: &str| Inventory::read("hosts", text).unwrap();
    let files = [
        of("web ansible_host=192.0.2.7"),
        of("web ansible_host=192.0.2.7"),
        of("db"),
    ];
    assert_eq!(in_files(&files, "web").len(), 1);
    let files = [
        of("web ansible_host=192.0.2.7"),
        of("web ansible_host=192.0.2.8"),
    ];
    assert_eq!(in_files(&files, "web").len(), 2);
    assert!(in_files(&files, "db").is_empty());
}
