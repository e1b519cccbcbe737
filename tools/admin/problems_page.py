"""docs/PROBLEMS.md: every problem of the message catalogue, for the person who has to put it right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby

from shared.messages import ENGLISH, Messages, catalogue
from shared.messages.plain import units
from shared.messages.waiting import Waiting
from shared.status import GLYPHS, LONGEST, StatusKind, pending

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

_GONE = {
    "saved": "Its status says ✔ within a minute or two of saving; `cosell.py explain <id>`",
    "beside": "Its status says ✔ some minutes after the account, contact or user is saved; `cosell.py explain <id>`",
    "referral": "Its status says ✔ some seconds after it is saved in Partner Center; `cosell.py explain <id>`",
    "mapping": "`cosell.py lint --live` finds nothing; once that is deployed, `cosell.py retry --all`",
    "retry": "`cosell.py retry <id>`, and a minute later `cosell.py explain <id>`",
    "doctor": "`cosell.py doctor` says ✔, the chat says *Resolved*, and `cosell.py status` lists no deal for it",
    "itself": "`cosell.py status` lists the deal no more; the query `failures-by-problem` tells how often it happens",
    "order": "The same order is accepted (✔)",
    "registration": "RegisterWebhook says that it is registered, and `cosell.py doctor` ✔ of *webhook*",
}
"""How anybody sees that a problem is gone, by the catalogue's `gone`; with the command or query that tells."""

_WAITS = {
    "app.sign_in": Waiting.SIGN_IN,
    "app.allowance": Waiting.ALLOWANCE,
    **dict.fromkeys(("app.settings", "app.mapping", "app.access_denied"), Waiting.ADMINISTRATOR_NOTIFIED),
    **dict.fromkeys(("app.schema", "app.leads", "app.failed"), Waiting.ADMINISTRATOR_NOTIFIED),
    **dict.fromkeys(("service.throttled", "service.unavailable", "service.outcome_unknown"), Waiting.SERVICE),
    "deal.moving": Waiting.SERVICE,
}
"""Problems that no seller can put right: the record says what the deal waits for."""

_COLUMNS = ("code", "what the seller sees", "meaning", "what to do", "who", "gone when")
_NOBODY = "nothing: whoever ordered it is told"
_ABOUT = """# Problems

Every problem that the app reports, by its code: what the seller sees as the record's *Sync status* (its *Audit* has
the whole sentence), what that means, who puts it right and how, and how anybody sees that it is gone. Words in
*italics* stand for values.

The deals that have one: the status page, or `cosell.py status`. Which are frequent: the query `failures-by-problem` of
the [workbook](OPERATIONS.md#the-workbook). What a record cannot show, since it is locked or not there, is told in the
chat and on the status page ([alert `<crm> deal <id>`](OPERATIONS.md#when-an-alert-comes)).

This page is generated from `shared/messages/en.toml`: `python3 cosell.py lint --problems > docs/PROBLEMS.md`
"""


def dump() -> str:
    """Return the whole page."""
    parts = [_ABOUT]
    problems = catalogue(ENGLISH).problems.items()
    for subject, entries in groupby(problems, key=lambda entry: entry[0].partition(".")[0]):
        parts.append(f"## {_SUBJECTS[subject]}\n")
        parts.append(
            "| code | what the seller sees | meaning | what to do | who | gone when |\n|---|---|---|---|---|---|"
        )
        parts += [_row(code, entry) for code, entry in entries]
        parts.append("")
    return "\n".join(parts)


def _row(code: str, entry: Mapping[str, str]) -> str:
    rule, who = entry["rule"], Messages().word(entry["who"])
    meaning = _shown(rule[:1].upper() + rule[1:]) + "."
    cells = (f"`{code}`", seen(code), meaning, _shown(entry["remedy"]), who, _escaped(_GONE[entry["gone"]]))
    return f"| {' | '.join(cells)} |"


def seen(code: str) -> str:
    """Return what the record of a deal with this problem says, with the values in italics."""
    entry = catalogue(ENGLISH).problems[code]
    if entry["gone"] in ("order", "registration"):
        return _NOBODY
    if code in _WAITS:
        return pending(Messages(), _WAITS[code]).text
    glyph, remedy = GLYPHS[StatusKind.ATTENTION], entry["remedy"]
    fits = units(f"{glyph} {remedy}") <= LONGEST
    return f"{glyph} {_shown(remedy if fits else entry.get('short', remedy))}"


_NAMES = re.compile(r"{(\w+)[^}]*}")


def _shown(template: str) -> str:
    """Return a sentence with its placeholders in italics, fit for a cell of a table."""
    return _NAMES.sub(r"*\1*", _escaped(template))


def _escaped(text: str) -> str:
    """Return a text fit for a cell of a table; what stands in code is shown as it is."""
    text = text.replace("|", r"\|")
    return "`".join(each if inside % 2 else each.replace("<", "&lt;") for inside, each in enumerate(text.split("`")))
