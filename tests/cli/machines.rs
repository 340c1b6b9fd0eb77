//! Machines by name, told by programs that are made here and print what the real ones document; all addresses are of loopback.
//!
//! The check runs as an ordinary user, whose search path holds these programs and no other.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Run, command, run};

/// The number of an ordinary user, nearly everywhere.
const NOBODY: u32 = 65534;

/// Programs that print what they are told to.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let anybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), anybody).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A program that runs these lines of a shell, after it has noted its name and each of its arguments in brackets.
    fn script(self, name: &str, lines: &str) -> Self {
        let log = self.path().join("log");
        // One write a line: programs that run at the same time write to the same file.
        let text = format!(
            "#!/bin/sh\nline={name}; for word in \"$@\"; do line=\"$line [$word]\"; done; printf '%s\\n' \"$line\" >> {}\n{lines}\n",
            log.display()
        );
        let file = self.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// A program that answers each command that contains a text with an output, in this order; and any other with status 99.
    fn answers(self, name: &str, answers: &[(&str, &str)]) -> Self {
        let mut lines = String::from("case \"$*\" in\n");
        for (number, (words, output)) in answers.iter().enumerate() {
            let file = self.path().join(format!("{name}.{number}"));
            fs::write(&file, output).unwrap();
            lines += &format!("*'{words}'*) exec /bin/cat {} ;;\n", file.display());
        }
        lines += "*) echo 'unexpected' >&2; exit 99 ;;\nesac";
        self.script(name, &lines)
    }

    /// A program that fails with these words.
    fn fails(self, name: &str, status: u8, words: &str) -> Self {
        let file = self.path().join(format!("{name}.words"));
        fs::write(&file, words).unwrap();
        self.script(
            name,
            &format!("/bin/cat {} >&2\nexit {status}", file.display()),
        )
    }

    /// What was run, a line each, in the order of the alphabet.
    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("log")).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn check(&self, words: &[&str]) -> Run {
        let mut command =
            command(
                words
                    .iter()
                    .copied()
                    .chain(["-c", "2", "-w", "2s", "--no-path"]),
            );
        command.env("PATH", self.path()).env("HOME", self.path());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        run(&mut command)
    }
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{} {}", run.stdout, run.stderr))
}

/// A port of loopback that nobody has.
fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn container(name: &str, id: &str, state: &str, address: &str) -> String {
    json!([{"Id": id, "Name": format!("/{name}"), "State": {"Status": state},
        "HostConfig": {"NetworkMode": "bridge"}, "Config": {"Env": ["SECRET=hunter2"]},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": address, "GlobalIPv6Address": ""}}}}])
    .to_string()
}

const AZ_ID: &str =
    "/subscriptions/0-1/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/web";

fn azure(state: &str, private: &str) -> String {
    json!({"id": AZ_ID, "name": "web", "location": "westeurope", "resourceGroup": "lab", "powerState": state,
        "privateIps": private, "publicIps": ""})
    .to_string()
}

fn ec2(state: &str, address: &str) -> String {
    json!({"Reservations": [{"Instances": [{"InstanceId": "i-0abc12345", "State": {"Name": state},
        "PrivateIpAddress": address, "NetworkInterfaces": [], "Placement": {"AvailabilityZone": "eu-west-1a"},
        "Tags": [{"Key": "Name", "Value": "web"}]}]}]})
    .to_string()
}

fn gce(status: &str, address: &str) -> Value {
    json!({"name": "web", "status": status, "zone": "https://www.googleapis.com/compute/v1/projects/p/zones/z",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/web",
        "networkInterfaces": [{"name": "nic0", "networkIP": address}]})
}

#[test]
fn a_machine_that_runs_is_checked_and_one_that_does_not_is_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let running = container("web", "4f5e", "running", "127.0.0.1");
    let programs = Programs::new().answers("docker", &[("web", &running)]);
    let run = programs.check(&["tcp", &format!("vm:web:{port}"), "-o", "json"]);
    let seen = report(&run);
    assert_eq!(
        (run.status, &seen["status"]),
        (0, &json!("reachable")),
        "{}",
        run.stdout
    );
    assert_eq!(seen["target"]["kind"], "vm");
    assert_eq!(seen["resolution"]["sources"][0]["source"], "provider");
    assert_eq!(seen["resolution"]["addresses"], json!(["127.0.0.1"]));
    assert_eq!(programs.log(), ["docker [container] [inspect] [web]"]);
    assert!(!run.stdout.contains("hunter2"));
    drop(listener);

    // The look-alike: it runs, and nothing listens.
    let run = programs.check(&["tcp", &format!("vm:web:{port}"), "-o", "json"]);
    assert_eq!(
        (run.status, &report(&run)["cause"]),
        (1, &json!("port-closed"))
    );

    let stopped = container("web", "4f5e", "exited", "");
    let programs = Programs::new().answers("docker", &[("web", &stopped)]);
    let run = programs.check(&["tcp", &format!("vm:docker/web:{port}"), "-o", "json"]);
    let seen = report(&run);
    assert_eq!((run.status, &seen["cause"]), (1, &json!("vm-not-running")));
    assert_eq!(seen["endpoints"], json!([]), "nothing is sent");
    let finding = &seen["findings"][0];
    assert_eq!(finding["origin"], "destination");
    assert_eq!(finding["actions"][0]["command"], "docker start web");
    let observation = &finding["evidence"][0]["observations"][0];
    assert_eq!(seen["observations"][0]["id"], *observation);
}

/// Target, program, its answers, what must have been run, and the cause.
type Case<'a> = (
    &'a str,
    &'a str,
    Vec<(&'a str, String)>,
    Vec<String>,
    Option<&'a str>,
);

#[test]
fn each_program_is_asked_in_its_own_words() {
    const STOPPED: Option<&str> = Some("vm-not-running");
    const CLOSED: Option<&str> = Some("port-closed");
    let text = str::to_owned;
    let lines = |lines: &[&str]| lines.iter().map(|line| text(line)).collect::<Vec<_>>();
    let vagrant = "1,,metadata,machine-count,1\n1,web,machine-id,1a2b3c4d\n1,web,state,running\n";
    let az_show = format!("az [vm] [show] [--show-details] [--ids] [{AZ_ID}] [--output] [json]");
    let arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc12345";
    let cases: Vec<Case<'_>> = vec![
        (
            "podman/web",
            "podman",
            vec![("web", container("web", "9a", "exited", ""))],
            lines(&["podman [container] [inspect] [web]"]),
            STOPPED,
        ),
        (
            "incus/web",
            "incus",
            vec![(
                "list",
                json!([{"name": "web", "status": "Stopped", "state": null}]).to_string(),
            )],
            lines(&["incus [list] [web] [--format] [json]"]),
            STOPPED,
        ),
        (
            "libvirt/web",
            "virsh",
            vec![("domstate", text("shut off\n\n"))],
            lines(&["virsh [--readonly] [--connect] [qemu:///system] [domstate] [--domain] [web]"]),
            STOPPED,
        ),
        (
            "virsh/web",
            "virsh",
            vec![
                ("domstate", text("running\n")),
                ("domifaddr", text(" Name MAC Protocol Address\n---\n")),
            ],
            lines(&[
                "virsh [--readonly] [--connect] [qemu:///system] [domifaddr] [--domain] [web] [--source] [arp]",
                "virsh [--readonly] [--connect] [qemu:///system] [domifaddr] [--domain] [web] [--source] [lease]",
                "virsh [--readonly] [--connect] [qemu:///system] [domstate] [--domain] [web]",
            ]),
            None,
        ),
        (
            "machined/web",
            "machinectl",
            vec![
                ("show", text("Name=web\nState=closing\n")),
                ("list", text("[]")),
            ],
            lines(&[
                "machinectl [list] [--output=json] [--no-pager]",
                "machinectl [show] [--property=Name] [--property=State] [web]",
            ]),
            STOPPED,
        ),
        (
            "multipass/web",
            "multipass",
            vec![(
                "info",
                json!({"errors": [], "info": {"web": {"ipv4": [], "state": "Suspended"}}})
                    .to_string(),
            )],
            lines(&["multipass [info] [web] [--format] [json]"]),
            STOPPED,
        ),
        (
            "vagrant/web",
            "vagrant",
            vec![
                ("global-status", text(vagrant)),
                (
                    "ssh-config",
                    text("Host web\n  HostName 127.0.0.1\n  Port 2222\n"),
                ),
                ("status", text("1,web,state,running\n")),
            ],
            lines(&[
                "vagrant [global-status] [--machine-readable]",
                "vagrant [ssh-config] [1a2b3c4d]",
                "vagrant [status] [--machine-readable] [1a2b3c4d]",
            ]),
            None,
        ),
        (
            "az/web",
            "az",
            vec![
                (
                    "resource list",
                    json!([{"id": AZ_ID, "name": "web"}]).to_string(),
                ),
                ("vm show", azure("VM deallocated", "")),
            ],
            vec![
                text(
                    "az [resource] [list] [--resource-type] [Microsoft.Compute/virtualMachines] [--name] [web] [--output] [json]",
                ),
                az_show.clone(),
            ],
            STOPPED,
        ),
        (
            AZ_ID,
            "az",
            vec![("vm show", azure("VM running", "127.0.0.1"))],
            vec![az_show],
            CLOSED,
        ),
        (
            "aws/web",
            "aws",
            vec![("describe", ec2("stopping", ""))],
            lines(&[
                "aws [ec2] [describe-instances] [--filters] [Name=tag:Name,Values=web] [--output] [json]",
            ]),
            STOPPED,
        ),
        (
            arn,
            "aws",
            vec![("describe", ec2("running", "127.0.0.1"))],
            lines(&[
                "aws [ec2] [describe-instances] [--filters] [Name=instance-id,Values=i-0abc12345] [--output] [json] [--region] [eu-west-1]",
            ]),
            CLOSED,
        ),
        (
            "gcloud/web",
            "gcloud",
            vec![("list", json!([gce("TERMINATED", "")]).to_string())],
            lines(&[
                "gcloud [compute] [instances] [list] [--filter=name=web] [--format=json] [--quiet]",
            ]),
            STOPPED,
        ),
        (
            "projects/p/zones/z/instances/web",
            "gcloud",
            vec![("describe", gce("RUNNING", "127.0.0.1").to_string())],
            lines(&[
                "gcloud [compute] [instances] [describe] [web] [--project] [p] [--zone] [z] [--format=json] [--quiet]",
            ]),
            CLOSED,
        ),
    ];
    for (machine, program, answers, ran, cause) in cases {
        let answers: Vec<(&str, &str)> = answers
            .iter()
            .map(|(words, output)| (*words, output.as_str()))
            .collect();
        let programs = Programs::new().answers(program, &answers);
        let target = format!("vm:{machine}:{}", closed());
        let run = programs.check(&["tcp", &target, "-o", "json"]);
        let seen = report(&run);
        assert_eq!(
            seen["cause"],
            json!(cause),
            "{machine}: {}",
            seen["summary"]
        );
        assert_eq!(run.status, if cause.is_some() { 1 } else { 3 }, "{machine}");
        assert_eq!(programs.log(), ran, "{machine}");
        if cause.is_none() {
            let summary = seen["summary"].as_str().unwrap();
            assert!(summary.contains("tells no address of it"), "{summary}");
        }
    }
}

#[test]
fn a_name_that_two_know_is_wrong_usage_that_says_how_to_tell_them_apart() {
    let of = |id: &str| container("web", id, "running", "127.0.0.1");
    let programs = Programs::new()
        .answers("docker", &[("web", &of("aaaa"))])
        .answers("podman", &[("web", &of("bbbb"))]);
    let run = programs.check(&["tcp", &format!("vm:web:{}", closed())]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for part in [
        "Docker (aaaa, running)",
        "Podman (bbbb, running)",
        "vm:docker/web:",
        "vm:podman/web:",
    ] {
        assert!(run.stderr.contains(part), "no {part} in {}", run.stderr);
    }
    // The same container under both names, as Podman's stand-in for docker shows it, is one.
    let programs = Programs::new()
        .answers("docker", &[("web", &of("aaaa"))])
        .answers("podman", &[("web", &of("aaaa"))]);
    let run = programs.check(&["tcp", &format!("vm:web:{}", closed()), "-o", "json"]);
    assert_eq!(report(&run)["cause"], "port-closed");
}

#[test]
fn who_is_slow_fails_or_writes_without_end_is_told_and_another_knows() {
    let programs = Programs::new();
    let pid = programs.path().join("pid");
    let slow = format!("/bin/sleep 60 & echo $! >> {}; wait", pid.display());
    let programs = programs
        .script("docker", &slow)
        .script("podman", "exec /bin/cat /dev/zero")
        .answers("incus", &[("list", "[{\"name\": 7}]")])
        .fails(
            "az",
            1,
            "WARNING: x\nERROR: no \u{1b}[2J login at https://me:hunter2@login.example/?sig=hunter2\n",
        )
        .answers("aws", &[("describe", &ec2("running", "127.0.0.1"))]);
    let run = programs.check(&["tcp", &format!("vm:web:{}", closed()), "-o", "json"]);
    let seen = report(&run);
    assert_eq!(seen["cause"], "port-closed", "{}", seen["summary"]);
    let of = |provider: &str| -> (String, String) {
        let all = seen["resolution"]["machine"]["providers"]
            .as_array()
            .unwrap();
        let one = all
            .iter()
            .find(|answer| answer["provider"] == provider)
            .unwrap();
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("error"))
    };
    let (outcome, error) = of("docker");
    assert!(
        outcome == "timeout" && error.contains("did not answer within"),
        "{error}"
    );
    let (outcome, error) = of("podman");
    assert!(
        outcome == "unreadable" && error.contains("more than"),
        "{error}"
    );
    let (outcome, error) = of("incus");
    assert!(
        outcome == "unreadable" && error.contains("line 1 column"),
        "{error}"
    );
    let (outcome, error) = of("az");
    assert_eq!(outcome, "failed");
    assert!(
        error.contains("exit status 1): ERROR: no \\u{1b}[2J login"),
        "{error}"
    );
    assert!(!run.stdout.contains("hunter2"));
    assert_eq!(of("libvirt").0, "absent");
    assert_eq!(of("aws").0, "known");
    let missing = seen["not_measured"].to_string();
    assert!(
        missing.contains("whether Docker knows web, too"),
        "{missing}"
    );
    for pid in fs::read_to_string(&pid).unwrap().split_whitespace() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    }
}

#[test]
fn a_name_that_nobody_knows_can_not_be_told() {
    let programs = Programs::new()
        .fails(
            "docker",
            1,
            "Error response from daemon: No such container: web\n",
        )
        .fails("podman", 125, "Error: no such container web\n")
        .answers("aws", &[("describe", "{\"Reservations\": []}")]);
    let run = programs.check(&["tcp", "vm:web:22"]);
    assert_eq!(run.status, 3, "{}", run.stdout);
    assert!(
        run.stdout.contains("Docker, Podman and AWS do not know it"),
        "{}",
        run.stdout
    );
    let run = Programs::new().check(&["tcp", "vm:web:22"]);
    assert_eq!(run.status, 3);
    assert!(
        run.stdout.contains("no inventory was named"),
        "{}",
        run.stdout
    );
    let run = Programs::new().check(&["icmp", "vm:docker/web"]);
    assert_eq!(run.status, 3);
    assert!(
        run.stdout.contains("docker is not installed"),
        "{}",
        run.stdout
    );
}

#[test]
fn hostile_words_of_a_provider_are_escaped_and_nothing_of_them_is_run() {
    let mut machine = gce("\u{1b}[31mRUNNING\u{202e}", "127.0.0.1");
    machine["networkInterfaces"][0]["name"] = json!("$(id)\u{1b}]0;x\u{7}");
    machine["zone"] = json!("z/`id`\n::error::x");
    let all = json!([machine, {"name": "we", "status": "RUNNING"}]).to_string();
    let programs = Programs::new().answers("gcloud", &[("list", &all)]);
    let run = programs.check(&["tcp", &format!("vm:web:{}", closed()), "-v"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(
        !run.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']),
        "{:?}",
        run.stdout
    );
    assert!(
        run.stdout.contains("gcloud compute instances list"),
        "{}",
        run.stdout
    );
    let off = json!([{"name": "web", "status": "TERMINATED", "selfLink": "https://x/projects/p;id/zones/z/instances/web"}]);
    let programs = Programs::new().answers("gcloud", &[("list", &off.to_string())]);
    let run = programs.check(&["tcp", "vm:web:22", "-o", "json"]);
    let action = &report(&run)["findings"][0]["actions"][0];
    assert_eq!(
        (&action["text"], &action["command"]),
        (&json!("Start it."), &Value::Null)
    );
}

#[test]
fn redaction_covers_names_ids_and_addresses() {
    let programs = Programs::new().answers(
        "az",
        &[(
            "vm show",
            &azure("VM deallocated", "10.77.0.4").replace("\"web\"", "\"billing-db\""),
        )],
    );
    let id = AZ_ID.replace("/web", "/billing-db");
    let run = programs.check(&["tcp", &format!("vm:{id}:22"), "--redact", "-o", "json"]);
    let seen = report(&run);
    assert_eq!(
        (run.status, &seen["cause"]),
        (1, &json!("vm-not-running")),
        "{}",
        run.stderr
    );
    for secret in [
        "billing-db",
        "10.77.0.4",
        "0-1",
        "resourceGroups/lab",
        "westeurope",
    ] {
        assert!(!run.stdout.contains(secret), "{secret} in {}", run.stdout);
    }
    assert_eq!(seen["target"]["kind"], "vm");
}

#[test]
fn inventories_are_read_and_a_form_that_is_not_is_refused() {
    let programs = Programs::new().script("ssh", "printf 'hostname 127.0.0.1\\nport 22\\n'");
    let file = programs.path().join("hosts.ini");
    fs::write(&file, "[lab]\nweb ansible_host=127.0.0.1 ansible_password=hunter2\nnamed ansible_host=localhost\n").unwrap();
    let file = file.to_str().unwrap();
    for name in ["web", "inventory/web", "named"] {
        let target = format!("vm:{name}:{}", closed());
        let run = programs.check(&["tcp", &target, "-4", "--inventory", file, "-o", "json"]);
        let seen = report(&run);
        assert_eq!(seen["cause"], "port-closed", "{name}: {}", seen["summary"]);
        assert_eq!(seen["resolution"]["addresses"], json!(["127.0.0.1"]));
        assert!(!run.stdout.contains("hunter2"));
    }
    assert_eq!(
        programs.log(),
        Vec::<String>::new(),
        "ssh is not asked unless that is said"
    );
    let run = programs.check(&[
        "tcp",
        &format!("vm:gw:{}", closed()),
        "--inventory",
        "ssh",
        "-o",
        "json",
    ]);
    assert_eq!(report(&run)["cause"], "port-closed", "{}", run.stdout);
    assert_eq!(programs.log(), ["ssh [-G] [gw]"]);
    let yaml = programs.path().join("hosts.yml");
    fs::write(&yaml, "all:\n  hosts:\n").unwrap();
    let run = programs.check(&["tcp", "vm:web:22", "--inventory", yaml.to_str().unwrap()]);
    assert_eq!(run.status, 2);
    for part in ["YAML are not read", "ansible-inventory -i hosts.yml --list"] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn waiting_asks_again_until_it_runs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let programs = Programs::new();
    let (off, on) = (programs.path().join("off"), programs.path().join("on"));
    fs::write(&off, container("web", "4f5e", "restarting", "")).unwrap();
    fs::write(&on, container("web", "4f5e", "running", "127.0.0.1")).unwrap();
    let moves = format!(
        "if [ -e {0} ]; then /bin/cat {0}; /bin/rm {0}; else /bin/cat {1}; fi",
        off.display(),
        on.display()
    );
    let programs = programs.script("docker", &moves);
    let run = programs.check(&[
        "tcp",
        &format!("vm:web:{port}"),
        "--wait",
        "60s",
        "-o",
        "json",
    ]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert_eq!(programs.log().len(), 2);
}
