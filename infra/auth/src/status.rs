//! What an operator should know about authentication; nothing of it is secret.

/// How authentication is doing. Everything `None`: as it should be, or not yet asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthStatus {
    /// Why the tokens in force are not those of the file.
    pub tokens_file_error: Option<String>,
    /// Why keys could not be fetched when they were last asked for.
    pub keys_error: Option<String>,
    /// When the newest keys in use were fetched.
    pub keys_fetched_at_ms: Option<u64>,
}
