"""What a doctor looks at: simulated vendors, and the desk of an administrator of Dynamics 365."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stages.admin import DynamicsDesk
from tools.simulators.vendors import Vendors


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def bare(vendors: Vendors, storage: str, monkeypatch: pytest.MonkeyPatch) -> DynamicsDesk:
    """The desk in an environment that has none of the app's columns yet."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    desk = DynamicsDesk(vendors, storage=storage)
    desk.forget()
    return desk


@pytest.fixture
def desk(bare: DynamicsDesk) -> DynamicsDesk:
    """The desk in an environment that has them."""
    bare.crm.provision_cosell_columns()
    return bare
