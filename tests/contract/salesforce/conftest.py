"""Simulated orgs with the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def make(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SalesforceStage]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return lambda **more: SalesforceStage(vendors, **more)


@pytest.fixture
def stage(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    return make()


@pytest.fixture
def single(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    """An org with one currency."""
    return make(multi_currency=False, SALESFORCE_CURRENCY="GBP")
