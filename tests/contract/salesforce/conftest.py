"""Simulated orgs with the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def make(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SalesforceStage]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    return lambda **more: SalesforceStage(world, **more)


@pytest.fixture
def stage(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    return make()


@pytest.fixture
def single(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    """An org with one currency."""
    return make(multi_currency=False, SALESFORCE_CURRENCY="GBP")
