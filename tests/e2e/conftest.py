"""One running system per test module."""

from collections.abc import Iterator

import pytest

from tools.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as running:
        assert running.host.load_errors == {}
        answer = running.register()
        assert answer.status_code == 200, answer.text
        yield running
