"""Behaviour that public sources leave open, or that differs between orgs: switches with strict defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

ErrorBody = Literal["array", "object", "html"]


@dataclass
class Quirks:
    """How the simulated org behaves; switches may be moved while it runs.

    `error_bodies`: the form of 401, 500 and 503 bodies: the documented array, a lone object, or an HTML page.
    `generic_audience`: a JWT may name the login host; External Client Apps insist on the My Domain.
    `password_grant`: the username-password grant works; it is blocked in newer orgs.
    `session_timeout`: how long a session lives without being used.
    `commit_delay`: how long the transactions of people in the org stay open: their rows carry the stamp of the write
        and surface to every reader only this much later.
    `coverage_lag`: how far `latestDateCovered` lags behind, as it does while long transactions run.
    `cursor_of_another_session`: what asking for the next page answers after a new sign-in: a locator belongs to the
        session that made it, and the refusal is told as either of two errors (airbyte pull request 84302).
    `batch_size`: a page size the platform picks in spite of the batchSize header, which is only a hint.
    `restricted_stage`: StageName refuses values that are not among its stages; settled when the org is made.
    `collection_field_errors`: whether an unknown column fails a collection as a whole or only its record.
    `daily_limit`: calls per rolling 24 hours.
    `insufficient_access_status`: the HTTP status that carries INSUFFICIENT_ACCESS.
    """

    error_bodies: ErrorBody = "array"
    generic_audience: bool = True
    password_grant: bool = False
    session_timeout: timedelta = timedelta(hours=2)
    commit_delay: timedelta = timedelta()
    coverage_lag: timedelta = timedelta()
    cursor_of_another_session: Literal["locator error", "session error", "served"] = "locator error"
    batch_size: int | None = None
    restricted_stage: bool = True
    collection_field_errors: Literal["request", "record"] = "request"
    daily_limit: int = 100_000
    insufficient_access_status: Literal[400, 403] = 403
