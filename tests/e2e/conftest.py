"""One running system per test module and CRM."""

from collections.abc import Callable, Iterator

import pytest

from tools.local.stack import Stack
from tools.simulators.sellers import SELLERS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module", params=SELLERS)
def crm(request: pytest.FixtureRequest) -> str:
    """The CRM's name: every test that asks for it, or for what needs it, runs for each."""
    return str(request.param)


@pytest.fixture(scope="module")
def stack(crm: str, account: Callable[[], str]) -> Iterator[Stack]:
    with Stack(crms=(crm,), storage=account()) as running:
        assert running.host.load_errors == {}
        answer = running.register()
        assert answer.status_code == 200, answer.text
        yield running
