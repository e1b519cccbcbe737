"""The referral's shape: brings any accepted input into the full camelCase form of the resource.

Property names are matched without regard to case, since one documented sample mixes both; unknown properties are
ignored, as ASP.NET does; missing ones get the value the service shows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.simulators.partner_center import vocabulary as words
from tools.simulators.partner_center.errors import invalid

Document = dict[str, Any]


@dataclass(frozen=True)
class Leaf:
    """A scalar property: `read` returns the stored value or raises ValueError with the rule."""

    read: Callable[[Any], Any]
    default: Any = None


Schema = Leaf | dict[str, "Schema"] | list["Schema"]


def conform(value: Any, schema: Schema, path: str) -> Any:
    """Return `value` in the schema's full form; raises a 400 whose target is the offending property."""
    if isinstance(schema, Leaf):
        return _conform_leaf(value, schema, path)
    if isinstance(schema, list):
        return _conform_list(value, schema[0], path)
    if value is not None and not isinstance(value, Mapping):
        raise invalid(path, "must be an object.")
    given = {str(key).casefold(): item for key, item in (value or {}).items()}
    return {name: conform(given.get(name.casefold()), part, _join(path, name)) for name, part in schema.items()}


def _conform_leaf(value: Any, leaf: Leaf, path: str) -> Any:
    if value is None:
        return leaf.default
    try:
        return leaf.read(value)
    except (ValueError, TypeError) as error:
        raise invalid(path, str(error)) from error


def _conform_list(value: Any, item: Schema, path: str) -> list[Any]:
    if value is None or value == {}:  # an old documented sample sends `"ids": {}`
        return []
    if not isinstance(value, list):
        raise invalid(path, "must be an array.")
    return [conform(entry, item, f"{path}/{index}") for index, entry in enumerate(value)]


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be a string.")
    return value


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be true or false.")
    return value


def read_number(value: Any) -> int | float:
    """Read a number; the docs show `/details/dealValue` as a string, so numeric strings count."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("must be a number.")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("must be a finite number.")
    return int(number) if number.is_integer() else number


def _read_amount(value: Any) -> int | float:
    number = read_number(value)
    if number < 0:
        raise ValueError("must not be negative.")
    return number


def read_moment(value: Any) -> str:
    """Read an ISO 8601 date or date-time and return it in UTC with `Z`."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("must be an ISO 8601 date-time.")
    moment = datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".")
    return f"{text}Z"


def _read_currency(value: Any) -> str:
    if not isinstance(value, str) or not words.is_currency(value):
        raise ValueError("must be an ISO 4217 currency code.")
    return value


def one_of(allowed: frozenset[str], default: str | None = None) -> Leaf:
    """Return a leaf that holds one of a closed set of words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(allowed))}.")
        return value

    return Leaf(read, default)


def _text(default: str | None = None) -> Leaf:
    return Leaf(_read_text, default)


TEXT = _text()
FLAG = Leaf(_read_flag)
_OFF = Leaf(_read_flag, default=False)
AMOUNT = Leaf(_read_amount)
MOMENT = Leaf(read_moment)
CURRENCY = Leaf(_read_currency)

MEMBER: Schema = {
    "firstName": TEXT,
    "lastName": TEXT,
    "phoneNumber": TEXT,
    "email": TEXT,
    "title": TEXT,
    "contactPreference": {"locale": TEXT, "disableNotifications": FLAG},
}
SOLUTION: Schema = {
    "id": TEXT,
    "name": TEXT,
    "type": one_of(words.SOLUTION_TYPES, "None"),
    "price": AMOUNT,
    "quantity": AMOUNT,
    "currency": CURRENCY,
    "publisherName": TEXT,
    "solutionType": TEXT,
    "closingDateTime": MOMENT,
}
_TAG: Schema = {"id": TEXT}
_ADDRESS: Schema = dict.fromkeys(
    ("addressLine1", "addressLine2", "city", "state", "postalCode", "country", "region"), TEXT
)
_CUSTOMER: Schema = {
    "name": TEXT,
    "size": one_of(words.COMPANY_SIZES, ""),
    "address": _ADDRESS,
    "team": [MEMBER],
    "ids": [{"profileType": one_of(words.PROFILE_TYPES), "id": _text("")}],
}
_REQUIREMENTS: Schema = {
    "industries": [_TAG],
    "products": [_TAG],
    "services": [_TAG],
    "solutions": [SOLUTION],
    "offers": [_TAG],
    "salesPlays": [_TAG],
    "additionalRequirements": {
        "iot": {
            "customerLicenseAgreementNumber": TEXT,
            "deviceCategory": TEXT,
            "siliconType": TEXT,
            "azureCertifiedDevice": _OFF,
            "attachServices": _OFF,
        },
        "attributes": [{"id": TEXT, "type": TEXT}],
    },
}
REFERRAL: Schema = {
    "engagementId": TEXT,
    "name": TEXT,
    "externalReferenceId": TEXT,
    "status": one_of(words.STATUSES),
    "substatus": one_of(words.ALL_SUBSTATUSES),
    "statusReason": TEXT,
    "qualification": one_of(words.QUALIFICATIONS, "None"),
    "type": one_of(words.TYPES),
    "campaignId": TEXT,
    "salesStage": TEXT,
    "mpnId": TEXT,
    "referralProgram": TEXT,
    "target": [{"type": one_of(words.TARGET_TYPES, "None"), "id": TEXT}],
    "customerProfile": _CUSTOMER,
    "consent": {
        "consentToToShareInfoWithOthers": _OFF,
        "consentToContact": _OFF,
        "consentToMicrosoftToContactSpecificPartners": FLAG,
        "consentToShareReferralWithMicrosoftSellers": _OFF,
    },
    "details": {
        "notes": TEXT,
        "dealValue": AMOUNT,
        "currency": CURRENCY,
        "closingDateTime": MOMENT,
        "customerRequestedContact": TEXT,
        "customerAction": TEXT,
        "incentiveLevel": TEXT,
        "requirements": _REQUIREMENTS,
    },
    "team": [MEMBER],
    "inviteContext": {
        "notes": TEXT,
        "assistanceRequestCode": one_of(words.ASSISTANCE_CODES, "Unknown"),
        "invitedMpnId": TEXT,
        "invitedBy": {"organizationId": TEXT, "organizationName": TEXT},
    },
}
"""What a caller may send; the server's own properties are added by the store."""
