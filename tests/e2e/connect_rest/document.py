"""The tables of docs/connect-rest.md, from what was asked and what differs."""

import os

from parts import layout

from .differences import DIFFERENCES

PATH = layout.ROOT / "docs" / "connect-rest.md"
BEGIN, END = "<!-- compared: begin -->\n", "<!-- compared: end -->\n"


def tables(asked, wanted=DIFFERENCES):
    """One table an endpoint, in the order in which they were asked first."""
    by_step = {(entry.endpoint, entry.what): entry for entry in wanted}
    endpoints = {}
    for step, there, _here in asked:
        entry = by_step.get((step.endpoint, step.what))
        row = f"| {step.what} | {there['status']} | {'same' if entry is None else _told(entry)} |"
        endpoints.setdefault(step.endpoint, []).append(row)
    head = "| request | Connect | Landfall |\n|---|---|---|\n"
    return "\n".join(f"### `{endpoint}`\n\n{head}{chr(10).join(rows)}\n" for endpoint, rows in endpoints.items())


def _told(entry):
    status = entry.places.get("status")
    return f"**{status[1]}**: {entry.why}" if status else entry.why


def check(asked):
    """The document holds these tables; with LANDFALL_WRITE_DOCS=1 it is written."""
    text = PATH.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    wanted = f"{head}{BEGIN}\n{tables(asked)}\n{END}{rest.split(END)[1]}"
    if os.environ.get("LANDFALL_WRITE_DOCS"):
        PATH.write_text(wanted, encoding="utf-8")
    else:
        assert text == wanted, f"{PATH} is not what was compared; write it: LANDFALL_WRITE_DOCS=1, then this test"
