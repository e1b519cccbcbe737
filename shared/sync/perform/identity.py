"""The columns of the record that belong to this app."""

from __future__ import annotations

from shared.ledger import audit
from shared.link import Link
from shared.mapping.field_map import FieldMap

REFERRAL_LINK = "https://partner.microsoft.com/referrals/v2/inbox?id={}"


def columns(field_map: FieldMap, referral_id: str) -> dict[str, object]:
    """Return the columns that tie a record to its referral."""
    own = field_map.columns
    return {own.referral_identifier: referral_id, own.referral_link: REFERRAL_LINK.format(referral_id)}


def audit_columns(field_map: FieldMap, link: Link) -> dict[str, object]:
    """Return the Audit and status columns as the link has them."""
    own = field_map.columns
    status = link.status.text if link.status else None
    return {own.audit: audit.column(link.recent_audit, link.earlier_audit), own.status: status}
