//! The crash matrix: every point with every moment that means something there, alone and with a second crash while the
//! first is being recovered from. A first pass without hits tells how often each point is passed in each world, so
//! that every planned hit is one that must come.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::points::{Moment, Planned, Point};
use super::world::{Weather, World};

/// Where a crash meets somebody who is putting right what another left.
const RECOVERING: [Point; 9] = [
    Point::LoadLog,
    Point::Recover,
    Point::FoldTail,
    Point::HeadFile,
    Point::CompleteFirst,
    Point::Rebuild,
    Point::Append,
    Point::KafkaCommit,
    Point::PutCheckpoint,
];

pub struct Matrix {
    /// By seed: how often each point is passed.
    passes: Vec<BTreeMap<Point, u64>>,
    cells: BTreeMap<(Point, Moment), Cell>,
    /// Second crashes, by the point of the first: runs, and how many of them came to the second.
    seconds: BTreeMap<Point, (u64, u64)>,
}

#[derive(Debug, Default, Clone)]
struct Cell {
    runs: u64,
    recovered_ms: Vec<u64>,
}

impl Matrix {
    /// Worlds 0 to `seeds` (exclusive), each cell hit in up to `runs` of them.
    pub fn run(seeds: u64, runs: usize, seconds: usize) -> Self {
        let mut matrix =
            Self { passes: (0..seeds).map(passes).collect(), cells: BTreeMap::new(), seconds: BTreeMap::new() };
        for point in Point::ALL.iter().copied() {
            for moment in point.moments() {
                matrix.cell(point, moment, runs);
            }
            matrix.second_crashes(point, seconds);
        }
        matrix
    }

    /// Worlds in which the point is passed, each with how often; not the same ones for every cell.
    fn worlds(&self, point: Point, turn: usize) -> Vec<(u64, u64)> {
        let all = (0u64..).zip(&self.passes);
        let mut worlds: Vec<(u64, u64)> = all.filter_map(|(seed, passes)| Some((seed, *passes.get(&point)?))).collect();
        let shift = if worlds.is_empty() { 0 } else { turn * 7 % worlds.len() };
        worlds.rotate_left(shift);
        worlds
    }

    fn cell(&mut self, point: Point, moment: Moment, runs: usize) {
        let turn = point as usize + 3 * moment as usize;
        let worlds = self.worlds(point, turn);
        assert!(!worlds.is_empty(), "no world passes {:?}", point.name());
        let mut cell = Cell::default();
        for (seed, passes) in worlds.into_iter().take(runs) {
            let skip = (seed * 31 + turn as u64 * 17) % passes;
            let world = played(seed, &[Planned { point, moment, skip }]);
            let left = world.broker.lock().unwrap().trap.plans.len();
            assert_eq!(left, 0, "seed {seed}: {:?} {:?} was planned and never came", point.name(), moment.name());
            cell.runs += 1;
            cell.recovered_ms.extend(world.hit.as_ref().and_then(|hit| hit.recovered_ms));
        }
        self.cells.insert((point, moment), cell);
    }

    fn second_crashes(&mut self, point: Point, runs: usize) {
        for (number, second) in RECOVERING.into_iter().enumerate() {
            for moment in [Moment::Before, Moment::After] {
                let turn = point as usize + 5 * number + moment as usize;
                for (seed, passes) in self.worlds(point, turn).into_iter().take(runs) {
                    let first = Planned { point, moment: Moment::After, skip: (seed * 13 + turn as u64) % passes };
                    let second = Planned { point: second, moment, skip: seed % 2 };
                    let world = played(seed, &[first, second]);
                    let left = world.broker.lock().unwrap().trap.plans.len();
                    let (all, came) = self.seconds.entry(point).or_default();
                    *all += 1;
                    *came += u64::from(left == 0);
                }
            }
        }
    }

    /// How many runs, and how many of them with a second crash.
    pub fn runs(&self) -> (u64, u64) {
        let second = self.seconds.values().map(|(_, came)| came).sum();
        (self.cells.values().map(|cell| cell.runs).sum::<u64>() + second, second)
    }

    /// The page in docs/.
    pub fn document(&self, runs: u64, seconds: u64) -> String {
        let mut text = format!(
            "# The crash matrix\n\n\
             Written by `just matrix`, which runs the real engine and I/O code in the simulation of\n\
             sink/worker/tests/simulation. Every row is a place in the life of a worker, every column what happens just there,\n\
             in worlds that also have a light weather of other faults. Each run goes on until everything is landed, and is then\n\
             checked: every record exactly once, every letter, the log's invariants. A cell tells how many runs were made, all of\n\
             them right, and the longest time until every partition had moved on (simulated seconds; the group's session\n\
             time-out is not in it, the grace of a lost upload is 5 s here, 300 s in production). The last column: runs with a\n\
             second crash, while the first was being recovered from.\n\n\
             {runs} runs, {seconds} of them with a second crash, no violation.\n\n"
        );
        text += &self.table();
        text += "\n## Who repairs it, and what an operator sees\n\n| point | who repairs it | what an operator sees |\n|---|---|---|\n";
        for point in Point::ALL {
            let (repair, sign) = meaning(*point);
            writeln!(text, "| {} | {repair} | {sign} |", point.name()).unwrap();
        }
        text
    }

    /// A row a point, a column a moment: runs, and the longest time until every partition had moved on.
    pub fn table(&self) -> String {
        let mut text = String::from("| point |");
        Moment::ALL.iter().for_each(|moment| write!(text, " {} |", moment.name()).unwrap());
        text += " second crash |\n|---|";
        text += &"---:|".repeat(Moment::ALL.len() + 1);
        text.push('\n');
        for point in Point::ALL {
            write!(text, "| {} |", point.name()).unwrap();
            for moment in Moment::ALL {
                match self.cells.get(&(*point, *moment)) {
                    Some(cell) => {
                        let longest = cell.recovered_ms.iter().max().map_or(0, |ms| ms.div_ceil(1_000));
                        write!(text, " {} ok, {longest} s |", cell.runs).unwrap();
                    }
                    None => text += " |",
                }
            }
            let (_, came) = self.seconds.get(point).copied().unwrap_or_default();
            writeln!(text, " {came} ok |").unwrap();
        }
        text
    }
}

/// What happens at each point, for the page: who repairs it and what an operator sees.
fn meaning(point: Point) -> (&'static str, &'static str) {
    const AGAIN: &str = "whoever gets the partitions reads from `low` on again";
    const NOTHING: &str = "`landfall_kafka_rebalances_total`, lag for the time of the session";
    match point {
        Point::LoadLog | Point::Recover | Point::FoldTail | Point::Assigned => {
            ("the next owner does the same; nothing was written", "the job is `starting` for longer")
        }
        Point::Poll | Point::Timer | Point::Encode | Point::EncodeInOrder | Point::EncoderFinish => (AGAIN, NOTHING),
        Point::Spill => (AGAIN, "an error of stage `upload` where scratch is full or lost"),
        Point::CreateUpload | Point::FirstPart | Point::LaterPart => {
            (AGAIN, "an open upload that the bucket's lifecycle rule ends; `waiting_for` while the store is away")
        }
        Point::ProduceLetters => {
            ("the letter is sent again: at least once", "a repeat with the same `landfall.source`")
        }
        Point::LookAtKey | Point::CheckUpload | Point::PutSidecar | Point::VerifyTopics => {
            (AGAIN, "`waiting_for` while the store or Kafka is away")
        }
        Point::Append | Point::ReadEntry => (
            "the same worker with the same token, or whoever reads the log: what is in it counts, what is not is read again",
            "`landfall_commit_appends_total{outcome}`",
        ),
        Point::HeadFile | Point::CompleteFirst | Point::CompleteLater | Point::ListParts => (
            "whoever folds the entry completes its files",
            "`landfall_oldest_uncompleted_entry_age_seconds`, `landfall_recovery_total` of `take_over`",
        ),
        Point::ProveReadable | Point::AbortGone | Point::Rebuild => (
            "an owner of its partitions rebuilds the file from Kafka; the first rebuild in the log counts",
            "`landfall_recovery_total` of `rebuild`; `landfall_lost_records` for what Kafka no longer has",
        ),
        Point::KafkaCommit => {
            ("nothing to repair: the log decides where to read on", "the group's lag in Kafka's own tools")
        }
        Point::PutCheckpoint => {
            ("nothing to repair: the log is read from the checkpoint before", "a warning in the log")
        }
        Point::AbortLost => ("the bucket's lifecycle rule ends the upload", "a warning in the log"),
        Point::Revoked | Point::Lost => ("the next owner reads from `low` on again", NOTHING),
    }
}

fn passes(seed: u64) -> BTreeMap<Point, u64> {
    played(seed, &[]).broker.lock().unwrap().trap.hits.clone()
}

fn played(seed: u64, plans: &[Planned]) -> World {
    let report = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, Weather::Breeze);
        world.plan_hits(plans);
        world.play();
        world.check();
        world
    });
    report.unwrap_or_else(|_| panic!("seed {seed} with {plans:?} failed"))
}
