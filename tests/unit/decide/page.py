"""docs/DECISIONS.md, made from the rows of the table: `python -m tests.unit.decide.page > docs/DECISIONS.md`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from tests.unit.decide.rows import LINKED, ROWS, UNLINKED_RECORD, UNLINKED_REFERRAL, TableRow
from tests.unit.decide.table import table

_ABOUT = """# Decisions

What is done with a deal, story by story. Of each list the first story that fits decides; the words are those of
[SYNC.md](SYNC.md), the codes those of [PROBLEMS.md](PROBLEMS.md).

This page is generated from the rows that `tests/unit/decide` tests against every combination of the pieces of a deal:
`python -m tests.unit.decide.page > docs/DECISIONS.md`
"""

_LISTS: Sequence[tuple[str, Sequence[TableRow]]] = (
    ("A referral and a record that a link ties", LINKED),
    ("Partner Center tells of a referral that nothing is tied to", UNLINKED_REFERRAL),
    ("The CRM tells of a record that nothing is tied to", UNLINKED_RECORD),
)

_DONE = {
    "known": "nothing",
    "not ours": "nothing",
    "wait": "nothing yet; it is looked at again",
    "pause": "the deal is paused, and the record says so",
    "rekey": "the link and the referral's CRM ID follow to the other record",
    "qualify": "the referral is accepted and names the opportunity, which gets its identity; the link follows",
    "release copy": "that is remembered; nothing is written",
    "create record": "the record is created",
    "create referral": "the referral is created",
    "register": "the win is registered with Microsoft, under an intent, and edits travel",
    "correct": "what was registered is corrected, and edits travel",
    "ask microsoft": "Microsoft is invited, and edits travel",
    "ignore": "nothing is written",
    "orphan": "nothing travels any more; the link is kept",
    "hold": "nothing is written until a person has put it right: `{}`",
    "refuse copy": "nothing is written but the problem on the record: `{}`",
    "accept, then await undo": "the invitation is accepted; *{}* is sent when the undo window is over",
    "await undo": "everything but the end travels; *{}* is sent when the undo window is over",
}

_AGREED = {
    "same stage": "edits travel",
    "unknown_past": "edits of an open deal travel; the record shows that a person must decide",
    "opposite_ends": "edits stay where they are, or travel to the side that takes them; the record shows ✖",
    "refused": "edits travel, the end waits; the record shows ✖, or an alert tells where it is locked",
    "reopened_in_crm": "edits in the CRM stay there; the record shows ◐",
    "registration.missing": "edits travel; the record shows ✖, or an alert tells where it is locked",
    "registration.action_required": "edits travel; the record shows ✖, or an alert tells where it is locked",
    "lead_won": "edits in the CRM stay there; the record shows ✖",
    "expired_but_moved": "edits in the CRM stay there; the record shows ✖",
}


@cache
def dump() -> str:
    """Return the whole page."""
    ends = _ends()
    parts = [_ABOUT]
    for title, rows in _LISTS:
        parts.append(f"## {title}\n")
        parts.append("| | story | what is done |\n|---|---|---|")
        parts += [f"| {number} | {row.story} | {_done(ends[row])} |" for number, row in enumerate(rows, 1)]
        parts.append("")
    return "\n".join(parts)


def _ends() -> dict[TableRow, list[str]]:
    """Return by row every end that it has for some situation."""
    found: dict[TableRow, dict[str, None]] = {row: {} for row in ROWS}
    for entry in table():
        if entry.row:
            found[entry.row][entry.row.told(entry.situation)] = None
    return {row: list(ends) for row, ends in found.items()}


def _done(ends: Sequence[str]) -> str:
    """Return what is done, ends that differ in one word told in one sentence."""
    words: dict[str, list[str]] = {}
    for sentence, word in map(_said, ends):
        words.setdefault(sentence, []).append(word)
    text = "; or ".join(sentence.format(" or ".join(found)) for sentence, found in words.items())
    return f"{text[:1].upper()}{text[1:]}."


def _said(end: str) -> tuple[str, str]:
    """Return the sentence of an end, and the word that it leaves open."""
    kind, _, detail = end.partition(": ")
    if kind == "adopt":
        return f"they are tied, on an unknown base: {_AGREED[detail]}", ""
    if kind != "agree":
        return _DONE[kind], detail
    if detail in _AGREED:
        return _AGREED[detail], ""
    stage, _, done = detail.partition(" ")
    return f"edits travel, and *{{}}* {done}", stage


if __name__ == "__main__":
    sys.stdout.write(dump())
