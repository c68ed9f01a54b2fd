//! Tokens of a file, read again when it changes.
//!
//! The file is looked at when somebody asks and the last look is some seconds old: a token that was taken out is refused
//! from then on. A file that cannot be used keeps the tokens that were in force; it is told once in the log, and by the
//! status until it is mended.

use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use landfall_config::Token;

use crate::clock::{SharedClock, passed};
use crate::token::StaticToken;

/// How old the last look at the file may be.
const LOOK_EVERY_MS: u64 = 3_000;
/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Tells one content of the file from another. The inode changes where a file is replaced as a whole, as Kubernetes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    length_bytes: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length_bytes: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

#[derive(Debug)]
struct Held {
    /// Those of the configuration and those of the file.
    tokens: Arc<Vec<StaticToken>>,
    looked_at_ms: u64,
    /// `None`: it could not even be looked at.
    stamp: Option<Stamp>,
    error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct TokensFile {
    path: PathBuf,
    /// Those of the configuration.
    fixed: Vec<StaticToken>,
    clock: SharedClock,
    held: Mutex<Held>,
}

impl TokensFile {
    /// Reads the file. Blocks, and so belongs to the start.
    ///
    /// # Errors
    /// The file cannot be used, in words: to begin with, there are no tokens to keep.
    pub(crate) fn open(path: &Path, fixed: Vec<StaticToken>, clock: SharedClock) -> Result<Self, String> {
        let stamp = look(path)?;
        let tokens = Arc::new(read(path, &fixed)?);
        let held = Held { tokens, looked_at_ms: clock.now_ms(), stamp: Some(stamp), error: None };
        Ok(Self { path: path.to_owned(), fixed, clock, held: Mutex::new(held) })
    }

    /// The tokens in force.
    pub(crate) async fn current(self: &Arc<Self>) -> Arc<Vec<StaticToken>> {
        if self.is_due() {
            let this = Arc::clone(self);
            // It goes on when the request that waits for it is given up, or a hasty client could keep it from ever ending.
            if tokio::task::spawn_blocking(move || this.look_again()).await.is_err() {
                tracing::error!(path = %self.path.display(), "the look at the file of tokens broke off");
            }
        }
        Arc::clone(&self.lock().tokens)
    }

    pub(crate) fn error(&self) -> Option<String> {
        self.lock().error.clone()
    }

    fn is_due(&self) -> bool {
        let now_ms = self.clock.now_ms();
        let mut held = self.lock();
        let due = passed(now_ms, held.looked_at_ms, LOOK_EVERY_MS);
        if due {
            held.looked_at_ms = now_ms;
        }
        due
    }

    fn look_again(&self) {
        // Before the reading: what is written after this look has another stamp, and is read the next time.
        let stamp = look(&self.path);
        {
            let held = self.lock();
            // After a failure it is read each time: what was in the way may have gone without a trace in the stamp.
            if held.error.is_none() && stamp.as_ref().ok() == held.stamp.as_ref() {
                return;
            }
        }
        let outcome = stamp.clone().and_then(|_| read(&self.path, &self.fixed));
        let mut held = self.lock();
        held.stamp = stamp.ok();
        let path = self.path.display();
        match outcome {
            Ok(tokens) => {
                tracing::info!(%path, tokens = tokens.len(), "the file of tokens was read again");
                held.tokens = Arc::new(tokens);
                held.error = None;
            }
            Err(error) => {
                if held.error.as_ref() != Some(&error) {
                    tracing::error!(%path, %error, "the file of tokens cannot be used; those before it stay in force");
                }
                held.error = Some(error);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(path: &Path) -> Result<Stamp, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    match metadata.is_file() {
        true => Ok(Stamp::of(&metadata)),
        false => Err(format!("{} is not a file", path.display())),
    }
}

fn read(path: &Path, fixed: &[StaticToken]) -> Result<Vec<StaticToken>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_FILE_BYTES) {
        return Err(format!("{} is longer than {MAX_FILE_BYTES} bytes", path.display()));
    }
    let own = Token::parse_list(&text).map_err(|errors| errors.to_string().replace('\n', ". "))?;
    let mut tokens = fixed.to_vec();
    for token in &own {
        let token = StaticToken::from(token);
        if fixed.iter().any(|other| other.name == token.name || other.sha256 == token.sha256) {
            return Err(format!("the name or token of {} is also in api.auth.tokens; keep one", token.name));
        }
        tokens.push(token);
    }
    Ok(tokens)
}
