//! Which workers of a pool take part in a job: the first `max_workers` by rendezvous hash.
//!
//! Only load depends on the answer, never correctness: two workers that see different live sets may both take
//! part or both stand aside for a moment. The hash is written out here because every version of every worker in a
//! fleet must agree on it.

/// True when `worker_id` is among the first `max_workers` of `live_workers` for this job. `live_workers` need not
/// contain the asking worker: it counts itself as live.
#[must_use]
pub fn participates<S: AsRef<str>>(worker_id: &str, job: &str, max_workers: u32, live_workers: &[S]) -> bool {
    let own = (weight(worker_id, job), worker_id);
    let mut before: Vec<&str> = live_workers
        .iter()
        .map(AsRef::as_ref)
        .filter(|other| *other != worker_id && (weight(other, job), *other) > own)
        .collect();
    before.sort_unstable();
    before.dedup();
    u32::try_from(before.len()).unwrap_or(u32::MAX) < max_workers
}

/// FNV-1a over worker, a separator and job, then splitmix64's finaliser (FNV alone spreads its last byte badly).
fn weight(worker_id: &str, job: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in worker_id.bytes().chain([0]).chain(job.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("worker-{i}")).collect()
    }

    fn chosen(job: &str, max: u32, live: &[String]) -> Vec<String> {
        live.iter().filter(|w| participates(w, job, max, live)).cloned().collect()
    }

    #[test]
    fn exactly_max_workers_take_part_whoever_asks() {
        for n in 1..20 {
            for max in 1..20 {
                let live = workers(n);
                assert_eq!(chosen("bids", max, &live).len(), n.min(max as usize), "{n} live, at most {max}");
            }
        }
    }

    #[test]
    fn a_worker_that_leaves_moves_only_its_own_place() {
        let live = workers(12);
        let before = chosen("bids", 4, &live);
        for gone in &live {
            let rest: Vec<String> = live.iter().filter(|w| *w != gone).cloned().collect();
            let after = chosen("bids", 4, &rest);
            let kept = before.iter().filter(|w| after.contains(w)).count();
            assert_eq!(kept, if before.contains(gone) { 3 } else { 4 }, "{gone} left");
        }
    }

    #[test]
    fn jobs_spread_over_the_workers() {
        let live = workers(10);
        let mut load = [0_u32; 10];
        for job in 0..1_000 {
            for (i, worker) in live.iter().enumerate() {
                load[i] += u32::from(participates(worker, &format!("job-{job}"), 1, &live));
            }
        }
        assert!(load.iter().all(|jobs| (60..=140).contains(jobs)), "each worker has about 100 jobs: {load:?}");
    }

    #[test]
    fn a_worker_counts_itself_as_live() {
        assert!(participates::<&str>("w", "bids", 1, &[]));
    }

    #[test]
    fn the_hash_never_changes_between_versions() {
        assert_eq!(format!("{:016x}", weight("", "")), "25fc6dd36ce04b20");
        assert_eq!(format!("{:016x}", weight("worker-0", "bids")), "1401f966c48eadc8");
    }
}
