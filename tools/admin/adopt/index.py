"""The referrals that no record is tied to yet, by what they are recognized by: digests, some hundred bytes each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from shared.deal import CLOSING_DATE, CURRENCY, DEAL_VALUE, NAME, Fields
from shared.errors import DataError
from shared.lifecycle import TERMINAL, Stage
from shared.mapping.field_map import FieldMap
from shared.mapping.likeness import digits, plain_code, plain_name
from shared.mapping.rows import CompiledRow, Document
from shared.mapping.stages import stage_of
from shared.partner_center.port import Referral
from tools.admin.adopt import pairing
from tools.admin.adopt.pairing import Score, Traits

_LOOKED_UP = ("record_id", "name", "amount")
"""Which traits lead to a referral. No pair is proposed that has none of them in common but the closing date."""

CROWD = 50
"""How many referrals may share a trait before it says nothing about any of them."""


class ReferralIndex:
    """Finds the referrals that may be a record's."""

    def __init__(self, field_map: FieldMap) -> None:
        self._field_map = field_map
        self._held: dict[str, tuple[Traits, Stage]] = {}
        self._by_trait: dict[tuple[str, pairing.Mark], list[str]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def add(self, referral: Referral) -> None:
        """Take one referral in; one that is listed again is kept as it was."""
        if referral.id in self._held:
            return
        traits = digested(referral_traits(self._field_map, referral))
        self._held[referral.id] = (traits, stage_of(referral.body))
        for trait in _LOOKED_UP:
            if mark := getattr(traits, trait):
                self._by_trait.setdefault((trait, mark), []).append(referral.id)

    def has_candidates(self, record: Traits) -> bool:
        """Whether any referral may be the record's, before its customer is read."""
        return any(True for _ in self._candidates(digested(record)))

    def match(self, record: Traits, refused: frozenset[str] = frozenset()) -> tuple[str, Score] | None:
        """Return the likeliest referral of a record, but for those that a person refused."""
        marks = digested(record)
        scored = ((each, pairing.score(marks, self._held[each][0])) for each in self._candidates(marks))
        return pairing.best(each for each in scored if each[0] not in refused)

    def _candidates(self, record: Traits) -> Iterator[str]:
        seen: set[str] = set()
        for trait in _LOOKED_UP:
            mark = getattr(record, trait)
            found = self._by_trait.get((trait, mark), []) if mark else []
            for each in found if len(found) <= CROWD else []:
                # A closed deal is only recognized by an identity.
                if each not in seen and (trait == "record_id" or self._open(each)):
                    seen.add(each)
                    yield each

    def _open(self, referral_id: str) -> bool:
        return self._held[referral_id][1] not in TERMINAL

    def all(self) -> Iterator[tuple[str, Stage]]:
        """Return every referral that was taken in."""
        return ((each, stage) for each, (_, stage) in self._held.items())


def digested(traits: Traits) -> Traits:
    """Return traits as digests: they are compared for equality only, and this process only."""
    marks = {each.name: getattr(traits, each.name) for each in fields(traits)}
    return replace(traits, **{name: hash(mark) for name, mark in marks.items() if mark})


def referral_traits(field_map: FieldMap, referral: Referral) -> Traits:
    """Return what a referral may be recognized by."""
    values, _ = field_map.read_referral(referral.body)
    customer = _read(field_map.account, referral.body, of_record=False)
    return replace(
        _deal_traits(values),
        record_id=pairing.record_id(referral.external_reference_id),
        duns=pairing.duns_of(referral.body.get("customerProfile")),
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
