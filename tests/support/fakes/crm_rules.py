"""What Dynamics 365 does with an opportunity's columns (reference: crm-apis, sections A.6, A.11 and A.14)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from shared.errors import DataError, SchemaMismatch
from shared.problems import problem

CrmRow = dict[str, object]

CURRENCIES = ("USD", "EUR", "GBP")
PARENTS = ("parentaccountid", "customerid", "parentcontactid", "ownerid")
OPEN = {"statecode": 0, "statuscode": 1}

_REASONS = {0: (1, 2), 1: (3,), 2: (4, 5)}
_LENGTHS = {
    "name": 300,
    "description": 2000,
    "cosell_products": 2000,
    "cosell_referralidentifier": 100,
    "cosell_referrallink": 255,
    "cosell_microsoftcrmidentifier": 100,
    "cosell_referralprogram": 100,
    "cosell_syncstatus": 100,
    "cosell_audit": 100_000,
    # Columns of the customer's own, which a mapping of theirs may name.
    "new_campaign": 100,
    "new_notes": 4000,
}
_FLAGS = ("cosell_syncwithpartnercenter", "cosell_referralvisibility")
_CHOICES = {"cosell_howcanmicrosofthelp": 6, "cosell_marketplaceintent": 3, "cosell_closereason": 8}
"""By choice, its highest option."""
_DAYS = ("estimatedclosedate", "cosell_decideby")
_OTHERS = ("estimatedvalue", "transactioncurrencyid", *_DAYS, *_CHOICES)
COLUMNS = (*_LENGTHS, *_FLAGS, *_OTHERS, *OPEN, *PARENTS)


def refuse(rule: str) -> DataError:
    """Return the error that the client makes of a refusal."""
    return DataError(problem("crm.refused", "record", crm="Dynamics 365", message=rule))


def kept_out(key: str) -> DataError:
    """Return the error of an account that is not unique in a column of the customer's own."""
    return DataError(problem("customer.key_taken", "customer_name", crm="Dynamics 365", message=key))


def stored(columns: Mapping[str, object]) -> CrmRow:
    """Return column values as the CRM keeps them. Raises DataError and SchemaMismatch."""
    return {name: _stored(name, value) for name, value in columns.items()}


def new_row(columns: Mapping[str, object]) -> CrmRow:
    """Return a whole new row: open, with the platform's defaults."""
    defaults: CrmRow = dict.fromkeys(COLUMNS) | dict.fromkeys(_FLAGS, False) | {"transactioncurrencyid": "USD"} | OPEN
    row = defaults | {name: value for name, value in stored(columns).items() if value is not None}
    check(row)
    return row


def check(row: CrmRow) -> None:
    """Refuse what only the whole row can tell."""
    if not row["name"]:
        raise refuse("the required attribute 'name' is missing or null.")
    state = row["statecode"]
    if not isinstance(state, int) or row["statuscode"] not in _REASONS[state]:
        raise refuse(f"{row['statuscode']} is not a valid status code for state code {state}.")


def _stored(name: str, value: object) -> object:
    if name not in COLUMNS:
        raise SchemaMismatch(f"Dynamics 365 lacks what the mapping names (0x80048d19): {name}")
    if value is None or value == "":
        return None
    if name in _LENGTHS:
        return _text(name, value)
    if name in _FLAGS and not isinstance(value, bool):
        raise SchemaMismatch(f"Dynamics 365 lacks what the mapping names (0x80048d19): {name}")
    if name == "estimatedvalue":
        return _money(value)
    if name in _CHOICES and value not in range(1, _CHOICES[name] + 1):
        raise refuse(f"A validation error occurred. The value '{value}' of '{name}' is outside of the valid range.")
    if name in _DAYS:
        return date.fromisoformat(str(value)).isoformat()
    if name == "transactioncurrencyid" and value not in CURRENCIES:
        raise DataError(problem("crm.row_missing", name, crm="Dynamics 365", key=value))
    return value


def _text(name: str, value: object) -> str:
    text = str(value)
    if len(text.encode("utf-16-le")) // 2 > _LENGTHS[name]:
        raise refuse(f"the length of '{name}' exceeded the maximum allowed length of '{_LENGTHS[name]}'.")
    return text


def _money(value: object) -> float:
    amount = Decimal(str(value))
    if not 0 <= amount <= 10**12:
        raise refuse(f"the value {value} of 'estimatedvalue' is outside the valid range.")
    return rounded(amount, 2)


def rounded(amount: object, digits: int) -> float:
    """Return an amount as a currency keeps it; halves away from zero, unlike ours."""
    unit = Decimal(1).scaleb(-digits)
    return float(Decimal(str(amount)).quantize(unit, ROUND_HALF_EVEN if digits == 2 else ROUND_HALF_UP))
