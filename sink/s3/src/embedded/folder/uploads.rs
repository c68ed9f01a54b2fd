//! Multipart uploads: a folder an upload, a file a part. A part's file name says all that is known of it, so that
//! one rename acknowledges bytes and description together.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

use super::FolderMedium;
use super::files::discard;
use super::objects::read_json;
use super::paths::absent;
use crate::embedded::backend::hex;
use crate::embedded::medium::{PartMeta, UploadMeta};

const DOCUMENT: &str = "upload.json";

impl FolderMedium {
    pub(super) fn write_upload(&self, bucket: &str, upload: &UploadMeta) -> io::Result<()> {
        let folder = self.upload_dir(bucket, &upload.upload_id)?;
        let document = serde_json::to_vec(upload).map_err(io::Error::other)?;
        let written = self.write_tmp(&[document.into()])?;
        self.move_to(&written, &folder.join(DOCUMENT))
    }

    pub(super) fn read_upload(&self, bucket: &str, upload_id: &str) -> io::Result<Option<UploadMeta>> {
        match self.upload_dir(bucket, upload_id) {
            Ok(folder) => read_json(&folder.join(DOCUMENT)),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn read_uploads(&self, bucket: &str) -> io::Result<Vec<UploadMeta>> {
        let entries = match fs::read_dir(self.uploads_root().join(bucket)) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut uploads = Vec::new();
        for entry in entries {
            // One that is being aborted right now may lack its document.
            if let Some(upload) = read_json(&entry?.path().join(DOCUMENT))? {
                uploads.push(upload);
            }
        }
        Ok(uploads)
    }

    pub(super) fn write_part(
        &self,
        bucket: &str,
        upload_id: &str,
        part: &PartMeta,
        chunks: &[Bytes],
    ) -> io::Result<()> {
        let folder = self.upload_dir(bucket, upload_id)?;
        let name = part_name(part);
        let written = self.write_tmp(chunks)?;
        self.move_to(&written, &folder.join(&name))?;
        for (_, older) in self.every_part_file(bucket, upload_id, Some(part.number))? {
            if older.file_name().is_some_and(|file| file != name.as_str()) {
                discard(&older);
            }
        }
        Ok(())
    }

    /// One file a part, in ascending order of their numbers. A crash may have left two of one number: the later.
    pub(super) fn part_files(&self, bucket: &str, upload_id: &str) -> io::Result<Vec<(PartMeta, PathBuf)>> {
        let mut files: Vec<(SystemTime, PartMeta, PathBuf)> = Vec::new();
        for (part, path) in self.every_part_file(bucket, upload_id, None)? {
            files.push((fs::symlink_metadata(&path)?.modified()?, part, path));
        }
        files.sort_by(|a, b| (a.1.number, b.0).cmp(&(b.1.number, a.0)));
        files.dedup_by_key(|(_, part, _)| part.number);
        Ok(files.into_iter().map(|(_, part, path)| (part, path)).collect())
    }

    fn every_part_file(
        &self,
        bucket: &str,
        upload_id: &str,
        number: Option<u32>,
    ) -> io::Result<Vec<(PartMeta, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.upload_dir(bucket, upload_id)?)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(part) = name.to_str().and_then(parse_part_name)
                && number.is_none_or(|wanted| wanted == part.number)
            {
                files.push((part, entry.path()));
            }
        }
        Ok(files)
    }

    /// The parts as one file that is still nobody's object. A single part costs no copy.
    pub(super) fn assemble(&self, bucket: &str, upload_id: &str, parts: &[PartMeta]) -> io::Result<PathBuf> {
        let folder = self.upload_dir(bucket, upload_id)?;
        let target = self.tmp_file();
        if let [only] = parts
            && fs::hard_link(folder.join(part_name(only)), &target).is_ok()
        {
            return Ok(target);
        }
        let assembled = File::create_new(&target).and_then(|mut file| {
            for part in parts {
                let mut from = File::open(folder.join(part_name(part)))?;
                let copied = io::copy(&mut from, &mut file)?;
                if copied != part.size_bytes {
                    let message = format!("part {} has {copied} bytes, not {}", part.number, part.size_bytes);
                    return Err(io::Error::other(message));
                }
            }
            self.sync(&file)
        });
        match assembled {
            Ok(()) => Ok(target),
            Err(error) => {
                discard(&target);
                Err(error)
            }
        }
    }
}

fn part_name(part: &PartMeta) -> String {
    format!("part-{:05}-{}-{:016x}-{}", part.number, hex(&part.md5), part.crc64nvme, part.size_bytes)
}

fn parse_part_name(name: &str) -> Option<PartMeta> {
    let mut fields = name.strip_prefix("part-")?.split('-');
    let number = fields.next()?.parse().ok()?;
    let md5 = u128::from_str_radix(fields.next()?, 16).ok()?.to_be_bytes();
    let crc64nvme = u64::from_str_radix(fields.next()?, 16).ok()?;
    let size_bytes = fields.next()?.parse().ok()?;
    fields.next().is_none().then_some(PartMeta { number, md5, size_bytes, crc64nvme })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_by_its_file_name() {
        let part = PartMeta { number: 7, md5: [0x0a; 16], size_bytes: 12, crc64nvme: 0xfe };
        assert_eq!(parse_part_name(&part_name(&part)), Some(part));
        for name in ["upload.json", "part-", "part-1-xx-1-1", "part-00001-00-00-1-1"] {
            assert_eq!(parse_part_name(name), None, "{name}");
        }
    }
}
