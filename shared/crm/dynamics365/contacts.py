"""The customer's contact in Dynamics 365: one of the account's, or a new one under an id that follows from both.

A new account brings its contact along in one request (create-entity-web-api: deep insert).
"""

from __future__ import annotations

import uuid

from shared.crm.around import ContactWanted, chosen
from shared.crm.dynamics365.api import DataverseApi, Json, literal
from shared.crm.dynamics365.errors import TITLE, DuplicateKey
from shared.errors import DataError, GoneError, VersionMismatch
from shared.problems import problem

_OF_ACCOUNT = "contact_customer_accounts"
"""The account's collection of its contacts (entities/account)."""

_NAMESPACE = uuid.UUID("0d1f6f0e-6f53-5f2b-8a53-0e0d5d1d7c44")
_MOST = 50


def expansion(wanted: ContactWanted) -> str:
    """Return how the account's contacts of the wanted mail or name are read with it."""
    matches = [
        " and ".join(f"{column} eq {literal(value)}" for column, value in match.items())
        for match in (wanted.mail, wanted.names)
        if match
    ]
    either = " or ".join(f"({each})" for each in matches)
    select = ",".join(("contactid", *wanted.mail, *wanted.names))
    return f"{_OF_ACCOUNT}($select={select};$filter=statecode eq 0 and ({either});$top={_MOST})"


def among(wanted: ContactWanted, account: Json) -> str | None:
    """Return the id of the contact that came with an account."""
    rows = account.get(_OF_ACCOUNT)
    return chosen(wanted, [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else [], "contactid")


def deep(account_id: str, wanted: ContactWanted) -> dict[str, object]:
    """Return what a new account's request says of its contact."""
    return {_OF_ACCOUNT: [{**wanted.columns, "contactid": chosen_id(account_id, wanted)}]}


def create(api: DataverseApi, account_id: str, wanted: ContactWanted) -> str:
    """Return the id of a new contact of an account, or of the one that another worker made meanwhile."""
    contact_id = chosen_id(account_id, wanted)
    bound = {"contactid": contact_id, "parentcustomerid_account@odata.bind": f"/accounts({account_id})"}
    try:
        api.write("POST", "contacts", {**wanted.columns, **bound}, select="contactid")
    except (DuplicateKey, VersionMismatch) as error:
        if not _exists(api, contact_id):  # Another key of the customer's own keeps it out.
            refused = problem("crm.refused", "contact", crm=TITLE, message=str(error))
            raise DataError(refused) from error
    return contact_id


def _exists(api: DataverseApi, contact_id: str) -> bool:
    try:
        return bool(api.get(f"contacts({contact_id})", {"$select": "contactid"}))
    except GoneError:
        return False


def chosen_id(account_id: str, wanted: ContactWanted) -> str:
    """Return the id of the contact that we would make: two workers choose the same."""
    identity = wanted.mail or wanted.names
    return str(uuid.uuid5(_NAMESPACE, repr((account_id, sorted((k, str(v).casefold()) for k, v in identity.items())))))
