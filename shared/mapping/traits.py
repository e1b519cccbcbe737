"""What a referral and a record are recognized by, in spellings that may be compared (shared.mapping.pairing)."""

from __future__ import annotations

from dataclasses import replace

from shared.deal import CLOSING_DATE, CURRENCY, DEAL_VALUE, NAME, Fields
from shared.errors import DataError
from shared.mapping import pairing
from shared.mapping.field_map import FieldMap
from shared.mapping.likeness import digits, plain_code, plain_name
from shared.mapping.pairing import Traits
from shared.mapping.rows import CompiledRow, Document


def referral_traits(field_map: FieldMap, body: Document) -> Traits:
    """Return what a referral may be recognized by."""
    values, _ = field_map.read_referral(body)
    customer = _read(field_map.account, body, of_record=False)
    return replace(
        _deal_traits(values),
        record_id=pairing.record_id(body.get("externalReferenceId")),
        duns=pairing.duns_of(body.get("customerProfile")),
        customer=plain_name(str(customer.get("customer_name") or "")),
        postal_code=plain_code(str(customer.get("postal_code") or "")),
        country=pairing.plain(customer.get("country")),
    )


def record_traits(record_id: str, values: Fields) -> Traits:
    """Return what a record may be recognized by before its customer is read."""
    return replace(_deal_traits(values), record_id=pairing.record_id(record_id))


def with_customer(field_map: FieldMap, traits: Traits, account: Document | None) -> Traits:
    """Return a record's traits with its customer's."""
    if account is None:
        return traits
    customer = _read(field_map.account, account, of_record=True)
    return replace(
        traits,
        duns=digits(str(customer.get("duns") or "")),
        customer=plain_name(str(customer.get("customer_name") or "")),
        postal_code=plain_code(str(customer.get("postal_code") or "")),
        country=pairing.plain(customer.get("country")),
    )


def _deal_traits(values: Fields) -> Traits:
    return Traits(
        name=pairing.plain(values.get(NAME)),
        amount=pairing.amount(values.get(DEAL_VALUE), values.get(CURRENCY)),
        closing=pairing.day(values.get(CLOSING_DATE)),
    )


def _read(rows: tuple[CompiledRow, ...], document: Document, *, of_record: bool) -> Fields:
    """Return the customer's values; what cannot be read is no evidence."""
    found = {}
    for row in rows:
        try:
            found[row.name] = row.read_record(document) if of_record else row.read_referral(document)
        except DataError:
            continue
    return found
