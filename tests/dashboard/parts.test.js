// What else a job's page can do: the table for Athena and Glue, a copy of the job, and setting the offsets of a stopped one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { startDev } from "./landfall.js";

const SETTLED_MS = 60_000;

let dev;
let browser;
let watched;
let page;

before(async () => {
  dev = await startDev("parts");
  browser = await openBrowser();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: dev.url });
  watched = await watchedPage(browser.context, dev.url);
  page = watched.page;
  await page.goto(`${dev.url}/#/jobs/${dev.job}`);
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

const api = (path, init) => fetch(`${dev.url}/v1/jobs/${path}`, init).then((answer) => answer.json());
const offsetsOf = async (name) => (await api(`${name}/offsets`)).offsets.sort((a, b) => a.partition - b.partition);
const part = (name) => page.getByRole("region", { name, exact: true });
const state = (word) => page.locator("#job-state").getByText(word, { exact: true });
const copied = () => page.evaluate(() => navigator.clipboard.readText());
const dialog = (title) => page.getByRole("dialog", { name: title, exact: true });
const said = (locator) => locator.innerText().then((text) => text.replaceAll("\u202f", ""));
const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);

test("the statement for Athena is shown and copied by the keyboard alone", async () => {
  const ddl = part("Table for Athena and Glue");
  await ddl.locator("summary").focus();
  await page.keyboard.press("Enter");
  const table = ddl.locator("pre");
  // A job without columns: the API says so in the statement's comments.
  await table.getByText(/CREATE EXTERNAL TABLE/).waitFor();
  const statement = await table.textContent();
  assert.equal(statement, await fetch(`${dev.url}/v1/jobs/${dev.job}/ddl`).then((answer) => answer.text()));
  for (let presses = 0; (await focused()) !== "Copy the table"; presses += 1) {
    assert.ok(presses < 12, "Tab does not reach the copy button");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await ddl.getByText("Copied").waitFor();
  assert.equal(await copied(), statement);
});

test("Glue's TableInput follows the columns, and columns that are none are told with the API's words", async () => {
  const ddl = part("Table for Athena and Glue");
  await ddl.getByLabel("Columns").fill("id: int64, price: many");
  await ddl.getByRole("button", { name: "Glue" }).click();
  await ddl.locator(".field-error").filter({ hasText: "columns" }).waitFor();
  assert.equal(await ddl.getByLabel("Columns").getAttribute("aria-invalid"), "true");
  assert.equal(await ddl.locator("pre").isVisible(), false);
  await ddl.getByLabel("Columns").fill("id: string, price: double");
  await page.keyboard.press("Enter");
  await ddl.locator("pre").getByText("\"price\"").waitFor();
  const input = JSON.parse(await ddl.locator("pre").textContent());
  assert.deepEqual(input.StorageDescriptor.Columns.map((column) => column.Name), ["id", "price"]);
  assert.equal(await ddl.getByLabel("Columns").getAttribute("aria-invalid"), "false");
});

test("nothing is wrong with the table in light and dark, wide and narrow", () => inspect(page, "ddl"));

test("a copy is refused field by field", async () => {
  await page.locator("[data-action=clone]:not([aria-disabled])").focus();
  await page.keyboard.press("Enter");
  const clone = dialog(`Clone ${dev.job}?`);
  await clone.getByLabel("Name of the copy").fill("UPPER");
  await page.keyboard.press("Enter");
  const wrong = clone.getByLabel("Name of the copy").locator("xpath=following-sibling::p[@class='wrong']");
  await wrong.waitFor();
  assert.match(await wrong.textContent(), /lower/i);
  assert.equal(await clone.getByLabel("Name of the copy").getAttribute("aria-invalid"), "true");
  await clone.getByLabel("Name of the copy").fill("copy");
  await clone.getByLabel("Start").selectOption("timestamp");
  await clone.getByLabel("Time").fill("yesterday");
  await page.keyboard.press("Enter");
  await clone.getByLabel("Time").and(page.locator("[aria-invalid=true]")).waitFor();
  await clone.getByLabel("Start").selectOption("offsets");
  await clone.getByLabel(`${dev.job}/2`).fill("999999999");
  await page.keyboard.press("Enter");
  const outside = clone.getByLabel(`${dev.job}/2`).and(page.locator("[aria-invalid=true]"));
  await outside.waitFor();
  assert.match(await outside.locator("xpath=following-sibling::p").textContent(), /outside what the partition has: write an offset from 0 to \d+/);
  assert.equal(await clone.getByLabel("Name of the copy").getAttribute("aria-invalid"), "false");
  await inspect(page, "clone");
});

test("a mended copy starts where it was told to", async () => {
  const clone = dialog(`Clone ${dev.job}?`);
  for (const partition of [0, 1, 2, 3]) await clone.getByLabel(`${dev.job}/${partition}`).fill(String(partition + 3));
  await page.keyboard.press("Enter");
  await page.getByText("The job copy is created.", { exact: false }).first().waitFor();
  await clone.waitFor({ state: "detached" });
  const { origins } = await api("copy");
  assert.deepEqual(origins.map((one) => one.start_offset).sort(), [3, 4, 5, 6]);
  await page.getByRole("link", { name: "Look at it" }).click();
  await page.getByRole("heading", { level: 1, name: "copy" }).waitFor();
});

test("a copy from a time and one from the end begin there", async () => {
  for (const [name, kind] of [["copy-time", "timestamp"], ["copy-end", "latest"]]) {
    await page.goto(`${dev.url}/#/jobs/${dev.job}`);
    await page.locator("[data-action=clone]:not([aria-disabled])").click();
    const clone = dialog(`Clone ${dev.job}?`);
    await clone.getByLabel("Name of the copy").fill(name);
    await clone.getByLabel("Start").selectOption(kind);
    if (kind === "timestamp") await clone.getByLabel("Time").fill("2020-01-31T12:00:00Z");
    await clone.getByRole("button", { name: `Clone ${dev.job}` }).click();
    await page.getByText(`The job ${name} is created.`, { exact: false }).first().waitFor();
  }
  // Dev's Kafka looks no time up; what was asked for is in the document.
  assert.match((await api("copy-time")).spec.source.start.timestamp, /^2020-01-31T12:00:00/);
  assert.equal((await api("copy-end")).spec.source.start, "latest");
  assert.ok((await api("copy-end")).origins.every((one) => one.start_offset > 0));
});

test("offsets of a running job are not offered, and it says why", async () => {
  await page.goto(`${dev.url}/#/jobs/${dev.job}`);
  await part("Set offsets").getByText("Offsets are set while nobody works on the job, and it is running. Stop it first").waitFor();
  assert.equal(await part("Set offsets").getByRole("button", { name: "Review" }).isVisible(), false);
});

const field = (partition) => page.getByLabel(`New offset of ${dev.job}/${partition}`);
const review = () => part("Set offsets").getByRole("button", { name: "Review" });

test("a stopped job shows where each partition stands, and a mistake is told at its field", async () => {
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: `Stop ${dev.job}` }).click();
  await state("stopped").waitFor({ timeout: SETTLED_MS });
  await field(3).waitFor();
  const offsets = await offsetsOf(dev.job);
  const row = page.getByRole("table", { name: "Offsets to set" }).getByRole("row", { name: `${dev.job}/1` });
  const [start, landed, committed] = (await row.getByRole("cell").allInnerTexts()).map((text) => Number(text.replaceAll("\u202f", "")));
  assert.deepEqual([start, landed, committed], [offsets[1].start_offset, offsets[1].landed_offset, offsets[1].committed_offset]);
  assert.ok(landed > 10, `${landed}`);
  await field(0).fill("ten");
  await field(2).fill("99999999");
  await page.keyboard.press("Enter");
  await part("Set offsets").getByText("is no offset: write a whole number from 0 on").waitFor();
  await part("Set offsets").getByText(/is beyond the end: write \d+ at most/).waitFor();
  assert.equal(await focused(), `New offset of ${dev.job}/0`);
  await inspect(page, "offsets");
  await part("Set offsets").getByRole("button", { name: "Clear" }).click();
  await review().click();
  await part("Set offsets").getByText("no offset is to be moved").waitFor();
});

test("what the API refuses is told at the partition", async () => {
  // The page is told of no end, so that only the API knows it.
  await page.route("**/offsets", async (route) => {
    const answer = await route.fetch();
    if (route.request().method() !== "GET") return route.fulfill({ response: answer });
    const { offsets } = await answer.json();
    return route.fulfill({ response: answer, json: { offsets: offsets.map((one) => ({ ...one, end_offset: null })) } });
  });
  await page.reload();
  await field(1).fill("99999999");
  await review().click();
  // A refusal is an answer of 4xx, which the browser notes on the console; here it is what is asked for.
  await dialog(`Set offsets of ${dev.job}?`).getByRole("button", { name: "Skip forward" }).click();
  await dialog(`Set offsets of ${dev.job}?`).getByText(`is outside what topic ${dev.job} partition 1 has`).waitFor();
  await page.keyboard.press("Escape");
  await part("Set offsets").getByText(/write an offset from 0 to \d+/).waitFor();
  assert.equal(await field(1).getAttribute("aria-invalid"), "true");
  await page.unroute("**/offsets");
});

test("forward is told as a declared skip, and is one", async () => {
  await page.reload();
  await field(0).waitFor();
  const before = await offsetsOf(dev.job);
  const { end_offset: end, landed_offset: landed } = before[0];
  assert.ok(end > landed + 5, "the generator goes on while the job is stopped");
  await field(0).fill(String(landed + 5));
  await page.keyboard.press("Enter");
  const confirm = dialog(`Set offsets of ${dev.job}?`);
  await confirm.waitFor();
  const words = await said(confirm);
  assert.match(words, /Forward is a declared skip: 5 records are written down as skipped in the commit log and never land\./);
  assert.match(words, new RegExp(`${dev.job}/0 goes forward from ${landed} to ${landed + 5}: 5 records will never land\\.`));
  await inspect(page, "offsets-forward");
  assert.equal(await focused(), "Skip forward");
  await page.keyboard.press("Escape");
  await confirm.waitFor({ state: "detached" });
  assert.deepEqual((await offsetsOf(dev.job))[0].landed_offset, landed, "nothing is set before it is confirmed");
  await field(0).press("Enter");
  await confirm.waitFor();
  await page.keyboard.press("Enter");
  await confirm.waitFor({ state: "detached" });
  await part("Set offsets").getByText("The offsets are set.").waitFor();
  const after_ = await offsetsOf(dev.job);
  assert.deepEqual(after_.map((one) => one.landed_offset), [landed + 5, ...before.slice(1).map((one) => one.landed_offset)]);
  assert.equal((await api(dev.job)).generation, 1);
  // The page shows it without being loaded again.
  const cell = page.getByRole("table", { name: "Offsets to set" }).getByRole("row", { name: `${dev.job}/0` }).getByRole("cell").nth(1);
  await cell.getByText(String(landed + 5).replace(/\B(?=(\d{3})+$)/g, "\u202f"), { exact: true }).waitFor();
  assert.equal(await field(0).inputValue(), "");
});

test("what was changed meanwhile by somebody else is not moved by words that are no longer true", async () => {
  const [{ landed_offset: landed }] = await offsetsOf(dev.job);
  await field(0).fill(String(landed - 2));
  await review().click();
  const confirm = dialog(`Set offsets of ${dev.job}?`);
  await confirm.waitFor();
  const offsets = [{ topic: dev.job, partition: 0, offset: landed + 1 }];
  await api(`${dev.job}/offsets`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ offsets }) });
  await page.getByRole("table", { name: "Offsets to set", includeHidden: true }).getByRole("row", { name: `${dev.job}/0`, includeHidden: true })
    .getByText(String(landed + 1).replace(/\B(?=(\d{3})+$)/g, "\u202f"), { exact: true }).first().waitFor({ state: "attached" });
  await confirm.getByRole("button", { name: "Begin a new generation" }).click();
  await confirm.getByText("the job was changed meanwhile (412)").waitFor();
  await page.keyboard.press("Escape");
  assert.equal((await offsetsOf(dev.job))[0].landed_offset, landed + 1);
});

test("back is told as a new generation, and is one: records land again beside old objects", async () => {
  const [first] = await offsetsOf(dev.job);
  const old = await api(dev.job);
  const back = first.landed_offset - 7;
  await field(0).fill(String(back));
  await review().click();
  const confirm = dialog(`Set offsets of ${dev.job}?`);
  await confirm.waitFor();
  const words = await said(confirm);
  assert.match(words, /Back is a new generation of the job, number 2, with a commit log of its own\./);
  assert.match(words, /7 records land again, in new objects\. Old objects stay/);
  assert.match(words, new RegExp(`${dev.job}/0 goes back from ${first.landed_offset} to ${back}: 7 records land again\\.`));
  await inspect(page, "offsets-back");
  await page.keyboard.press("Enter");
  await confirm.waitFor({ state: "detached" });
  await part("Set offsets").getByText("The offsets are set.").waitFor();
  await part("Set offsets").getByText("records from there on land again, in objects of a new generation").waitFor();
  const moved = await api(dev.job);
  assert.equal(moved.generation, old.generation + 1);
  assert.notEqual(moved.uid, old.uid);
  assert.equal((await offsetsOf(dev.job))[0].landed_offset, back);
  await page.getByRole("table", { name: "History" }).getByText(/generation 2, again from/).waitFor();
});

test("nothing left the origin, and the console has only the answers that were asked for", () => {
  watched.quiet(/status of (409|412|422)/);
});
