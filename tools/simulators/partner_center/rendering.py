"""How a stored row looks on the wire, with the oddities that captures show."""

from __future__ import annotations

import copy
import html
from typing import Any

from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.schema import Document

REFERRALS_URL = "https://api.partner.microsoft.com/v1.0/engagements/referrals"
"""The address that bodies mention; the simulator never serves it under this name."""


def render(row: Document, quirks: Quirks) -> Document:
    """Return the row as the API shows it."""
    shown = copy.deepcopy(row)
    shown["links"] = _links(row)
    if quirks.html_escaped_names:
        shown["customerProfile"]["name"] = html.escape(row["customerProfile"]["name"] or "", quote=False)
    if quirks.trailing_blanks:
        _pad_names(shown)
    if quirks.state_in_region:
        address = shown["customerProfile"]["address"]
        address |= {"state": None, "region": address["state"] or address["region"]}
    if quirks.registrations_shown == "status":
        shown["registrations"] = []
    if quirks.registrations_shown == "list":
        shown["registrationStatus"] = "None"
    if quirks.missing_keys:
        _drop_keys(shown)
    return shown


def render_entity(row: Document, quirks: Quirks) -> Document:
    """Return a single referral as GET, POST and PATCH answer it."""
    return {"@odata.context": f"{REFERRALS_URL}/$metadata#Referrals/$entity"} | render(row, quirks)


def _links(row: Document) -> dict[str, Any]:
    return {
        "relatedReferrals": {"uri": f"{REFERRALS_URL}?$filter=engagementId eq {row['engagementId']}", "method": "GET"},
        "self": {"uri": f"{REFERRALS_URL}/{row['id']}", "method": "GET"},
    }


def _pad_names(row: Document) -> None:
    for member in [*row["team"], *row["customerProfile"]["team"]]:
        for name in ("firstName", "lastName"):
            if member[name]:
                member[name] += " "


def _drop_keys(row: Document) -> None:
    row.pop("registrations")
    row["details"]["requirements"].pop("offers")
    row["details"]["requirements"]["additionalRequirements"].pop("attributes")
