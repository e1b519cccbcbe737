"""Simulated environments with the real client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stages.crm import DataverseStage
from tools.simulators.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def stage(world: World, monkeypatch: pytest.MonkeyPatch) -> DataverseStage:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    return DataverseStage(world)
