//! The examples in README.md: real runs, and still what is printed. `NWCHECK_UPDATE_DOCS=1` makes them anew.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::{name_server, serve, trace};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    outcome::Outcome,
    picture,
    run::{Run, reachable_binary},
    sim::Web,
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        the_first_example_is_what_is_printed: [Nft],
        the_picture_is_what_is_printed: [Tun],
    ]
}

const HOST: &str = "db.corp.example";
const FILTERED: &str = "nwcheck tcp db.corp.example:5432";
const PARTIAL: &str = "nwcheck tcp db.corp.example:443";
const HOW: &str = "is no longer what is printed; make it anew: NWCHECK_UPDATE_DOCS=1 cargo test --test lab -- readme";

fn updates() -> bool {
    std::env::var_os("NWCHECK_UPDATE_DOCS").is_some()
}

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Three routers, the second of which drops the port without a word. The text stands in README.md, the report in docs/example.json.
fn the_first_example_is_what_is_printed() {
    let lab = Lab::routers(3).build();
    let _other = serve(lab.server(), 443);
    lab.client().allow_ping_sockets();
    lab.router(2).drops(Hook::Forward, "tcp dport 5432");
    let server = name_server(&lab, HOST, &[lab.server_address(Family::V4)]);
    let words = || FILTERED.split(' ').skip(1);

    let printed = Run::program(lab.client(), reachable_binary(), words())
        .variable("LANG", "C.UTF-8")
        .name_servers(&[server.address()])
        .run();
    printed.exits(1);
    let readme = fs::read_to_string(file("README.md")).expect("README.md");
    let (before, rest) = readme
        .split_once(&format!("$ {FILTERED}\n"))
        .expect("the first example");
    let (known, after) = rest.split_once("$ echo $?\n").expect("its end");
    if updates() {
        let text = format!(
            "{before}$ {FILTERED}\n{}$ echo $?\n{after}",
            quiet(&printed)
        );
        fs::write(file("README.md"), text).expect("README.md");
    } else {
        assert_eq!(masked(known), masked(&printed.text()), "README.md {HOW}");
    }

    let reported = Run::nwcheck(lab.client(), words())
        .name_servers(&[server.address()])
        .run();
    let mut report = reported.report();
    if updates() {
        quiet(&reported);
        // Which machine it was is nobody's concern.
        let own = json!({"host": "build-7", "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0-18-amd64"});
        for (key, value) in own.as_object().expect("an object") {
            report["source"][key] = value.clone();
        }
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        fs::write(file("docs/example.json"), text + "\n").expect("the folder docs");
    } else {
        let kept = fs::read_to_string(file("docs/example.json")).expect("docs/example.json");
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        assert_eq!(told(&kept), told(&report), "docs/example.json {HOW}");
    }
}

/// One of four equal paths is dead: docs/picture.svg.
fn the_picture_is_what_is_printed() {
    // The fork is router 0, the branches 1 to 4.
    let web = Web::layers(&[1, 4, 1], Duration::from_millis(4)).dead(2);
    let net = trace::up(&web);
    let hosts = format!("127.0.0.1 localhost\n{} {HOST}\n", net.server(Family::V4));
    let run = || {
        Run::program(net.client(), reachable_binary(), PARTIAL.split(' ').skip(1))
            .arguments(["--color", "always"])
            .variable("LANG", "C.UTF-8")
            .file("hosts", &hosts)
            .run()
    };
    // One check in a hundred meets the dead path with none of its connections. The picture is of one whose first connection met it,
    // which is an error.
    let fits = |found: &Outcome| {
        found.text().contains("path-partial") && (found.code == Some(1) || !updates())
    };
    let tries = if updates() { 16 } else { 3 };
    let found = (0..tries).map(|_| run()).find(fits);
    let found = found.expect("a check that meets the dead path");
    let (bold, plain) = ("\u{1b}[1m", "\u{1b}[0m");
    let printed = format!("{bold}$ {PARTIAL}{plain}\n{}", found.text());
    let spoken = format!("{PARTIAL} names the dead one of four equal paths");
    let drawn = picture::svg(&printed, &spoken).unwrap_or_else(|why| panic!("{why}\n{found}"));
    if updates() {
        quiet(&found);
        fs::write(file("docs/picture.svg"), &drawn).expect("the folder docs");
    }
    let kept = fs::read_to_string(file("docs/picture.svg")).expect("docs/picture.svg");
    assert_eq!(labels(&kept), labels(&drawn), "docs/picture.svg {HOW}");
    for text in [PARTIAL, ">path-partial<"] {
        assert!(kept.contains(text), "docs/picture.svg has no {text}");
    }
}

/// What was printed, on a machine that is not busy: otherwise the example would say so.
#[track_caller]
fn quiet(found: &Outcome) -> String {
    let text = found.text();
    assert!(
        !text.contains("local-cpu-high"),
        "this machine is busy, and the example would say so: try again later"
    );
    text
}

/// What is said of the fault, word by word, without numbers, and without a note on the machine.
fn masked(text: &str) -> Vec<String> {
    let mut said = Vec::new();
    let mut in_note = false;
    for line in text.lines() {
        let label: String = line.chars().skip(2).take(14).collect();
        match label.trim() {
            "name" => break,
            "note" => in_note = true,
            _ => {}
        }
        if in_note {
            continue;
        }
        let words = line.split_whitespace();
        let is_word = |word: &&str| word.parse::<f64>().is_err();
        said.extend(words.filter(is_word).map(str::to_owned));
    }
    said
}

/// What is the same in every run of the first example.
fn told(report: &Value) -> Value {
    let keys = [
        "schema",
        "target",
        "status",
        "verdict",
        "cause",
        "exit_status",
        "options",
    ];
    let mut told: serde_json::Map<String, Value> = keys
        .into_iter()
        .map(|key| (key.to_owned(), report[key].clone()))
        .collect();
    let path = &report["endpoints"][0]["path"];
    told.insert("reached".to_owned(), path["reached"].clone());
    told.insert("hop".to_owned(), report["findings"][0]["hop"].clone());
    told.insert(
        "address".to_owned(),
        report["findings"][0]["address"].clone(),
    );
    Value::Object(told)
}

/// What stands at the left edge of each part, in order, but for notes: those tell of the machine that made it.
fn labels(svg: &str) -> Vec<String> {
    let mut labels = picture::at_column(svg, 2);
    // What is above the cause has the numbers of that run.
    let cause = labels.iter().position(|label| label == "cause");
    labels.drain(..cause.expect("a cause"));
    if let Some(note) = labels.iter().position(|label| label == "note") {
        let after = labels.iter().position(|label| label == "name");
        labels.drain(note..after.unwrap_or(labels.len()).max(note));
    }
    labels
}
