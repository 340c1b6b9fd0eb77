use proptest::prelude::*;

use super::without_secrets;
use crate::model::target::{Kind, Protocol, Target};

fn tcp(text: &str) -> Target {
    Target::parse(text, Some(Protocol::Tcp)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn complaint(text: &str) -> String {
    Target::parse(text, Some(Protocol::Tcp))
        .map(|target| panic!("{text} was taken for {target:?}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_host_and_a_port_is_what_it_says() {
    for (text, kind, host, port) in [
        ("db.example:5432", Kind::Fqdn, "db.example", 5432),
        ("192.0.2.7:22", Kind::Ip, "192.0.2.7", 22),
        ("[2001:db8::1]:443", Kind::Ip, "2001:db8::1", 443),
        ("[2001:0DB8::0001]:443", Kind::Ip, "2001:db8::1", 443),
        ("[fe80::1%eth0]:22", Kind::Ip, "fe80::1%eth0", 22),
        ("[::ffff:192.0.2.1]:22", Kind::Ip, "192.0.2.1", 22),
        ("Web.EXAMPLE.:443", Kind::Fqdn, "web.example.", 443),
        (
            "_sip._tcp.example:5060",
            Kind::Fqdn,
            "_sip._tcp.example",
            5060,
        ),
        ("bücher.example:80", Kind::Fqdn, "xn--bcher-kva.example", 80),
        ("localhost:1", Kind::Fqdn, "localhost", 1),
        ("vm:22", Kind::Fqdn, "vm", 22),
        ("vm:Web_1:22", Kind::Vm, "Web_1", 22),
        ("vm:10.0.0.7:22", Kind::Vm, "10.0.0.7", 22),
        ("vm:docker/web:22", Kind::Vm, "docker/web", 22),
        (
            "vm:/subscriptions/0-1/resourceGroups/g(1)/providers/Microsoft.Compute/virtualMachines/web:22",
            Kind::Vm,
            "/subscriptions/0-1/resourceGroups/g(1)/providers/Microsoft.Compute/virtualMachines/web",
            22,
        ),
        (
            "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc:22",
            Kind::Vm,
            "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc",
            22,
        ),
        (
            "projects/p/zones/z/instances/web:22",
            Kind::Vm,
            "projects/p/zones/z/instances/web",
            22,
        ),
        ("1and1.example:80", Kind::Fqdn, "1and1.example", 80),
    ] {
        let target = tcp(text);
        assert_eq!(
            (target.kind, target.host.as_str(), target.port),
            (kind, host, Some(port)),
            "{text}"
        );
        assert_eq!(target.input, text);
    }
}

#[test]
fn a_uri_has_the_port_of_its_scheme_unless_it_names_one() {
    for (text, host, port, uri) in [
        (
            "https://web.example/",
            "web.example",
            443,
            "https://web.example/",
        ),
        (
            "HTTP://Web.example",
            "web.example",
            80,
            "http://web.example/",
        ),
        (
            "https://web.example:8443/a?b=c#d",
            "web.example",
            8443,
            "https://web.example:8443/a?b=***",
        ),
        (
            "https://u:p@web.example:443/",
            "web.example",
            443,
            "https://web.example/",
        ),
        (
            "https://[2001:db8::1]:8443/",
            "2001:db8::1",
            8443,
            "https://[2001:db8::1]:8443/",
        ),
        (
            "http://[fe80::1%25eth0]/",
            "fe80::1%eth0",
            80,
            "http://[fe80::1%25eth0]/",
        ),
        (
            "postgres://app:pw@db.example/app?sslmode=require",
            "db.example",
            5432,
            "postgres://db.example/app?sslmode=***",
        ),
        (
            "ssh://git@bücher.example",
            "xn--bcher-kva.example",
            22,
            "ssh://xn--bcher-kva.example",
        ),
        (
            "custom://host.example:9000",
            "host.example",
            9000,
            "custom://host.example:9000",
        ),
        ("redis://cache", "cache", 6379, "redis://cache"),
        ("ldaps://dc1/", "dc1", 636, "ldaps://dc1/"),
        ("https://h/?token", "h", 443, "https://h/?***"),
    ] {
        let target = tcp(text);
        assert_eq!(
            (target.host.as_str(), target.port, target.uri.as_deref()),
            (host, Some(port), Some(uri)),
            "{text}"
        );
        assert_eq!(target.kind, Kind::Uri);
    }
}

#[test]
fn the_text_decides_where_no_protocol_is_named() {
    for (text, protocol) in [
        ("https://web.example/", Protocol::Http),
        ("ssh://web.example", Protocol::Tcp),
        ("web.example:443", Protocol::Tcp),
        ("web.example", Protocol::Icmp),
        ("2001:db8::1", Protocol::Icmp),
        ("fe80::1%eth0", Protocol::Icmp),
        ("2001:db8::1:443", Protocol::Icmp),
    ] {
        assert_eq!(
            Target::parse(text, None).unwrap().protocol,
            protocol,
            "{text}"
        );
    }
}

#[test]
fn a_complaint_says_what_to_write() {
    for (text, part) in [
        ("", "it is empty"),
        (
            "db.example",
            "no port; expected a host and a port, e.g. db.example:443",
        ),
        ("redis.example", "e.g. redis.example:6379"),
        ("2001:db8::1:443", "e.g. [2001:db8::1]:443"),
        ("2001:db8::1", "e.g. [2001:db8::1]:443"),
        ("fe80::1%eth0:22", "e.g. [fe80::1%eth0]:22"),
        ("2001:db8:0:0:0:0:0:1:443", "e.g. [2001:db8::1]:443"),
        ("db.example:", "no port follows"),
        ("db.example:0", "port 0"),
        ("db.example:65536", "65536 is too large"),
        ("db.example:+22", "`+22` is not a number"),
        ("db.example:https", "e.g. db.example:443"),
        (
            "db..example:22",
            "empty label (two dots, or a dot first); expected a name of labels with a dot between them, e.g. db.example:22",
        ),
        (".:22", "empty label"),
        (":22", "no host"),
        ("[::1:22", "not closed"),
        ("[::1]22", "follows the bracket"),
        ("::1]:22", "stray bracket"),
        ("[192.0.2.1]:22", "e.g. 192.0.2.1:22"),
        ("[db.example]:22", "e.g. db.example:22"),
        ("[]:22", "nothing is between"),
        ("[::fffff]:22", "no IPv6 address"),
        ("a:b:c", "more than one `:`"),
        ("-h:22", "starts with `-`"),
        ("https://-h/", "starts with `-`"),
        ("db example:22", "white space"),
        ("db\u{202e}:22", "U+202E"),
        ("db\n:22", "U+000A"),
        (
            "10.0.0.256:80",
            "`10.0.0.256` is no IPv4 address; expected four numbers from 0 to 255, e.g. 192.0.2.7:80",
        ),
        ("10.0.0:80", "no IPv4 address"),
        ("0x7f.1:80", "no IPv4 address"),
        ("2130706433:80", "no IPv4 address"),
        ("010.0.0.1:80", "no IPv4 address"),
        ("http://0x7f000001/", "no IPv4 address"),
        ("1.2.3.4.:80", "no IPv4 address"),
        ("１０.0.0:80", "no IPv4 address"),
        ("a*b.example:80", "contains `*`"),
        ("user:secret@db.example:22", "e.g. db.example:22"),
        ("10.0.0.0/8", "is a prefix"),
        ("web.example/path", "e.g. https://web.example/path"),
        ("vm:web1", "e.g. vm:web1:22"),
        ("vm:-web:22", "starts with `-`"),
        ("vm:docker/-web:22", "starts with `-`"),
        ("vm:qemu/web:22", "nobody called `qemu` knows"),
        ("vm:docker/a/b:22", "contains `/`"),
        ("vm:docker/:22", "names no machine"),
        ("vm::22", "names no machine"),
        ("vm:we*b:22", "contains `*`"),
        ("vm:we'b:22", "contains `'`"),
        ("vm:web:0", "port 0"),
        ("vm:web:ssh", "e.g. vm:web:22"),
        ("vm:me@web:22", "e.g. vm:web:22"),
        ("arn:aws:ec2:eu-west-1:1:instance/-i:22", "starts with `-`"),
        ("gopher://web.example/", "e.g. gopher://web.example:443"),
        ("https:///path", "no host"),
        ("https://web.example:x/", "`x` is not a number"),
        ("1https://web.example/", "no scheme"),
        ("https://web.example\\@evil/", "contains `\\`"),
        ("0.0.0.0:80", "e.g. 127.0.0.1:443"),
        ("224.0.0.1:80", "multicast"),
        ("255.255.255.255:80", "broadcast"),
        ("[::ffff:192.0.2.1%eth0]:80", "no IPv6 address"),
    ] {
        let said = complaint(text);
        assert!(said.contains(part), "{text}: {said}");
    }
    assert!(complaint(&format!("{}:80", "a".repeat(64))).contains("64 characters"));
    let long = vec!["a".repeat(60); 5].join(".");
    assert!(complaint(&format!("{long}:80")).contains("304 characters"));
}

#[test]
fn a_complaint_about_a_uri_keeps_its_secrets() {
    for text in [
        "https://user:hunter2@-h/?key=hunter2#hunter2",
        "gopher://hunter2@host/?hunter2",
        "user:hunter2@host:22",
        "https://user:hunter2@host:0/",
        "https://user:hunter2@a@host:99999/",
        "hunter2@https://host:0/",
        "https://user:hunter2@ho st/",
    ] {
        let error = Target::parse(text, Some(Protocol::Tcp)).unwrap_err();
        assert!(
            !format!("{error:?}").contains("hunter2"),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn the_longest_name_is_taken() {
    let name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    assert_eq!(name.len(), 253);
    assert_eq!(tcp(&format!("{name}.:1")).host, format!("{name}."));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = Target::parse(&text, None);
        let _ = Target::parse(&text, Some(Protocol::Tcp));
    }

    #[test]
    fn what_is_taken_reads_back_from_its_label(
        text in "(((ssh|https?|foo)://)([a-z]{0,3}:?x?@)?)?(\\[?[0-9a-fA-F:.%]{0,12}\\]?|[a-zA-Zü0-9._-]{1,12})(:[0-9]{0,5})?(/[a-z%é ]{0,4})?(\\?[a-z&=;]{0,6})?(#x)?"
    ) {
        if let Ok(target) = Target::parse(&text, None) {
            let again = Target::parse(&target.label(), Some(target.protocol)).unwrap();
            prop_assert_eq!(&again.host, &target.host);
            prop_assert_eq!(again.port, target.port);
            prop_assert_eq!(&again.uri, &target.uri);
            prop_assert_eq!(again.kind, target.kind);
        }
    }

    #[test]
    fn no_secret_survives(key in "[a-z]{1,4}", user in "[a-z:]{0,4}") {
        let text = format!("https://{user}SECRET@host/path?{key}=SECRET&SECRET#SECRET");
        prop_assert!(!without_secrets(&text).contains("SECRET"));
        let target = Target::parse(&text, None).unwrap();
        let json = serde_json::to_string(&target).unwrap();
        prop_assert!(!json.contains("SECRET"));
    }
}
