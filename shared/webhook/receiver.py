"""The receiver: authenticate an event, take it in, and say with which status to answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from shared.partner_center.refusal import UNAVAILABLE, CertificateUnavailable, SignatureRefused
from shared.webhook.events import Intake, MalformedEvent
from shared.webhook.heartbeat import Heartbeat
from shared.webhook.security_audit import SecurityAudit

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""The largest event that is looked at, in bytes; Partner Center's are below 1 KiB."""

TOO_OLD = "the event is older than three days"


class EventCheck(Protocol):
    """Tells authentic events from others."""

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return if Partner Center signed `body`. Raises SignatureRefused, or the retriable family."""
        ...


class Receiver:
    """Answers requests. The sender of a refused one learns its status and no more; log and security audit say why."""

    def __init__(self, check: EventCheck, intake: Intake, audit: SecurityAudit, heartbeat: Heartbeat) -> None:
        self._check = check
        self._intake = intake
        self._audit = audit
        self._heartbeat = heartbeat

    def receive(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Return 200 when the event is on the queue or needs nothing, else 400, 401 or 413; header names in lower case.

        Raises the retriable and fatal families when it could not be taken in, so that Partner Center has to try again.
        """
        if len(body) > MAX_BODY:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is larger than 64 KiB")
        if not body:
            # The Functions host drops what is sent in chunks, so that a chunked body looks empty, too.
            return self._refuse(HTTPStatus.BAD_REQUEST, "the body is empty, or was sent in chunks")
        try:
            self._check.check(headers, body)
            taken = self._intake.take(body)
        except SignatureRefused as refusal:
            return self._refuse(HTTPStatus.UNAUTHORIZED, refusal.reason, detail=str(refusal))
        except MalformedEvent as refusal:
            return self._refuse(HTTPStatus.BAD_REQUEST, str(refusal))
        except CertificateUnavailable:
            self._audit.refused(UNAVAILABLE)  # Counted too: a door that cannot be opened is an attack, or an outage.
            raise
        if taken.too_old:
            # Sending it again would change nothing, so it is taken; what is counted is that somebody repeats it.
            log.warning("event dropped: %s", TOO_OLD)
            self._audit.refused(TOO_OLD)
            return HTTPStatus.OK
        if taken.correlation_id:
            self._heartbeat.beat(taken.event.changed_at)
        return HTTPStatus.OK

    def _refuse(self, status: HTTPStatus, reason: str, *, detail: str = "") -> HTTPStatus:
        log.warning("event refused with %d: %s", status, detail or reason)
        self._audit.refused(reason)
        return status
