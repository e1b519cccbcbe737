"""The product's custom fields, as they are declared in the design (4.3)."""

from __future__ import annotations

from dataclasses import replace

from tools.simulators.help_codes import CLOSE_REASONS, HELP, MARKETPLACE_INTENT
from tools.simulators.salesforce.fields import Field, FieldType
from tools.simulators.salesforce.schema import area, checkbox, picklist, text

COSELL_OBJECTS = ("Opportunity", "Lead")
"""Object types that carry the product's columns."""

_ON_LEADS = frozenset(
    f"{name}__c"
    for name in (
        *("Sync_with_Partner_Center", "Referral_Identifier", "Referral_Link", "Products", "Audit", "Sync_Status"),
        *("Close_Reason", "Decide_By"),
    )
)


def cosell_columns(sobject: str = "Opportunity") -> list[Field]:
    """Return fresh definitions of the fields of an object type."""
    identifier = text("Referral_Identifier__c", 100, "Referral Identifier")
    fields = [
        checkbox("Sync_with_Partner_Center__c", "Sync with Partner Center"),
        replace(identifier, external_id=True, unique=True),
        Field("Referral_Link__c", FieldType.URL, "Referral Link", length=255),
        picklist("How_can_Microsoft_help__c", HELP, "How can Microsoft help?", restricted=True),
        text("Products__c", 255, "Products"),
        area("Audit__c", 32_768, "Audit"),
        checkbox("Referral_Visibility__c", "Referral Visibility"),
        text("Microsoft_CRM_Identifier__c", 100, "Microsoft CRM Identifier"),
        text("Referral_Program__c", 100, "Referral Program"),
        text("Sync_Status__c", 100, "Sync Status"),
        picklist("Marketplace_Intent__c", MARKETPLACE_INTENT, "Marketplace Intent", restricted=True),
        picklist("Close_Reason__c", CLOSE_REASONS, "Close Reason", restricted=True),
        Field("Decide_By__c", FieldType.DATE, "Decide By"),
        text("Microsoft_Status__c", 100, "Microsoft Status"),
        area("Microsoft_Team__c", 4000, "Microsoft Team"),
        area("Notes_for_Microsoft__c", 4000, "Notes for Microsoft"),
    ]
    return [replace(each, custom=True) for each in fields if sobject != "Lead" or each.name in _ON_LEADS]
