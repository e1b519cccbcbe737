"""Hypothesis finds no history that breaks a promise; of one that does it shows the shortest."""

from __future__ import annotations

import pytest

from tests.simulation import machine
from tests.simulation.troubles import KINDS
from tests.support.fakes.partner_center import FakePartnerCenter
from tests.support.fakes.referral_rules import Body

EXAMPLES = 250
STEPS = 50


pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("quiet")]


def test_no_history_breaks_a_promise() -> None:
    machine.lived.clear()
    machine.explore(EXAMPLES, STEPS)
    assert machine.lived["acts"] > EXAMPLES * STEPS / 4
    assert machine.lived["rests"] > 2 * EXAMPLES
    struck = [machine.lived[kind] for kind in KINDS if machine.lived[kind]]
    assert len(struck) > len(KINDS) / 2  # The seeded histories count each kind.
    assert sum(struck) > EXAMPLES


def test_a_lost_edit_is_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partner Center answers that it took the notes, and keeps the old ones, unseen by the app."""
    stored = FakePartnerCenter._update

    def forgets(fake: FakePartnerCenter, referral_id: str, operations: list[Body], version: str) -> object:
        notes = fake.rows[referral_id]["details"]["notes"]
        answer = stored(fake, referral_id, operations, version)
        fake.rows[referral_id]["details"]["notes"] = notes
        return answer

    monkeypatch.setattr(FakePartnerCenter, "_update", forgets)
    with pytest.raises(AssertionError):
        machine.explore(EXAMPLES, 10, machine.CalmMachine)
    (acts,) = machine.latest
    assert "edit_record" in acts
    assert len(acts) <= 6
