//! Tasks of a Fargate service: asked for, starting, serving, leaving, and paid for all the while.

use super::parameters::Parameters;
use super::random::Random;

#[derive(Debug, Clone, Copy)]
struct Task {
    started: u32,
    ready: u32,
    /// When it is gone, once it was told to leave.
    gone: Option<u32>,
}

/// The service.
#[derive(Debug)]
pub(crate) struct Fleet {
    tasks: Vec<Task>,
    random: Random,
    /// Asked for.
    pub desired: u32,
    /// Times that the desired count changed, and how often up followed down or down up.
    pub changes: u32,
    pub reversals: u32,
    last_up: Option<bool>,
    serving: u32,
    pausing_until: u32,
    /// Of tasks that are gone.
    paid_seconds: f64,
}

impl Fleet {
    pub(crate) fn new(parameters: &Parameters, workers: u32) -> Self {
        Self {
            tasks: vec![Task { started: 0, ready: 0, gone: None }; workers as usize],
            random: Random::new(parameters.seed ^ 0x00f1_ee70),
            desired: workers,
            changes: 0,
            reversals: 0,
            last_up: None,
            serving: workers,
            pausing_until: 0,
            paid_seconds: 0.0,
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn want(&mut self, now: u32, workers: u32, parameters: &Parameters) {
        if workers == self.desired {
            return;
        }
        let up = workers > self.desired;
        self.changes += 1;
        self.reversals += u32::from(self.last_up.is_some_and(|last| last != up));
        self.last_up = Some(up);
        self.desired = workers;
        let staying = self.tasks.iter().filter(|task| task.gone.is_none()).count();
        let wanted = workers as usize;
        for _ in staying..wanted {
            let (least, most) = parameters.start_seconds;
            let wait = least + (most - least) * self.random.next();
            self.tasks.push(Task { started: now, ready: now + wait.ceil() as u32, gone: None });
        }
        // The youngest leave first: those that have not started cost nobody a rebalance.
        let leaving = staying.saturating_sub(wanted);
        for task in self.tasks.iter_mut().rev().filter(|task| task.gone.is_none()).take(leaving) {
            task.gone = Some(now + parameters.leave_seconds);
        }
    }

    pub(crate) fn advance(&mut self, now: u32, parameters: &Parameters) {
        let mut paid = 0.0;
        self.tasks.retain(|task| match task.gone {
            Some(gone) if gone <= now => {
                // Fargate charges a minute at least.
                paid += f64::from(gone - task.started).max(60.0);
                false
            }
            _ => true,
        });
        self.paid_seconds += paid;
        let serving = self.tasks.iter().filter(|task| task.gone.is_none() && task.ready <= now).count();
        let serving = crate::number::count_u32(serving);
        if serving != self.serving {
            self.serving = serving;
            self.pausing_until = now + parameters.rebalance_seconds;
        }
    }

    /// Workers that own partitions.
    pub(crate) fn serving(&self) -> u32 {
        self.serving
    }

    pub(crate) fn pausing(&self, now: u32) -> bool {
        now < self.pausing_until
    }

    /// Worker-hours so far.
    pub(crate) fn hours(&self, now: u32) -> f64 {
        let running: f64 = self.tasks.iter().map(|task| f64::from(now - task.started)).sum();
        (self.paid_seconds + running) / 3_600.0
    }
}
