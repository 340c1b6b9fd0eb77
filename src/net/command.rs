//! Other programs that the user has, asked for what they know: run directly with an argument vector, never by a shell, with an end in size
//! and time, and gone with all that they started when they have been heard.
//!
//! What it is for: tools of virtual machines and clouds. What it may use: `platform`, the environment's search path. What it must not do: as
//! root, or with more rights than its caller, run a file that anybody but root may have written; wait without end; keep more than it was
//! promised; leave a process of the group behind.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::unix::pipe::Receiver;

use super::platform;
use super::trusted::is_roots_alone;

/// Where programs are looked for with more rights than an ordinary user's (Filesystem Hierarchy Standard 3.0), and where snaps are.
const FOLDERS: [&str; 7] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/snap/bin",
];
/// At most so many bytes of its output are taken.
pub const LONGEST: usize = 8 << 20;
/// At most so many bytes of its complaints are kept; more is read and thrown away.
const LONGEST_COMPLAINT: usize = 4096;
/// How often it is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(3);
/// So long the rest of its output is waited for when it and its group have ended: somebody else may hold the pipe open.
const REST: Duration = Duration::from_millis(200);
/// What of the environment is handed on: where the user's own settings of these programs are, and how they reach their services.
const HANDED_ON: [&str; 16] = [
    "HOME",
    "USER",
    "LOGNAME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "SSH_AUTH_SOCK",
];
/// The same, by how the names begin.
const HANDED_ON_BY_PREFIX: [&str; 10] = [
    "AWS_",
    "AZURE_",
    "CLOUDSDK_",
    "CONTAINER",
    "DOCKER_",
    "GOOGLE_",
    "INCUS_",
    "LIBVIRT_",
    "LXD_",
    "VAGRANT_",
];

/// Why a program told nothing.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It is not there.
    #[error("{0} is not installed")]
    Missing(String),
    /// It is in none of the system's folders.
    #[error("{} is not run as root, only what is in the system's folders: check as the user whose it is", .0.display())]
    Elsewhere(PathBuf),
    /// Somebody other than root may change it.
    #[error("{} is not run as root: somebody else may change it", .0.display())]
    NotRoots(PathBuf),
    /// This program was started with more rights than its caller has.
    #[error("{0} is not run: nwcheck itself is set-user-id")]
    Borrowed(String),
    /// The system does not run it.
    #[error("{0} can't be run: {1}")]
    NotRun(String, io::Error),
    /// It took too long.
    #[error("{0} did not answer within {1:?}")]
    TooSlow(String, Duration),
    /// It wrote too much.
    #[error("{0} writes more than {LONGEST} bytes")]
    TooMuch(String),
}

/// What a program gave.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it wrote.
    pub text: Vec<u8>,
    /// The beginning of its complaints; untrusted text.
    pub complaint: String,
}

impl Output {
    /// How it ended, as it stands in brackets: `exit status 1`, `signal 9`.
    pub fn ending(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no status".to_owned(),
        }
    }
}

/// Whether a program of this name is there to be run.
///
/// # Errors
/// It is not, and why.
pub fn find(name: &str) -> Result<PathBuf, CommandError> {
    let is_root = platform::is_root();
    if is_root && platform::started_elevated() && !nix::unistd::getuid().is_root() {
        return Err(CommandError::Borrowed(name.to_owned()));
    }
    let careful = is_root || platform::started_elevated();
    let path = std::env::var_os("PATH");
    chosen(name, path.as_deref(), careful)
}

/// The first program of this name in the search path; for the careful in the system's folders alone, where nobody but root may change it.
fn chosen(name: &str, path: Option<&OsStr>, careful: bool) -> Result<PathBuf, CommandError> {
    let first = |path| {
        let mut files = candidates(name, path).into_iter();
        files.find(|file| is_executable(file))
    };
    let missing = || CommandError::Missing(name.to_owned());
    if !careful {
        return first(path).ok_or_else(missing);
    }
    match first(None) {
        Some(found) if is_roots_alone(&found) => Ok(found),
        Some(found) => Err(CommandError::NotRoots(found)),
        None => Err(path
            .and_then(|path| first(Some(path)))
            .map_or_else(missing, CommandError::Elsewhere)),
    }
}

/// Where a program may be: in the folders of the search path that begin at the root, or without one in those of the system.
fn candidates(name: &str, path: Option<&OsStr>) -> Vec<PathBuf> {
    match path {
        Some(path) => std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .collect(),
        None => FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .collect(),
    }
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|entry| entry.is_file() && entry.permissions().mode() & 0o111 != 0)
}

/// Runs a program to its end, or to `until` on this machine's clock. Its standard input is empty, its folder is `/`, its environment is what
/// these programs need of this one's, with `LC_ALL=C`; it is the leader of a process group, which is killed when it has been heard.
/// Dropping the future kills the group, too.
///
/// # Errors
/// It is not there, can't be run, took too long or wrote too much.
///
/// # Panics
/// Outside a tokio runtime with I/O and time enabled.
pub async fn run(name: &str, arguments: &[&str], until: Instant) -> Result<Output, CommandError> {
    let file = find(name)?;
    let began = Instant::now();
    let mut running = Running::start(name, &file, arguments)?;
    let end = tokio::time::timeout_at(until.into(), running.hear()).await;
    end.unwrap_or_else(|_| {
        Err(CommandError::TooSlow(
            name.to_owned(),
            rounded(began.elapsed()),
        ))
    })
}

/// To a tenth of a second, as it is told.
fn rounded(time: Duration) -> Duration {
    let tenths = (time.as_millis() + 50) / 100;
    Duration::from_millis(
        u64::try_from(tenths)
            .unwrap_or(u64::MAX)
            .saturating_mul(100),
    )
}

/// A program that runs, as the leader of its group. Dropped, the group is killed.
#[derive(Debug)]
struct Running {
    name: String,
    child: Child,
    output: Option<ChildStdout>,
    complaints: Option<ChildStderr>,
}

impl Running {
    fn start(name: &str, file: &Path, arguments: &[&str]) -> Result<Self, CommandError> {
        let mut command = Command::new(file);
        command
            .args(arguments)
            .env_clear()
            .envs(environment(std::env::vars_os(), platform::is_root()))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| CommandError::NotRun(name.to_owned(), error))?;
        Ok(Self {
            name: name.to_owned(),
            output: child.stdout.take(),
            complaints: child.stderr.take(),
            child,
        })
    }

    async fn hear(&mut self) -> Result<Output, CommandError> {
        let not_run = |name: &str, error| CommandError::NotRun(name.to_owned(), error);
        let name = self.name.clone();
        let output = self
            .output
            .take()
            .map(OwnedFd::from)
            .map(Receiver::from_owned_fd);
        let complaints = self
            .complaints
            .take()
            .map(OwnedFd::from)
            .map(Receiver::from_owned_fd);
        let output = output.transpose().map_err(|error| not_run(&name, error))?;
        let complaints = complaints
            .transpose()
            .map_err(|error| not_run(&name, error))?;
        let (mut text, mut complaint) = (Vec::new(), Vec::new());
        let (mut lost, mut unread) = (false, false);
        {
            let heard = async {
                tokio::join!(
                    read(output, &mut text, LONGEST, &mut lost, true),
                    read(
                        complaints,
                        &mut complaint,
                        LONGEST_COMPLAINT,
                        &mut unread,
                        false
                    )
                )
            };
            let mut heard = std::pin::pin!(heard);
            tokio::select! {
                _ = &mut heard => {}
                () = self.ended() => {
                    // What it left behind holds the pipes open no longer.
                    self.kill_group();
                    let _ = tokio::time::timeout(REST, &mut heard).await;
                }
            }
        }
        if lost {
            return Err(CommandError::TooMuch(name));
        }
        self.ended().await;
        self.kill_group();
        let status = self.child.wait().map_err(|error| not_run(&name, error))?;
        Ok(Output {
            status,
            text,
            complaint: String::from_utf8_lossy(&complaint).into_owned(),
        })
    }

    /// Waits until the leader has ended, and leaves its number taken, so that the group can still be killed by it.
    async fn ended(&self) {
        while platform::still_runs(self.child.id()) == Ok(true) {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Kills the group. The leader has not been waited for, so that the number is still its own.
    fn kill_group(&self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Waited for, the number may be somebody else's already.
        if platform::still_runs(self.child.id()).is_ok() {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end, and keeps the first `most` bytes; says whether there were more, and stops there if it is asked to.
async fn read(
    from: Option<impl AsyncRead + Unpin>,
    kept: &mut Vec<u8>,
    most: usize,
    lost: &mut bool,
    stops: bool,
) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let room = most.saturating_sub(kept.len());
        let new = buffer.get(..length).unwrap_or_default();
        kept.extend_from_slice(new.get(..room.min(length)).unwrap_or_default());
        if length > room {
            *lost = true;
            if stops {
                return;
            }
        }
    }
}

/// What a program sees of the environment. Root's search path is the system's.
fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
    is_root: bool,
) -> Vec<(OsString, OsString)> {
    let mut kept: Vec<(OsString, OsString)> = all
        .filter(|(name, _)| {
            let name = name.to_str().unwrap_or_default();
            HANDED_ON.contains(&name)
                || HANDED_ON_BY_PREFIX
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
                || (name == "PATH" && !is_root)
        })
        .collect();
    if is_root {
        kept.push(("PATH".into(), FOLDERS.join(":").into()));
    }
    // No other language, no colour, and no pager that would wait for somebody.
    for (name, value) in [
        ("LC_ALL", "C"),
        ("NO_COLOR", "1"),
        ("AWS_PAGER", ""),
        ("TERM", "dumb"),
    ] {
        kept.retain(|(known, _)| known != name);
        kept.push((name.into(), value.into()));
    }
    kept
}

#[cfg(test)]
mod tests;
