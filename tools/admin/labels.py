"""What a new column is called in the CRM's pages, whichever CRM it is."""

from __future__ import annotations

import re

from shared.mapping.check.needs import Need

_NAMES = {
    "columns.sync": "Sync with Partner Center",
    "columns.referral_identifier": "Referral Identifier",
    "columns.referral_link": "Referral Link",
    "columns.audit": "Audit",
    "columns.status": "Sync status",
    "columns.notes_for_microsoft": "Notes for Microsoft",
    "solutions": "Products",
    "help": "How can Microsoft help?",
    "visible_to_microsoft": "Referral visibility to Microsoft sellers",
    "microsoft_crm_identifier": "Microsoft CRM Identifier",
    "referral_program": "Referral Program",
    "marketplace_intent": "Marketplace intent",
    "close_reason": "Close reason",
    "decide_by": "Decide by",
    "registration.status_column": "Registration status",
}
"""Display names of the product's columns; a customer's own field is named after itself."""


def label_of(need: Need) -> str:
    """Return the display name of a column."""
    own = need.field.removeprefix("registration.")
    return _NAMES.get(need.field) or own.replace("_", " ").capitalize()


def words_of(code: str) -> str:
    """Return `QuotesOrLicensing` as `Quotes or licensing`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", code).capitalize()
