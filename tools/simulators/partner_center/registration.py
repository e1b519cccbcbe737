"""The one webhook registration of a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Registration:
    """Where events go, which ones, and in which header their signature travels."""

    subscriber_id: str
    url: str
    events: tuple[str, ...]
    signature_in_own_header: bool
    modified: datetime


@dataclass
class RegistrationStore:
    """Holds the current registration; there is no way to delete it over the API."""

    current: Registration | None = None
