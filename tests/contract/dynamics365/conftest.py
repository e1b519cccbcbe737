"""Simulated environments with the real client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stages.crm import DataverseStage
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def stage(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> DataverseStage:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return DataverseStage(vendors)
