//! Where things lie, and that no key leads anywhere else.

use std::fs;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::FolderMedium;
use crate::embedded::backend::hex;
use crate::embedded::names;

impl FolderMedium {
    pub(super) fn tmp(&self) -> PathBuf {
        self.root.join(".landfall-tmp")
    }

    pub(super) fn meta_root(&self) -> PathBuf {
        self.root.join(".landfall-meta")
    }

    pub(super) fn uploads_root(&self) -> PathBuf {
        self.root.join(".landfall-uploads")
    }

    /// A fresh name for a file that is being written.
    pub(super) fn tmp_file(&self) -> PathBuf {
        self.tmp().join(format!("{:032x}", rand::random::<u128>()))
    }

    /// The descriptions of one key: a folder by its hash, since a key may hold what a file name may not.
    pub(super) fn meta_dir(&self, bucket: &str, key: &str) -> PathBuf {
        let digest = hex(&Sha256::digest(key.as_bytes()));
        let (head, tail) = digest.split_at(2);
        self.meta_root().join(bucket).join(head).join(tail)
    }

    /// Only ids of our own making name a folder.
    pub(super) fn upload_dir(&self, bucket: &str, upload_id: &str) -> io::Result<PathBuf> {
        let ours = upload_id.len() == 32 && upload_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !ours {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("upload {upload_id} is not one of this store's"),
            ));
        }
        Ok(self.uploads_root().join(bucket).join(upload_id))
    }

    /// The file of a key, or None where the key cannot be a file here.
    pub(super) fn file_of(&self, bucket: &str, key: &str) -> io::Result<Option<PathBuf>> {
        let Ok(segments) = names::segments(key) else { return Ok(None) };
        let mut path = self.root.join(bucket);
        for segment in segments {
            path.push(segment);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let message = format!("{} is a symbolic link, which is never followed", path.display());
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
                }
                Ok(_) => {}
                // The rest of the way is not there either.
                Err(error) if absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(path))
    }

    /// Refuses a key that is no path, or lies where another key's file or folder is in the way.
    pub(super) fn admit_key(&self, bucket: &str, key: &str) -> io::Result<()> {
        let refused = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
        let segments = names::segments(key).map_err(refused)?;
        let Some(file) = self.file_of(bucket, key)? else { return Ok(()) };
        let mut folder = self.root.join(bucket);
        for segment in &segments[..segments.len() - 1] {
            folder.push(segment);
            match fs::symlink_metadata(&folder) {
                Ok(found) if !found.is_dir() => {
                    return Err(refused(format!(
                        "key {key:?} needs the folder {segment:?} where an object is a plain file: use another key"
                    )));
                }
                Ok(_) => {}
                Err(error) if absent(&error) => break,
                Err(error) => return Err(error),
            }
        }
        // A folder that holds nothing any more is no hindrance; publishing removes it.
        let occupied = fs::read_dir(&file).is_ok_and(|mut inside| inside.next().is_some());
        if occupied {
            return Err(refused(format!("key {key:?} is the folder of other objects here: use another key")));
        }
        Ok(())
    }
}

/// Not there, or not there because a file is where a folder would have to be.
pub(super) fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
