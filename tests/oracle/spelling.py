"""How Partner Center and a CRM spell what they agree on: docs/MAPPING.md and the vendors' references, by hand.

Nothing here comes from the product. What two spellings mean is written as Python's own values: text, number, day, set
of texts, yes or no, None for what is empty.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

Body = Mapping[str, Any]
"""A referral's JSON, or a CRM's row by column."""

Meaning = None | bool | str | Decimal | date | frozenset[str]


def text(value: Any) -> Meaning:
    """A text, without blanks around it; a line ends in one way."""
    plain = str(value or "").replace("\r\n", "\n").strip()
    return plain or None


def name(value: Any) -> Meaning:
    """A name: Partner Center writes `&amp;` for `&`, and a check mark in front says nothing."""
    plain = html.unescape(html.unescape(str(value or "")))
    return text(re.sub("^[\u2713\u2714\u2716\u2717\u2718\u23f3]\ufe0f? *", "", plain))


def number(value: Any) -> Meaning:
    """An amount of money."""
    return None if value in (None, "") else Decimal(str(value))


def day(value: Any) -> Meaning:
    """A day, or the day in UTC of a moment."""
    if not value:
        return None
    if len(str(value)) == len("2026-01-31"):
        return date.fromisoformat(str(value))
    moment = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", str(value)))
    return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()


def code(value: Any) -> Meaning:
    """A currency's code."""
    return str(value).strip().upper() if value else None


def yes(value: Any) -> Meaning:
    """Yes or no; nothing is no."""
    return bool(value)


def parts(value: Any) -> Meaning:
    """The ids in one text."""
    return frozenset(each for each in re.split(r"[,;\s]+", str(value or "")) if each)


def solutions(value: Any) -> Meaning:
    """The ids of solution objects."""
    return frozenset(str(each["id"]) for each in value or ())


HELP = {
    1: ("WorkloadSpecificValueProposition", "Workload specific value proposition"),
    2: ("CustomerTechnicalArchitecture", "Customer technical architecture"),
    3: ("ProofOfConceptOrDemo", "Proof of concept or demo"),
    4: ("QuotesOrLicensing", "Quotes or licensing"),
    5: ("PostSalesCustomerSuccess", "Post sales customer success"),
    6: ("GeneralOrOther", "General or other"),
}
"""By Dynamics 365's option: Partner Center's code, and Salesforce's label."""

INTENT = {1: ("Yes", "Yes"), 2: ("No", "No"), 3: ("HaveNotDecided", "Not decided")}

REASONS = {
    1: "Budget inadequate",
    2: "Customer did not respond",
    3: "Chose another vendor",
    4: "Requirement not met",
    5: "Not a customer",
    6: "Timeline too short",
    7: "Abuse, spam or phishing",
    8: "Other",
}


def help_code(value: Any) -> Meaning:
    """Which help, by Partner Center's code; Unknown is none."""
    known = {pair[0].casefold(): pair[0] for pair in HELP.values()}
    return known.get(str(value or "").casefold())


def help_option(value: Any) -> Meaning:
    """Which help, by a CRM's option."""
    return next((pair[0] for option, pair in HELP.items() if value in (option, pair[1])), None)


def intent_entry(value: Any) -> Meaning:
    """The customer's intent to buy through the marketplace, among a referral's attributes."""
    ids = [each.get("id") for each in value or () if each.get("type") == "CustomerMarketplaceIntent"]
    return next((pair[0] for pair in INTENT.values() if ids and pair[0] == ids[0]), None)


def intent_option(value: Any) -> Meaning:
    """The same by a CRM's option."""
    return next((pair[0] for option, pair in INTENT.items() if value in (option, pair[1])), None)


def reason_text(value: Any) -> Meaning:
    """A close reason; what is not on Microsoft's list is another one."""
    plain = str(value or "").strip()
    known = {each.casefold(): each for each in REASONS.values()}
    return known.get(plain.casefold(), "Other") if plain else None


def reason_option(value: Any) -> Meaning:
    """The same by a CRM's option."""
    return next((each for option, each in REASONS.items() if value in (option, each)), None)


@dataclass(frozen=True)
class Field:
    """A field of the default mapping: where each side has it, and how it spells it.

    `limit` is what Dynamics 365 and Salesforce hold of a text. `kept`: an empty place in Partner Center leaves the
    record as it is, for both CRMs or for one. `sent`: an edit of the record goes to Partner Center.
    """

    name: str
    path: str
    columns: tuple[str, str]
    there: Callable[[Any], Meaning]
    here: Callable[[Any], Meaning]
    sent: bool = False
    limit: tuple[int, int] | None = None
    kept: tuple[bool, bool] = (False, False)


KEPT = (True, True)

FIELDS = (
    Field("name", "name", ("name", "Name"), name, name, limit=(300, 120)),
    Field("deal_value", "details.dealValue", ("estimatedvalue", "Amount"), number, number, sent=True),
    Field("currency", "details.currency", ("transactioncurrencyid", "CurrencyIsoCode"), code, code, sent=True),
    Field(
        "closing_date",
        "details.closingDateTime",
        ("estimatedclosedate", "CloseDate"),
        day,
        day,
        sent=True,
        kept=(False, True),
    ),
    Field("notes", "details.notes", ("description", "Description"), text, text, sent=True, limit=(2000, 32_000)),
    Field(
        "solutions",
        "details.requirements.solutions",
        ("cosell_products", "Products__c"),
        solutions,
        parts,
        sent=True,
        limit=(2000, 255),
    ),
    Field(
        "visible_to_microsoft",
        "consent.consentToShareReferralWithMicrosoftSellers",
        ("cosell_referralvisibility", "Referral_Visibility__c"),
        yes,
        yes,
        sent=True,
    ),
    Field(
        "help",
        "inviteContext.assistanceRequestCode",
        ("cosell_howcanmicrosofthelp", "How_can_Microsoft_help__c"),
        help_code,
        help_option,
        kept=KEPT,
    ),
    Field(
        "microsoft_crm_identifier",
        "trackingInfo.microsoftMsxId",
        ("cosell_microsoftcrmidentifier", "Microsoft_CRM_Identifier__c"),
        text,
        text,
        limit=(100, 100),
        kept=KEPT,
    ),
    Field(
        "referral_program",
        "referralProgram",
        ("cosell_referralprogram", "Referral_Program__c"),
        text,
        text,
        limit=(100, 100),
    ),
    Field(
        "marketplace_intent",
        "details.requirements.additionalRequirements.attributes",
        ("cosell_marketplaceintent", "Marketplace_Intent__c"),
        intent_entry,
        intent_option,
        kept=KEPT,
    ),
    Field(
        "close_reason",
        "statusReason",
        ("cosell_closereason", "Close_Reason__c"),
        reason_text,
        reason_option,
        sent=True,
        kept=KEPT,
    ),
    Field("decide_by", "expirationDateTime", ("cosell_decideby", "Decide_By__c"), day, day),
)
"""Every field but the status, which docs/SYNC.md has a table of its own for."""

BY_NAME = {each.name: each for each in FIELDS}


def at(body: Any, path: str) -> Any:
    """Return what lies at a path of a referral's JSON; None where there is nothing."""
    for part in path.split("."):
        body = body.get(part) if isinstance(body, Mapping) else None
    return body


def rounded(amount: Decimal, digits: int) -> set[Decimal]:
    """Return how a CRM may keep an amount: half to even, or half up."""
    unit = Decimal(1).scaleb(-digits)
    return {amount.quantize(unit, ROUND_HALF_EVEN), amount.quantize(unit, ROUND_HALF_UP)}
