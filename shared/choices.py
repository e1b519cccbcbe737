"""The few choices that settings name and several rooms act on."""

from __future__ import annotations

from enum import StrEnum


class CrmAudit(StrEnum):
    """When the record's Audit and status columns are written (setting CRM_AUDIT)."""

    EVERY_CHANGE = "every_change"
    CREATES_AND_FAILURES = "creates_and_failures"
    OFF = "off"


class ChatFormat(StrEnum):
    """What the chat of ALERT_WEBHOOK_URL understands (setting ALERT_FORMAT)."""

    AUTO = "auto"
    """By the host: Slack's own, else Teams."""
    TEAMS = "teams"
    SLACK = "slack"


class OnLoss(StrEnum):
    """What the watchdog does when the webhook's registration is lost (setting WEBHOOK_REGISTRATION)."""

    ALERT = "alert"
    KEEP = "keep"
    """Register again, at most once in KEEP_PAUSE."""
