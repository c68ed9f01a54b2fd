// Signing in: an API that wants a token, beside the one of `landfall dev` and on its bucket and Kafka.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { freePort, start, startDev } from "./landfall.js";

const TOKEN = "a-token-of-this-test";

let dev;
let api;
let browser;
let page;

before(async () => {
  dev = await startDev("sign-in-dev");
  const listen = `127.0.0.1:${await freePort()}`;
  const hash = createHash("sha256").update(TOKEN).digest("hex");
  const fleet = readFileSync(join(dev.data, "fleet.yaml"), "utf8");
  const wanted = `api:\n  listen: ${listen}\n  auth:\n    mode: token\n    tokens:\n      - {name: test, sha256: ${hash}, role: operator}\n`;
  const config = join(dev.data, "token.yaml");
  writeFileSync(config, fleet.replace(/^api:\n( .*\n)+/m, wanted));
  api = await start(["api", "--config", config], `http://${listen}`, "sign-in-api");
  browser = await openBrowser();
  ({ page } = await watchedPage(browser.context, api.url));
  await page.goto(`${api.url}/`);
});
after(async () => {
  await browser?.close();
  await api?.stop();
  await dev?.stop();
});

const dialog = () => page.getByRole("dialog", { name: "Sign in" });

test("without a token the page asks for one, once", async () => {
  await dialog().waitFor();
  const answers = await page.evaluate(async () => {
    const { get } = await import("/dashboard/api.js");
    globalThis.waiting = Promise.allSettled([get("/v1/jobs"), get("/v1/overview")]);
    return Promise.race([globalThis.waiting, new Promise((resolve) => setTimeout(resolve, 1_000, "waiting"))]);
  });
  assert.equal(answers, "waiting", "other requests wait for the same answer");
  assert.equal(await page.getByRole("dialog").count(), 1);
  await inspect(page, "sign-in");
});

test("who gives up is not asked again, and may sign in later", async () => {
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  await page.waitForTimeout(3_000);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.locator("#link.away").getByText(/token/).waitFor();
  await page.getByRole("button", { name: "Sign in" }).click();
  await dialog().waitFor();
});

test("a wrong token is refused with the API's words", async () => {
  await dialog().getByLabel("Token").fill("another");
  await page.keyboard.press("Enter");
  await dialog().getByText("a valid token is needed (401)").waitFor();
  await dialog().getByText(/^Request [0-9a-f]{32}$/).waitFor();
});

test("the right one opens the list, live, and is kept in the tab alone", async () => {
  await dialog().getByLabel("Token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("row", { name: dev.job }).waitFor();
  await page.locator("#link.live").waitFor();
  assert.deepEqual(await page.evaluate(() => [Object.values(sessionStorage), Object.keys(localStorage), document.cookie]),
    [[TOKEN], [], ""]);
});

test("signing out forgets it", async () => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await dialog().waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
