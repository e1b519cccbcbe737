"""Links, audit entries and parked deals as text, for whatever stores them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import datetime

from shared.deal import dump_fields, load_fields
from shared.ledger.port import AuditEntry, Intent, Link, LinkState, Parked

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _json(content: object) -> str:
    """Return JSON as short as it goes; half an emoji, which no storage takes, is escaped."""
    text = json.dumps(content, ensure_ascii=False)
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


_MOMENTS = ("referral_changed_at", "related_changed_at", "event_at", "record_seen_at")


def dump_link(link: Link) -> str:
    """Serialize a link; its etag belongs to the storage and stays out."""
    content = asdict(replace(link, base={}, etag=None))
    content["base"] = json.loads(dump_fields(link.base))
    for name in _MOMENTS:
        content[name] = content[name].isoformat() if content[name] else None
    return _json(content)


def load_link(text: str, etag: str | None) -> Link:
    """Read what `dump_link` wrote."""
    content = json.loads(text)
    for name in _MOMENTS:
        content[name] = datetime.fromisoformat(content[name]) if content.get(name) else None
    content["base"] = load_fields(json.dumps(content["base"]))
    content["state"] = LinkState(content["state"])
    content["audit_tail"] = tuple(content["audit_tail"])
    return Link(**{**content, "etag": etag})


def dump_entry(entry: AuditEntry) -> str:
    """Serialize an audit entry."""
    return _json({**asdict(entry), "at": entry.at.isoformat()})


def load_entry(text: str) -> AuditEntry:
    """Read what `dump_entry` wrote."""
    content = json.loads(text)
    changes = tuple((name, old, new) for name, old, new in content["changes"])
    return AuditEntry(**{**content, "at": datetime.fromisoformat(content["at"]), "changes": changes})


def dump_intent(intent: Intent) -> str:
    """Serialize an intent, without its etag."""
    content = asdict(replace(intent, etag=None))
    return _json({**content, "since": intent.since.isoformat(), "started_at": intent.started_at.isoformat()})


def load_intent(text: str, etag: str | None) -> Intent:
    """Read what `dump_intent` wrote."""
    content = json.loads(text)
    moments = {name: datetime.fromisoformat(content[name]) for name in ("since", "started_at")}
    return Intent(**{**content, **moments, "etag": etag})


def dump_parked(parked: Parked) -> str:
    """Serialize a parked deal."""
    return _json({**asdict(parked), "due": parked.due.isoformat()})


def load_parked(text: str) -> Parked:
    """Read what `dump_parked` wrote."""
    content = json.loads(text)
    return Parked(**{**content, "due": datetime.fromisoformat(content["due"])})
