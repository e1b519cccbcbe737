"""The stages on which the contract is played: the fake, and the real clients against simulators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.crm.dynamics365 import feed as dynamics365_feed
from tests.support.stages.crm import CrmStage, DataverseStage, FakeStage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=["fake", "dynamics365", "salesforce"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CrmStage:
    if request.param == "fake":
        return FakeStage()
    vendors: Vendors = request.getfixturevalue("vendors")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    monkeypatch.setattr(dynamics365_feed, "PAGE", FakeStage.pages)
    return DataverseStage(vendors) if request.param == "dynamics365" else SalesforceStage(vendors)
