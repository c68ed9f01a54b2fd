// A table that is kept up to date: rows by key, cells only where what they say has changed.

import { el, keyed, setText } from "./dom.js";

const said = new WeakMap();

/**
 * `columns` are `{head, class, text(row), draw(row), sort}`: `text` is what a cell says, and `draw` gives the nodes for it
 * where text alone is not enough; it is called again only when `text` changed. A column with `update(cell, row)` does all
 * by itself. The first column heads its row.
 */
export function table({ caption, columns, keyOf, empty, onSort }) {
  const body = el("tbody");
  const headings = columns.map((column) => el("th", { scope: "col", class: column.class },
    column.sort ? el("button", { type: "button", click: () => onSort(column.sort) }, column.head) : column.head));
  const root = el("table", {},
    el("caption", { class: "unseen" }, caption), el("thead", {}, el("tr", {}, headings)), body);
  // Nothing is said of what is there before the first answer.
  const note = el("p", { class: "empty" }, "Asking the API.");
  // A wide table scrolls by itself, also by keyboard.
  const scroller = el("div", { class: "scroll", hidden: true, tabindex: "0", role: "group", "aria-label": caption }, root);

  const create = () => el("tr", {}, columns.map((column, index) =>
    index === 0 ? el("th", { scope: "row", class: column.class }) : el("td", { class: column.class })));

  function fill(tr, row) {
    columns.forEach((column, index) => {
      const cell = tr.children[index];
      if (column.update) return column.update(cell, row);
      const text = String(column.text(row) ?? "");
      if (said.get(cell) === text) return;
      said.set(cell, text);
      if (column.draw) cell.replaceChildren(...[column.draw(row)].flat());
      else setText(cell, text);
    });
  }

  return {
    root: el("div", { class: "table" }, scroller, note),
    /** With no rows `none` is said instead, or what the table says by itself. */
    show(rows, none = empty) {
      setText(note, none);
      keyed(body, rows, keyOf, create, fill);
      scroller.hidden = rows.length === 0;
      note.hidden = rows.length > 0;
    },
    markSort(sort, descending) {
      columns.forEach((column, index) => {
        if (column.sort === sort) headings[index].setAttribute("aria-sort", descending ? "descending" : "ascending");
        else headings[index].removeAttribute("aria-sort");
      });
    },
  };
}
