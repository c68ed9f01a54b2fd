//! Writing files so that they appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::paths::absent;
use super::{Durability, FolderMedium};
use crate::embedded::medium::ObjectReader;

/// A folder may be swept away by a delete between its creation and the rename into it.
const RENAME_ATTEMPTS: u32 = 16;

/// Removal of what may be gone already.
pub(super) fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if absent(&error) => Ok(()),
        other => other,
    }
}

/// Tells one version of a file from every other: a rename keeps it, a replacement does not.
pub(super) fn file_id(found: &fs::Metadata) -> String {
    format!("{:x}-{:x}-{:x}-{:x}", found.ino(), found.mtime(), found.mtime_nsec(), found.len())
}

impl FolderMedium {
    pub(super) fn write_tmp(&self, chunks: &[Bytes]) -> io::Result<PathBuf> {
        let path = self.tmp_file();
        let written = File::create_new(&path).and_then(|mut file| {
            for chunk in chunks {
                file.write_all(chunk)?;
            }
            self.sync(&file)
        });
        match written {
            Ok(()) => Ok(path),
            Err(error) => {
                discard(&path);
                Err(error)
            }
        }
    }

    /// Moves a written file to its name, replacing what is there.
    pub(super) fn move_to(&self, from: &Path, to: &Path) -> io::Result<()> {
        let parent = to.parent().unwrap_or(&self.root);
        let mut attempt = 0;
        loop {
            fs::create_dir_all(parent)?;
            match fs::rename(from, to) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < RENAME_ATTEMPTS => {}
                // Folders whose last object was deleted.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory && attempt < RENAME_ATTEMPTS => {
                    fs::remove_dir(to)?;
                }
                Err(error) => return Err(error),
            }
            attempt += 1;
        }
        if self.durability == Durability::Machine {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Machine => file.sync_all(),
        }
    }
}

/// Best effort: what stays is swept at the next start.
pub(super) fn discard(path: &Path) {
    if let Err(error) = gone(fs::remove_file(path)) {
        tracing::debug!(%error, path = %path.display(), "temporary file left behind");
    }
}

pub(super) struct FileReader {
    pub(super) file: File,
}

impl ObjectReader for FileReader {
    fn read_at(&mut self, offset_bytes: u64, length_bytes: usize) -> io::Result<Bytes> {
        let mut buffer = vec![0; length_bytes];
        let mut filled = 0;
        while filled < length_bytes {
            match self.file.read_at(&mut buffer[filled..], offset_bytes + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(filled);
        Ok(Bytes::from(buffer))
    }
}
