//! The rules at work: each looks at its own time at what it can see, and some act only later.

use std::collections::VecDeque;

use crate::history::{History, Recommendation, stabilize};
use crate::number::workers_for;
use crate::plan::plan;

use super::consume::Partitions;
use super::fleet::Fleet;
use super::rules::{CpuTracking, KedaRule, LagSource, Policy};
use super::view::{Lens, Pool};

#[derive(Debug)]
pub(crate) struct Controller<'a> {
    policy: &'a Policy,
    lens: Lens,
    history: History,
    /// When to act, and how many workers.
    due: VecDeque<(u32, u32)>,
    cpu: (f64, u32),
    /// Means of the last minutes, the newest last.
    minutes: Vec<f64>,
    acted: Option<u32>,
    seen: Vec<Recommendation>,
    busy_at: u32,
    alarm_seconds: u32,
}

impl<'a> Controller<'a> {
    pub(crate) fn new(policy: &'a Policy, partitions: usize, alarm_seconds: u32) -> Self {
        Self {
            policy,
            lens: Lens::new(partitions),
            history: History::default(),
            due: VecDeque::new(),
            cpu: (0.0, 0),
            minutes: Vec::new(),
            acted: None,
            seen: Vec::new(),
            busy_at: 0,
            alarm_seconds,
        }
    }

    /// What the service is asked for from now on, where that is decided now.
    pub(crate) fn step(
        &mut self,
        now: u32,
        step: u32,
        partitions: &Partitions,
        fleet: &Fleet,
        cpu: f64,
        readable: bool,
    ) -> Option<u32> {
        self.cpu = (self.cpu.0 + cpu, self.cpu.1 + 1);
        let minute = (now + step).is_multiple_of(60);
        if minute {
            self.minutes.push(self.cpu.0 / f64::from(self.cpu.1.max(1)));
            self.cpu = (0.0, 0);
        }
        match self.policy {
            Policy::Plan(limits) => {
                if minute {
                    let seen = partitions.queues.iter().map(super::consume::Queue::seen);
                    let (desired, live_workers) = (fleet.desired, fleet.serving());
                    let pool = Pool { now, desired, live_workers, rates: &partitions.rates };
                    let sample = self.lens.sample(pool, readable.then_some(seen));
                    let answer = plan(&sample, limits, &self.history);
                    self.history = answer.history;
                    self.due.push_back((now + self.alarm_seconds, answer.desired));
                }
            }
            Policy::Cpu(rule) => {
                if minute && let Some(wanted) = self.track(now, rule, fleet) {
                    self.acted = Some(now);
                    return Some(wanted);
                }
            }
            Policy::Fixed(_) => {}
            Policy::Keda(rule) => {
                // A scaler that gets no answer changes nothing.
                if readable && now.is_multiple_of(rule.poll_seconds) {
                    return Some(self.divide(now, rule, partitions, fleet));
                }
            }
        }
        let (at, wanted) = *self.due.front()?;
        (at <= now).then(|| {
            self.due.pop_front();
            wanted
        })
    }

    fn track(&self, now: u32, rule: &CpuTracking, fleet: &Fleet) -> Option<u32> {
        let since = self.acted.map_or(u32::MAX, |at| now - at);
        let last = |minutes: u32| self.minutes.len().checked_sub(minutes as usize).map(|from| &self.minutes[from..]);
        let newest = *self.minutes.last()?;
        let proportional = || workers_for(f64::from(fleet.desired) * newest / rule.target);
        let within = |workers: u32| workers.max(rule.min_workers).min(rule.max_workers);
        if since >= rule.out_cooldown_seconds
            && last(rule.out_minutes)?.iter().all(|cpu| *cpu > rule.target)
            && proportional() > fleet.desired
        {
            return Some(within(proportional()));
        }
        let idle = last(rule.in_minutes)?.iter().all(|cpu| *cpu < rule.target * 0.9);
        (idle && since >= rule.in_cooldown_seconds && proportional() < fleet.desired).then(|| within(proportional()))
    }

    fn divide(&mut self, now: u32, rule: &KedaRule, partitions: &Partitions, fleet: &Fleet) -> u32 {
        let of = |queue: &super::consume::Queue| match rule.lag_source {
            LagSource::Commits => queue.arrived - queue.committed,
            LagSource::Positions => queue.backlog,
        };
        let lag: f64 = partitions.queues.iter().map(of).sum();
        let most = rule.max_workers.min(crate::number::count_u32(partitions.queues.len()));
        let wanted = workers_for(lag / rule.lag_threshold).min(most);
        if lag > 1.0 {
            self.busy_at = now;
        }
        let quiet = now - self.busy_at >= rule.cooldown_seconds;
        if fleet.desired == 0 || quiet {
            return wanted;
        }
        let said = Recommendation { at_ms: i64::from(now) * 1_000, workers: wanted.max(1) };
        stabilize(&mut self.seen, said, f64::from(rule.stabilization_seconds))
    }
}
