//! Objects as plain files, each with its description aside.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::FolderMedium;
use super::files::{FileReader, discard, file_id, gone};
use super::paths::absent;
use crate::embedded::medium::{Cursor, ObjectMeta, ObjectReader, StoredOptions};

impl FolderMedium {
    /// Makes a written file the object of a key. `written` is gone afterwards, whatever happens.
    pub(super) fn publish(&self, bucket: &str, key: &str, written: &Path, meta: &ObjectMeta) -> io::Result<()> {
        let published = self.describe_and_move(bucket, key, written, meta);
        if published.is_err() {
            discard(written);
        }
        published
    }

    fn describe_and_move(&self, bucket: &str, key: &str, written: &Path, meta: &ObjectMeta) -> io::Result<()> {
        let refused = || io::Error::new(io::ErrorKind::InvalidInput, format!("key {key:?} cannot be a plain file"));
        let file = self.file_of(bucket, key)?.ok_or_else(refused)?;
        let id = file_id(&fs::symlink_metadata(written)?);
        let descriptions = self.meta_dir(bucket, key);
        let document = serde_json::to_vec(meta).map_err(io::Error::other)?;
        let description = self.write_tmp(&[document.into()])?;
        self.move_to(&description, &descriptions.join(&id))?;
        self.move_to(written, &file)?;
        // From here on the object is visible; older descriptions only take room.
        if let Ok(entries) = fs::read_dir(&descriptions) {
            for entry in entries.flatten().filter(|entry| entry.file_name() != id.as_str()) {
                discard(&entry.path());
            }
        }
        Ok(())
    }

    pub(super) fn read_meta(&self, bucket: &str, key: &str) -> io::Result<Option<ObjectMeta>> {
        let Some(file) = self.file_of(bucket, key)? else { return Ok(None) };
        match fs::symlink_metadata(&file) {
            Ok(found) if found.is_file() => self.description(bucket, key, &found).map(Some),
            Ok(_) => Ok(None),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_object(
        &self,
        bucket: &str,
        key: &str,
    ) -> io::Result<Option<(ObjectMeta, Box<dyn ObjectReader>)>> {
        let Some(path) = self.file_of(bucket, key)? else { return Ok(None) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        if !found.is_file() {
            return Ok(None);
        }
        let meta = self.description(bucket, key, &found)?;
        Ok(Some((meta, Box::new(FileReader { file }))))
    }

    /// Of exactly this file. A copied folder has new file ids: there a key's only description serves if the length
    /// fits. A file that someone put there by hand is an object without metadata.
    fn description(&self, bucket: &str, key: &str, found: &fs::Metadata) -> io::Result<ObjectMeta> {
        let folder = self.meta_dir(bucket, key);
        if let Some(meta) = read_json(&folder.join(file_id(found)))? {
            return Ok(meta);
        }
        let mut others: Vec<PathBuf> = fs::read_dir(&folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        if let (Some(only), true) = (others.pop(), others.is_empty())
            && let Some(meta) = read_json::<ObjectMeta>(&only)?
            && meta.size_bytes == found.len()
        {
            return Ok(meta);
        }
        Ok(ObjectMeta {
            etag: format!("\"{}\"", file_id(found)),
            size_bytes: found.len(),
            last_modified_ms: found.mtime().saturating_mul(1_000).saturating_add(found.mtime_nsec() / 1_000_000),
            crc64nvme: None,
            options: StoredOptions::default(),
        })
    }

    pub(super) fn remove_object(&self, bucket: &str, key: &str) -> io::Result<()> {
        let Some(file) = self.file_of(bucket, key)? else { return Ok(()) };
        match fs::symlink_metadata(&file) {
            Ok(found) if found.is_file() => gone(fs::remove_file(&file))?,
            Ok(_) => return Ok(()),
            Err(error) if absent(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
        gone(fs::remove_dir_all(self.meta_dir(bucket, key)))?;
        // A folder is no object: it goes with its last file. One that is not empty refuses.
        let top = self.root.join(bucket);
        let mut folder = file.parent();
        while let Some(path) = folder.filter(|path| *path != top && path.starts_with(&top)) {
            if fs::remove_dir(path).is_err() {
                break;
            }
            folder = path.parent();
        }
        Ok(())
    }

    pub(super) fn walk_keys(
        &self,
        bucket: &str,
        prefix: &str,
        cursor: &Cursor,
        limit: usize,
    ) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let walk = Walk { prefix, cursor, limit };
        walk.folder(&self.root.join(bucket), "", &mut found)?;
        Ok(found)
    }
}

struct Walk<'a> {
    prefix: &'a str,
    cursor: &'a Cursor,
    limit: usize,
}

impl Walk<'_> {
    /// Files and folders of one folder in the byte order of their keys: a folder sorts by its name with a slash.
    fn folder(&self, folder: &Path, at: &str, found: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut below: Vec<String> = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Links and names that are no text are no objects of ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if kind.is_dir() {
                below.push(format!("{at}{name}/"));
            } else if kind.is_file() {
                below.push(format!("{at}{name}"));
            }
        }
        below.sort_unstable();
        for key in below {
            if found.len() >= self.limit {
                return Ok(());
            }
            if key.ends_with('/') {
                if self.may_hold(&key) {
                    let name = key.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                    self.folder(&folder.join(name), &key, found)?;
                }
            } else if key.starts_with(self.prefix) && self.cursor.admits(&key) {
                found.push(key);
            }
        }
        Ok(())
    }

    /// Whether any key under this folder can be wanted.
    fn may_hold(&self, folder: &str) -> bool {
        let after = self.cursor.after.as_str();
        let in_prefix = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        let all_before = folder < after && !after.starts_with(folder);
        let all_skipped = self.cursor.skip_prefix && folder.starts_with(after);
        in_prefix && !all_before && !all_skipped
    }
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
