//! Job documents as files.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::Failure;

/// The reader of job documents takes less; this only bounds what is read.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(crate) struct FileArgument {
    /// The job document, YAML or JSON; - is stdin
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) file: PathBuf,
}

impl FileArgument {
    pub(crate) fn read(&self) -> Result<String, Failure> {
        let stdin = self.file == Path::new("-");
        let mut text = String::new();
        let read = if stdin {
            std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)
        } else {
            std::fs::File::open(&self.file).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        };
        let shown = self.file.display();
        match read {
            Ok(count) if u64::try_from(count).is_ok_and(|count| count <= MAX_BYTES) => Ok(text),
            Ok(_) => Err(Failure::Usage(format!("--file {shown} is longer than {MAX_BYTES} bytes"))),
            Err(error) => Err(Failure::Usage(format!("--file {shown} cannot be read: {error}"))),
        }
    }
}
