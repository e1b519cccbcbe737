"""A complete, valid referral document: what a create request must at least look like, with invented values."""

from __future__ import annotations

from typing import Any


def sample_document() -> dict[str, Any]:
    """Return a fresh private-deal document (sample 7.2 of the notes on the API)."""
    return {
        "name": "Northwind analytics rollout",
        "qualification": "SalesQualified",
        "type": "Independent",
        "customerProfile": {
            "name": "Northwind Traders",
            "size": "51to250employees",
            "address": {
                "addressLine1": "12 Harbour Rd",
                "addressLine2": "",
                "city": "Leeds",
                "state": "",
                "postalCode": "LS1 4DL",
                "country": "GB",
            },
            "team": [_person("Ana", "Ruiz", "northwind")],
        },
        "consent": {
            "consentToToShareInfoWithOthers": True,
            "consentToContact": True,
            "consentToMicrosoftToContactSpecificPartners": True,
            "consentToShareReferralWithMicrosoftSellers": False,
        },
        "details": {
            "notes": "Phase one scoping",
            "dealValue": 42000,
            "currency": "GBP",
            "closingDateTime": "2027-03-31T00:00:00Z",
            "requirements": {
                "solutions": [{"type": "Name", "id": "SOL-20311-QXT", "name": "Insight Hub"}],
                "additionalRequirements": {
                    "iot": {},
                    "attributes": [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}],
                },
            },
        },
        "team": [_person("Lee", "Okoro", "fabrikam")],
        "target": [],
    }


def sample_cosell_documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both POST bodies of a co-sell deal; the second still lacks the `engagementId` of the first's answer."""
    first = sample_document()
    first |= {"type": "Shared", "target": [{"type": "SolutionProfile", "id": "SOL-20311-QXT"}]}
    first["consent"]["consentToShareReferralWithMicrosoftSellers"] = True
    second = sample_document() | {
        "type": "Shared",
        "consent": dict(first["consent"]),
        "target": [{"type": "BusinessProfileLocation", "id": "msft"}],
        "inviteContext": {
            "notes": "Need an architect for a two day design session",
            "assistanceRequestCode": "CustomerTechnicalArchitecture",
        },
    }
    return first, second


def _person(first_name: str, last_name: str, company: str) -> dict[str, Any]:
    return {
        "firstName": first_name,
        "lastName": last_name,
        "phoneNumber": "+441130000000",
        "email": f"{first_name}@{company}.example".lower(),
    }
