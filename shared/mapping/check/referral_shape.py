"""The referral's JSON as Partner Center documents it (referral-resources, V3), and what of it may be written.

A mapping file is held against this tree. Lists are leaves: a codec reads and writes them as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

TEXT, NUMBER, MOMENT, FLAG, LIST = "text", "a number", "a timestamp", "true or false", "a list"
TEXTS, PEOPLE = "a list of texts", "a list of people"
IDENTIFIED, OBJECTS = "a list of objects that have an id", "a list of objects"
"""What a leaf holds. No page says what the members of a mere LIST look like."""

Shape = Mapping[str, object]
"""Members by name: another Shape, or a word for what the leaf holds."""


def _texts(*names: str) -> dict[str, object]:
    return dict.fromkeys(names, TEXT)


MEMBER: Shape = {
    **_texts("firstName", "lastName", "phoneNumber", "email", "title"),
    "contactPreference": {"locale": TEXT, "disableNotifications": FLAG},
}
"""A person of either team."""

_ADDRESS = _texts("addressLine1", "addressLine2", "city", "state", "postalCode", "country", "region")

_CONSENT = dict.fromkeys(
    (
        "consentToToShareInfoWithOthers",
        "consentToContact",
        "consentToMicrosoftToContactSpecificPartners",
        "consentToShareReferralWithMicrosoftSellers",
    ),
    FLAG,
)

_IOT = {
    **_texts("customerLicenseAgreementNumber", "deviceCategory", "siliconType"),
    "azureCertifiedDevice": FLAG,
    "attachServices": FLAG,
}

_REQUIREMENTS = {
    **dict.fromkeys(("industries", "products", "services", "solutions"), IDENTIFIED),
    **dict.fromkeys(("offers", "salesPlays"), LIST),
    "additionalRequirements": {"iot": _IOT, "attributes": OBJECTS},
}

REFERRAL: Shape = {
    **_texts("id", "engagementId", "name", "organizationId", "organizationName", "lastModifiedVia", "lastRunId"),
    **_texts("externalReferenceId", "status", "substatus", "statusReason", "qualification", "type", "eTag"),
    **_texts("campaignId", "salesStage", "quality", "direction", "mpnId", "referralProgram", "dealSensitivity"),
    **_texts("createdVia", "referralSource", "callToAction", "registrationStatus"),
    **dict.fromkeys(("createdDateTime", "updatedDateTime", "expirationDateTime"), MOMENT),
    **dict.fromkeys(("acceptedDateTime", "closedDateTime"), MOMENT),
    **dict.fromkeys(("favorite", "isSpam"), FLAG),
    "tags": TEXTS,
    "target": IDENTIFIED,
    "team": PEOPLE,
    "registrations": OBJECTS,
    "customerProfile": {
        **_texts("name", "size"),
        "isMatchingComplete": FLAG,
        "address": _ADDRESS,
        "team": PEOPLE,
        "ids": OBJECTS,
    },
    "consent": _CONSENT,
    "details": {
        **_texts("notes", "currency", "customerRequestedContact", "customerAction", "incentiveLevel"),
        **_texts("customerMarketplaceIntent", "partnerRole", "solutionArea", "solutionPlay"),
        "dealValue": NUMBER,
        "closingDateTime": MOMENT,
        "requirements": _REQUIREMENTS,
    },
    "inviteContext": {
        **_texts("notes", "assistanceRequestCode", "invitedMpnId"),
        "invitedBy": _texts("organizationId", "organizationName"),
    },
    "trackingInfo": _texts(
        "microsoftMsxId",
        "microsoftUSFedOpportunityId",
        "microsoftUSFedLeadId",
        "migratedPSCDealId",
        "migratedPSCPartnerDealId",
    ),
}

MICROSOFT: Shape = {**REFERRAL, **_texts("answer")}
"""Microsoft's row of the engagement, and beside it what its status, substatus and reason mean together."""

PATCHABLE = frozenset(
    {
        "campaignId",
        "consent.consentToShareReferralWithMicrosoftSellers",
        "customerProfile.team",
        "details.closingDateTime",
        "details.currency",
        "details.dealValue",
        "details.notes",
        "details.requirements.solutions",
        "externalReferenceId",
        "referralProgram",
        "salesStage",
        "status",
        "substatus",
        "statusReason",
        "team",
        "registrations",
    }
)
"""What may be PATCHed: the allow-list of Microsoft's own connector (its published swagger)."""

PERHAPS_PATCHABLE = frozenset({"name", "details.requirements.additionalRequirements.attributes"})
"""Not on the list, although Microsoft's connector claims to keep the name in agreement: a refusal is to be expected."""

PERHAPS_MEMBERS = frozenset(
    f"details.{name}" for name in ("customerMarketplaceIntent", "partnerRole", "solutionArea", "solutionPlay")
)
"""Named by the documentation as values of a deal; an entry of `attributes` is the only place that a sample shows."""

READ_ONLY = frozenset(
    {
        *("id", "engagementId", "organizationId", "organizationName", "lastModifiedVia", "lastRunId", "eTag"),
        *("createdDateTime", "updatedDateTime", "expirationDateTime", "acceptedDateTime", "closedDateTime"),
        *("quality", "isSpam", "direction", "dealSensitivity", "createdVia", "tags", "referralSource"),
        *("callToAction", "registrationStatus", "trackingInfo"),
    }
)
"""Members (first step of the path) that Partner Center sets by itself."""

OWNED = {
    "status": "the status table",
    "substatus": "the status table",
    "externalReferenceId": "the app, which keeps the record's id there",
}
"""Paths that no row may write, and what writes them."""

CREATED = {
    "customerProfile.team": "the rows of `contact`",
    "team": "the rows of `owner`",
}
"""Paths that no row may write at create, and what writes them then."""

CODES = {
    "inviteContext.assistanceRequestCode": (
        "WorkloadSpecificValueProposition",
        "CustomerTechnicalArchitecture",
        "ProofOfConceptOrDemo",
        "QuotesOrLicensing",
        "PostSalesCustomerSuccess",
        "GeneralOrOther",
        "Unknown",
    ),
}
"""Leaves that hold one of a closed set of codes (published swagger)."""


REGISTRATION: Shape = {
    "contract": {
        **_texts("currency", "term"),
        "value": NUMBER,
        **dict.fromkeys(("startDateTime", "endDateTime", "signDateTime"), MOMENT),
    },
    "solutionDetails": {
        "id": IDENTIFIED,
        **_texts("currency", "primaryDeploymentOn", "pricingModel"),
        "value": NUMBER,
        "isDeployedOnAzure": FLAG,
        "marketplaceTransactionDetails": {"isMarketplaceTransacted": FLAG, "marketplaceTransactionDateTime": MOMENT},
    },
}
"""A registration as it is written (published swagger), solutionDetails being its only solution."""

HOLDS = {
    "name": TEXT,
    "text": TEXT,
    "link": TEXT,
    "choice": TEXT,
    "currency": TEXT,
    "country": TEXT,
    "money": NUMBER,
    "date": MOMENT,
    "yes_no": FLAG,
    "solutions": IDENTIFIED,
    "ids": TEXTS,
    "people": PEOPLE,
}
"""What a codec reads in the referral; a codec that is not here is not checked."""

LISTS = (TEXTS, IDENTIFIED, PEOPLE)

MEMBERS = ("team", "customerProfile.team")
"""Lists of people, of whom a row may name one by his position, from 0."""


def held_at(path: str) -> str | None:
    """Return what a referral holds at a path; None when it has no such place."""
    return dict(leaves(REFERRAL)).get(path) or _of_member(path)


def _of_member(path: str) -> str | None:
    for each in MEMBERS:
        number, _, rest = path.removeprefix(f"{each}.").partition(".")
        if path.startswith(f"{each}.") and number.isdecimal():
            return dict(leaves(MEMBER)).get(rest)
    return None


def leaves(shape: Shape, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, what it holds) of every leaf."""
    for name, inner in shape.items():
        if isinstance(inner, Mapping):
            yield from leaves(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(inner)
