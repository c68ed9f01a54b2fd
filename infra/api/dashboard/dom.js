// Building the page: elements, text and keyed lists. Everything that comes from outside goes in as text, never as
// markup, and no style attribute is written: the content security policy forbids it.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An element; a function among the properties is a listener of the event of that name. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Writes text only where it changed, so that a selection or a screen reader is not disturbed for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setShown(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

const nodesOf = new WeakMap();

/**
 * Makes the children of `parent` those of `items`, in their order. A child lives as long as its key is there, so focus,
 * selection and what is unfolded survive an update.
 */
export function keyed(parent, items, keyOf, create, update) {
  const before = nodesOf.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const node = before.get(key) ?? create(item);
    update?.(node, item);
    now.set(key, node);
  }
  for (const [key, node] of before) if (now.get(key) !== node) node.remove();
  const focused = document.activeElement;
  let place = parent.firstChild;
  for (const node of now.values()) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  // Moving a node takes the focus from it.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
  nodesOf.set(parent, now);
}

/** Says `text` to screen readers, once. */
export function announce(text) {
  setText(document.getElementById("announcer"), text);
}

let ids = 0;

/** An id that no other element has. */
export function uniqueId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}
