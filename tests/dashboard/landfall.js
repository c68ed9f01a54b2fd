// The real binary, started for a test: `landfall dev`, or an API of its own beside it. Loopback only, ended by its pid.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const HERE = import.meta.dirname;
const BINARY = resolve(process.env.LANDFALL_BINARY ?? join(HERE, "../../target/debug/landfall"));
export const LOGS = resolve(HERE, "../../target/test-logs/dashboard");
const START_MS = 30_000;
const END_MS = 40_000;

/** A port that nobody listens on now. */
export async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts the binary with these words and waits until `url` answers; `stop` ends it and tells its exit code. */
export async function start(words, url, log) {
  mkdirSync(LOGS, { recursive: true });
  const output = openSync(join(LOGS, `${log}.log`), "w");
  const child = spawn(BINARY, words, { stdio: ["ignore", output, output] });
  const ended = once(child, "exit").catch((error) => [`does not start: ${error.message}`]);
  const deadline = Date.now() + START_MS;
  for (;;) {
    if (await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false)) break;
    const code = await Promise.race([ended, sleep(100)]);
    if (code !== undefined || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${BINARY} ${words.join(" ")} is not ready: exit ${code}; see ${LOGS}/${log}.log`);
    }
  }
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
      const [code] = await ended;
      clearTimeout(late);
      return code;
    },
  };
}

/** `landfall dev` with a steady load and a share of malformed events; `job` is the name of the job it submits. */
export async function startDev(log) {
  const data = mkdtempSync(join(tmpdir(), "landfall-dashboard-"));
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const words = ["dev", "--data", data, "--listen", address, "--rate", "200", "--malformed", "0.05"];
  const process = await start(words, url, log);
  const job = await firstJob(url);
  return {
    ...process, data, job,
    async stop() {
      await process.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function firstJob(url) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    const { jobs } = await fetch(`${url}/v1/jobs`).then((answer) => answer.json());
    if (jobs.length) return jobs[0].name;
    await sleep(200);
  }
  throw new Error(`${url}: dev submitted no job within ${START_MS} ms`);
}
