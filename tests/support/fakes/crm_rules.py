"""What Dynamics 365 does with the columns of its tables (reference: crm-apis, sections A.6, A.11, A.14 and A.15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from shared.errors import DataError, SchemaMismatch
from shared.problems import problem

CrmRow = dict[str, object]

CURRENCIES = ("USD", "EUR", "GBP")
PARENTS = ("parentaccountid", "customerid", "parentcontactid", "ownerid")
OPEN = {"statecode": 0, "statuscode": 1}

_OWN_TEXTS = {
    "cosell_products": 2000,
    "cosell_referralidentifier": 100,
    "cosell_referrallink": 255,
    "cosell_syncstatus": 100,
    "cosell_audit": 100_000,
}
SYNC = "cosell_syncwithpartnercenter"
_CHOICES = {"cosell_howcanmicrosofthelp": 6, "cosell_marketplaceintent": 3, "cosell_closereason": 8}
"""By choice, its highest option."""
_DAYS = ("estimatedclosedate", "cosell_decideby")


@dataclass(frozen=True)
class TableRules:
    """One table: lengths of its texts, its other columns, and which reasons belong to which state."""

    name: str
    title: str
    """The column that a new row must have."""
    amount: str
    lengths: Mapping[str, int]
    flags: tuple[str, ...]
    others: tuple[str, ...]
    parents: tuple[str, ...]
    reasons: Mapping[int, tuple[int, ...]]
    closed_by_actions: bool = True
    """Whether its state is closed by an action, and not by writing the column."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column."""
        return (*self.lengths, *self.flags, *self.others, self.amount, *OPEN, *self.parents)

    def stored(self, columns: Mapping[str, object]) -> CrmRow:
        """Return column values as the CRM keeps them. Raises DataError and SchemaMismatch."""
        return {name: self._stored(name, value) for name, value in columns.items()}

    def new_row(self, columns: Mapping[str, object]) -> CrmRow:
        """Return a whole new row: open, with the platform's defaults."""
        defaults: CrmRow = {**dict.fromkeys(self.columns), **dict.fromkeys(self.flags, False), **OPEN}
        defaults["transactioncurrencyid"] = "USD"
        row = defaults | {name: value for name, value in self.stored(columns).items() if value is not None}
        self.check(row)
        return row

    def check(self, row: CrmRow) -> None:
        """Refuse what only the whole row can tell."""
        if not row[self.title]:
            raise refuse(f"the required attribute '{self.title}' is missing or null.")
        state = row["statecode"]
        if not isinstance(state, int) or row["statuscode"] not in self.reasons[state]:
            raise refuse(f"{row['statuscode']} is not a valid status code for state code {state}.")

    def _stored(self, name: str, value: object) -> object:
        if name not in self.columns:
            raise SchemaMismatch(f"Dynamics 365 lacks what the mapping names (0x80048d19): {name}")
        if value is None or value == "":
            return None
        if name in self.lengths:
            return self._text(name, value)
        if name in self.flags and not isinstance(value, bool):
            raise SchemaMismatch(f"Dynamics 365 lacks what the mapping names (0x80048d19): {name}")
        if name == self.amount:
            return _money(value)
        if name in _CHOICES and value not in range(1, _CHOICES[name] + 1):
            raise refuse(f"A validation error occurred. The value '{value}' of '{name}' is outside of the valid range.")
        if name in _DAYS:
            return date.fromisoformat(str(value)).isoformat()
        if name == "transactioncurrencyid" and value not in CURRENCIES:
            raise DataError(problem("crm.row_missing", name, crm="Dynamics 365", key=value))
        return value

    def _text(self, name: str, value: object) -> str:
        text = str(value)
        if len(text.encode("utf-16-le")) // 2 > self.lengths[name]:
            raise refuse(f"the length of '{name}' exceeded the maximum allowed length of '{self.lengths[name]}'.")
        return text


def refuse(rule: str) -> DataError:
    """Return the error that the client makes of a refusal."""
    return DataError(problem("crm.refused", "record", crm="Dynamics 365", message=rule))


def kept_out(key: str) -> DataError:
    """Return the error of an account that is not unique in a column of the customer's own."""
    return DataError(problem("customer.key_taken", "customer_name", crm="Dynamics 365", message=key))


def _money(value: object) -> float:
    amount = Decimal(str(value))
    if not 0 <= amount <= 10**12:
        raise refuse(f"the value {value} of 'estimatedvalue' is outside the valid range.")
    return rounded(amount, 2)


def rounded(amount: object, digits: int) -> float:
    """Return an amount as a currency keeps it; halves away from zero, unlike ours."""
    unit = Decimal(1).scaleb(-digits)
    return float(Decimal(str(amount)).quantize(unit, ROUND_HALF_EVEN if digits == 2 else ROUND_HALF_UP))


OPPORTUNITY = TableRules(
    name="opportunity",
    title="name",
    amount="estimatedvalue",
    lengths={
        "name": 300,
        "description": 2000,
        **_OWN_TEXTS,
        "cosell_microsoftcrmidentifier": 100,
        "cosell_referralprogram": 100,
        "cosell_microsoftstatus": 100,
        "cosell_microsoftteam": 4000,
        "cosell_notesformicrosoft": 4000,
        # Columns of the customer's own, which a mapping of theirs may name.
        "new_campaign": 100,
        "new_notes": 4000,
    },
    flags=("cosell_syncwithpartnercenter", "cosell_referralvisibility"),
    others=("transactioncurrencyid", *_DAYS, *_CHOICES),
    parents=PARENTS,
    reasons={0: (1, 2), 1: (3,), 2: (4, 5)},
)
LEAD = TableRules(
    name="lead",
    title="subject",
    amount="budgetamount",
    lengths={
        "subject": 300,
        "companyname": 100,
        "firstname": 50,
        "lastname": 50,
        "emailaddress1": 100,
        "telephone1": 50,
        "address1_line1": 250,
        "address1_city": 80,
        "address1_postalcode": 20,
        "address1_country": 80,
        **_OWN_TEXTS,
        "description": 2000,
    },
    flags=(SYNC,),
    others=("transactioncurrencyid", "leadqualitycode", "cosell_decideby", "cosell_closereason"),
    parents=("ownerid",),
    reasons={0: (1, 2), 1: (3,), 2: (4, 5, 6, 7)},
    closed_by_actions=False,
)
