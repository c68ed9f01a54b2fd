// The shell: which page the address names, and what stands around it.

import { askAgain, token } from "./api.js";
import { open as openCreate } from "./create.js";
import { el } from "./dom.js";
import { open as openJob } from "./job.js";
import { clearLink } from "./link.js";
import { open as openOverview } from "./overview.js";
import { problem } from "./problem.js";
import { startClock } from "./time.js";

const main = document.getElementById("main");
let close = () => {};
let shown = null;

/** `#/jobs/<name>`, `#/create`, `#/create/connector`, and `#/?q=..&state=..` for the list. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/");
  if (parts[0] === "create") return { page: openCreate, args: [parts[1] ?? "job"], nav: "nav-create" };
  if (parts[0] === "jobs" && parts[1]) return { page: openJob, args: [decoded(parts[1])], nav: "nav-jobs" };
  return { page: openOverview, args: [new URLSearchParams(query)], nav: "nav-jobs" };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show() {
  close();
  clearLink();
  main.replaceChildren();
  const { page, args, nav } = route();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.id === nav) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    close = page(main, ...args) ?? (() => {});
  } catch (error) {
    close = () => {};
    main.append(el("h1", {}, "This page failed"), problem(error));
  }
  const heading = main.querySelector("h1");
  document.title = heading ? `${heading.dataset.title ?? heading.textContent} · Landfall` : "Landfall";
  // On a first visit focus stays where the browser puts it; afterwards a new page begins at its heading.
  if (shown !== null && heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = location.hash;
}

// Out while there is a token, in once a token was asked for and not given.
const sign = document.getElementById("sign");
function showSign(declined) {
  sign.hidden = token.get() === null && !declined;
  sign.textContent = declined ? "Sign in" : "Sign out";
}
sign.addEventListener("click", () => {
  if (token.get() === null) {
    askAgain();
    showSign(false);
    show();
    return;
  }
  token.clear();
  // With it goes everything that was read.
  location.reload();
});
document.addEventListener("signed", (event) => showSign(event.detail.declined));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
showSign(false);
startClock();
show();
