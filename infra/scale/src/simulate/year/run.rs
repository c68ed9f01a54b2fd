//! The year step by step: what arrives, what befalls, what is consumed, what lands, what is decided.

use std::collections::VecDeque;

use super::super::curve::Load;
use super::super::random::Random;
use super::super::view::{Lens, Pool};
use super::assumptions::Assumptions;
use super::faults::{Cause, Fault, YEAR, schedule};
use super::ledger::{Ledger, Year};
use super::queues::Queue;
use super::service::{Gone, Service};
use crate::history::History;
use crate::number::count_u32;
use crate::plan::plan;

const STEP_SECONDS: u32 = 10;
/// How long after its end a lost zone or a brown-out is to blame for what is late.
const AFTERMATH_SECONDS: u32 = 900;
/// A minute's load is up to so much off its curve.
const NOISE: f64 = 0.05;

/// Simulates a year. The same arguments give the same year, to the bit.
#[must_use]
pub fn year(assumptions: &Assumptions, seed: u64) -> Year {
    let mut run = Run::new(assumptions, seed);
    for now in (0..YEAR).step_by(STEP_SECONDS as usize) {
        run.step(now);
    }
    run.ledger.finish(&run.service)
}

struct Run<'a> {
    a: &'a Assumptions,
    load: Load,
    noise: Random,
    jitter: f64,
    faults: VecDeque<(u32, Fault)>,
    service: Service,
    queues: Vec<Queue>,
    lens: Lens,
    history: History,
    /// When `plan` was asked, and how many workers it wanted.
    due: VecDeque<(u32, u32)>,
    /// Nobody consumes until then.
    paused_until: f64,
    s3_away_until: u32,
    /// Workers that a deploy has still to replace, one a minute.
    to_replace: u32,
    /// Records a second of each worker.
    rates: Vec<f64>,
    ledger: Ledger,
}

impl<'a> Run<'a> {
    fn new(a: &'a Assumptions, seed: u64) -> Self {
        Self {
            a,
            load: Load::Day { per_day: a.records_per_day, swing: a.swing },
            noise: Random::new(seed),
            jitter: 1.0,
            faults: schedule(a, seed).into(),
            service: Service::new(a, seed),
            queues: vec![Queue::default(); a.partitions],
            lens: Lens::new(a.partitions),
            history: History::default(),
            due: VecDeque::new(),
            paused_until: 0.0,
            s3_away_until: 0,
            to_replace: 0,
            rates: Vec::new(),
            ledger: Ledger::new(a),
        }
    }

    fn step(&mut self, now: u32) {
        if now.is_multiple_of(60) {
            self.jitter = 1.0 + NOISE * (2.0 * self.noise.next() - 1.0);
        }
        let own = self.load.rate(now % 86_400) * self.jitter * f64::from(STEP_SECONDS) / self.queues.len() as f64;
        self.queues.iter_mut().for_each(|queue| queue.arrive(now, own));
        let mut gone = self.befall(now);
        if self.service.step(now, STEP_SECONDS, self.a, &mut gone) {
            self.pause(now, self.a.rebalance_seconds);
        }
        gone.into_iter().for_each(|gone| self.hand_over(now, gone));
        if now >= self.s3_away_until {
            self.consume(now);
            self.rotate(now);
        }
        if (now + STEP_SECONDS).is_multiple_of(60) {
            self.decide(now);
        }
        if let Some((_, wanted)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            self.service.desired = wanted;
        }
    }

    /// What the schedule has for now.
    fn befall(&mut self, now: u32) -> Vec<Gone> {
        let mut gone = Vec::new();
        while let Some((_, fault)) = self.faults.pop_front_if(|(at, _)| *at <= now) {
            let (cause, until) = match fault {
                Fault::ZoneLoss { zone, until } => {
                    self.service.lose_zone(zone, until, &mut gone);
                    // A zone has its part of the brokers, too.
                    self.pause(now, self.a.leader_seconds);
                    (Cause::ZoneLoss, now + AFTERMATH_SECONDS)
                }
                Fault::BrokerRestart => {
                    self.pause(now, self.a.leader_seconds);
                    (Cause::BrokerRestart, now)
                }
                Fault::S3BrownOut { until } => {
                    self.s3_away_until = self.s3_away_until.max(until);
                    (Cause::S3BrownOut, until.saturating_add(AFTERMATH_SECONDS))
                }
                Fault::Deploy => {
                    self.to_replace = count_u32(self.service.serving());
                    (Cause::Deploy, now)
                }
            };
            self.service.count(cause);
            self.ledger.blame(cause, now, until);
        }
        if self.to_replace > 0 && now.is_multiple_of(60) {
            // The new one is there before the old one leaves: one comes, one goes.
            self.to_replace -= 1;
            self.pause(now, 2.0 * self.a.rebalance_seconds);
        }
        gone
    }

    fn pause(&mut self, now: u32, seconds: f64) {
        self.paused_until = self.paused_until.max(f64::from(now)) + seconds;
    }

    /// The partitions of a worker that went are another's.
    fn hand_over(&mut self, now: u32, gone: Gone) {
        let away = now < self.s3_away_until;
        let own = (gone.place..self.queues.len()).step_by(gone.serving.max(1));
        for partition in own {
            let queue = &mut self.queues[partition];
            // Without S3 the best of intentions land nothing.
            if gone.drained && !away {
                self.ledger.land(queue, now);
            } else {
                queue.lose();
            }
        }
        let seconds = match gone.drained {
            true => self.a.rebalance_seconds,
            false => self.service.draw(self.a.lost_worker_seconds),
        };
        self.pause(now, seconds);
        if gone.cause != Cause::Nothing {
            self.ledger.blame(gone.cause, now, now);
        }
    }

    fn consume(&mut self, now: u32) {
        let workers = self.service.serving();
        let step = f64::from(STEP_SECONDS);
        let part = ((f64::from(now) + step - self.paused_until) / step).clamp(0.0, 1.0);
        self.rates.clear();
        for worker in 0..workers {
            let capacity = self.a.worker_records_per_second * step * part;
            let own = || (worker..self.a.partitions).step_by(workers);
            let waiting: f64 = own().map(|partition| self.queues[partition].backlog()).sum();
            let of_each = if waiting > capacity { capacity / waiting } else { 1.0 };
            if of_each > 0.0 {
                own().for_each(|partition| {
                    let queue = &mut self.queues[partition];
                    queue.consume(queue.backlog() * of_each);
                });
            }
            self.rates.push(waiting * of_each / step);
        }
    }

    /// Partitions close their files one after another, each once a rotation; what is overdue since S3 was away is closed
    /// when its turn comes.
    fn rotate(&mut self, now: u32) {
        let turns = (self.a.rotate_seconds / STEP_SECONDS).max(1) as usize;
        let turn = (now / STEP_SECONDS) as usize % turns;
        for queue in self.queues.iter_mut().skip(turn).step_by(turns) {
            self.ledger.land(queue, now);
        }
    }

    fn decide(&mut self, now: u32) {
        let live_workers = count_u32(self.service.serving());
        let pool = Pool { now, desired: self.service.desired, live_workers, rates: &self.rates };
        let sample = self.lens.sample(pool, Some(self.queues.iter().map(Queue::seen)));
        let answer = plan(&sample, &self.a.limits, &self.history);
        self.history = answer.history;
        self.due.push_back((now + self.a.alarm_seconds, answer.desired));
    }
}
