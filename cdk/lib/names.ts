/**
 * What this package takes from outside: names of the binary (commands, variables, paths), of its metrics, and of the
 * places in the bucket. They are contracts: one place to change them, one place to compare with the binary.
 */

export const BINARY = '/usr/local/bin/landfall';

/**
 * The image carries an empty configuration (`{}`) here. Everything is set by LANDFALL_SECTION__FIELD, because a distroless
 * container on Fargate has neither a shell nor a mounted file to get one from.
 */
export const CONFIG_FILE = '/etc/landfall/fleet.yaml';

export const COMMAND = {
  api: ['api'],
  worker: (pool: string) => ['worker', '--pool', pool],
  lagLambda: ['lag-lambda'],
  alive: ['CMD', BINARY, 'healthcheck'],
  ready: ['CMD', BINARY, 'healthcheck', '--ready'],
} as const;

export const PORT = { api: 8080, worker: 8081 } as const;

/** Scratch lies in the task's own ephemeral disk; the image owns this folder as user 65532 and declares it a volume. */
export const SCRATCH_DIR = '/scratch';
export const USER = '65532:65532';

/** Pool metrics have the dimensions Fleet and Pool, so that several fleets of one account are kept apart. */
export const METRIC = {
  namespace: 'Landfall',
  // published by the lag Lambda
  lagRecords: 'LagRecords',
  lagSeconds: 'LagSeconds',
  desiredTasks: 'DesiredTasks',
  sampleAge: 'LagSampleAge',
  // written by workers as EMF log lines, named after the metrics of docs/metrics.md
  uncompletedEntryAge: 'OldestUncompletedEntryAgeSeconds',
  unlandedAge: 'OldestUnlandedAgeSeconds',
  deadLetterRatio: 'DeadLetterRatio',
  memory: 'MemoryBytes',
  lostRecords: 'LostRecords',
  waits: 'Alarms',
} as const;

/** Folders below the state prefix. */
export const STATE = {
  /** Written once and never again: entries, sidecars, checkpoints. */
  writeOnce: ['*/log/*', '*/checkpoint/*'],
  /** Written by compare-and-swap: job records. */
  compareAndSwap: 'jobs/*',
  probe: 'probe/*',
  /** What the lag Lambda remembers from one minute to the next. */
  scaling: 'scaling/*',
} as const;

/** Where a job's data folder is probed; the folder's name comes first. */
export const DATA_PROBE = '*_landfall-probe/*';

/** ECS ends a task with SIGKILL this long after SIGTERM: Fargate's maximum. */
export const STOP_TIMEOUT_SECONDS = 120;
