"""Partner Center's port twice: the fake, and the client against the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stages.partner_center import ClientStage, FakeStage, PartnerCenterStage
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=["fake", "client"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PartnerCenterStage:
    if request.param == "fake":
        return FakeStage()
    vendors: Vendors = request.getfixturevalue("vendors")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return ClientStage(vendors)
