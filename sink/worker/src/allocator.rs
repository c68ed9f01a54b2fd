//! The C library's allocator, set up to give memory back.
//!
//! Chunks of some hundred KiB are filled on one thread and freed on another. Left to itself, glibc raises the size from
//! which it maps memory directly with every such chunk that is freed, and keeps the rest in up to eight arenas a core:
//! memory that is free and yet held. `docs/decisions/0007-allocator.md` has the figures, and what else was tried.

/// From this size on memory is mapped, and unmapped when it is freed.
#[cfg(target_env = "gnu")]
const MAP_FROM_BYTES: libc::c_int = 128 << 10;

/// Call it first in `main`, before threads are started. Where the C library is another one, nothing is done.
#[allow(unsafe_code)]
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let arenas = libc::c_int::try_from(cores.max(2)).unwrap_or(libc::c_int::MAX);
        // SAFETY: mallopt only stores these numbers under the allocator's own lock; no other thread runs yet. An answer
        // of 0 (not taken) leaves the default, which is correct and only holds more memory.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, arenas);
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAP_FROM_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, MAP_FROM_BYTES);
        }
    }
}
