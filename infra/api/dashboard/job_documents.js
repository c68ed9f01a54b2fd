// The job document with every default filled in, and the connector's config where the job was made from one.

import { get, jobPath } from "./api.js";
import { el } from "./dom.js";
import { panel } from "./panel.js";

export function documents(name) {
  const spec = el("pre", { tabindex: "0", "aria-label": "Job document" });
  const config = el("pre", { tabindex: "0", "aria-label": "Connector config" });
  const connector = el("details", { hidden: true }, el("summary", {}, "Connector config"), config);
  const part = panel("Job document", { wide: true },
    el("details", {}, el("summary", {}, "With every default filled in"), spec), connector);
  // A job is made from a connector's config or it is not: asked once.
  let made_from_connector = null;

  return {
    root: part.root,
    fail: part.fail,
    async refresh(signal) {
      const job = await get(jobPath(name), signal);
      part.clear();
      spec.textContent = JSON.stringify(job.spec, null, 2);
      part.note(`version ${job.config_version}, changed by ${job.changed_by}`);
      if (made_from_connector === null) {
        const overview = await get("/v1/overview", signal);
        made_from_connector = overview.jobs.some((other) => other.name === name && other.connector);
      }
      if (!made_from_connector) return;
      config.textContent = JSON.stringify(await get(`/connectors/${encodeURIComponent(name)}/config`, signal), null, 2);
      connector.hidden = false;
    },
  };
}
