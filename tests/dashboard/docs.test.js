// The page of the API's documentation: everything that the OpenAPI document says, and curl commands that work.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { startDev } from "./landfall.js";

let dev;
let browser;
let watched;
let page;
let api;

before(async () => {
  dev = await startDev("docs");
  api = await fetch(`${dev.url}/openapi.json`).then((answer) => answer.json());
  browser = await openBrowser();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: dev.url });
  watched = await watchedPage(browser.context, dev.url);
  page = watched.page;
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

const operation = (method, path) => page.locator(`details[id="${method}-${path}"]`);
const open = async (method, path) => {
  await operation(method, path).locator("> summary").click();
  await operation(method, path).locator(".operation-body").waitFor();
  return operation(method, path);
};
const group = (within, name) => within.getByRole("group", { name, exact: true });

/** Runs a command as a person would in a shell; the token is not needed here, so its variable is empty. */
async function shell(command) {
  const { stdout } = await promisify(execFile)("sh", ["-c", `${command} -s -w '\\n%{http_code}'`], { env: { PATH: process.env.PATH, LANDFALL_TOKEN: "" }, timeout: 20_000 });
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
}

test("the dashboard's footer leads there, under the same policy", async () => {
  await page.goto(`${dev.url}/`);
  await page.getByRole("link", { name: "API documentation" }).click();
  await page.getByRole("heading", { level: 1, name: "API documentation" }).waitFor();
  const answer = await fetch(`${dev.url}/docs`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^text\/html/);
  const policy = answer.headers.get("content-security-policy");
  assert.equal(policy, (await fetch(`${dev.url}/`, { headers: { accept: "text/html" } })).headers.get("content-security-policy"));
  assert.match(policy, /default-src 'none'.*script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|blob/);
});

test("every operation of the document is there, by tag, and opens", async () => {
  const wanted = Object.entries(api.paths).flatMap(([path, item]) => Object.keys(item).map((method) => ({ method, path, ...item[method] })));
  await operation(wanted[0].method, wanted[0].path).waitFor();
  assert.equal(await page.locator("details.operation").count(), wanted.length);
  for (const { method, path, tags, responses } of wanted) {
    const section = page.getByRole("region", { name: tags[0], exact: true });
    assert.equal(await section.locator(`details[id="${method}-${path}"]`).count(), 1, `${method} ${path} is in ${tags[0]}`);
    const shown = await open(method, path);
    const text = await shown.textContent();
    for (const status of Object.keys(responses)) assert.ok(text.includes(status), `${method} ${path} tells ${status}`);
    assert.ok(text.includes("curl "), `${method} ${path} has a command`);
    await shown.locator("> summary").click();
  }
});

test("parameters, schemas with what their references lead to, and problem types are shown", async () => {
  const shown = await open("get", "/v1/jobs/{name}/offsets");
  await group(shown, "Path parameters").getByText("required").waitFor();
  const answers = group(shown, "Answers");
  await answers.getByText("list of OffsetView").waitFor();
  await answers.locator("summary").filter({ hasText: /^OffsetView$/ }).click();
  await answers.getByText("Exclusive: everything below has landed or is accounted for.").waitFor();
  await answers.getByText("integer or null, int64").first().waitFor();
  const listed = await open("get", "/v1/jobs");
  await group(listed, "Query parameters").getByText(/integer or null.*at least 1, at most 500|integer.*at least 1, at most 500/).waitFor();
  const moved = await open("put", "/v1/jobs/{name}/offsets");
  const problems = group(moved, "Problems");
  const conflict = problems.getByRole("listitem").filter({ hasText: "409" });
  for (const type of ["/problems/wrong-state", "/problems/contended"]) await conflict.getByText(type, { exact: true }).waitFor();
  await conflict.getByText("the job is not stopped").waitFor();
  const kinds = page.getByRole("table", { name: "Problem types" }).locator("tbody tr");
  assert.equal(await kinds.count(), 19);
});

test("a schema's example has every property that the schema has", async () => {
  const answers = group(operation("get", "/v1/jobs/{name}/offsets"), "Answers");
  await answers.locator("summary").filter({ hasText: "Example" }).click();
  const example = JSON.parse(await answers.locator("pre").first().textContent());
  assert.deepEqual(Object.keys(example.offsets[0]).sort(), Object.keys(api.components.schemas.OffsetView.properties).sort());
});

test("a command is copied by the keyboard alone, and works as it is", async () => {
  const shown = operation("get", "/v1/jobs");
  const button = shown.getByRole("button", { name: "Copy curl of GET /v1/jobs" });
  await button.focus();
  await page.keyboard.press("Enter");
  await shown.getByText("Copied").waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(command.includes(`${dev.url}/v1/jobs'`), command);
  const { status, body } = await shell(command);
  assert.equal(status, 200);
  assert.equal(JSON.parse(body).jobs[0].name, dev.job);
});

test("commands with a body are taken by the API as what they are", async () => {
  const commands = async (method, path) => (await open(method, path)).getByRole("group", { name: "curl", exact: true }).locator("pre").allTextContents();
  const [job, connector] = await commands("post", "/v1/jobs/validate");
  // The form is right; what is not there is another cluster's and topic's name.
  for (const [command, field] of [[job, "source.cluster"], [connector, "source.topics[0]"]]) {
    const { status, body } = await shell(command);
    assert.equal(status, 200, body);
    assert.deepEqual(JSON.parse(body).errors.map((error) => error.field), [field], body);
  }
  const [clone] = await commands("post", "/v1/jobs/{name}/clone");
  const cloned = await shell(clone.replaceAll("/jobs/bids/", `/jobs/${dev.job}/`).replace("2026-01-31T", "2020-01-31T"));
  assert.equal(cloned.status, 201, cloned.body);
  const [offsets] = await group(operation("put", "/v1/jobs/{name}/offsets"), "curl").locator("pre").allTextContents();
  const refused = await shell(offsets.replaceAll("/jobs/bids/", `/jobs/${dev.job}/`));
  assert.equal(JSON.parse(refused.body).type, "/problems/wrong-state");
});

test("the filter finds operations by words, and a link leads to one that is open", async () => {
  await page.getByLabel("Filter").fill("offsets put");
  await page.getByText("1 operation", { exact: true }).waitFor();
  assert.equal(await page.locator("details.operation:visible").count(), 1);
  await page.getByLabel("Filter").fill("");
  await page.goto("about:blank");
  await page.goto(`${dev.url}/docs#post-/v1/jobs/%7Bname%7D/clone`);
  await group(operation("post", "/v1/jobs/{name}/clone"), "Request body").getByText("Of the new job.").waitFor();
});

test("nothing is wrong with the page in light and dark, wide and narrow", async () => {
  await open("put", "/v1/jobs/{name}/offsets");
  await open("get", "/v1/jobs/{name}/status");
  await inspect(page, "docs");
});

test("nothing was on the console and no request left the origin", () => watched.quiet());
