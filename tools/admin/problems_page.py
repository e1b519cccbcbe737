"""docs/PROBLEMS.md: every problem of the message catalogue, for the person who has to put it right."""

from __future__ import annotations

import re
from itertools import groupby

from shared.messages import ENGLISH, Messages, catalogue

_SUBJECTS = {
    "deal": "The deal",
    "solutions": "The solutions",
    "registration": "The registration of a win",
    "customer": "The customer",
    "contact": "The customer's contact",
    "owner": "The record's owner",
    "identifier": "The Referral Identifier",
    "lead": "Leads",
    "order": "What a person orders",
    "status": "Where the deal stands",
    "value": "A value",
    "crm": "The CRM",
    "partner_center": "Partner Center",
    "webhook": "The webhook",
    "app": "The app",
    "service": "A service",
}
"""By the first part of a code, the heading above its problems."""

_ABOUT = """# Problems

Every problem that the app reports, by its code. A record's *Sync status* begins with what to do, and its *Audit* has
the whole sentence. Words in *italics* stand for values.

This page is generated from `shared/messages/en.toml`: `python3 cosell.py lint --problems > docs/PROBLEMS.md`
"""


def dump() -> str:
    """Return the whole page."""
    parts = [_ABOUT]
    problems = catalogue(ENGLISH).problems.items()
    for subject, entries in groupby(problems, key=lambda entry: entry[0].partition(".")[0]):
        parts.append(f"## {_SUBJECTS[subject]}\n")
        parts.append("| code | meaning | what to do | who |\n|---|---|---|---|")
        parts += [_row(code, entry["rule"], entry["remedy"], entry["who"]) for code, entry in entries]
        parts.append("")
    return "\n".join(parts)


def _row(code: str, rule: str, remedy: str, who: str) -> str:
    cells = (f"`{code}`", _shown(rule[:1].upper() + rule[1:]) + ".", _shown(remedy), Messages().word(who))
    return f"| {' | '.join(cells)} |"


def _shown(template: str) -> str:
    """Return a sentence with its placeholders in italics, fit for a cell of a table."""
    return re.sub(r"{(\w+)[^}]*}", r"*\1*", template.replace("|", r"\|").replace("<", "&lt;"))
