"""The security audit: what was refused at the door, for a security reviewer."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from shared.clock import Clock
from shared.errors import CosellError
from shared.ledger import audit
from shared.ledger.port import Ledger

log = logging.getLogger(__name__)

SECURITY = "security"
WEBHOOK = "webhook"
"""Where the ledger keeps it: beside the CRMs' audits, the newest row first."""

_DIRECTION = "internet → WebhookReceiver"


class SecurityAudit:
    """Rows about refused requests: few, however many requests there are.

    Of each reason and hour, the first request has a row, and then the tenth, the hundredth and so on, each with the
    count so far in this process, which the correlation id tells from others. The log has a line for every request.
    """

    def __init__(self, ledger: Callable[[], Ledger], clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._process = str(uuid.uuid4())
        self._lock = threading.Lock()
        self._hour: datetime | None = None
        self._counts: Counter[str] = Counter()

    def refused(self, reason: str) -> None:
        """Count one refused request. `reason` is one of a few fixed texts and holds nothing of the request.

        Never raises for a storage that fails: a refusal is a refusal all the same.
        """
        now = self._clock.now()
        count = self._count(reason, now)
        if not _is_power_of_ten(count):
            return
        text = f"refused: {reason} ({count} in the hour from {now:%H}:00 UTC)"
        entry = audit.entry(audit.Stamp(now, self._process), WEBHOOK, _DIRECTION, text)
        try:
            self._ledger().of(SECURITY).audit.add(WEBHOOK, entry)
        except CosellError as error:
            log.warning("security audit not written: %s", type(error).__name__)

    def _count(self, reason: str, now: datetime) -> int:
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour != self._hour:
                self._hour, self._counts = hour, Counter()
            self._counts[reason] += 1
            return self._counts[reason]


def _is_power_of_ten(count: int) -> bool:
    return str(count).rstrip("0") == "1"
