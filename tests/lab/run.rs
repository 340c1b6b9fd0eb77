//! Runs a program in a namespace: an ordinary user by default, private files in /etc, a clean environment, a hard end.
//!
//! The program sees an `/etc` with the test's own `resolv.conf`, `hosts`, `nsswitch.conf` and `gai.conf`; see `private_etc`.
//! Its `/sys` is the machine's: interfaces are to be read by rtnetlink.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    net::IpAddr,
    os::{
        fd::{AsFd as _, FromRawFd as _, OwnedFd},
        unix::{
            fs::PermissionsExt as _,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use caps::Capability;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    ability::bare,
    net::Namespace,
    outcome::{Outcome, Usage},
    private_etc::PrivateEtc,
    privilege::Identity,
};

/// How long a program may take, unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program to be run in a namespace.
pub(crate) struct Run {
    namespace: Namespace,
    program: PathBuf,
    arguments: Vec<String>,
    identity: Identity,
    files: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
    patience: Duration,
    signal: Option<(Duration, Signal)>,
}

impl Run {
    /// nwcheck with these arguments and `-o json`; [`Outcome::report`] is what it says.
    pub(crate) fn nwcheck<A: Into<String>>(
        namespace: &Namespace,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::program(namespace, reachable_binary(), arguments).arguments(["-o", "json"])
    }

    /// Another program, by its absolute path.
    pub(crate) fn program<A: Into<String>>(
        namespace: &Namespace,
        path: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let files = [
            ("resolv.conf", "# no name server\n"),
            ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
            (
                "nsswitch.conf",
                "passwd: files\ngroup: files\nhosts: files dns\n",
            ),
            ("gai.conf", ""),
        ];
        Self {
            namespace: namespace.clone(),
            program: path.as_ref().to_owned(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            identity: Identity::User,
            files: files
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
            environment: Vec::new(),
            patience: PATIENCE,
            signal: None,
        }
    }

    /// More arguments.
    pub(crate) fn arguments<A: Into<String>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// As root, with every capability.
    pub(crate) fn root(mut self) -> Self {
        self.identity = Identity::Root;
        self
    }

    /// As an ordinary user with these capabilities, as a file capability would give them.
    pub(crate) fn with_capabilities(mut self, capabilities: &[Capability]) -> Self {
        self.identity = Identity::Capable(capabilities.to_vec());
        self
    }

    /// A file in /etc: `file("hosts", "10.0.3.2 shop.test\n")`.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    /// These name servers, in this order.
    pub(crate) fn name_servers(self, servers: &[IpAddr]) -> Self {
        let lines = servers
            .iter()
            .map(|server| format!("nameserver {server}\n"));
        self.file("resolv.conf", &lines.collect::<Vec<_>>().concat())
    }

    /// A variable of the environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Is killed after this time (60 s).
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Gets this signal after this time.
    pub(crate) fn signal(mut self, after: Duration, signal: Signal) -> Self {
        self.signal = Some((after, signal));
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        let line = format!("{} {}", self.program.display(), self.arguments.join(" "));
        let namespace = self.namespace.clone();
        let outcome = namespace
            .run(|| self.inside())
            .unwrap_or_else(|error| panic!("{}: {line}: {error}", namespace.name()));
        keep(&outcome);
        outcome
    }

    /// On a thread of the namespace.
    fn inside(self) -> io::Result<Outcome> {
        let mut command = bare(&self.program.to_string_lossy());
        command
            .args(&self.arguments)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/nonexistent")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        PrivateEtc::new(&self.files)?.give_to(&mut command);
        self.identity.assume(&mut command);
        command.process_group(0);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let output = child.stdout.take().map(collect);
        let errors = child.stderr.take().map(collect);
        let timed_out = wait(&child, start, self.patience, self.signal)?;
        let (status, usage) = reap(&child)?;
        let elapsed = start.elapsed();
        let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
            reader
                .and_then(|reader| reader.join().ok())
                .unwrap_or_default()
        };
        Ok(Outcome {
            command: format!("{} {}", self.program.display(), self.arguments.join(" ")),
            code: status.code(),
            killed_by: status.signal(),
            timed_out,
            elapsed,
            usage,
            stdout: text(output),
            stderr: String::from_utf8_lossy(&text(errors)).into_owned(),
        })
    }
}

/// Keeps what was written to standard output in the folder that `NWCHECK_LAB_KEEP` names, one file a run, for whoever
/// wants to read all reports of a run of the lab.
fn keep(outcome: &Outcome) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if let Some(folder) = std::env::var_os("NWCHECK_LAB_KEEP") {
        let case = crate::case::current().replace("::", ".");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(&folder).join(format!("{case}.{number:03}.json"));
        fs::write(path, &outcome.stdout).expect("NWCHECK_LAB_KEEP is a folder");
    }
}

/// Reads to the end on a thread of its own, so that neither pipe fills.
fn collect(mut source: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits for the end; sends the signal when it is due; kills the child and what it started when patience is over, and says so.
fn wait(
    child: &Child,
    start: Instant,
    patience: Duration,
    mut signal: Option<(Duration, Signal)>,
) -> io::Result<bool> {
    let id = i32::try_from(child.id()).map_err(io::Error::other)?;
    // SAFETY: pidfd_open takes two integers; the child is not yet waited for, so its id is its own.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    let descriptor = nix::errno::Errno::result(descriptor)?;
    // SAFETY: the descriptor is new and nobody else's.
    let ended =
        unsafe { OwnedFd::from_raw_fd(i32::try_from(descriptor).map_err(io::Error::other)?) };
    loop {
        let until = signal.map_or(patience, |(after, _)| after.min(patience));
        let left = until.saturating_sub(start.elapsed());
        let timeout =
            PollTimeout::try_from(left + Duration::from_millis(1)).map_err(io::Error::other)?;
        let mut source = [PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        match poll(&mut source, timeout) {
            Ok(1..) => return Ok(false),
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if start.elapsed() >= patience {
            kill(Pid::from_raw(-id), Signal::SIGKILL)?;
            return Ok(true);
        }
        if let Some((_, number)) = signal.take_if(|(after, _)| start.elapsed() >= *after) {
            kill(Pid::from_raw(id), number)?;
        }
    }
}

/// Waits for a child that has ended or is about to; its status, and what it and its own children used.
fn reap(child: &Child) -> io::Result<(ExitStatus, Usage)> {
    let id = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: an rusage is numbers alone, for which zeros are values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to memory of this frame, and the child was not waited for yet.
    let result = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
    nix::errno::Errno::result(result)?;
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec.unsigned_abs())
            + Duration::from_micros(value.tv_usec.unsigned_abs())
    };
    let usage = Usage {
        processor: time(usage.ru_utime) + time(usage.ru_stime),
        peak_kib: usage.ru_maxrss.unsigned_abs(),
    };
    Ok((ExitStatus::from_raw(status), usage))
}

/// The copy of the binary under test, where one had to be made.
static COPY: OnceLock<Option<PathBuf>> = OnceLock::new();

/// The binary under test where an ordinary user may run it: itself, or a copy where a folder above it is closed.
pub(crate) fn reachable_binary() -> &'static Path {
    let built = Path::new(env!("CARGO_BIN_EXE_nwcheck"));
    COPY.get_or_init(|| {
        let open = |path: &Path| {
            fs::metadata(path).is_ok_and(|entry| entry.permissions().mode() & 0o001 != 0)
        };
        if built.ancestors().all(open) {
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("nwcheck-lab-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a folder for the binary")
            .keep();
        let copy = folder.join("nwcheck");
        fs::copy(built, &copy).expect("a copy of the binary");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("its mode");
        Some(copy)
    })
    .as_deref()
    .unwrap_or(built)
}

/// Removes the copy of the binary, if there is one: the file, then its folder, which must be empty.
pub(crate) fn clean_up() {
    if let Some(Some(copy)) = COPY.get() {
        let _ = fs::remove_file(copy);
        let _ = copy.parent().map(fs::remove_dir);
    }
}
