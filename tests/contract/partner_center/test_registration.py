"""The registration of a win, told alike by the fake and the client: what the app may expect of Partner Center."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shared.deal_registration import read_registration
from shared.errors import DataError, VersionMismatch
from shared.partner_center.port import Operation
from tests.support.stages.partner_center import PartnerCenterStage

FORM: dict[str, Any] = {
    "type": "AzureIPCoSell",
    "contract": {
        "currency": "GBP",
        "value": 42000,
        "startDateTime": "2026-04-01T00:00:00Z",
        "endDateTime": "2027-03-31T00:00:00Z",
        "signDateTime": "2026-03-28T00:00:00Z",
        "term": "Finite",
    },
    "solutionDetails": [
        {
            "id": "SOL-20311-QXT",
            "currency": "GBP",
            "value": 42000,
            "isDeployedOnAzure": True,
            "primaryDeploymentOn": "Customer",
            "pricingModel": "Other",
            "marketplaceTransactionDetails": {"isMarketplaceTransacted": False},
        }
    ],
}
"""The reference's sample (section 7.6)."""


def add(**changes: Any) -> list[Operation]:
    form = copy.deepcopy(FORM)
    for path, value in changes.items():
        holder, name = path.split("__")
        part = form[holder][0] if holder == "solutionDetails" else form[holder]
        if value is None:
            part.pop(name)
        else:
            part[name] = value
    return [{"op": "add", "path": "/registrations/-", "value": form}]


def replaced(path: str, value: object) -> list[Operation]:
    return [{"op": "replace", "path": f"/registrations/0/{path}", "value": value}]


def test_a_win_takes_its_registration_and_tells_of_it(stage: PartnerCenterStage) -> None:
    before = stage.port.read(stage.wins())
    answer = stage.port.update(before.id, add(), before.version)
    found = read_registration(answer.body)
    assert found
    assert (found.status, found.reason, found.number) == ("ReviewPending", "", 0)
    assert answer.version != before.version
    held = read_registration(stage.port.read(before.id).body)
    assert held == found


def test_a_second_one_is_refused(stage: PartnerCenterStage) -> None:
    before = stage.port.read(stage.wins())
    answer = stage.port.update(before.id, add(), before.version)
    with pytest.raises(VersionMismatch):
        stage.port.update(before.id, add(), before.version)
    with pytest.raises(DataError):
        stage.port.update(before.id, add(), answer.version)


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"contract__signDateTime": None}, "registrations/contract/signDateTime"),
        ({"contract__endDateTime": None}, "registrations/contract/endDateTime"),
        ({"contract__term": "Forever"}, "registrations/contract/term"),
        ({"solutionDetails__pricingModel": None}, "registrations/solutionDetails/0/pricingModel"),
    ],
)
def test_a_refused_form_names_its_place(stage: PartnerCenterStage, changes: dict[str, Any], target: str) -> None:
    before = stage.port.read(stage.wins())
    with pytest.raises(DataError) as caught:
        stage.port.update(before.id, add(**changes), before.version)
    assert [each.field for each in caught.value.problems] == [target]
    assert read_registration(stage.port.read(before.id).body) is None


def test_what_is_open_takes_none(stage: PartnerCenterStage) -> None:
    invited = stage.port.read(stage.invites_us())
    with pytest.raises(DataError):
        stage.port.update(invited.id, add(), invited.version)


def test_what_microsoft_asks_for_is_told_and_answered_by_a_correction(stage: PartnerCenterStage) -> None:
    referral_id = stage.wins()
    before = stage.port.read(referral_id)
    stage.port.update(before.id, add(), before.version)
    stage.microsoft_reviews(referral_id, "ActionRequired", "Which contract?")
    asked = stage.port.read(referral_id)
    found = read_registration(asked.body)
    assert found
    assert (found.status, found.reason) == ("ActionRequired", "Which contract?")
    patch = [
        *replaced("contract/signDateTime", "2026-03-30T00:00:00Z"),
        *replaced("solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted", value=False),
    ]
    answer = stage.port.update(referral_id, patch, asked.version)
    registrations = answer.body["registrations"]
    assert isinstance(registrations, list)
    assert registrations[0]["contract"]["signDateTime"] == "2026-03-30T00:00:00Z"
    again = read_registration(answer.body)
    assert again
    assert again.status == "ReviewPending"
    with pytest.raises(DataError):
        stage.port.update(referral_id, replaced("solutionDetails/0/id", "SOL-20311-QXT"), answer.version)
