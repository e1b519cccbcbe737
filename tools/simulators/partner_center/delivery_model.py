"""What is delivered, how it may go wrong, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

HeaderStyle = Literal["registered", "x-ms-signature", "x-ms-signature-bare", "authorization"]


@dataclass
class DeliveryModes:
    """How deliveries go right or wrong; may be changed at any time."""

    header_style: HeaderStyle = "registered"
    """`registered`: as the registration's SignatureTokenToMsSignatureHeader says."""
    attempts: int = 10
    retry_seconds: float = 0.1
    timeout_seconds: float = 30.0
    delay_seconds: float = 0.0
    """Waits before the first attempt."""
    duplicate: bool = False
    """Delivers every event twice."""
    reorder: bool = False
    """Holds back every other event, so that later ones overtake it."""
    reorder_seconds: float = 0.2
    drop: bool = False
    """Loses events silently."""
    wrong_signature: bool = False
    foreign_certificate: bool = False
    """Signs with, and points to, a certificate of the same names from a PKI that nobody trusts."""
    certificate_url: str | None = None
    """Sent instead of the certificate host's URL."""


@dataclass(frozen=True)
class Attempt:
    """One POST: the receiver's status, or the error that prevented an answer."""

    status: int | None
    error: str
    at: datetime

    def as_result(self) -> dict[str, Any]:
        """Return it as the validation status document shows it: .NET status name, time without a zone."""
        name = "" if self.status is None else _dotnet_name(self.status)
        return {
            "responseCode": name,
            "responseMessage": self.error,
            "systemError": self.status is None,
            "dateTimeUtc": f"{self.at:%Y-%m-%dT%H:%M:%S.%f}",
        }


@dataclass
class Delivery:
    """One event on its way to one URL."""

    event: str
    url: str
    body: bytes
    signature_in_own_header: bool
    attempts: list[Attempt] = field(default_factory=list)
    state: Literal["pending", "delivered", "parked", "lost"] = "pending"

    @property
    def pending(self) -> bool:
        """Whether further attempts are due."""
        return self.state == "pending"

    @property
    def statuses(self) -> list[int | None]:
        """The receiver's answers, one per attempt."""
        return [attempt.status for attempt in self.attempts]


def _dotnet_name(status: int) -> str:
    """Return the .NET name of a status, `InternalServerError` for 500."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        return str(status)
    return phrase.replace(" ", "").replace("-", "")
