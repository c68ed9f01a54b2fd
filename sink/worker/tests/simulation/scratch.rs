//! A scratch disk in memory, which may be full or lose what it holds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use landfall_worker::io::ScratchPort;

#[derive(Debug, Default)]
pub struct SimScratch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    full: bool,
}

impl SimScratch {
    /// Answers whether anything was there.
    pub fn lose(&self) -> bool {
        let files = std::mem::take(&mut self.state.lock().unwrap().files);
        !files.is_empty()
    }

    pub fn set_full(&self, full: bool) {
        self.state.lock().unwrap().full = full;
    }
}

#[async_trait]
impl ScratchPort for SimScratch {
    async fn write(&self, name: &str, segments: &[Bytes]) -> std::io::Result<Vec<u64>> {
        let mut state = self.state.lock().unwrap();
        if state.full {
            return Err(std::io::Error::other("injected fault: no space left"));
        }
        let file = state.files.entry(name.to_owned()).or_default();
        let starts = segments.iter().map(|segment| {
            let start = file.len() as u64;
            file.extend_from_slice(segment);
            start
        });
        Ok(starts.collect())
    }

    async fn read(&self, name: &str, start: u64, len_bytes: u64) -> std::io::Result<Bytes> {
        let range = usize::try_from(start).unwrap()..usize::try_from(start + len_bytes).unwrap();
        let state = self.state.lock().unwrap();
        let bytes = state.files.get(name).and_then(|file| file.get(range));
        bytes.map(Bytes::copy_from_slice).ok_or_else(|| std::io::Error::other("injected fault: scratch was lost"))
    }

    async fn remove(&self, name: &str) {
        self.state.lock().unwrap().files.remove(name);
    }
}
