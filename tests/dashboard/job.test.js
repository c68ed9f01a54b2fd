// The page of one job: everything that is known of it, and the actions on it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { startDev } from "./landfall.js";

// Dev's files are closed after 15 s.
const LANDED_MS = 60_000;
const SETTLED_MS = 60_000;

let dev;
let browser;
let watched;
let page;

before(async () => {
  dev = await startDev("job");
  browser = await openBrowser();
  watched = await watchedPage(browser.context, dev.url);
  page = watched.page;
  await page.goto(`${dev.url}/#/jobs/${dev.job}`);
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

const part = (name) => page.getByRole("region", { name, exact: true });
const table = (name) => page.getByRole("table", { name, exact: true });
const action = (name) => page.getByRole("button", { name, exact: true });
const state = (word) => page.locator("#job-state").getByText(word, { exact: true });

test("why nothing is written is answered in words", async () => {
  const reasons = part("Why is nothing written?").getByRole("listitem");
  await reasons.first().waitFor();
  assert.ok((await reasons.first().textContent()).trim().length > 10);
});

test("the partitions are shown with lag, offsets and the worker that has them", async () => {
  const workers = table("Partitions").locator("tbody tr td:last-child").filter({ hasText: /-[0-9a-f]{8}$/ });
  await workers.nth(3).waitFor();
  assert.equal(await workers.count(), 4);
  // Lag, end, position, landed and committed of each.
  const numbers = table("Partitions").locator("tbody td.number").filter({ hasText: /^[\d\u202f]+$/ });
  await numbers.nth(19).waitFor();
  assert.equal(await numbers.count(), 20);
});

test("open files are shown with the next trigger and a countdown", async () => {
  const files = table("Open files");
  const first = files.locator("tbody tr").first();
  await first.getByText(/^(idle|age|bytes|records|event time)$/).waitFor();
  const due = files.locator("time[data-clock=due]").filter({ hasText: /^in \d+/ }).first();
  await due.waitFor();
  assert.match(await due.getAttribute("title"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.* UTC$/);
  await files.getByText(/\.jsonl\.zst$/).first().waitFor();
});

test("objects are listed with their size after a while", async () => {
  const objects = table("Last objects");
  const landed = objects.getByRole("row", { name: new RegExp(`^bids/dt=.*${dev.job}\\+\\d\\+\\d{20}\\.jsonl\\.zst`) }).first();
  await landed.waitFor({ timeout: LANDED_MS });
  assert.match(await landed.getByRole("cell").first().textContent(), /^[\d.\u202f]+[KM]?i?B$/);
  await landed.getByText(new RegExp(`${dev.job}/\\d \\[\\d+, \\d+\\)`)).waitFor();
});

test("an object says where it lies, and has a link where the buckets are on AWS", async () => {
  const rows = table("Last objects").getByRole("rowheader");
  const landed = rows.filter({ hasText: /^bids\/dt=/ }).first().locator("span").first();
  assert.match(await landed.getAttribute("title"), /^s3:\/\/[^/]+\/bids\/dt=/);
  const url = "https://console.aws.amazon.com/s3/object/lake?prefix=bids%2Fa";
  await page.route("**/objects?*", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    // Another key: a row is drawn anew when it is another object.
    answer.objects = answer.objects.slice(0, 1).map((object) => ({ ...object, key: "bids/a", url }));
    await route.fulfill({ response, json: answer });
  });
  try {
    const link = rows.getByRole("link", { name: "bids/a", exact: true });
    await link.waitFor({ timeout: LANDED_MS });
    assert.deepEqual([await link.getAttribute("href"), await link.getAttribute("rel")], [url, "noopener noreferrer"]);
  } finally {
    await page.unroute("**/objects?*");
  }
});

test("dead letters are counted by reason and shown byte by byte", async () => {
  const letters = part("Dead letters");
  await letters.getByRole("button", { name: /^malformed_json [\d\u202f]+$/ }).waitFor({ timeout: LANDED_MS });
  const reason = letters.getByRole("button", { name: /^invalid_utf8 [\d\u202f]+$/ });
  await reason.click();
  await letters.locator("details.letter").filter({ hasText: "malformed_json" }).first().waitFor({ state: "detached" });
  const letter = letters.locator("details.letter").first();
  await letter.locator("summary").click();
  // The generator writes a lone Latin-1 byte; what follows it is told apart from the escape.
  await letter.locator("pre .escape").getByText(/^\\x[89a-f][0-9a-f]$/).first().waitFor();
  assert.match(await letter.locator("summary").textContent(), new RegExp(`${dev.job}/\\d @ \\d+`));
  const hex = letter.getByRole("button", { name: "Hex" }).first();
  await hex.click();
  assert.equal(await hex.getAttribute("aria-pressed"), "true");
  assert.match(await letter.locator("pre").first().textContent(), /^000000 {2}7b 22 .*\{"/);
  await hex.click();
  await reason.click();
});

test("errors name the record, and the history and the document are there", async () => {
  await table("Errors").getByText(new RegExp(`^${dev.job}/\\d @ \\d+$`)).first().waitFor();
  await table("History").getByText("created").waitFor();
  await page.getByText("With every default filled in").click();
  await page.getByLabel("Job document", { exact: true }).and(page.locator("pre")).getByText(`"name": "${dev.job}"`).waitFor();
});

test("nothing is wrong with the page in light and dark, wide and narrow", () => inspect(page, "job"));

test("the keyboard alone reaches the actions, and a pause is confirmed before it is done", async () => {
  await page.reload();
  await page.locator("[data-action=pause]:not([aria-disabled])").waitFor();
  for (let presses = 0; ; presses += 1) {
    assert.ok(presses < 10, "Tab does not reach the actions");
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.dataset.action === "pause")) break;
  }
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: `Pause ${dev.job}?` });
  await dialog.getByText("What is open is landed and committed, then the job stops consuming.").waitFor();
  await inspect(page, "confirm");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), "pause", "focus is back where it was");
  await state("running").waitFor();
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await page.keyboard.press("Enter");
  await state("paused").waitFor({ timeout: SETTLED_MS });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), "pause", "the button keeps the focus");
  await table("History").getByText("paused").waitFor();
});

test("the lag of a paused job grows, and the partition with the most stands first", async () => {
  const cells = table("Partitions").locator("tbody tr td:nth-child(2)");
  for (;;) {
    const lags = (await cells.allTextContents()).map((text) => Number(text.replaceAll("\u202f", "")));
    // Equal ones have no order that could be wrong.
    if (new Set(lags).size === 4) {
      assert.deepEqual(lags, [...lags].sort((a, b) => b - a));
      break;
    }
    await page.waitForTimeout(200);
  }
});

test("a paused job is resumed", async () => {
  assert.equal(await action("Pause").getAttribute("aria-disabled"), "true");
  await action("Resume").click();
  await page.getByRole("button", { name: `Resume ${dev.job}` }).click();
  await state("running").waitFor({ timeout: SETTLED_MS });
  await page.locator("[data-action=resume][aria-disabled]").waitFor();
  await table("History").getByText("resumed").waitFor();
});

test("a delete wants the name typed, and the page then says that the job is gone", async () => {
  await action("Delete").click();
  const dialog = page.getByRole("dialog", { name: `Delete ${dev.job}?` });
  const go = dialog.getByRole("button", { name: `Delete ${dev.job}` });
  assert.ok(await go.isDisabled());
  await dialog.getByRole("textbox").fill(dev.job.slice(1));
  assert.ok(await go.isDisabled());
  watched.quiet();
  await dialog.getByRole("textbox").fill(dev.job);
  await go.click();
  await page.getByText(`The job ${dev.job} is deleted. Its objects and its log stay in the bucket.`).waitFor({ timeout: SETTLED_MS });
});

test("a job that is not there is told from one that is", async () => {
  await page.goto(`${dev.url}/#/jobs/never-was`);
  await page.getByText("There is no job never-was.").waitFor();
});
