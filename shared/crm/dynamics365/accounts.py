"""The customer's account: whether one is in use, and a new one under an id that follows from what identifies it."""

from __future__ import annotations

import uuid

from shared.crm.around import AccountWanted, Columns, ContactWanted
from shared.crm.dynamics365 import contacts
from shared.crm.dynamics365.api import DataverseApi, Json, text_at
from shared.crm.dynamics365.errors import TITLE, DuplicateKey
from shared.errors import DataError, GoneError, VersionMismatch
from shared.problems import problem

_NAMESPACE = uuid.UUID("6a3f0f9e-2f0a-5c0e-9d53-5d1d7f3f6b1a")
"""Of the ids that we choose, so that two workers that make one account choose the same."""

ACTIVE = 0
SELECT = "accountid,statecode,_masterid_value"
_ROUNDS = 5
"""How many mergers are followed, and how many ids are tried: each was taken out of use by a person."""


def create(api: DataverseApi, wanted: AccountWanted, contact: ContactWanted | None = None) -> tuple[str, str | None]:
    """Return the id of a new account and of the contact made with it, or of the account that another worker made.

    Raises DataError when another key of the customer's own does not let the account be made.
    """
    filled = {name: value for name, value in wanted.columns.items() if value is not None}
    for number in range(_ROUNDS):
        chosen = _chosen_id(wanted.match, number)
        with_contact = contacts.deep(chosen, contact) if contact else {}
        try:
            api.write("POST", "accounts", {**filled, **with_contact, "accountid": chosen}, select="accountid")
        except (DuplicateKey, VersionMismatch) as error:
            held = _read(api, chosen)
            if held is None:
                raise _kept_out(error) from error
            if found := in_use(api, held):
                return found, None  # Another worker was quicker.
        else:
            return chosen, contacts.chosen_id(chosen, contact) if contact else None
    raise DataError(problem("customer.accounts_inactive", "customer_name"))


def in_use(api: DataverseApi, row: Json) -> str | None:
    """Return the id of this account, or of the one that it was merged into; None when that is inactive."""
    for _ in range(_ROUNDS):
        if row.get("statecode") == ACTIVE:
            return text_at(row, "accountid")
        master = row.get("_masterid_value")
        following = _read(api, str(master)) if master else None
        if following is None:
            return None
        row = following
    return None


def _read(api: DataverseApi, account_id: str) -> Json | None:
    try:
        return api.get(f"accounts({account_id})", {"$select": SELECT})
    except GoneError:
        return None


def _chosen_id(match: Columns, number: int) -> str:
    identity = repr(sorted((key, str(value).casefold()) for key, value in match.items()))
    return str(uuid.uuid5(_NAMESPACE, f"{identity} {number}" if number else identity))


def _kept_out(error: DuplicateKey | VersionMismatch) -> DataError:
    """Return the problem of an account that is unique in other columns than those the mapping file matches by."""
    words = dict(error.problems[0].values)["message"] if isinstance(error, DuplicateKey) else str(error)
    kept_out = problem("customer.key_taken", "customer_name", crm=TITLE, message=words)
    return DataError(kept_out).with_remote(error.code, error.correlation_id)
