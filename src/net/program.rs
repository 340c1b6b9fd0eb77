//! Other programs that list what only they can tell: by absolute path, without a shell or an environment, with an end in size and time.
//!
//! What it is for: `nft` and the like, as root. What it may use: `platform`. What it must not do: run a file that anybody but root may have
//! written, hand a capability or a descriptor on, wait without end, or leave a program behind.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use super::platform;
use super::trusted::is_roots_alone;

/// Where programs of the system are (Filesystem Hierarchy Standard 3.0, sections 3.4, 3.16, 4.4 and 4.10).
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// At most so many bytes are taken from a program.
pub const LONGEST: usize = 16 << 20;
/// After so long it has to be at its end.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(2);

/// Why a program told nothing.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It is not there.
    #[error("{0} is not installed")]
    Missing(String),
    /// Somebody other than root may change it.
    #[error("{} is not run: somebody other than root may change it", .0.display())]
    NotRoots(PathBuf),
    /// The system does not run it.
    #[error("{0} can't be run: {1}")]
    NotRun(String, io::Error),
    /// It took too long.
    #[error("{0} did not end within {PATIENCE:?}")]
    TooSlow(String),
    /// It wrote too much.
    #[error("{0} writes more than {LONGEST} bytes")]
    TooMuch(String),
    /// It failed.
    #[error("{0} failed ({1})")]
    Failed(String, std::process::ExitStatus),
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    output: Option<ChildStdout>,
    until: Instant,
}

/// Starts a program of the system by its name. Its standard input is empty, its errors are not kept, it has no environment but `LC_ALL=C`,
/// no descriptor beyond the first three, and `/` as its folder. Root's has no capability but those of network administration and of raw
/// sockets, which listing rules takes (`CAP_NET_ADMIN`, `CAP_NET_RAW`). It ends when the thread ends that started it.
///
/// # Errors
/// It is not there, not root's alone, or the system does not run it.
pub fn start(name: &str, arguments: &[&str]) -> Result<Running, ProgramError> {
    let file = find(name)?;
    let mut command = Command::new(&file);
    command
        .arg0(name)
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    platform::confine(&mut command);
    let mut child = command
        .spawn()
        .map_err(|error| ProgramError::NotRun(name.to_owned(), error))?;
    Ok(Running {
        name: name.to_owned(),
        output: child.stdout.take(),
        child,
        until: Instant::now() + PATIENCE,
    })
}

/// The name of the file that a program of this name is, links followed: some programs are many, and go by the name that they are called by.
/// None where there is none.
pub fn file_name(name: &str) -> Option<String> {
    let (Ok(file) | Err(ProgramError::NotRoots(file))) = find(name) else {
        return None;
    };
    Some(file.file_name()?.to_string_lossy().into_owned())
}

/// The file itself, links followed, where it and all folders above it are root's alone.
fn find(name: &str) -> Result<PathBuf, ProgramError> {
    let missing = || ProgramError::Missing(name.to_owned());
    let mut candidates = FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .filter_map(|path| fs::canonicalize(path).ok());
    let file = candidates.next().ok_or_else(missing)?;
    if is_roots_alone(&file) {
        Ok(file)
    } else {
        Err(ProgramError::NotRoots(file))
    }
}

impl Running {
    /// All that it writes, once it has ended well.
    ///
    /// # Errors
    /// It failed, wrote too much or took too long.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn output(mut self) -> Result<String, ProgramError> {
        let until = tokio::time::Instant::from_std(self.until);
        let end = tokio::time::timeout_at(until, self.read_to_end()).await;
        end.unwrap_or_else(|_| Err(ProgramError::TooSlow(self.name.clone())))
    }

    async fn read_to_end(&mut self) -> Result<String, ProgramError> {
        let not_run = |error| ProgramError::NotRun(self.name.clone(), error);
        let mut text = Vec::new();
        if let Some(output) = self.output.take() {
            let output = Receiver::from_owned_fd(OwnedFd::from(output)).map_err(not_run)?;
            let most = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
            let mut output = output.take(most);
            output.read_to_end(&mut text).await.map_err(not_run)?;
        }
        if text.len() > LONGEST {
            return Err(ProgramError::TooMuch(self.name.clone()));
        }
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => break,
                Ok(Some(status)) => return Err(ProgramError::Failed(self.name.clone(), status)),
                Ok(None) => tokio::time::sleep(LOOK).await,
                Err(error) => return Err(ProgramError::NotRun(self.name.clone(), error)),
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let error = start("nwcheck-of-no-system", &[]).unwrap_err();
        assert!(matches!(error, ProgramError::Missing(_)), "{error}");
        assert_eq!(file_name("nwcheck-of-no-system"), None);
    }

    #[tokio::test]
    async fn it_sees_no_environment_and_no_descriptor_of_ours() {
        let Ok(running) = start("env", &[]) else {
            return;
        };
        assert_eq!(running.output().await.unwrap(), "LC_ALL=C\n");
        // The last is the folder that `ls` itself opened.
        let descriptors = start("ls", &["/proc/self/fd"]).unwrap();
        assert_eq!(descriptors.output().await.unwrap(), "0\n1\n2\n3\n");
    }

    #[tokio::test]
    async fn it_has_no_capability_but_those_that_listing_takes() {
        let status = start("cat", &["/proc/self/status"]).unwrap();
        let status = status.output().await.unwrap();
        let sets = status.lines().filter_map(|line| line.split_once(":\t"));
        for (name, bits) in sets.filter(|(name, _)| matches!(*name, "CapEff" | "CapPrm")) {
            let bits = u64::from_str_radix(bits, 16).unwrap();
            let most = 1 << 12 | 1 << 13;
            let unbounds = crate::net::privilege::Capabilities::effective().unbounds();
            assert!(!unbounds || bits & !most == 0, "{name} {bits:x}");
        }
    }

    #[tokio::test]
    async fn what_writes_without_end_is_stopped() {
        let error = start("cat", &["/dev/zero"]).unwrap().output().await;
        assert!(matches!(error, Err(ProgramError::TooMuch(_))));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_stopped() {
        let mut running = start("sleep", &["60"]).unwrap();
        running.until = Instant::now() + LOOK;
        let child = running.child.id();
        let error = running.output().await;
        assert!(matches!(error, Err(ProgramError::TooSlow(_))));
        assert!(!Path::new(&format!("/proc/{child}")).exists());
    }

    #[tokio::test]
    async fn what_fails_is_said() {
        let error = start("false", &[]).unwrap().output().await;
        assert!(matches!(error, Err(ProgramError::Failed(..))));
    }
}
