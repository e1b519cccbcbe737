"""What Partner Center demands of a referral (create-a-referral, connectors-troubleshoot, bulk-operations pages)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.simulators.partner_center import vocabulary as words
from tools.simulators.partner_center.errors import invalid
from tools.simulators.partner_center.schema import REFERRAL, Document, conform

MAXIMUM_SOLUTIONS = 50
MAXIMUM_TEAM = 50

_CONTACT_FIELDS = ("firstName", "lastName", "phoneNumber", "email")


def read_referral(body: object) -> Document:
    """Return a posted document in canonical form, or raise the 400 for the first rule that it breaks."""
    if not isinstance(body, Mapping):
        raise invalid("referral", "the body must be a JSON object.")
    present = {str(key).casefold() for key, value in body.items() if value is not None}
    for name in ("type", "customerProfile", "consent", "details"):
        if name.casefold() not in present:
            raise invalid(name, "is required.")
    row: Document = conform(body, REFERRAL, "")
    _require(row, "name")
    _check_customer(row["customerProfile"])
    _check_consent(row["consent"])
    _check_details(row["details"])
    check_team(row["team"], "team")
    if asks_for_help(row):
        check_customer_contact(row)
    return row


def asks_for_help(row: Document) -> bool:
    """Tell whether the referral asks Microsoft for anything."""
    return bool(row["inviteContext"]["assistanceRequestCode"] != "Unknown")


def targets_microsoft(row: Document) -> bool:
    """Tell whether the document is the second, "connected" POST that invites Microsoft."""
    return any(
        target["type"] == "BusinessProfileLocation" and target["id"] == words.MICROSOFT for target in row["target"]
    )


def check_customer_contact(row: Document) -> None:
    """A complete customer contact is mandatory once Microsoft is asked for help."""
    check_members(row["customerProfile"]["team"], "customerProfile/team")


def check_team(team: Sequence[Document], target: str) -> None:
    """1 to 50 members, each with names, phone and mail."""
    if len(team) > MAXIMUM_TEAM:
        raise invalid(target, f"must not have more than {MAXIMUM_TEAM} members.")
    check_members(team, target)


def check_members(team: Sequence[Document], target: str) -> None:
    """At least one member, and every one complete."""
    if not team:
        raise invalid(target, "at least one member is required.")
    for index, member in enumerate(team):
        for name in _CONTACT_FIELDS:
            if not (member[name] or "").strip():
                raise invalid(f"{target}/{index}/{name}", "is required.")


def check_solutions(solutions: Sequence[Document], target: str) -> None:
    """1 to 50 solutions with ids that can exist."""
    if not solutions:
        raise invalid(target, "at least one solution is required.")
    if len(solutions) > MAXIMUM_SOLUTIONS:
        raise invalid(target, f"must not have more than {MAXIMUM_SOLUTIONS} solutions.")
    for index, solution in enumerate(solutions):
        if not words.is_solution_id(solution["type"], solution["id"] or ""):
            raise invalid(f"{target}/{index}/id", f"'{solution['id']}' is not a valid solution id.")


def _check_customer(customer: Document) -> None:
    _require(customer, "name", "customerProfile")
    for name in ("addressLine1", "city", "country"):
        _require(customer["address"], name, "customerProfile/address")
    if not words.is_country(customer["address"]["country"]):
        raise invalid("customerProfile/address/country", "must be an ISO 3166-1 alpha-2 code.")


def _check_consent(consent: Document) -> None:
    if consent["consentToToShareInfoWithOthers"] is not True:
        raise invalid("consent/consentToToShareInfoWithOthers", "must be true.")


def _check_details(details: Document) -> None:
    for name in ("dealValue", "currency", "closingDateTime"):
        _require(details, name, "details")
    check_solutions(details["requirements"]["solutions"], "details/requirements/solutions")
    target = "details/requirements/additionalRequirements/attributes"
    attributes = details["requirements"]["additionalRequirements"]["attributes"]
    intents = [attribute["id"] for attribute in attributes if attribute["type"] == "CustomerMarketplaceIntent"]
    if not intents:
        raise invalid(target, "the CustomerMarketplaceIntent attribute is required.")
    if intents[0] not in words.MARKETPLACE_INTENTS:
        raise invalid(target, f"'{intents[0]}' is not a CustomerMarketplaceIntent.")


def _require(holder: Mapping[str, Any], name: str, path: str = "") -> None:
    value = holder[name]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise invalid(f"{path}/{name}".lstrip("/"), "is required.")
