// Making jobs: from a document, with what is wrong at the field, and from a Kafka Connect config.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect, openBrowser, watchedPage } from "./browser.js";
import { startDev } from "./landfall.js";

let dev;
let browser;
let watched;
let page;

before(async () => {
  dev = await startDev("create");
  browser = await openBrowser();
  watched = await watchedPage(browser.context, dev.url);
  page = watched.page;
  await page.goto(`${dev.url}/#/create`);
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

const document_ = () => page.getByLabel("Job document, YAML or JSON");
const field = (name) => page.getByLabel(name, { exact: false }).and(page.locator("input, select"));

const connectors = () => fetch(`${dev.url}/connectors`).then((answer) => answer.json());

test("the form writes the document", async () => {
  await field("Name").fill("second");
  await field("Cluster").fill("embedded");
  await field("Topics").fill(`${dev.job}, no-such-topic`);
  await field("Format").selectOption("jsonl");
  assert.equal(await document_().inputValue(), [
    "name: second", "source:", "  cluster: embedded", `  topics: [${dev.job}, no-such-topic]`,
    "sink:", "  bucket: lake", "  format: jsonl", "",
  ].join("\n"));
});

test("a mistake is shown at its field, with value, problem and fix", async () => {
  await page.getByRole("button", { name: "Validate" }).click();
  await page.getByText("1 field to mend").waitFor();
  const error = page.locator(".result .field-error");
  assert.match(await error.textContent(), /source\.topics\[1\].*no-such-topic.*does not exist on cluster embedded.*create the topic, or mend its name/);
  assert.match(await page.locator("#field-topics-wrong").textContent(), /does not exist on cluster embedded/);
  assert.equal(await field("Topics").getAttribute("aria-invalid"), "true");
  await error.getByRole("button", { name: "source.topics[1]" }).click();
  assert.equal(await page.evaluate(() => {
    const { value, selectionStart, selectionEnd } = document.activeElement;
    return value.slice(selectionStart, selectionEnd);
  }), "topics", "the path leads to its place in the document");
});

test("a key that is not known is answered with the one that is meant, and by itself after a change", async () => {
  await document_().fill(`name: second\nsource: {cluster: embedded, topics: [${dev.job}]}\nsink: {bucket: lake, compresion: zstd}\n`);
  await page.getByText("did you mean sink.compression?").waitFor();
  await page.getByText("The document was changed by hand.").waitFor();
});

test("nothing is wrong with the page in light and dark, wide and narrow", () => inspect(page, "create"));

test("a mended document makes a job", async () => {
  const spec = { name: "second", source: { cluster: "embedded", topics: [dev.job] }, sink: { bucket: "lake" } };
  await document_().fill(JSON.stringify(spec, null, 2));
  await page.getByText("This job can be created.").waitFor();
  await page.getByRole("table", { name: "Where each partition would begin" }).getByRole("row").nth(4).waitFor();
  await page.getByRole("button", { name: "Create job" }).click();
  await page.getByText("The job second is created.").first().waitFor();
  await page.getByRole("link", { name: "Look at it" }).click();
  await page.getByRole("heading", { level: 1, name: "second" }).waitFor();
  await page.getByRole("table", { name: "Partitions" }).getByRole("row").nth(4).waitFor();
  const jobs = await fetch(`${dev.url}/v1/jobs`).then((answer) => answer.json());
  assert.ok(jobs.jobs.some((job) => job.name === "second"));
});

test("a connector's config is told what is wrong with each key", async () => {
  await page.goto(`${dev.url}/#/create`);
  await page.getByRole("tab", { name: "Job document" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("tab", { name: "Kafka Connect config", selected: true }).waitFor();
  const config = page.getByLabel("Connector config, JSON");
  const given = JSON.parse(await config.inputValue());
  given.config["flush.sise"] = "5";
  given.config["flush.size"] = "many";
  await config.fill(JSON.stringify(given, null, 2));
  await page.getByRole("button", { name: "Validate" }).click();
  const errors = page.locator(".result .field-error");
  await errors.filter({ hasText: "flush.sise" }).getByText(/not a known key/).waitFor();
  await errors.filter({ hasText: /^flush\.size.*many/ }).getByText(/whole number/).waitFor();
  await inspect(page, "connector");
});

test("a config that is no JSON, or has no class, is refused before it is sent", async () => {
  await page.getByLabel("Connector config, JSON").fill("connector.class=x");
  await page.getByRole("button", { name: "Validate" }).click();
  await page.getByText(/the text is not JSON/).waitFor();
  await page.getByLabel("Connector config, JSON").fill("{\"name\": \"x\", \"topics\": \"x\"}");
  await page.getByRole("button", { name: "Validate" }).click();
  await page.getByText(/the config has no connector.class/).waitFor();
});

test("a config that is right and does not fit the cluster is told so before anything is made", async () => {
  const given = { name: "x", "connector.class": "io.confluent.connect.s3.S3SinkConnector", topics: "no-such-topic", "s3.bucket.name": "lake", "flush.size": 5,
    "format.class": "io.confluent.connect.s3.format.json.JsonFormat", "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": false };
  await page.getByLabel("Connector config, JSON").fill(JSON.stringify(given));
  await page.getByRole("button", { name: "Validate" }).click();
  await page.locator(".result .field-error").filter({ hasText: "no-such-topic" }).getByText(/does not exist on cluster embedded/).waitFor();
});

test("a mended config makes a connector, and its job's page shows the config as it was given", async () => {
  await page.getByLabel("Connector config, JSON").fill(JSON.stringify({
    name: "from-connect",
    "connector.class": "io.confluent.connect.s3.S3SinkConnector",
    topics: dev.job,
    "s3.bucket.name": "lake",
    "flush.size": 1000,
    "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
    "storage.class": "io.confluent.connect.s3.storage.S3Storage",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": false,
  }));
  // Nothing is made before the warnings were on the page.
  await page.getByRole("button", { name: "Create connector" }).press("Enter");
  const go = page.getByRole("button", { name: /^Create with \d+ warnings$/ });
  await go.waitFor();
  const warnings = page.locator(".banner.warn li");
  // A key that is not needed, one that is mapped with care, and what no key says.
  await warnings.filter({ hasText: /^storage\.class: not needed, / }).waitFor();
  await warnings.filter({ hasText: /^flush\.size: becomes sink\.rotate\.records/ }).waitFor();
  await warnings.filter({ hasText: /^source\.start, source\.group: the job begins where the connector's group stands/ }).waitFor();
  assert.equal(await warnings.count(), Number((await go.textContent()).match(/\d+/)[0]));
  assert.deepEqual(await connectors(), []);
  await inspect(page, "connector-warnings");
  // What was changed since then is looked at anew.
  await page.getByLabel("Connector config, JSON").press("End");
  await page.getByLabel("Connector config, JSON").pressSequentially(" ");
  await page.getByRole("button", { name: "Create connector" }).press("Enter");
  await go.waitFor();
  assert.deepEqual(await connectors(), []);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Create with/, "the button keeps the focus");
  await page.keyboard.press("Enter");
  await page.getByText("The job from-connect is created.").first().waitFor();
  assert.deepEqual(await connectors(), ["from-connect"]);
  // They can still be read afterwards.
  await warnings.filter({ hasText: /^storage\.class: not needed, / }).waitFor();
  await page.getByRole("link", { name: "Look at it" }).click();
  await page.getByText("Connector config", { exact: true }).click();
  await page.locator("pre").getByText("\"flush.size\": \"1000\"").waitFor();
});

test("nothing was on the console and no request left the origin", () => watched.quiet());
