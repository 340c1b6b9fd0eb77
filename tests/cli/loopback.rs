//! Checks by echo requests and by datagrams, of this machine's own loopback.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use crate::{Run, command, nwcheck, run};

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn udp(port: u16, more: &[&str]) -> Run {
    let target = format!("127.0.0.1:{port}");
    let words = ["udp", &target, "-o", "json", "-c", "3"];
    nwcheck(words.iter().chain(more).copied())
}

fn bound() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

#[test]
fn a_service_that_answers_what_it_was_given_passes() {
    let (socket, port) = bound();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let server = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut seen = Vec::new();
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            seen.push(buffer[..length].to_vec());
            let _ = socket.send_to(b"yes", from);
            if seen.len() == 3 {
                break;
            }
        }
        seen
    });
    let run = udp(port, &["--payload", "hex:00ff10", "--no-path"]);
    assert_eq!(server.join().unwrap(), [[0, 255, 16]; 3]);
    let report = report(&run);
    assert_eq!((run.status, &report["status"]), (0, &"reachable".into()));
    assert_eq!(report["endpoints"][0]["probes"]["ok"], 3);
    assert_eq!(report["options"]["payload"]["hex"], "00ff10");
}

#[test]
fn a_port_on_which_nothing_listens_fails() {
    let (socket, port) = bound();
    drop(socket);
    let run = udp(port, &[]);
    let report = report(&run);
    assert_eq!((run.status, &report["cause"]), (1, &"udp-closed".into()));
    assert_eq!(report["options"]["payload"]["length"], 7);
}

#[test]
fn a_service_that_stays_silent_can_not_be_told() {
    let (_socket, port) = bound();
    let run = udp(port, &["-w", "200ms"]);
    let report = report(&run);
    assert_eq!((run.status, &report["cause"]), (3, &"udp-no-answer".into()));
    assert_eq!(report["status"], "indeterminate");
}

#[test]
fn echo_requests_are_answered_or_it_is_said_how_they_may_be_sent() {
    let run = nwcheck(["icmp", "127.0.0.1", "-o", "json", "-c", "2"]);
    let report = report(&run);
    if run.status == 0 {
        assert_eq!(report["endpoints"][0]["probes"]["ok"], 2);
        return;
    }
    assert_eq!(
        (run.status, &report["verdict"]),
        (3, &"indeterminate".into())
    );
    assert_eq!(report["endpoints"][0]["probes"]["sent"], 0);
    let command = report["not_measured"][0]["command"].as_str().unwrap();
    assert!(command.starts_with("sudo "), "{command}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_capability_stays_effective_while_it_runs_nor_can_be_had_by_what_it_runs() {
    use std::process::{Command, Stdio};
    const DAC_OVERRIDE: u64 = 1 << 1;
    const NET_BIND_SERVICE: u64 = 1 << 10;
    /// Seeing other users' processes, and raw sockets where ping sockets are denied.
    const ALWAYS: u64 = 1 << 2 | 1 << 13 | 1 << 19;
    const SETPCAP: u64 = 1 << 8;
    let set = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
    };
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let is_bounded = set(&own, "CapEff:").is_some_and(|bits| bits & SETPCAP == 0);
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("report.json");
    let saved = saved.to_str().unwrap();
    let cases: [(&[&str], u64); 3] = [
        (&[], 0),
        (&["--source-port", "40080"], NET_BIND_SERVICE),
        (&["--save", saved], DAC_OVERRIDE),
    ];
    for (arguments, most) in cases {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nwcheck"))
            .args(["tcp", "127.0.0.1:1", "-c", "1", "--wait", "20s", "-q"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        // Its first moments are for opening sockets.
        let mut seen = String::new();
        let is_dropped = (0..400).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(25));
            seen = std::fs::read_to_string(&status).unwrap_or_default();
            let permitted = set(&seen, "CapPrm:");
            seen.contains("NoNewPrivs:\t1")
                && ["CapEff:", "CapInh:", "CapAmb:"].map(|name| set(&seen, name)) == [Some(0); 3]
                && permitted.is_some_and(|bits| bits & !(ALWAYS | most) == 0)
                && (is_bounded || set(&seen, "CapBnd:") == Some(0))
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dropped, "{arguments:?} {seen}");
    }
}

#[test]
fn a_proxy_that_applies_is_told_of_and_its_password_never() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let with = |target: &str, form: &str| {
        let words = [target, "-o", form, "-c", "2", "--no-path"];
        let mut command = command(words);
        command.env("https_proxy", "http://joe:s3cr3t@proxy.example:3128");
        command.env("NO_PROXY", "x@s3cr3t.example");
        let run = run(&mut command);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(!(run.stdout.clone() + &run.stderr).contains("s3cr3t"));
        run
    };
    let target = format!("https://127.0.0.1:{port}/");
    for form in ["text", "json"] {
        let told = with(&target, form).stdout;
        assert!(told.contains("local-proxy-configured"), "{told}");
        assert!(told.contains("http://proxy.example:3128"), "{told}");
    }
    // For a host and a port it means nothing.
    let told = with(&format!("127.0.0.1:{port}"), "json").stdout;
    assert!(!told.contains("proxy.example"), "{told}");
}
