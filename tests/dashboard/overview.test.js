// The list of jobs: live, filtered, by keyboard, and what it says when the API goes away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { startDev } from "./landfall.js";

let dev;
let browser;
let watched;

before(async () => {
  dev = await startDev("overview");
  browser = await openBrowser();
  watched = await watchedPage(browser.context, dev.url);
  await watched.page.goto(`${dev.url}/`);
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

const row = (page) => page.getByRole("row", { name: dev.job });

test("the dev job is listed with its state, lag and throughput, live", async () => {
  const { page } = watched;
  await row(page).getByText("running").waitFor();
  await page.locator("#link.live").getByText("live", { exact: true }).waitFor();
  await row(page).getByRole("cell").nth(1).filter({ hasText: /^[\d\u202f]+$/ }).waitFor();
  await page.waitForFunction((name) => {
    const cell = [...document.querySelectorAll("tbody tr")].find((tr) => tr.textContent.includes(name))?.children[5];
    return Number(cell?.textContent.replaceAll("\u202f", "")) > 0;
  }, dev.job);
  await row(page).getByRole("img", { name: `lag of ${dev.job} in records over` }).waitFor();
});

test("the lag's line grows while the page is open", async () => {
  const points = async () => (await row(watched.page).locator(".spark .line").getAttribute("d") ?? "").split("L").length;
  const before_ = await points();
  await watched.page.waitForFunction(([name, count]) => {
    const tr = [...document.querySelectorAll("tbody tr")].find((node) => node.textContent.includes(name));
    return tr.querySelector(".spark .line").getAttribute("d").split("L").length > count;
  }, [dev.job, before_]);
});

test("the worker is listed with its memory", async () => {
  const workers = watched.page.getByRole("table", { name: "Workers" });
  await workers.getByText(/iB of [\d.\u202f]+[KMG]iB/).waitFor();
  await workers.getByText("live", { exact: true }).waitFor();
});

test("the list is filtered by text and by state, and the address keeps the filter", async () => {
  const { page } = watched;
  await page.getByRole("searchbox", { name: "Filter" }).fill("no such job");
  await page.getByText("No job matches the filter.").waitFor();
  assert.match(page.url(), /#\/\?q=no\+such\+job$/);
  await page.getByRole("searchbox", { name: "Filter" }).fill(dev.job.slice(0, 6).toUpperCase());
  await row(page).waitFor();
  await page.getByLabel("State", { exact: true }).selectOption("failed");
  await page.getByText("No job matches the filter.").waitFor();
  await page.getByLabel("State", { exact: true }).selectOption("running");
  await row(page).waitFor();
});

test("the list is sorted by the column that is pressed", async () => {
  const { page } = watched;
  await page.getByRole("button", { name: "Job", exact: true }).click();
  assert.equal(await page.getByRole("columnheader", { name: "Job", exact: true }).getAttribute("aria-sort"), "ascending");
});

test("nothing is wrong with the page in light and dark, wide and narrow", () => inspect(watched.page, "list"));

test("the keyboard alone leads past the bar, and to the job's page", async () => {
  const { page } = watched;
  await page.reload();
  await row(page).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  for (let presses = 0; ; presses += 1) {
    assert.ok(presses < 25, "Tab does not reach the job's link");
    await page.keyboard.press("Tab");
    if (await page.evaluate((name) => document.activeElement.textContent === name, dev.job)) break;
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: dev.job }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "a new page begins at its heading");
});

test("nothing was on the console and no request left the origin", () => watched.quiet());

test("without its stream the page asks instead, says so, and comes back to it", async () => {
  const { page } = watched;
  const stream = "**/v1/overview/stream";
  await page.route(stream, (route) => route.abort());
  await page.goto(`${dev.url}/#/`);
  await page.reload();
  await page.locator("#link.reconnecting").getByText(/^reconnecting since \d\d:\d\d:\d\d, asking meanwhile$/).waitFor();
  const asked = await page.waitForResponse(`${dev.url}/v1/overview`);
  assert.equal(asked.status(), 200);
  await row(page).waitFor();
  await page.unroute(stream);
  await page.locator("#link.live").waitFor();
});

test("when the API goes away the page says since when", async () => {
  const { page } = watched;
  await dev.stop();
  await page.locator("#link.away").getByText(/^reconnecting since \d\d:\d\d:\d\d: Failed to fetch/).waitFor();
  await row(page).waitFor();
});
