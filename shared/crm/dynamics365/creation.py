"""What a new record is tied to: account, contact and owner, made where they are wanted and not there."""

from __future__ import annotations

from shared.crm.around import AccountWanted, Around, ContactWanted, Found
from shared.crm.dynamics365 import accounts, contacts, owners
from shared.crm.dynamics365.api import DataverseApi


def bindings(api: DataverseApi, around: Around, found: Found) -> dict[str, object]:
    """Return the look-ups of a new record. A new account costs one request, a new contact of an old one another."""
    bound = _customer(api, around.account, around.contact, found) if around.account else {}
    if found.owner:
        bound["ownerid@odata.bind"] = owners.bound(found.owner.id, found.owner.assignee.kind)
    return bound


def _customer(
    api: DataverseApi, account: AccountWanted, contact: ContactWanted | None, found: Found
) -> dict[str, object]:
    account_id, contact_id = found.account_id, found.contact_id
    if account_id is None:
        account_id, contact_id = accounts.create(api, account, contact)
    if contact and contact_id is None:
        contact_id = contacts.create(api, account_id, contact)
    bound: dict[str, object] = {
        "customerid_account@odata.bind": f"/accounts({account_id})",
        "parentaccountid@odata.bind": f"/accounts({account_id})",
    }
    if contact_id:
        bound["parentcontactid@odata.bind"] = f"/contacts({contact_id})"
    return bound
