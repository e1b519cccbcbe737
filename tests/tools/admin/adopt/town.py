"""A CRM and a Partner Center that lived together before the app came: every state that moving in meets."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable

from shared.deal import NOTES
from shared.lifecycle import Stage
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.merge import Policy
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World
from tools.admin.adopt.forecast import Kind

Deal = tuple[str, str]
"""A record's id and a referral's id; empty where there is none."""


def with_held_notes() -> FieldMap:
    """Return the built-in mapping, but that a person decides when notes differ."""
    file = load_mapping("dynamics365").file
    held = {"conflict": Policy.HOLD}
    fields = tuple(each.model_copy(update=held if each.field == NOTES else {}) for each in file.fields)
    return FieldMap(file.model_copy(update={"fields": fields}))


class Town:
    """Adds deals, each with a name, a value and a customer of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.configure(field_map=with_held_notes())
        self.crm = world.crm
        self.partner_center = world.partner_center
        self.crm.keyed = False  # Microsoft's own columns have no key.
        self.number = 0
        self.expected: dict[Deal, Kind] = {}

    def populate(self, rounds: int) -> None:
        """Add a deal of every state, so many times."""
        for _ in range(rounds):
            for make, kind in STATES:
                self.expected |= dict.fromkeys(make(self), kind)

    def record(self, **columns: object) -> str:
        """Add a record of the current deal."""
        account = self.crm.add_account(name=f"Customer {self.number} Ltd.", address1_postalcode=f"P{self.number}")
        ready = {
            "name": f"Deal {self.number}",
            "estimatedvalue": 1000 + self.number,
            "estimatedclosedate": "2027-03-31",
            "description": "Phase one scoping",
            "cosell_referralvisibility": True,
            "parentaccountid": account,
            "parentcontactid": self.crm.add_contact(),
        }
        return self.crm.add_deal(**(ready | columns))

    def referral(self, **changes: object) -> str:
        """Add a referral of the current deal: ours, open, equal to the record."""
        return self.partner_center.registers(**(self.values() | changes))

    def values(self) -> dict[str, object]:
        """Return what the current deal's referral holds."""
        return {
            "name": f"Deal {self.number}",
            "details/dealValue": 1000 + self.number,
            "customerProfile/name": f"CUSTOMER {self.number}, limited",
            "customerProfile/address/postalCode": f"p {self.number}",
        }

    def next(self) -> None:
        """Go on to another deal."""
        self.number += 1

    def pair(self, **columns: object) -> Deal:
        """Add a record that carries its referral's identifier; the referral names it."""
        self.next()
        referral_id = self.referral()
        self.partner_center.edit(referral_id, {"/consent/consentToShareReferralWithMicrosoftSellers": True})
        record_id = self.record(**({IDENTIFIER: referral_id} | columns))
        self.partner_center.edit(referral_id, {"/externalReferenceId": record_id})
        return record_id, referral_id

    def snapshot(self) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        """Return everything that both sides hold."""
        return copy.deepcopy(self.crm.rows()), copy.deepcopy(dict(self.partner_center.rows))


def _equal(town: Town) -> list[Deal]:
    return [town.pair()]


def _glyph(town: Town) -> list[Deal]:
    town.number += 1
    name = f"✓ Deal {town.number}"
    town.number -= 1
    return [town.pair(name=name)]


def _unnamed(town: Town) -> list[Deal]:
    deal = town.pair()
    town.partner_center.edit(deal[1], {"/externalReferenceId": None})
    return [deal]


def _value_differs(town: Town) -> list[Deal]:
    return [town.pair(estimatedvalue=99)]


def _name_differs(town: Town) -> list[Deal]:
    return [town.pair(name=f"Renamed {town.number}")]


def _notes_differ(town: Town) -> list[Deal]:
    return [town.pair(description="Another phase")]


def _won_here(town: Town) -> list[Deal]:
    deal = town.pair(estimatedvalue=99_999, name=f"Booked {town.number}")
    town.crm.close(deal[0], Stage.WON)
    return [deal]


def _won_there(town: Town) -> list[Deal]:
    deal = town.pair(estimatedvalue=99_999)
    town.partner_center.close(deal[1], "Won")
    return [deal]


def _history(town: Town) -> list[Deal]:
    deal = town.pair(estimatedvalue=99_999)
    town.partner_center.close(deal[1], "Lost")
    town.crm.close(deal[0], Stage.LOST)
    return [deal]


def _invitation(town: Town) -> list[Deal]:
    town.next()
    referral_id = town.partner_center.invites_us(**town.values())
    return [(town.record(**{IDENTIFIER: referral_id, "estimatedvalue": 5}), referral_id)]


def _named(town: Town) -> list[Deal]:
    record_id, referral_id = town.pair(**{IDENTIFIER: None})
    return [(record_id, referral_id)]


def _alike(town: Town) -> list[Deal]:
    town.next()
    return [(town.record(name=f"Something else {town.number}"), town.referral())]


def _unshared(town: Town) -> list[Deal]:
    return [town.pair(**{SYNC: False, "estimatedvalue": 7})]


def _named_unshared(town: Town) -> list[Deal]:
    record_id, referral_id = town.pair(**{SYNC: False, IDENTIFIER: None})
    return [(record_id, ""), (record_id, referral_id)]


def _copies(town: Town) -> list[Deal]:
    record_id, referral_id = town.pair()
    return [(record_id, referral_id), (town.record(**{IDENTIFIER: referral_id}), referral_id)]


def _new(town: Town) -> list[Deal]:
    town.next()
    return [(town.record(), "")]


def _incomplete(town: Town) -> list[Deal]:
    town.next()
    return [(town.record(cosell_products=None), "")]


def _unknown(town: Town) -> list[Deal]:
    town.next()
    missing = str(uuid.UUID(int=town.number, version=4))
    return [(town.record(**{IDENTIFIER: missing}), missing)]


def _malformed(town: Town) -> list[Deal]:
    town.next()
    return [(town.record(**{IDENTIFIER: f"referral {town.number}"}), f"referral {town.number}")]


def _closed_unshared(town: Town) -> list[Deal]:
    town.next()
    record_id = town.record()
    town.crm.close(record_id, Stage.LOST)
    return [(record_id, "")]


def _only_there(town: Town) -> list[Deal]:
    town.next()
    return [("", town.referral())]


def _invitation_only(town: Town) -> list[Deal]:
    town.next()
    return [("", town.partner_center.invites_us(**town.values()))]


def _ended_there(town: Town) -> list[Deal]:
    town.next()
    referral_id = town.referral()
    town.partner_center.close(referral_id, "Won")
    return [("", referral_id)]


STATES: tuple[tuple[Callable[[Town], list[Deal]], Kind], ...] = (
    (_equal, Kind.LINK),
    (_glyph, Kind.LINK),
    (_unnamed, Kind.LINK),
    (_value_differs, Kind.WRITE),
    (_name_differs, Kind.WRITE),
    (_notes_differ, Kind.DIFFERS),
    (_won_here, Kind.CLOSED),
    (_won_there, Kind.CLOSED),
    (_history, Kind.CLOSED),
    (_invitation, Kind.UNDECIDED),
    (_named, Kind.LINK),
    (_alike, Kind.WRITE),
    (_unshared, Kind.NOT_SHARED),
    (_named_unshared, Kind.NOT_SHARED),
    (_copies, Kind.COPY),
    (_new, Kind.CREATE_REFERRAL),
    (_incomplete, Kind.PROBLEM),
    (_unknown, Kind.PROBLEM),
    (_malformed, Kind.PROBLEM),
    (_closed_unshared, Kind.CLOSED),
    (_only_there, Kind.CREATE_RECORD),
    (_invitation_only, Kind.UNDECIDED),
    (_ended_there, Kind.CLOSED),
)
