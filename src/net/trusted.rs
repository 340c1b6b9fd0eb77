//! Which programs may be run with more rights than an ordinary user's: those that nobody but root may change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whether nobody but root may change the file, a link on the way to it, or a folder above either.
pub(super) fn is_roots_alone(file: &Path) -> bool {
    let Ok(real) = fs::canonicalize(file) else {
        return false;
    };
    let is_roots = |path: &Path| {
        fs::metadata(path).is_ok_and(|entry| entry.uid() == 0 && entry.mode() & 0o022 == 0)
    };
    real.ancestors().all(is_roots) && file.ancestors().skip(1).all(is_roots)
}
