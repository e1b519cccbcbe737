"""A world per test, and one shared by tests that leave no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools.simulators.partner_center_stage import Caller, referrals_caller
from tools.simulators.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def call(world: World) -> Iterator[Caller]:
    caller = referrals_caller(world)
    with caller.session:
        yield caller


@pytest.fixture(scope="module")
def fixed() -> Iterator[Caller]:
    """A caller for refusals, which leave no trace."""
    with World() as world:
        caller = referrals_caller(world)
        with caller.session:
            yield caller
