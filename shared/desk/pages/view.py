"""What the status page shows: the answers, put into words for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from shared.desk.answers import Answer
from shared.desk.desk import Desk
from shared.desk.find import configured_tables
from shared.desk.overview import PAGE, STANDINGS
from shared.messages import Messages
from shared.status import GLYPHS, StatusKind

_HEALTH = {
    "ok": ("good", "✔ Everything works"),
    "attention": ("warn", "◐ Something needs a person"),
    "down": ("bad", "✖ The synchronization is held up"),
}
_MARKS = {"ok": ("good", "✔ OK"), "attention": ("warn", "◐ Look at it"), "down": ("bad", "✖ Down")}
_CRMS = {"dynamics365": "Dynamics 365", "salesforce": "Salesforce"}
_STATES = {
    "equal": ("good", "✔ equal"),
    "differs": ("warn", "◐ differs"),
    "held": ("bad", "✖ held"),
    "one_way": ("good", "✔ kept"),
    "unmapped": ("quiet", "not mapped"),
}
_STANDINGS = {"orphaned": "✖ One side is gone", "ignored": "No record on purpose", "synchronized": "✔ Synchronized"}
_STANDINGS |= {str(kind): f"{GLYPHS[kind]} {str(kind).capitalize()}" for kind in StatusKind}
_REFERRAL = "https://partner.microsoft.com/referrals/v2/inbox?id={}"
_FAMILIES = {
    "retriable": "A service did not respond, or wants fewer requests. It is retried automatically.",
    "stale": "It changed at every attempt. It is tried again by itself.",
    "fatal": "An administrator has to put something right: see the checks above.",
    "data": "A person has to put something right.",
    "gone": "One side of it is gone.",
}
_DEADLINES = {
    "undo": "its close goes to Partner Center",
    "decide": "the invitation expires",
    "register": "the win is to be registered",
}
_HEADINGS = {
    "not_found": "There is no such deal",
    "invalid_request": "This cannot be shown",
    "cross_site": "Nothing was done: this form was not sent from its own page",
    "settings": "The app's settings need attention",
    "conflict": "Nothing was done",
}


WORDS = {
    "retry": "Try again now",
    "pause": "Pause this deal",
    "resume": "Resume this deal",
    "share_again": "Share again as a new referral",
    "unlink": "Unlink the two sides",
    "create": "Create a record of its own",
}
"""The actions on a deal, as a button says them."""


def outcome_of(outcome: Answer) -> dict[str, Any]:
    """Return the part of the view that tells what became of an action."""
    if "error" not in outcome.content:
        return {"done": outcome.content["will"]}
    headings = {**_HEADINGS, "invalid_request": _HEADINGS["conflict"]}
    return {"problem": outcome.content, "problem_heading": headings.get(str(outcome.content["error"]), _FAILED)}


_FAILED = "This cannot be done now"


@dataclass(frozen=True)
class Place:
    """Where the visitor is: the page's address without its host, and its links."""

    params: Mapping[str, str]

    def to(self, **given: str | None) -> str:
        """Return a link within the page; the function key stays in use."""
        kept = {"code": self.params["code"]} if "code" in self.params else {}
        return "?" + urlencode({**kept, **{name: value for name, value in given.items() if value}}, errors="replace")

    def __getitem__(self, name: str) -> str:
        return self.params.get(name, "")


def view_of(answer: Answer, desk: Desk | None, place: Place, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's view of an answer."""
    content: Mapping[str, Any] = answer.content
    view: dict[str, Any] = {
        "place": place,
        "problem": content if "error" in content else None,
        "crm_name": crm_name,
        "moment": moment,
        "search": place["deal"],
        "crms": desk.crms if desk else (),
        "stands": lambda name: _STANDINGS.get(name, name),
        "label": (desk.messages if desk else Messages()).label,
        "problem_heading": _HEADINGS.get(str(content.get("error")), "This cannot be told now"),
        "done": None,
        "may_act": True,
        "families": _FAMILIES,
        "deadlines": _DEADLINES,
        "names": names,
        "typed": {},
        "tables": _other_tables(desk) if desk else (),
    }
    if "fields" in content:
        return view | _deal(content, desk.messages if desk else Messages(), place)
    return view | {"all": _overview(content, place) if "health" in content else None}


def _overview(content: Mapping[str, Any], place: Place) -> dict[str, Any]:
    more = []
    for crm in content["crms"]:
        for standing in dict.fromkeys(_kind_of(row) for row in content["attention"] if row["crm"] == crm):
            rows = [row for row in content["attention"] if row["crm"] == crm and _kind_of(row) == standing]
            if len(rows) >= PAGE or (place["standing"] == "all" and len(content["attention"]) >= PAGE):
                asked = "all" if place["standing"] == "all" else standing
                more.append((crm, asked, place.to(crm=crm, standing=asked, after=rows[-1]["referral_id"])))
    shown = dict(content)
    shown["mark"], shown["heading"] = _HEALTH[content["health"]]
    shown["checks"] = [
        row | dict(zip(("mark", "word"), _MARKS[row["state"]], strict=True)) for row in content["checks"]
    ]
    shown["parked"] = [row | {"id": _deal_id(row)} for row in content["parked"]]
    shown["deadlines"] = [row | {"id": _deal_id(row)} for row in content["deadlines"]]
    shown["recent"] = [row | {"id": _deal_id(row)} for row in content["recent"]]
    shown["freshness"] = _freshness(content)
    return shown | {"more": more, "standings": STANDINGS, "filtered": place["standing"]}


_WAYS = {"to_crm": "From Partner Center to {}", "to_partner_center": "From {} to Partner Center"}


def _freshness(content: Mapping[str, Any]) -> list[dict[str, object]]:
    return [
        {
            "way": way.format(crm_name(crm)),
            "changes": day["changes"],
            "p50": span(day["p50"]),
            "p95": span(day["p95"]),
        }
        for crm, row in content["crms"].items()
        for direction, way in _WAYS.items()
        for day in [row["freshness"][direction]]
        if day
    ]


def _other_tables(desk: Desk) -> tuple[str, ...]:
    """Return what may be linked besides opportunities, behind an empty name for those; nothing without leads."""
    others = dict.fromkeys(table for crm in desk.crms for table in configured_tables(desk, crm)[1:])
    return ("", *others) if others else ()


def _kind_of(row: Mapping[str, Any]) -> str:
    return str(row["status"]["kind"])


def _deal_id(row: Mapping[str, Any]) -> str:
    return str(row["referral_id"] or row["record_id"] or "")


def _breakable(value: str | None) -> list[str]:
    """Return the parts between which a narrow column may break a value: a code breaks between its words."""
    return [] if value is None else re.split(r"(?<=[a-z])(?=[A-Z])", value)


def _deal(content: Mapping[str, Any], messages: Messages, place: Place) -> dict[str, Any]:
    fields = []
    for row in content["fields"]:
        mark, word = _STATES[row["state"]]
        held = [_breakable(row[side]) for side in ("referral", "record", "base")]
        fields.append(row | {"label": messages.label(row["name"]), "mark": mark, "word": word, "held": held})
    link = content["link"]
    referral = _REFERRAL.format(link["referral_id"]) if link["referral_id"] else None
    differing = [row for row in fields if row["state"] not in ("equal", "unmapped")]
    return {
        "deal": dict(content),
        "fields": differing + [row for row in fields if row not in differing],
        "referral_url": referral,
        "name": next((row["referral"] or row["record"] for row in fields if row["name"] == "name"), None),
        "id": _deal_id(link),
        "here": place.to(deal=_deal_id(link), crm=link["crm"]),
        "looked": place["look"] == "now",
        "actions": [],
    }


def crm_name(crm: str) -> str:
    """Return a CRM's own name."""
    return _CRMS.get(crm, crm)


def span(seconds: float) -> str:
    """Return how long something took, for people."""
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def moment(text: str | None) -> str:
    """Return a moment for people, in UTC."""
    if not text:
        return "never"
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC"
