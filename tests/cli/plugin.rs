//! `-o nagios`: what a monitoring system sees, on stdout and by the exit status.

use std::net::TcpListener;

use crate::{Run, nwcheck};

fn plugin(words: &str) -> Run {
    nwcheck(words.split(' '))
}

/// A port on which somebody listens, and one on which nobody does.
fn ports() -> (TcpListener, u16, u16) {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (to_open, to_closed) = (port(&open), port(&closed));
    (open, to_open, to_closed)
}

#[test]
fn the_exit_status_is_a_plugins() {
    let (_open, open, closed) = ports();
    let quick = "-c 3 --no-path -o nagios";
    for (words, status, begins) in [
        (
            format!("tcp 127.0.0.1:{open} {quick}"),
            0,
            "NWCHECK OK - 127.0.0.1",
        ),
        (
            format!("tcp 127.0.0.1:{open} --max-avg 0.001 {quick}"),
            2,
            "NWCHECK CRITICAL - ",
        ),
        (
            format!("tcp 127.0.0.1:{closed} {quick}"),
            2,
            "NWCHECK CRITICAL - 127.0.0.1",
        ),
        (
            format!("tcp 127.0.0.1:{open} 127.0.0.1:{closed} {quick}"),
            2,
            "NWCHECK CRITICAL - of 2 targets 1 failed",
        ),
    ] {
        let run = plugin(&words);
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{words}");
        assert!(run.stdout.starts_with(begins), "{words}: {}", run.stdout);
        assert!(
            run.stdout.lines().next().unwrap().contains(" | '"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn wrong_usage_is_unknown_and_stands_where_it_is_read() {
    for words in [
        "tcp -o nagios",
        "tcp a:1 -c x -o nagios",
        "tcp a:1 -c x -onagios",
        "tcp a:1 -c x -qo nagios",
        "tcp a:1 -c x --output nagios",
        "tcp a:1 --output=nagios --no-such-option",
        "show -o nagios /no/such/file",
        "tcp a:1 -I nosuchinterface0 -o nagios",
    ] {
        let run = plugin(words);
        assert_eq!((run.status, run.stderr.as_str()), (3, ""), "{words}");
        let one = run.stdout.lines().count() == 1;
        assert!(
            one && run.stdout.starts_with("NWCHECK UNKNOWN - "),
            "{}",
            run.stdout
        );
    }
    let run = plugin("tcp a:1 -c x -o text");
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
}

#[test]
fn what_can_not_be_saved_is_unknown_and_the_result_stands_beside_it() {
    let (_open, open, _) = ports();
    let words =
        format!("tcp 127.0.0.1:{open} -c 3 --no-path -o nagios --save /no/such/folder/x.json");
    let run = plugin(&words);
    assert_eq!(run.status, 3);
    let begins = "NWCHECK UNKNOWN - the result can't be saved as /no/such/folder/x.json";
    assert!(run.stdout.starts_with(begins), "{}", run.stdout);
    assert!(
        run.stdout.contains("the check itself: OK - 127.0.0.1"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_saved_report_has_the_state_that_its_check_had() {
    let first = crate::file("tests/cli/saved/first-slice.jsonl");
    let run = nwcheck(["show", "-q", "-o", "nagios", first.to_str().unwrap()]);
    assert_eq!((run.status, run.stdout.lines().count()), (2, 1));
    assert!(
        run.stdout
            .starts_with("NWCHECK CRITICAL - of 2 targets 1 failed: "),
        "{}",
        run.stdout
    );
}
