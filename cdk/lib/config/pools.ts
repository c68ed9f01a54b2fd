/** Pools of workers: their size, how many, on which capacity, and the knobs of scaling. */

import { mebibytes, oneOf, size, variableName, whole } from './checks';
import type { Section } from './section';

/** What a Fargate task is given. */
export interface TaskSize {
  readonly cpuUnits: number;
  readonly memoryMiB: number;
}

export interface Pool {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly size: TaskSize;
  readonly scratchGiB: number;
  readonly drainSeconds: number;
  readonly onDemandBase: number;
  readonly onDemandWeight: number;
  readonly spotWeight: number;
  /** The knobs of the binary's scaling decision, only those that are given. */
  readonly scaling: Readonly<Record<string, number | boolean>>;
}

/** Who acts on the decision: Application Auto Scaling, or the lag Lambda itself. */
export type Actuator = 'application-autoscaling' | 'ecs';

const GIB = 1024;
const range = (from: number, to: number, step: number) =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => (from + index * step) * GIB);

/** The sizes that Fargate has: memory in MiB by vCPU. */
const FARGATE = new Map<number, number[]>([
  [0.25, [512, GIB, 2 * GIB]],
  [0.5, range(1, 4, 1)],
  [1, range(2, 8, 1)],
  [2, range(4, 16, 1)],
  [4, range(8, 30, 1)],
  [8, range(16, 60, 4)],
  [16, range(32, 120, 8)],
]);

/** A step policy has at most 20 steps, and two policies cover two ranges that meet: see scaling.ts. */
export const MAX_STEP_VALUES = 40;

const KNOBS = {
  count: ['lag_threshold', 'activation_lag_threshold'],
  amount: [
    'activation_lag_seconds', 'persistent_lag_seconds', 'target_lag_seconds', 'target_drain_seconds',
    'scale_in_stabilization_seconds', 'drain_stabilization_seconds', 'cooldown_period_seconds', 'target_utilization',
    'utilization_tolerance', 'worker_records_per_second', 'start_delay_seconds', 'sample_stale_after_seconds',
  ],
  flag: [
    'limit_to_partitions_with_lag', 'exclude_persistent_lag', 'allow_idle_consumers',
    'ensure_even_distribution_of_partitions',
  ],
} as const;

export function readTask(section: Section, vcpu: number, memory: string): TaskSize {
  const cpu = section.number('vcpu', { fallback: vcpu, check: oneOf([...FARGATE.keys()]), fix: 'write one that Fargate has' });
  const text = section.text('memory', { fallback: memory, check: size, fix: 'write one such as 2GiB' });
  const memoryMiB = mebibytes(text) ?? 0;
  const sizes = FARGATE.get(cpu);
  if (sizes && memoryMiB && !sizes.includes(memoryMiB)) {
    const least = `${sizes[0]! / GIB}GiB`;
    section.note('memory', `${text} is no size that Fargate has for ${cpu} vCPU`, `write ${least} to ${sizes.at(-1)! / GIB}GiB`);
  }
  return { cpuUnits: cpu * 1024, memoryMiB };
}

export function readPools(root: Section, actuator: Actuator): Pool[] {
  const named = root.named('pools', variableName, 'rename it: it becomes part of a variable, LANDFALL_POOLS__SHARED');
  if (root.has('pools') && named.size === 0) root.note('pools', 'names no pool', 'write pools: {shared: {max: 4}}');
  if (!root.has('pools')) root.note('pools', 'is missing', 'write pools: {shared: {max: 4}}');
  return [...named].map(([poolName, section]) => readPool(poolName, section, actuator));
}

function readPool(name: string, section: Section, actuator: Actuator): Pool {
  const count = (key: string, fallback: number, most = 1000) =>
    section.number(key, { fallback, check: whole(0, most), fix: `write 0 to ${most}` });
  const pool: Pool = {
    name,
    min: count('min', 0),
    max: section.number('max', { check: whole(1, 1000), fix: 'write the most workers that the pool may have' }),
    size: readTask(section, 1, '2GiB'),
    scratchGiB: section.number('scratch_gib', { fallback: 20, check: whole(20, 190), fix: 'write 20 to 190' }),
    drainSeconds: section.number('drain_seconds', {
      fallback: 90,
      check: whole(10, 110),
      fix: 'write 10 to 110: ten seconds less than Fargate waits at most before it kills',
    }),
    onDemandBase: count('on_demand_base', 1),
    onDemandWeight: count('on_demand_weight', 1),
    spotWeight: count('spot_weight', 0),
    scaling: readScaling(section.section('scaling')),
  };
  if (pool.min > pool.max) section.note('min', `is ${pool.min}, above max ${pool.max}`, 'lower it, or raise max');
  if (pool.onDemandWeight === 0 && pool.spotWeight === 0) {
    section.note('spot_weight', 'is 0, and on_demand_weight too: nothing could start', 'write 1 for one of them');
  }
  const values = pool.max - pool.min + 1;
  if (actuator === 'application-autoscaling' && values > MAX_STEP_VALUES) {
    const problem = `is ${pool.max}: step scaling covers ${MAX_STEP_VALUES} numbers of workers, and min to max are ${values}`;
    section.note('max', problem, 'write scaling: {actuator: ecs}, raise min, or divide the pool');
  }
  section.finish();
  return pool;
}

function readScaling(section: Section): Record<string, number | boolean> {
  const given: Record<string, number | boolean> = {};
  const put = (key: string, value: number | boolean | undefined) => {
    if (value !== undefined) given[key] = value;
  };
  const atLeast0 = (value: number) => (Number.isFinite(value) && value >= 0 ? undefined : 'is below 0');
  for (const key of KNOBS.count) {
    put(key, section.optionalNumber(key, { check: whole(0, Number.MAX_SAFE_INTEGER), fix: 'write a number of records' }));
  }
  for (const key of KNOBS.amount) put(key, section.optionalNumber(key, { check: atLeast0, fix: 'write a number, 0 or more' }));
  for (const key of KNOBS.flag) put(key, section.optionalFlag(key, { fix: 'write true or false' }));
  checkTogether(section, { ...DEFAULTS, ...given } as Record<keyof typeof DEFAULTS, number>);
  section.finish();
  return given;
}

/** What the binary takes where the YAML says nothing (`Limits` in infra/scale/src/limits.rs), as far as it is compared here. */
export const DEFAULTS = {
  lag_threshold: 500_000, target_lag_seconds: 60, target_drain_seconds: 600, worker_records_per_second: 50_000,
  sample_stale_after_seconds: 180, target_utilization: 0.85, utilization_tolerance: 0.07, start_delay_seconds: 180,
};
/** The rule starts the lag Lambda every minute. */
const POLLING_SECONDS = 60;

/** As `Limits::validate` of the binary: one wrong knob, and its lag Lambda decides about no pool. */
function checkTogether(section: Section, knobs: Record<keyof typeof DEFAULTS, number>): void {
  for (const key of ['lag_threshold', 'target_lag_seconds', 'target_drain_seconds', 'worker_records_per_second'] as const) {
    if (knobs[key] === 0) section.note(key, 'is 0', 'write a number above 0');
  }
  const { target_utilization: target, utilization_tolerance: tolerance } = knobs;
  if (!(target - tolerance > 0 && target + tolerance <= 1)) {
    const key = section.has('target_utilization') ? 'target_utilization' : 'utilization_tolerance';
    section.note(key, `leaves the range above 0 up to 1: ${target} give or take ${tolerance}`, 'write shares, such as 0.85 and 0.07');
  }
  if (knobs.target_drain_seconds > 0 && knobs.target_drain_seconds <= knobs.start_delay_seconds) {
    const key = section.has('target_drain_seconds') ? 'target_drain_seconds' : 'start_delay_seconds';
    section.note(key, `lets workers come too late to help: ${knobs.target_drain_seconds} s to drain, ${knobs.start_delay_seconds} s to start`, 'write target_drain_seconds above start_delay_seconds');
  }
  if (knobs.sample_stale_after_seconds < POLLING_SECONDS) {
    section.note('sample_stale_after_seconds', `is below the ${POLLING_SECONDS} s from look to look`, `write ${POLLING_SECONDS} or more`);
  }
}
