// A real browser, and what is true of every page: nothing on the console, no request to anybody else, no violation that
// axe finds in light or in dark, and a picture of it for those who look.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { LOGS } from "./landfall.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const WIDE = { width: 1440, height: 1000 };
const NARROW = { width: 400, height: 800 };

/** A browser with a profile of its own. */
export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "landfall-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM, args: FLAGS, viewport: WIDE, colorScheme: "light", reducedMotion: "reduce",
  });
  context.setDefaultTimeout(40_000);
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * A page at `url`; `quiet(expected)` fails if anything was on its console or left the origin so far. Chromium notes every
 * answer of 4xx there: those that a test asks for are `expected`.
 */
export async function watchedPage(context, url) {
  const page = await context.newPage();
  const noise = [];
  const foreign = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) noise.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => noise.push(String(error)));
  context.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && asked.origin !== new URL(url).origin) foreign.push(request.url());
  });
  return {
    page,
    quiet(expected) {
      assert.deepEqual(noise.filter((line) => !expected?.test(line)), [], "the console has errors or warnings");
      assert.deepEqual(foreign, [], "requests left the origin");
    },
  };
}

/** Fails with each violation axe finds now, in light and in dark; keeps pictures of the page, wide and narrow. */
export async function inspect(page, name) {
  mkdirSync(LOGS, { recursive: true });
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const [width, size] of [["wide", WIDE], ["narrow", NARROW]]) {
      await page.setViewportSize(size);
      await page.screenshot({ path: join(LOGS, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) found.push(`${width} ${colorScheme}: the page is ${overflow} pixels wider than its window`);
      // Colours and rules are the same at both widths but for what is hidden; axe takes its time.
      if (width === "narrow" && colorScheme === "dark") continue;
      // Through the debugger, as the page's policy lets no other script in.
      if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, help, nodes } of violations) {
        found.push(`${width} ${colorScheme}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html}: ${node.failureSummary}`).join(" | ")}`);
      }
    }
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  assert.deepEqual(found, [], `${name} is not as it should be`);
}
