"""The referrals that no record is tied to yet, by what they are recognized by: digests, some hundred bytes each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from shared.lifecycle import TERMINAL, Stage
from shared.mapping import pairing
from shared.mapping.field_map import FieldMap
from shared.mapping.pairing import Score, Traits
from shared.mapping.stages import stage_of
from shared.mapping.traits import referral_traits
from shared.partner_center.port import Referral

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
        traits = digested(referral_traits(self._field_map, referral.body))
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
