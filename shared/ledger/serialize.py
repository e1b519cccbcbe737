"""Links, audit entries, intents and the agenda as text, for whatever stores them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.deadline import Deadline, DeadlineKind
from shared.deal import RecordKey, dump_fields, load_fields
from shared.deal_registration import DealRegistration
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.lifecycle import Stage
from shared.link import Apart, Closing, Link, LinkState, Repeat, Restless
from shared.microsoft import MicrosoftsHalf, Seller
from shared.problems import dump_problem, load_problem
from shared.status import Status, StatusKind

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _json(content: object) -> str:
    """Return JSON as short as it goes; half an emoji, which no storage takes, is escaped."""
    text = json.dumps(content, ensure_ascii=False, default=_plain)
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _plain(value: Any) -> object:
    """Return what JSON has in place of a moment, a number or a row."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else _row(value)


def _row(row: Any) -> dict[str, object]:
    """Return what a row holds; its etag belongs to the storage and stays out."""
    return {each.name: None if each.name == "etag" else getattr(row, each.name) for each in fields(row)}


_MOMENTS = ("referral_changed_at", "related_changed_at", "event_at", "record_seen_at", "created_at")


def _known(row: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version knows of a row: a newer one, which was rolled back, may have written more."""
    names = {each.name for each in fields(row)}
    return {name: value for name, value in content.items() if name in names}


def dump_link(link: Link) -> str:
    """Serialize a link, without its etag."""
    half = link.microsoft
    told = {**_row(half), "told": dump_fields(half.told)} if half else None
    return _json({**_row(link), "base": dump_fields(link.base), "microsoft": told})


def _load_half(content: dict[str, Any]) -> MicrosoftsHalf:
    changed_at, value = content["changed_at"], content["value"]
    own = {
        "stage": Stage(content["stage"]),
        "team": tuple(Seller(**each) for each in content["team"]),
        "value": None if value is None else Decimal(value),
        "changed_at": datetime.fromisoformat(changed_at) if changed_at else None,
        "told": load_fields(content["told"]),
    }
    return MicrosoftsHalf(**{**content, **own})


def load_link(text: str, etag: str | None) -> Link:
    """Read what `dump_link` wrote."""
    content = json.loads(text)
    for name in _MOMENTS:
        content[name] = datetime.fromisoformat(content[name]) if content.get(name) else None
    content["record"] = RecordKey(**content["record"]) if content["record"] else None
    content["base"] = load_fields(content["base"])
    content["state"] = LinkState(content["state"])
    status = content["status"]
    content["status"] = Status(StatusKind(status["kind"]), status["text"]) if status else None
    content["apart"] = {
        name: Apart(**{**each, "since": datetime.fromisoformat(each["since"])})
        for name, each in content.get("apart", {}).items()
    }
    content["recent_audit"] = tuple(content["recent_audit"])
    content["customer_apart"] = tuple(content.get("customer_apart", ()))
    if closing := content["closing"]:
        content["closing"] = Closing(Stage(closing["stage"]), datetime.fromisoformat(closing["since"]))
    content["repeats"] = {
        name: Repeat(**{**each, "at": datetime.fromisoformat(each["at"])}) for name, each in content["repeats"].items()
    }
    content["restless"] = {
        name: Restless(each["mark"], datetime.fromisoformat(each["since"]))
        for name, each in content.get("restless", {}).items()
    }
    if deadline := content.get("deadline"):
        moments = {name: datetime.fromisoformat(deadline[name]) for name in ("until", "remind_at")}
        content["deadline"] = Deadline(DeadlineKind(deadline["kind"]), **moments)
    if registration := content.get("registration"):
        content["registration"] = DealRegistration(**_known(DealRegistration, registration))
    half = content.get("microsoft")
    return Link(**{**_known(Link, content), "microsoft": _load_half(half) if half else None, "etag": etag})


def dump_entry(entry: AuditEntry) -> str:
    """Serialize an audit entry."""
    return _json(entry)


def load_entry(text: str) -> AuditEntry:
    """Read what `dump_entry` wrote."""
    content = json.loads(text)
    changes = tuple((name, old, new) for name, old, new in content["changes"])
    return AuditEntry(
        **{**_known(AuditEntry, content), "at": datetime.fromisoformat(content["at"]), "changes": changes}
    )


_INTENT_MOMENTS = ("since", "started_at", "unknown_since")


def dump_intent(intent: Intent) -> str:
    """Serialize an intent, without its etag."""
    return _json(intent)


def load_intent(text: str, etag: str | None) -> Intent:
    """Read what `dump_intent` wrote."""
    content = json.loads(text)
    moments = {name: datetime.fromisoformat(content[name]) if content[name] else None for name in _INTENT_MOMENTS}
    return Intent(**{**_known(Intent, content), **moments, "record": RecordKey(**content["record"]), "etag": etag})


def dump_due(due: Due) -> str:
    """Serialize an entry of the agenda, without its etag."""
    return _json({**_row(due), "problems": [dump_problem(each) for each in due.problems]})


def load_due(text: str, etag: str | None) -> Due:
    """Read what `dump_due` wrote."""
    content = json.loads(text)
    moments: dict[str, Any] = {name: datetime.fromisoformat(content[name]) for name in ("at", "since")}
    moments["until"] = datetime.fromisoformat(content["until"]) if content.get("until") else None
    problems = tuple(load_problem(each) for each in content["problems"])
    return Due(
        **{**_known(Due, content), **moments, "kind": DueKind(content["kind"]), "problems": problems, "etag": etag}
    )
