//! A medium of plain files: `root/<bucket>/<key>`, readable by any tool, with all else kept aside.
//!
//! ```text
//! root/<bucket>/<key>                                  the object's bytes, as a plain file
//! root/.landfall-meta/<bucket>/<hash of key>/<file id> what is known of it: ETag, metadata, content type
//! root/.landfall-uploads/<bucket>/<upload id>/         open multipart uploads: upload.json and a file a part
//! root/.landfall-tmp/                                  files that are being written; emptied at start
//! root/.landfall-lock                                  one process at a time
//! ```
//!
//! A file becomes visible by one rename, after its description was written under the id of that very file (inode,
//! modification time, length). A crash between the two leaves the old file with the old description, so that an
//! object is never torn and never shows another one's metadata. Symbolic links are never followed.

mod files;
mod objects;
mod paths;
mod uploads;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::medium::{Cursor, Medium, ObjectMeta, ObjectReader, PartMeta, UploadMeta};

/// What an acknowledged write has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process (`kill -9`), not of the machine.
    #[default]
    Process,
    /// Also the end of the machine: every file and folder is synced, which is slow.
    Machine,
}

#[derive(Debug)]
pub struct FolderMedium {
    root: PathBuf,
    durability: Durability,
    /// Held as long as the medium lives.
    _lock: File,
}

impl FolderMedium {
    /// Opens or creates a folder.
    ///
    /// # Errors
    /// Another process has it open, or it cannot be written.
    pub fn open(root: impl Into<PathBuf>, durability: Durability) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        let root = root.canonicalize()?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join(".landfall-lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("{} is in use by another process: stop it or use another folder", root.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let medium = Self { root, durability, _lock: lock };
        // What a killed process left half written was never acknowledged.
        match fs::remove_dir_all(medium.tmp()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in [medium.tmp(), medium.uploads_root(), medium.meta_root()] {
            fs::create_dir_all(folder)?;
        }
        Ok(medium)
    }

    /// The folder that holds the buckets.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Medium for FolderMedium {
    const BLOCKING: bool = true;

    fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(bucket))
    }

    fn has_bucket(&self, bucket: &str) -> io::Result<bool> {
        match fs::symlink_metadata(self.root.join(bucket)) {
            Ok(found) => Ok(found.is_dir()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn buckets(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && !name.starts_with('.')
                && entry.file_type()?.is_dir()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn admit(&self, bucket: &str, key: &str) -> io::Result<()> {
        self.admit_key(bucket, key)
    }

    fn object(&self, bucket: &str, key: &str) -> io::Result<Option<ObjectMeta>> {
        self.read_meta(bucket, key)
    }

    fn open(&self, bucket: &str, key: &str) -> io::Result<Option<(ObjectMeta, Box<dyn ObjectReader>)>> {
        self.open_object(bucket, key)
    }

    fn put(&self, bucket: &str, key: &str, chunks: &[Bytes], meta: &ObjectMeta) -> io::Result<()> {
        let written = self.write_tmp(chunks)?;
        self.publish(bucket, key, &written, meta)
    }

    fn remove(&self, bucket: &str, key: &str) -> io::Result<()> {
        self.remove_object(bucket, key)
    }

    fn keys(&self, bucket: &str, prefix: &str, cursor: &Cursor, limit: usize) -> io::Result<Vec<String>> {
        self.walk_keys(bucket, prefix, cursor, limit)
    }

    fn create_upload(&self, bucket: &str, upload: &UploadMeta) -> io::Result<()> {
        self.write_upload(bucket, upload)
    }

    fn upload(&self, bucket: &str, upload_id: &str) -> io::Result<Option<UploadMeta>> {
        self.read_upload(bucket, upload_id)
    }

    fn uploads(&self, bucket: &str) -> io::Result<Vec<UploadMeta>> {
        self.read_uploads(bucket)
    }

    fn put_part(&self, bucket: &str, upload_id: &str, part: &PartMeta, chunks: &[Bytes]) -> io::Result<()> {
        self.write_part(bucket, upload_id, part, chunks)
    }

    fn parts(&self, bucket: &str, upload_id: &str) -> io::Result<Vec<PartMeta>> {
        Ok(self.part_files(bucket, upload_id)?.into_iter().map(|(part, _)| part).collect())
    }

    fn complete(&self, bucket: &str, upload: &UploadMeta, parts: &[PartMeta], meta: &ObjectMeta) -> io::Result<()> {
        let assembled = self.assemble(bucket, &upload.upload_id, parts)?;
        self.publish(bucket, &upload.key, &assembled, meta)?;
        self.remove_upload(bucket, &upload.upload_id)
    }

    fn remove_upload(&self, bucket: &str, upload_id: &str) -> io::Result<()> {
        files::gone(fs::remove_dir_all(self.upload_dir(bucket, upload_id)?))
    }
}
