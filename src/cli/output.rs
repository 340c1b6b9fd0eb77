//! Where the result goes: stdout, and files that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::model::ExitStatus;

/// What became of something written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it.
    Whole,
    /// The reader went away (`| head`): that is its right, and no error.
    ReaderGone,
}

/// Why something could not be written.
#[derive(Debug, Error)]
pub enum Unwritten {
    /// Not to stdout.
    #[error("the result can't be written to stdout: {0}")]
    Stdout(#[source] io::Error),
    /// Not to a file.
    #[error("the result can't be saved as {}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        why: io::Error,
    },
}

/// Writes the result to stdout and flushes it.
///
/// # Errors
/// It can't be written, for another reason than that the reader went away.
pub fn print(text: &str) -> Result<Written, Unwritten> {
    let mut stdout = io::stdout().lock();
    write(&mut stdout, text).map_err(Unwritten::Stdout)
}

fn write(writer: &mut impl Write, text: &str) -> io::Result<Written> {
    match writer
        .write_all(text.as_bytes())
        .and_then(|()| writer.flush())
    {
        Ok(()) => Ok(Written::Whole),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Written::ReaderGone),
        Err(error) => Err(error),
    }
}

/// The exit status when the result was written, or could not be.
pub fn status(outcome: Result<Written, Unwritten>, status: ExitStatus) -> ExitStatus {
    match outcome {
        Ok(_) => status,
        Err(error) => failed(&error.to_string()),
    }
}

/// Says on stderr what could not be done, and gives the exit status for it.
pub fn failed(why: &str) -> ExitStatus {
    complain(&format!("nwcheck: {why}"));
    ExitStatus::CouldNotTell
}

/// Says something on stderr: one line. A stderr that is gone is no reason to fail.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a file whole or not at all: first beside it, then in its place. A link is followed, a directory is never replaced.
///
/// # Errors
/// Says which file and why; then nothing of it is left.
pub fn save(path: &Path, text: &str) -> Result<(), Unwritten> {
    replace(path, text).map_err(|why| Unwritten::File {
        path: path.to_owned(),
        why,
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // The file that a link leads to is replaced, not the link.
    let place = match fs::canonicalize(path) {
        Ok(place) => place,
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            return Err(io::Error::new(
                ErrorKind::NotFound,
                "it is a link that leads nowhere",
            ));
        }
        Err(_) => path.to_owned(),
    };
    let known = fs::metadata(&place);
    match &known {
        Ok(known) if known.is_dir() => {
            return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory"));
        }
        Ok(known) if !known.is_file() => {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it is no ordinary file",
            ));
        }
        _ => {}
    }
    let name = place
        .file_name()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it names no file"))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    let beside = place.with_file_name(hidden);
    let mut file = File::create_new(&beside)?;
    // What was for few eyes stays so; a new file has what the umask leaves.
    let allowed = match known {
        Ok(known) => file.set_permissions(known.permissions()),
        Err(_) => Ok(()),
    };
    let done = allowed
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, &place));
    if done.is_err() {
        // What could not be finished is not left behind; that it may be there after all is not worth a second complaint.
        let _ = fs::remove_file(&beside);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, ErrorKind, Write};

    use super::{Written, save, write};

    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        assert_eq!(write(&mut Gone, "text").unwrap(), Written::ReaderGone);
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        save(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::create_dir(&path).unwrap();
        let said = save(&path, "new").unwrap_err().to_string();
        assert!(said.ends_with("report.json: it is a directory"), "{said}");
        let said = save(&dir.path().join("none/report.json"), "new").unwrap_err();
        assert!(said.to_string().contains("can't be saved as"), "{said}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.json"), dir.path().join("link.json"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        save(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(&real).unwrap();
        let said = save(&link, "new").unwrap_err().to_string();
        assert!(said.ends_with("a link that leads nowhere"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_a_file_stays_as_it_was() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        for mode in [0o600, 0o640] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            save(&path, "new").unwrap();
            let now = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(now & 0o777, mode);
        }
    }

    #[test]
    fn a_device_is_never_replaced() {
        let said = save(std::path::Path::new("/dev/full"), "new").unwrap_err();
        assert!(
            said.to_string().ends_with("it is no ordinary file"),
            "{said}"
        );
    }
}
