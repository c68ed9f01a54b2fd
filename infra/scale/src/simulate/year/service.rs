//! The tasks of the pool through the year: started, reclaimed, lost, replaced.

use super::super::random::Random;
use super::assumptions::Assumptions;
use super::faults::{Cause, DAY, exponential, seconds};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    zone: u32,
    spot: bool,
    ready: u32,
    lost: u32,
    reclaimed: u32,
    /// Serves: it owns partitions.
    pub serving: bool,
}

/// A worker that went: the place it had among the serving ones, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone {
    pub place: usize,
    pub serving: usize,
    /// With a word before: it has landed its files.
    pub drained: bool,
    pub cause: Cause,
}

#[derive(Debug)]
pub(crate) struct Service {
    tasks: Vec<Task>,
    random: Random,
    pub desired: u32,
    /// No Spot capacity until then.
    dry_until: u32,
    /// The zone that is lost, and until when.
    lost_zone: Option<(u32, u32)>,
    pub task_seconds: f64,
    pub counts: [u32; 7],
}

impl Service {
    pub(crate) fn new(assumptions: &Assumptions, seed: u64) -> Self {
        let desired = assumptions.limits.min_workers.max(1);
        let mut service = Self {
            tasks: Vec::new(),
            random: Random::new(seed ^ 0x7a5c),
            desired,
            dry_until: 0,
            lost_zone: None,
            task_seconds: 0.0,
            counts: [0; 7],
        };
        service.fill(0, assumptions);
        for task in &mut service.tasks {
            (task.ready, task.serving) = (0, true);
        }
        service
    }

    pub(crate) fn serving(&self) -> usize {
        self.tasks.iter().filter(|task| task.serving).count()
    }

    pub(crate) fn count(&mut self, cause: Cause) {
        self.counts[cause as usize] += 1;
    }

    fn between(&mut self, (least, most): (f64, f64)) -> f64 {
        least + (most - least) * self.random.next()
    }

    /// A number within the bounds, for those who wait.
    pub(crate) fn draw(&mut self, bounds: (f64, f64)) -> f64 {
        self.between(bounds)
    }

    /// Starts what is missing: first those that are not Spot, each in the zone that has fewest.
    fn fill(&mut self, now: u32, a: &Assumptions) {
        while self.tasks.len() < self.desired as usize {
            let on_demand = self.tasks.iter().filter(|task| !task.spot).count();
            let spot = on_demand >= a.on_demand_tasks as usize;
            if spot && now < self.dry_until {
                return;
            }
            let lost = self.lost_zone.filter(|(_, until)| now < *until).map(|(zone, _)| zone);
            let in_zone = |zone: u32| self.tasks.iter().filter(|task| task.zone == zone).count();
            let zones = (0..a.zones).filter(|zone| Some(*zone) != lost);
            let Some(zone) = zones.min_by_key(|zone| in_zone(*zone)) else { return };
            let start = if lost.is_some() { a.rushed_start_seconds } else { a.start_seconds };
            let ready = now + seconds(self.between(start).ceil());
            let day = f64::from(DAY);
            let lost_at = now.saturating_add(seconds(exponential(&mut self.random, a.crash_days * day)));
            let reclaimed = match spot {
                true => now.saturating_add(seconds(exponential(&mut self.random, a.reclaim_days * day))),
                false => u32::MAX,
            };
            self.tasks.push(Task { zone, spot, ready, lost: lost_at, reclaimed, serving: false });
        }
    }

    /// One step: who is lost or reclaimed, who is new. True where a new one serves.
    pub(crate) fn step(&mut self, now: u32, step: u32, a: &Assumptions, gone: &mut Vec<Gone>) -> bool {
        self.task_seconds += self.tasks.len() as f64 * f64::from(step);
        let mut index = 0;
        while let Some(task) = self.tasks.get(index).copied() {
            if task.lost <= now {
                self.remove(index, false, Cause::Crash, gone);
            } else if task.reclaimed <= now {
                if self.random.next() < a.dry_part {
                    self.dry_until = now + a.dry_seconds;
                }
                self.remove(index, true, Cause::SpotReclaim, gone);
            } else {
                index += 1;
            }
        }
        while self.tasks.len() > self.desired as usize {
            // Scaling in is nobody's fault.
            let last = self.tasks.len() - 1;
            self.remove(last, true, Cause::Nothing, gone);
        }
        self.fill(now, a);
        let mut joined = false;
        for task in self.tasks.iter_mut().filter(|task| !task.serving && task.ready <= now) {
            (task.serving, joined) = (true, true);
        }
        joined
    }

    pub(crate) fn lose_zone(&mut self, zone: u32, until: u32, gone: &mut Vec<Gone>) {
        self.lost_zone = Some((zone, until));
        while let Some(index) = self.tasks.iter().position(|task| task.zone == zone) {
            self.remove(index, false, Cause::ZoneLoss, gone);
        }
    }

    fn remove(&mut self, index: usize, drained: bool, cause: Cause, gone: &mut Vec<Gone>) {
        let task = self.tasks[index];
        let serving = self.serving();
        let place = self.tasks[..index].iter().filter(|task| task.serving).count();
        self.tasks.remove(index);
        if cause != Cause::Nothing && cause != Cause::ZoneLoss {
            self.count(cause);
        }
        if task.serving {
            gone.push(Gone { place, serving, drained, cause });
        }
    }
}
