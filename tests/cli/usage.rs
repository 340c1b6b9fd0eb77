//! Wrong usage: exit status 2, one line on stderr with where, what and what was expected, and nothing on stdout.

use crate::nwcheck;

/// What is typed, and what the line has to hold.
const WRONG: &[(&[&str], &[&str])] = &[
    (&[], &["no target is named", "nwcheck tcp db.example:5432"]),
    (&["tcp"], &["tcp: no target is named"]),
    (
        &["icmp"],
        &["icmp: no target is named", "nwcheck icmp db.example"],
    ),
    (&["udp"], &["udp: no target is named", "ns.example:53"]),
    (&["trace"], &["trace: no target is named", "nwcheck trace"]),
    (
        &["dns"],
        &["dns: no name is given", "nwcheck dns db.example"],
    ),
    (&["-v"], &["no target is named"]),
    (&["help"], &["nwcheck --help"]),
    (
        &["tcp", "db.example"],
        &["it has no port", "db.example:443"],
    ),
    (&["tcp", "a:1", "b:0"], &["target `b:0`", "port 0"]),
    (&["tcp", "2001:db8::1:443"], &["[2001:db8::1]:443"]),
    (&["tcp", "10.0.0.256:80"], &["no IPv4 address"]),
    (&["tcp", "vm:web1"], &["it has no port", "vm:web1:22"]),
    (&["tcp", "vm:-x:22"], &["starts with `-`", "vm:web:22"]),
    (&["icmp", "vm:docker/--help"], &["starts with `-`"]),
    (
        &["tcp", "vm:qemu/web:22"],
        &[
            "nobody called `qemu` knows machines",
            "libvirt",
            "vm:docker/web:22",
        ],
    ),
    (&["udp", "vm:we;b:53"], &["its name contains `;`"]),
    (&["dns", "vm:web"], &["not of DNS"]),
    (
        &["tcp", "vm:web:22", "--inventory", "/nonexistent/hosts"],
        &["--inventory /nonexistent/hosts: it can't be read"],
    ),
    (
        &["tcp", "[fe80::1]:22"],
        &["link-local", "[fe80::1%eth0]:22"],
    ),
    (&["tcp", "--", "-x:22"], &["starts with `-`"]),
    (
        &["http", "https://db.example/"],
        &["http: this version has no such command"],
    ),
    (&["icmp", "db.example:22"], &["it has a port"]),
    (&["udp", "db.example"], &["it has no port"]),
    (
        &["udp", "a:1", "--payload", "hex:0"],
        &[
            "--payload: a byte has two hexadecimal digits",
            "--payload hex:00ff",
        ],
    ),
    (
        &["udp", "a:1", "--payload", "@/nonexistent/file"],
        &["--payload: `/nonexistent/file` can't be read", "1400 bytes"],
    ),
    (
        &["udp", "a:1", "--max-connect", "5"],
        &["--max-connect: UDP opens no connection", "--max-p95"],
    ),
    (
        &["icmp", "a", "--source-port", "5"],
        &["--source-port: an echo request has no port"],
    ),
    (
        &["icmp", "a", "--expect", "closed"],
        &[
            "--expect: nothing refuses an echo request",
            "--expect filtered",
        ],
    ),
    (
        &["icmp", "a", "-i", "5ms"],
        &["--interval: it is 5", "50 echo requests a second"],
    ),
    (
        &["trace", "--protocol", "tcp", "db.example"],
        &["it has no port", "db.example:443"],
    ),
    (
        &["trace", "--protocol", "sctp", "db.example"],
        &["--protocol: `sctp` is not known", "tcp, udp or icmp"],
    ),
    (
        &["trace", "db.example", "--max-loss", "10%"],
        &["--max-loss: a trace shows the paths alone"],
    ),
    (&["dns", "192.0.2.7"], &["it is an address"]),
    (
        &["dns", "db.example", "--type", "WKS"],
        &["--type: `WKS` is not offered", "MX"],
    ),
    (&["trace", "db.example", "--no-path"], &["--no-path"]),
    (
        &["show"],
        &["show: no file is named", "nwcheck show report.json"],
    ),
    (
        &["diff", "a.json"],
        &["one is missing", "before.json after.json"],
    ),
    (&["diff", "-", "-"], &["stdin can be read only once"]),
    (
        &["diff", "a.json", "b.json", "-o", "html"],
        &["no form `html`", "text, markdown or json"],
    ),
    (
        &["tcp", "a:1", "-q", "-vv"],
        &["it can't be used with --", "--verbose"],
    ),
    (&["show", "-", "-"], &["stdin can be read only once"]),
    (
        &["show", "/nonexistent/report.json"],
        &["/nonexistent/report.json: it can't be read"],
    ),
    (
        &["tcp", "a:1", "-o", "report.json"],
        &["`report.json` is a file", "--save report.json"],
    ),
    (&["-q", "schema"], &["the command first", "nwcheck schema"]),
    (
        &["--cuont", "3"],
        &["--cuont: there is no such option", "e.g. --count"],
    ),
    (
        &["tcp", "a:1", "--flows", "0"],
        &["--flows: `0` is out of range", "1 to 1024"],
    ),
    (
        &["tcp", "a:1", "--confidence", "90"],
        &["--confidence: `90` is not offered", "95 or 99"],
    ),
    (
        &["tcp", "a:1", "--redact", "-vv"],
        &["--redact: -vv tells of each probe with its real addresses"],
    ),
    (
        &["tcp", "a:1", "-o", "sarif"],
        &["--output: the form `sarif` is not known to this version"],
    ),
    (
        &["tcp", "a:1", "-c"],
        &["--count: its value is missing", "-c 20"],
    ),
    (
        &["tcp", "a:1", "-c", "0"],
        &["--count: `0` is out of range", "1 to 10000"],
    ),
    (&["tcp", "a:1", "-c", "ten"], &["`ten` is no whole number"]),
    (
        &["tcp", "a:1", "-c", "1", "-c", "2"],
        &["--count: it is given twice"],
    ),
    (
        &["tcp", "a:1", "-w", "5"],
        &["--timeout: `5` has no unit", "5s or --timeout 5ms"],
    ),
    (&["tcp", "a:1", "-w", "5y"], &["`5y` is no duration"]),
    (
        &["tcp", "a:1", "-i", "0ms"],
        &["--interval: `0ms` is too short"],
    ),
    (
        &["tcp", "a:1", "--deadline", "2d"],
        &["--deadline: `2d` is no duration"],
    ),
    (&["tcp", "a:1", "--deadline", "25h"], &["longer than a day"]),
    (
        &["tcp", "a:1", "-w", "40s"],
        &["--timeout: it is 40.00 s", "--deadline 40s"],
    ),
    (
        &["tcp", "a:1", "-c", "5000"],
        &["--count: 5000 probes", "--deadline 109s"],
    ),
    (
        &["tcp", "a:1", "--max-loss", "1%"],
        &["it needs -c 100", "-c 100 --max-loss 1%"],
    ),
    (&["tcp", "a:1", "--max-loss", "101"], &["is more than all"]),
    (&["tcp", "a:1", "--max-loss", "0.001"], &["can't be shown"]),
    (&["tcp", "a:1", "--max-avg", "fast"], &["--max-avg: `fast`"]),
    (
        &["tcp", "a:1", "--expect", "shut"],
        &["open, closed, filtered or blocked"],
    ),
    (
        &["tcp", "a:1", "--expect", "blocked", "--max-avg", "5"],
        &["nothing to measure"],
    ),
    (&["tcp", "a:1", "--fail-on", "info"], &["error or warning"]),
    (&["tcp", "a:1", "-4", "-6"], &["can't be used with -6"]),
    (
        &["tcp", "[2001:db8::1]:1", "-4"],
        &["its address is not IPv4, which -4 asks for"],
    ),
    (
        &["tcp", "a:1", "-6", "-s", "192.0.2.1"],
        &["--source: the family"],
    ),
    (
        &["tcp", "[2001:db8::1]:1", "-s", "192.0.2.1"],
        &["which the source 192.0.2.1 asks for"],
    ),
    (
        &["tcp", "a:1", "-s", "host"],
        &["--source: `host` is no IP address"],
    ),
    (
        &["tcp", "a:1", "--source-port", "0"],
        &["--source-port: `0` is out of range"],
    ),
    (&["tcp", "a:1", "-I", "a/b"], &["--interface: `a/b`"]),
    (&["tcp", "a:1", "--tos", "256"], &["--tos: `256`"]),
    (
        &["tcp", "a:1", "--max-hops", "0"],
        &["--max-hops: `0`", "1 to 255"],
    ),
    (
        &["tcp", "a:1", "--all-addresses", "65"],
        &["--all-addresses: `65`", "1 to 64"],
    ),
    (
        &["tcp", "a:1", "--server", "ns.example"],
        &["--server: `ns.example`"],
    ),
    (
        &["tcp", "a:1", "--resolve", "a:1"],
        &["has not its three parts"],
    ),
    (
        &["tcp", "a:1", "--resolve", "a:1:b"],
        &["`b` is no IP address"],
    ),
    (
        &["tcp", "a:22", "--control", "22"],
        &["proves nothing", "--control 443"],
    ),
    (
        &["tcp", "a:1", "--save", "a.csv"],
        &[
            "`a.csv` names no form",
            "a file ending in .txt, .json, .jsonl, .md, .html, .xml",
        ],
    ),
    (
        &["tcp", "a:1", "--color", "blue"],
        &["auto, always or never"],
    ),
    (&["tcp", "a:1", "-q", "-v"], &["can't be used with"]),
    (
        &["explain", "no-such-finding"],
        &["there is no such finding"],
    ),
    (&["schema", "x"], &["`x` is one word too many"]),
    (
        &["schema", "--all"],
        &["there is no such option", "nwcheck schema --help"],
    ),
    (&["completions", "tcsh"], &["`tcsh` is not known", "bash"]),
];

#[test]
fn wrong_usage_is_one_line_that_says_what_was_expected() {
    for (words, parts) in WRONG {
        let run = nwcheck(*words);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (2, ""),
            "{words:?}: {}",
            run.stderr
        );
        assert_eq!(run.stderr.lines().count(), 1, "{words:?}: {}", run.stderr);
        assert!(
            run.stderr.starts_with("nwcheck: "),
            "{words:?}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains("; expected "),
            "{words:?}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(", e.g. "), "{words:?}: {}", run.stderr);
        for part in *parts {
            assert!(
                run.stderr.contains(part),
                "{words:?}: no `{part}` in: {}",
                run.stderr
            );
        }
    }
}

#[test]
fn no_complaint_holds_a_secret_or_moves_the_cursor() {
    for target in [
        "https://user:hunter2@-h/?token=hunter2#hunter2",
        "hunter2@db.example:22",
        "gopher://user:hunter2@db.example/",
    ] {
        let run = nwcheck(["tcp", target]);
        assert_eq!(run.status, 2, "{target}");
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    let run = nwcheck(["tcp", "a\u{1b}[2J:22\u{202e}"]);
    assert!(
        !run.stderr.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        run.stderr
    );
}

#[cfg(unix)]
#[test]
fn what_is_not_utf8_is_wrong_usage() {
    use std::os::unix::ffi::OsStrExt as _;

    let run = nwcheck([
        std::ffi::OsStr::from_bytes(b"tcp"),
        std::ffi::OsStr::from_bytes(b"\xff:22"),
    ]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("not UTF-8"), "{}", run.stderr);
}

#[test]
fn a_table_of_autonomous_systems_that_is_none_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("systems.tsv");
    let good = "192.0.2.0\t192.0.2.255\t64500\tZZ\tEXAMPLE\n";
    for (content, said) in [
        (good.as_bytes(), None),
        (b"", Some("it holds no range")),
        (b"\x1f\x8b\x08", Some("it is compressed: gunzip it first")),
        (
            b"192.0.2.0\t192.0.2.255\t64500\n\x1b[31m\t1\t2\n",
            Some("line 2: `\\u{1b}[31m` is no address"),
        ),
        (b"\xff\xff", Some("it is not UTF-8 from byte 0 on")),
    ] {
        std::fs::write(&path, content).unwrap();
        let words = [
            "tcp",
            "127.0.0.1:1",
            "-c",
            "1",
            "--no-path",
            "--as-database",
        ];
        let run = nwcheck(words.into_iter().chain([path.to_str().unwrap()]));
        match said {
            None => assert_eq!(run.status, 1, "{}", run.stderr),
            Some(said) => {
                assert_eq!(run.status, 2, "{}", run.stdout);
                assert!(run.stderr.contains(said), "{}", run.stderr);
                assert!(run.stderr.contains("tabs"), "{}", run.stderr);
            }
        }
    }
}
