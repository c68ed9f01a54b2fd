// The page that makes jobs: from a job document, or from a Kafka Connect config.

import { connectorTab } from "./create_connector.js";
import { documentTab } from "./create_document.js";
import { el } from "./dom.js";

const TABS = [
  { id: "job", label: "Job document", make: documentTab },
  { id: "connector", label: "Kafka Connect config", make: connectorTab },
];

export function open(main, chosen) {
  const ended = new AbortController();
  const current = TABS.find((tab) => tab.id === chosen) ?? TABS[0];
  const content = el("div", { role: "tabpanel", id: "tab-content", "aria-labelledby": `tab-${current.id}` });
  const select = (index) => {
    const tab = TABS[(index + TABS.length) % TABS.length];
    history.replaceState(null, "", tab.id === "job" ? "#/create" : `#/create/${tab.id}`);
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(TABS[at] === tab));
      button.tabIndex = TABS[at] === tab ? 0 : -1;
    });
    content.setAttribute("aria-labelledby", `tab-${tab.id}`);
    content.replaceChildren(made(tab));
    return tab;
  };
  const nodes = new Map();
  // Each tab is made once: what was typed stays when the other is looked at.
  const made = (tab) => {
    if (!nodes.has(tab)) nodes.set(tab, tab.make(ended.signal));
    return nodes.get(tab);
  };
  const arrows = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (buttons.indexOf(event.target) + step + TABS.length) % TABS.length;
    select(at);
    buttons[at].focus();
  };
  const buttons = TABS.map((tab, index) => el("button", {
    type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": "tab-content", click: () => select(index), keydown: arrows,
  }, tab.label));
  main.append(el("h1", { "data-title": "Create a job" }, "Create a job"),
    el("div", { class: "tabs", role: "tablist", "aria-label": "Made from" }, buttons), content);
  select(TABS.indexOf(current));
  return () => ended.abort();
}
