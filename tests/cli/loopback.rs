//! Checks by echo requests and by datagrams, of this machine's own loopback.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use crate::{Run, nwcheck};

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
fn no_capability_stays_effective_while_it_runs() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_nwcheck"))
        .args(["tcp", "127.0.0.1:1", "-c", "1", "--wait", "20s", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let effective = || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
        line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
    };
    // Its first moments are for opening sockets.
    let dropped = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        effective() == Some(0)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(dropped);
}
