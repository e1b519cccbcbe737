"""What a person may order about one deal. An order travels to the worker as a message, and is decided like all else."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """What is to be done; `retry` and the release of held work are messages without an order."""

    PAUSE = "pause"
    RESUME = "resume"
    UNLINK = "unlink"
    SHARE_AGAIN = "share_again"
    """The record gets a new referral; the old one stays as history."""
    LINK = "link"
    """A referral and a record that exist become one deal."""
    CREATE = "create"
    """The referral becomes a record of its own, whatever deal of the same customer it looks like."""
