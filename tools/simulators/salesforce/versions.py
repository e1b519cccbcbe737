"""API versions: a new one each season; old ones are retired and answer 410."""

from __future__ import annotations

import re

from tools.simulators.salesforce.errors import RefusedError, Rule

OLDEST, NEWEST = 31, 67
_RETIRED = range(21, OLDEST)
_VERSION = re.compile(r"(\d\d)\.0")


def versions() -> list[dict[str, str]]:
    """Return the versions on offer, which anybody may ask for."""
    return [
        {"label": f"API {number}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST, NEWEST + 1)
    ]


def require_supported(version: str) -> None:
    """Refuse a version that is retired (410) or was never there (404)."""
    match = _VERSION.fullmatch(version)
    number = int(match[1]) if match else 0
    if number in _RETIRED:
        raise RefusedError(Rule.RETIRED_VERSION)
    if not OLDEST <= number <= NEWEST:
        raise RefusedError(Rule.NO_RESOURCE)
