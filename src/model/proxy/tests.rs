use proptest::prelude::*;

use super::*;

fn of(variables: &[(&str, &str)]) -> ProxyEnvironment {
    ProxyEnvironment::read(|name| {
        let mut known = variables.iter();
        known
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

/// Whether each of curl, Go and requests goes through a proxy.
fn through(no_proxy: &str, scheme: &str, host: &str, port: u16) -> [bool; 3] {
    let known = of(&[
        ("http_proxy", "http://p:1"),
        ("https_proxy", "http://p:1"),
        ("no_proxy", no_proxy),
    ]);
    Client::ALL.map(|client| matches!(known.way(client, scheme, host, port), Way::Through(_)))
}

#[test]
fn no_credential_is_ever_kept() {
    for (text, kept) in [
        ("http://proxy:3128", Some("http://proxy:3128")),
        ("proxy:3128", Some("http://proxy:3128")),
        ("http://user:secret@proxy:3128/", Some("http://proxy:3128")),
        ("http://user:se@cr/et@proxy:3128", Some("http://proxy:3128")),
        ("user:se?cret@proxy", Some("http://proxy")),
        (
            "SOCKS5h://u:p@[2001:db8::1]:1080",
            Some("socks5h://[2001:db8::1]:1080"),
        ),
        ("http://user:secret", None),
        ("http://proxy:3128:secret", None),
        ("http://[secret]:80", None),
        ("secret word", None),
        ("http://", None),
        ("://proxy", None),
    ] {
        assert_eq!(without_secrets(text).as_deref(), kept, "{text}");
    }
    let known = of(&[("no_proxy", "a,user:secret@b, c")]);
    assert_eq!(known.exceptions[0].entries.len(), 2);
}

#[test]
fn each_reads_variables_of_its_own() {
    let way = |name: &str, client: Client, scheme: &str| {
        let known = of(&[(name, "http://p:1")]);
        matches!(known.way(client, scheme, "db.example", 80), Way::Through(_))
    };
    let all = |name: &str, scheme: &str| Client::ALL.map(|client| way(name, client, scheme));
    assert_eq!(all("http_proxy", "http"), [true, true, true]);
    assert_eq!(all("HTTP_PROXY", "http"), [false, true, true]);
    assert_eq!(all("HTTPS_PROXY", "https"), [true, true, true]);
    assert_eq!(all("all_proxy", "https"), [true, false, true]);
    assert_eq!(all("http_proxy", "https"), [false; 3]);
    assert_eq!(of(&[("http_proxy", " ")]), ProxyEnvironment::default());
}

#[test]
fn exceptions_are_read_in_three_dialects() {
    // [curl, Go, requests]: does it go through the proxy?
    for (no_proxy, host, port, wanted) in [
        ("db.example", "db.example", 443, [false, false, false]),
        ("DB.example", "db.Example.", 443, [false, false, false]),
        ("example", "db.example", 443, [false, false, false]),
        // A dot before it: those below it alone, for Go.
        (".db.example", "db.example", 443, [false, true, false]),
        (".example", "db.example", 443, [false, false, false]),
        ("*.example", "db.example", 443, [true, false, true]),
        // requests takes any end of the name.
        ("b.example", "db.example", 443, [true, true, false]),
        ("*", "db.example", 443, [false, false, false]),
        ("a.example,*", "db.example", 443, [true, false, true]),
        ("db.example:8443", "db.example", 8443, [true, false, false]),
        ("db.example:8443", "db.example", 443, [true, true, true]),
        ("db.example:443", "db.example", 443, [true, false, true]),
        ("10.0.0.0/8", "10.1.2.3", 443, [false, false, false]),
        ("10.1.2.3", "10.1.2.3", 443, [false, false, false]),
        ("2001:db8::/32", "2001:db8::1", 443, [false, false, true]),
        ("2001:db8::1", "2001:db8::1", 443, [false, false, false]),
        (
            "a.example db.example",
            "db.example",
            443,
            [false, true, true],
        ),
        ("other.example", "db.example", 443, [true, true, true]),
        ("", "db.example", 443, [true, true, true]),
        ("", "localhost", 443, [true, false, true]),
        ("", "127.0.0.1", 443, [true, false, true]),
    ] {
        let found = through(no_proxy, "https", host, port);
        assert_eq!(found, wanted, "NO_PROXY={no_proxy} {host}:{port}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_no_secret_is_kept(text in "\\PC{0,60}", host in "[a-z.*:0-9/\\[\\]]{0,30}") {
        if let Some(kept) = without_secrets(&format!("http://s3cr3t:{text}@proxy:1")) {
            prop_assert!(!kept.contains("s3cr3t") && !kept.contains('@'));
        }
        let known = of(&[("http_proxy", &text), ("no_proxy", &host), ("https_proxy", "p:1")]);
        for client in Client::ALL {
            let _ = known.way(client, "https", &host, 443);
        }
    }
}
