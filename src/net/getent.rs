//! `getent ahosts NAME`: what an application on this machine gets for a name, asked of the machine's own C library.
//!
//! What it is for: a program that is linked statically has a resolver of its own, which reads neither nsswitch.conf nor the modules that
//! it names (systemd-resolved, mDNS, LDAP); the machine's `getent` is linked as applications are. What it may use: that one program, by an
//! absolute path, when root owns it and nobody else may write to it, without a shell, with an empty environment but for the resolver's own
//! variables. What it must not do: judge, or run for longer than it is given: the child is killed then. It blocks, so that it is called
//! from a thread of its own.

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::trusted::is_roots_alone;

/// Where distributions have it.
const PLACES: &[&str] = &["/usr/bin/getent", "/bin/getent"];
/// What a resolver reads of its environment (resolv.conf(5)).
const VARIABLES: &[&str] = &["LOCALDOMAIN", "RES_OPTIONS"];
/// So much of its output is read.
const LARGEST_OUTPUT: u64 = 64 * 1024;
/// How often it is looked whether it has ended.
const STEP: Duration = Duration::from_millis(5);

/// One address: with its scope, as getent writes it (`fe80::1%eth0`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The address.
    pub ip: IpAddr,
    /// The interface behind the `%`.
    pub scope: Option<String>,
}

/// The addresses of a name, in the order in which an application tries them; empty where `getent` gives none, which is not told apart
/// from a name that could not be looked up (getent(1): exit status 2 is both).
///
/// Blocks for `patience` at most. No privilege is needed.
///
/// # Errors
/// There is no `getent` that only root may change, it can't be run, it took too long, or the name begins with `-`.
pub fn addresses(name: &str, patience: Duration) -> io::Result<Vec<Found>> {
    let program = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|path| trusted(path))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "no getent at {} that only root may change",
                    PLACES.join(" or ")
                ),
            )
        })?;
    run(&program, name, patience)
}

/// Whether it is a program that nobody but root may change.
fn trusted(path: &Path) -> bool {
    let program = |file: fs::Metadata| file.is_file() && file.permissions().mode() & 0o111 != 0;
    fs::metadata(path).is_ok_and(program) && is_roots_alone(path)
}

fn run(program: &Path, name: &str, patience: Duration) -> io::Result<Vec<Found>> {
    if name.starts_with('-') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a name that begins with `-` is not handed to a program",
        ));
    }
    let mut command = Command::new(program);
    command.args(["ahosts", name]).env_clear();
    for variable in VARIABLES {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    let mut child = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let reader = child.stdout.take().map(|output| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is what there is.
            let _ = output.take(LARGEST_OUTPUT).read_to_end(&mut bytes);
            bytes
        })
    });
    let status = wait(&mut child, patience)?;
    let bytes = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    match status.code() {
        Some(0 | 2) => Ok(read(&String::from_utf8_lossy(&bytes))),
        _ => Err(io::Error::other(format!("getent ended with {status}"))),
    }
}

/// Waits for the end of the child, and kills it when its time is over.
fn wait(child: &mut Child, patience: Duration) -> io::Result<ExitStatus> {
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            // It may have ended in between; either way it is waited for, so that nothing of it is left.
            let _ = child.kill();
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("getent gave no answer in {} s", patience.as_secs()),
            ));
        }
        thread::sleep(STEP);
    }
}

/// The addresses in its output: of the lines that it writes for each address, one for a type of socket, those of streams.
fn read(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(address), Some("STREAM")) = (words.next(), words.next()) else {
            continue;
        };
        let (ip, scope) = match address.split_once('%') {
            Some((ip, scope)) => (ip, Some(scope.to_owned())),
            None => (address, None),
        };
        let Ok(ip) = ip.parse() else { continue };
        let one = Found { ip, scope };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn each_address_is_read_once_in_its_order() {
        let text = "2001:db8::7     STREAM db.example\n2001:db8::7     DGRAM  \n2001:db8::7     RAW    \n\
                    192.0.2.7       STREAM \n192.0.2.7       DGRAM  \nfe80::1%eth0    STREAM \n";
        let found: Vec<String> = read(text)
            .into_iter()
            .map(|found| format!("{} {:?}", found.ip, found.scope))
            .collect();
        assert_eq!(
            found,
            [
                "2001:db8::7 None",
                "192.0.2.7 None",
                "fe80::1 Some(\"eth0\")"
            ]
        );
        assert!(read("nonsense STREAM\n\0\n192.0.2.7\n").is_empty());
    }

    #[test]
    fn what_looks_like_an_option_is_not_handed_over() {
        let refused = run(Path::new("/bin/echo"), "-s", PATIENCE).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_program_that_others_may_change_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("getent");
        fs::write(&path, "").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(&path, mode).unwrap();
        assert!(!trusted(&path));
        assert!(!trusted(folder.path()));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slow");
        fs::write(&path, "#!/bin/sh\nexec sleep 600\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        let began = Instant::now();
        let ended = run(&path, "db.example", Duration::from_millis(50)).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn the_machines_own_getent_gives_an_address_for_itself() {
        match addresses("192.0.2.7", PATIENCE) {
            Ok(found) => assert_eq!(found.first().map(|f| f.ip), "192.0.2.7".parse().ok()),
            // A machine without it is told so.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
        }
    }
}
