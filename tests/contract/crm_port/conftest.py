"""The stages on which the contract is played: the fake, and the real clients against simulators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.crm.dynamics365 import feed as dynamics365_feed
from tests.support.stages.crm import CrmStage, DataverseStage, FakeStage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(params=["fake", "dynamics365", "salesforce"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CrmStage:
    if request.param == "fake":
        return FakeStage()
    world: World = request.getfixturevalue("world")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    monkeypatch.setattr(dynamics365_feed, "PAGE", FakeStage.pages)
    return DataverseStage(world) if request.param == "dynamics365" else SalesforceStage(world)
