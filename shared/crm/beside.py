"""Marks of what lies beside a record: they differ when a mapped value of its account, contact or owner does."""

from __future__ import annotations

import hashlib
import json

MOST = 50
"""How many records are asked about in one call: their ids stand in its address."""


def mark(values: object) -> str:
    """Return a short mark of values that JSON knows. It tells nobody what they were."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
