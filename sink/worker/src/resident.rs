//! How much memory the process holds, as the operating system sees it.

/// Resident bytes of this process; `None` where the system does not tell (it is read from Linux's `/proc`).
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    kib.trim().parse::<u64>().ok().map(|kib| kib.saturating_mul(1_024))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn what_is_allocated_and_touched_shows() {
        let before = super::resident_bytes();
        let touched = vec![1_u8; 64 << 20];
        let after = super::resident_bytes();
        assert_eq!(touched.iter().filter(|byte| **byte == 1).count(), 64 << 20);
        let grown = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        assert!(grown.is_some_and(|grown| grown > 32 << 20), "{before:?} {after:?}");
    }
}
