//! An /etc of a program's own, with the few files that the test wants in it.
//!
//! All of it happens in the child, between fork and exec, and dies with the child's mount namespace:
//!
//! 1. The child leaves the machine's mount namespace, and goes on only when the kernel shows it in another one.
//! 2. Nothing that it mounts is passed on to any other namespace.
//! 3. An empty tmpfs is mounted over /etc, and the child goes on only when what is there now is that tmpfs.
//! 4. The files, whose contents the parent read beforehand, are created in it, and only as new ones.
//!
//! No folder of the machine is bound or moved, nothing is ever removed, and no file that exists is opened for writing.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    fs, io,
    mem::MaybeUninit,
    os::{
        fd::RawFd,
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _, process::CommandExt as _},
    },
    path::Path,
    process::Command,
    ptr,
};

/// What programs need of the machine's own.
const MACHINES_OWN: [&str; 4] = ["passwd", "group", "hostname", "ld.so.cache"];
const ETC: &CStr = c"/etc";
/// Where systemd's resolver keeps its view of the name servers.
const RESOLVED: &CStr = c"/run/systemd/resolve";
/// As many bytes as the name of a namespace can have.
const LONGEST_NAMESPACE: usize = 64;

/// An /etc to be given to one program.
pub(crate) struct PrivateEtc {
    files: Vec<(CString, Vec<u8>)>,
    /// The name of the mount namespace that the child must leave
    namespace: Vec<u8>,
    /// The device of the /etc that the child must not write to
    device: u64,
    resolved: bool,
}

impl PrivateEtc {
    /// With these files, and the machine's own passwd, group, hostname and ld.so.cache where the test has none.
    pub(crate) fn new(files: &BTreeMap<String, String>) -> io::Result<Self> {
        let etc = fs::symlink_metadata("/etc")?;
        if !etc.is_dir() {
            return Err(io::Error::other("/etc is not a folder"));
        }
        let mut contents: BTreeMap<String, Vec<u8>> = files
            .iter()
            .map(|(name, text)| (name.clone(), text.clone().into_bytes()))
            .collect();
        for name in MACHINES_OWN {
            if let Ok(bytes) = fs::read(Path::new("/etc").join(name)) {
                contents.entry(name.to_owned()).or_insert(bytes);
            }
        }
        let files = contents
            .into_iter()
            .map(|(name, bytes)| {
                if name.contains('/') {
                    return Err(io::Error::other(format!("not the name of a file: {name}")));
                }
                Ok((CString::new(name)?, bytes))
            })
            .collect::<io::Result<_>>()?;
        let namespace = fs::read_link("/proc/self/ns/mnt")?;
        Ok(Self {
            files,
            namespace: namespace.into_os_string().into_vec(),
            device: etc.dev(),
            resolved: Path::new("/run/systemd/resolve").is_dir(),
        })
    }

    /// Gives it to the command's child, which must still be root of its user namespace.
    pub(crate) fn give_to(self, command: &mut Command) {
        // SAFETY: `cover` makes system calls alone and allocates nothing, as is right between fork and exec.
        unsafe { command.pre_exec(move || self.cover()) };
    }

    /// In the child, which has one thread and shares nothing with its parent.
    fn cover(&self) -> io::Result<()> {
        // SAFETY: an integer goes in.
        check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        self.assert_left()?;
        // SAFETY: null where the kernel ignores the argument, and a string that ends in zero.
        check(unsafe {
            let flags = libc::MS_REC | libc::MS_PRIVATE;
            libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null())
        })?;
        if self.resolved {
            mount_empty(RESOLVED)?;
        }
        mount_empty(ETC)?;
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the path is a string that ends in zero.
        let etc = check(unsafe { libc::open(ETC.as_ptr(), flags) })?;
        self.assert_covered(etc)?;
        for (name, bytes) in &self.files {
            create(etc, name, bytes)?;
        }
        // SAFETY: the descriptor was opened here and is not used again.
        check(unsafe { libc::close(etc) })?;
        Ok(())
    }

    /// Fails (EXDEV) unless the mount namespace is another than the parent's.
    fn assert_left(&self) -> io::Result<()> {
        let mut name = [0_u8; LONGEST_NAMESPACE];
        // SAFETY: the path ends in zero, and the buffer has the length that is said.
        let length = unsafe {
            libc::readlink(
                c"/proc/self/ns/mnt".as_ptr(),
                name.as_mut_ptr().cast(),
                name.len(),
            )
        };
        let name = usize::try_from(length)
            .map_err(|_| io::Error::last_os_error())
            .map(|length| name.get(..length).unwrap_or_default())?;
        if name.is_empty() || self.namespace.is_empty() || name == self.namespace.as_slice() {
            return Err(io::Error::from_raw_os_error(libc::EXDEV));
        }
        Ok(())
    }

    /// Fails (ESTALE) unless this is a tmpfs, and another file system than the one that the parent sees.
    fn assert_covered(&self, etc: RawFd) -> io::Result<()> {
        let mut system = MaybeUninit::<libc::statfs>::zeroed();
        let mut folder = MaybeUninit::<libc::stat>::zeroed();
        // SAFETY: both buffers are of the type that the call fills, and zeros are a value of it.
        let (system, folder) = unsafe {
            check(libc::fstatfs(etc, system.as_mut_ptr()))?;
            check(libc::fstat(etc, folder.as_mut_ptr()))?;
            (system.assume_init(), folder.assume_init())
        };
        if system.f_type != libc::TMPFS_MAGIC || folder.st_dev == self.device {
            return Err(io::Error::from_raw_os_error(libc::ESTALE));
        }
        Ok(())
    }
}

/// An empty tmpfs over this folder.
fn mount_empty(folder: &CStr) -> io::Result<()> {
    let options = c"mode=755,size=4m".as_ptr().cast();
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let (name, kind) = (c"lab".as_ptr(), c"tmpfs".as_ptr());
    // SAFETY: every argument is a string that ends in zero.
    check(unsafe { libc::mount(name, folder.as_ptr(), kind, flags, options) })?;
    Ok(())
}

/// A new file with these bytes, readable by all; one that exists is an error (EEXIST).
fn create(folder: RawFd, name: &CStr, bytes: &[u8]) -> io::Result<()> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: the name ends in zero; the bytes written are within the slice; the descriptor is this function's own.
    unsafe {
        let file = check(libc::openat(folder, name.as_ptr(), flags, 0o644))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = libc::write(file, rest.as_ptr().cast(), rest.len());
            let written = usize::try_from(written).map_err(|_| io::Error::last_os_error())?;
            rest = rest.get(written..).unwrap_or_default();
        }
        check(libc::fchmod(file, 0o644))?;
        check(libc::close(file))?;
    }
    Ok(())
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
