"""What comes before the first guarded write of a decision, where the CRM's guard needs time."""

from __future__ import annotations

from shared.crm.port import Record
from shared.errors import StaleError
from shared.link import Link
from shared.sync.task import Task


def wait_for_guard(task: Task, record: Record, link: Link) -> None:
    """Return once an update of the record, as it was observed, is sure to notice every later edit.

    Such a wait is long enough for another worker to finish with the deal: whatever was planned before it would be
    written for nothing, refused by the ledger, and come back as a change. Raises StaleError then, and the families.
    """
    if not task.records.wait_until_guard_holds(record):
        return
    now = task.links.of_referral(link.referral_id)
    if (now.etag if now else None) != link.etag:
        raise StaleError("another worker saw to the deal while the CRM's guard needed time")
