"""What a pending deal waits for: the keys of the catalogue's texts `pending.*`."""

from __future__ import annotations

from enum import StrEnum


class Waiting(StrEnum):
    """Every such key; values are named behind those that need some."""

    CLOSE = "close"
    """stage, at: what is sent to Microsoft, and when."""
    CLOSE_YOUNG = "close_young"
    """The same of a co-sell deal that is too young to be registered; hours: how old it must be."""
    CLOSE_SMALL = "close_small"
    """The same of one whose value is too small for it; dollars: the least value."""
    CLOSE_WITHOUT_REASON = "close_without_reason"
    """stage, at: as above; nobody said why."""
    ACCEPTANCE = "acceptance"
    """Edits of an invitation that nobody has decided."""
    SERVICE = "service"
    ADMINISTRATOR = "administrator"
    ADMINISTRATOR_NOTIFIED = "administrator_notified"
    """Only where an alert reached somebody: a channel is configured."""
    SIGN_IN = "sign_in"
    ALLOWANCE = "allowance"
    MASS_CHANGE = "mass_change"
    WORKING = "working"
    LEAD = "lead"
