"""The desk on an administrator's machine: answers and actions of the status page, under the operator's name."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shared.bootstrap import App
from shared.desk.actions import act, read
from shared.desk.answers import Answer
from shared.desk.desk import Desk
from shared.settings import CRM_NAMES


def desk_of(app: App) -> Desk:
    """Return the app's desk; of every CRM there can be while the setting CRM is not known here."""
    return app.desk if os.environ.get("CRM") else replace(app.desk, crms=CRM_NAMES)


def operator() -> str:
    """Return by which name the operator's actions are noted."""
    try:
        return f"{getpass.getuser()}, cosell.py"
    except (OSError, KeyError):  # A container's user need not have a name.
        return "operator, cosell.py"


def order(desk: Desk, content: Mapping[str, object]) -> Answer:
    """Do what is ordered, noted under the operator's name. Raises the families."""
    asked = read(content, operator())
    return asked if isinstance(asked, Answer) else act(desk, asked)


def problem_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield why something was not done or is not known."""
    for text in content["problems"]:
        yield f"✖ {text}"


def overview_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield how everything stands, as a person reads it."""
    for crm, row in content["crms"].items():
        counts = ", ".join(f"{row[name]} {name}" for name in ("linked", "differing", "paused", "orphaned", "parked"))
        yield f"{crm}: {counts}"
        yield from _freshness_lines(crm, row)
    for check in content["checks"]:
        remedy = f" → {check['who']}: {check['remedy']}" if check["remedy"] else ""
        yield f"{_MARKS[check['state']]} {check['name']}: {check['detail']}{remedy}"
    for row in content["parked"]:
        what = " ".join(f"{each['rule']}. {each['remedy']}" for each in row["problems"]) or row["family"]
        yield f"✖ {row['crm']} {_deal(row)} is parked: {what} (attempt {row['attempts']}, again at {row['due'][:16]})"
    for row in content["attention"]:
        yield f"{row['crm']} {_deal(row)}: {row['status']['text'] or row['status']['kind']}"
    for row in content["held"]:
        yield f"⏳ {row['id']}: {row['count']} held, since {row['since'][:16]}; `cosell.py release` lists them"
    for row in content["deadlines"]:
        yield f"⏳ {row['crm']} {_deal(row)}: {row['kind']} at {row['due'][:16]}"
    yield _HEALTH[content["health"]]


def _freshness_lines(crm: str, row: Mapping[str, Any]) -> Iterator[str]:
    for direction, way in (("to_crm", f"to {crm}"), ("to_partner_center", "to Partner Center")):
        if day := row["freshness"][direction]:
            within = f"half within {day['p50']:g} s, 95 % within {day['p95']:g} s"
            yield f"  {way}: {day['changes']} changes in a day, {within}"


def deal_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield one deal, explained, as a person reads it."""
    link = content["link"]
    referral_id, record_id = (link[name] or "none" for name in ("referral_id", "record_id"))
    yield f"{link['crm']}: referral {referral_id}, record {record_id}, {link['state']}"
    if content["status"]:
        yield content["status"]["text"]
    yield f"Next: {content['next']}"
    for each in content["problems"]:
        yield f"✖ {each['field']}: {each['rule']}. {each['remedy']}"
    for row in content["fields"]:
        if row["state"] == "equal":
            yield f"  = {row['name']}: {row['base']}"
        else:
            yield f"  ≠ {row['name']}: Partner Center {row['referral']}, CRM {row['record']}, agreed {row['base']}"
            yield f"      {row['state']}: {row['reason']}"
    for row in content["audit"]:
        yield f"{row['at'][:19]} {row['direction']}: {row['text']}"


_MARKS = {"ok": "✔", "attention": "⚠", "down": "✖"}
_HEALTH = {"ok": "✔ Everything works.", "attention": "⚠ Something needs a person.", "down": "✖ The sync is held up."}


def _deal(row: Mapping[str, Any]) -> str:
    return str(row["referral_id"] or row["record_id"])
