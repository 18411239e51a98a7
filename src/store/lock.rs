//! Keeps a second server process off the same file: an operating-system lock on `<database>.lock`.
//!
//! The system lets go of it when the process ends, however it ends; the file itself stays.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::Error;

/// Held for as long as it lives.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock of a database file.
    pub(super) fn take(database: &Path) -> Result<Self, Error> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let unavailable = |error: std::io::Error| Error::Unavailable(Box::new(error));
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: database.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}
