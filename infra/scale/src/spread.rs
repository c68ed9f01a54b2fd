//! Partitions are shared out by their number, not by their load: a busy one has as many neighbours as any other, and of 96
//! partitions 50 workers have two where 95 have two as well.

/// However uneven a job's partitions are, it asks for no more than so many times what it would need if their load could be
/// split at will: neighbours are kept away from a hot partition at a price that has an end.
const MOST: f64 = 2.0;

/// Workers such that none of them is busier than `utilization`, given what each partition would keep busy of one. A
/// partition is one worker's and cannot use a second one, so each counts as 1 at most.
pub(crate) fn spread(partitions: &[f64], utilization: f64) -> f64 {
    let (sum, busiest) = partitions
        .iter()
        .map(|part| part.min(1.0))
        .fold((0.0, 0.0_f64), |(sum, most), part| (sum + part, most.max(part)));
    let split = sum / utilization;
    let count = partitions.len() as f64;
    if count < 2.0 || sum <= busiest {
        return split;
    }
    let other = (sum - busiest) / (count - 1.0);
    // One worker's: the busiest partition, and as many others as there is room for.
    let share = 1.0 + ((utilization - busiest) / other + 1e-9).max(0.0).floor();
    (count / share).clamp(split, split * MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn many_small_partitions_need_their_sum() {
        assert!(near(spread(&[0.05; 96], 1.0), 4.8));
        assert!(near(spread(&[0.05; 96], 0.8), 6.0));
        assert!(near(spread(&[], 0.9), 0.0) && near(spread(&[0.0; 5], 0.9), 0.0));
        assert!(near(spread(&[0.45], 0.9), 0.5));
    }

    #[test]
    fn two_partitions_that_do_not_fit_into_one_worker_need_two() {
        assert!(near(spread(&[0.6; 96], 1.0), 96.0));
        assert!(near(spread(&[0.34; 96], 1.0), 48.0), "two each");
        assert!(near(spread(&[0.33; 96], 1.0), 32.0), "three each");
    }

    #[test]
    fn a_busy_partition_is_given_room_by_more_workers() {
        let mut partitions = vec![0.04; 99];
        partitions.push(0.6);
        // Beside the busiest there is room for 10 others.
        assert!(near(spread(&partitions, 1.0), 100.0 / 11.0));
    }

    #[test]
    fn a_partition_beyond_a_worker_counts_once_and_at_most_doubles_the_job() {
        let mut partitions = vec![0.01; 50];
        partitions.push(1_000.0);
        assert!(near(spread(&partitions, 1.0), 3.0));
        assert!(near(spread(&[7.0, 0.0], 1.0), 1.0), "without neighbours there is nothing to keep away");
    }
}
