"""A world per test, and one shared by tests that leave no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools.simulators.partner_center_stage import Caller, referrals_caller
from tools.simulators.vendors import Vendors


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def call(vendors: Vendors) -> Iterator[Caller]:
    caller = referrals_caller(vendors)
    with caller.session:
        yield caller


@pytest.fixture(scope="module")
def fixed() -> Iterator[Caller]:
    """A caller for refusals, which leave no trace."""
    with Vendors() as vendors:
        caller = referrals_caller(vendors)
        with caller.session:
            yield caller
