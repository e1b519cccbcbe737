"""The message on the queue: "look at this deal"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.deal import RecordKey
from shared.orders import Order

PARTNER_CENTER = "partner_center"

RETRY = "retry"
"""The reason of a message about a deal that failed: both sides are read anew, for what failed may be of either.

Another failure may have taken its place on the agenda meanwhile, whose work this look then does, too.
"""

MAX_BYTES = 45_000
"""A Storage queue message holds 64 KiB of base64, which is 48 KiB of content."""

_KINDS = dict.fromkeys(("referral_id", "record_id", "record_type", "crm", "since", "order"), (str, type(None)))


@dataclass(frozen=True)
class DealMessage:
    """A deal's key, who said it changed, and what was observed while saying so.

    `source` is `partner_center`, `dynamics365` or `salesforce`. `observed` is a hint that saves a read: for Partner
    Center `changed_at` and `related`, for a CRM `version`, `columns`, `digits` and `seen_at`, or `deleted`. `crm` is
    the only CRM that a message of Partner Center is for: what one CRM waits for is no work for another. `record_type`
    is the CRM's table; without one it is the opportunity's. `since` is the moment (ISO 8601, our clock) from which on
    the change may have waited, for measuring alone. `order` is what a person ordered to be done.
    """

    source: str
    reason: str
    correlation_id: str
    referral_id: str | None = None
    record_id: str | None = None
    record_type: str | None = None
    observed: Mapping[str, object] | None = None
    crm: str | None = None
    since: str | None = None
    order: Order | None = None

    @classmethod
    def of_record(
        cls, record: RecordKey, reason: str, correlation_id: str, observed: Mapping[str, object] | None = None
    ) -> DealMessage:
        """Return the message that a record is to be looked at."""
        return cls(record.crm, reason, correlation_id, record_id=record.id, record_type=record.table, observed=observed)

    @property
    def changed_at(self) -> datetime | None:
        """The moment of the change, as Partner Center's event has it."""
        moment = (self.observed or {}).get("changed_at")
        return datetime.fromisoformat(str(moment)) if moment else None

    @property
    def is_related(self) -> bool | None:
        """Whether Partner Center's event said that another organization's row changed; None when it was no event."""
        said = (self.observed or {}).get("related")
        return None if said is None else bool(said)

    def age(self, now: datetime) -> timedelta | None:
        """Return for how long the change has waited, at most; None when nobody knows."""
        try:
            return max(timedelta(), now - datetime.fromisoformat(self.since)) if self.since else None
        except (ValueError, TypeError):
            return None  # It measures, and decides nothing: a message that was written by hand is handled all the same.

    def dump(self) -> str:
        """Return the message as JSON; what was observed is left out when it would not fit, and is read again."""
        text = json.dumps({key: value for key, value in vars(self).items() if value is not None})
        if self.observed is not None and len(text) > MAX_BYTES:
            return replace(self, observed=None).dump()
        return text

    @classmethod
    def load(cls, text: str) -> DealMessage:
        """Read what `dump` wrote. Raises ValueError for anything else."""
        content = json.loads(text)
        if not isinstance(content, dict) or "source" not in content:
            raise ValueError("not a deal message: no `source`")
        if not (content.get("referral_id") or content.get("record_id")):
            raise ValueError("not a deal message: neither `referral_id` nor `record_id`")
        known = {key: content[key] for key in cls.__dataclass_fields__ if key in content}
        for key, value in known.items():
            kinds = (dict, type(None)) if key == "observed" else _KINDS.get(key, (str,))
            if not isinstance(value, kinds):
                raise ValueError(f"not a deal message: `{key}` is {type(value).__name__}")
        if known.get("order") is not None:
            known["order"] = Order(known["order"])
        return cls(**{"reason": "", "correlation_id": "", **known})
