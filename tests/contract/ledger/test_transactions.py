"""Our form of a transaction does on Table Storage what the SDK's does."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.data.tables import TableClient, TableTransactionError, UpdateMode

from shared.ledger.transactions import TransactionClient

pytestmark = pytest.mark.slow

Operation = tuple[Any, ...]
REPLACE = {"mode": UpdateMode.REPLACE}


@pytest.fixture(params=[TableClient, TransactionClient], ids=["of the SDK", "ours"])
def table(request: pytest.FixtureRequest, azurite: str) -> TableClient:
    client: TableClient = request.param.from_connection_string(azurite, f"t{uuid.uuid4().hex}", retry_total=0)
    client.create_table()
    return client


def row(key: str, **more: object) -> dict[str, Any]:
    return {"PartitionKey": "p's", "RowKey": key, **more}


def guarded(content: dict[str, Any], etag: str) -> Operation:
    return "update", content, {**REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified}


def test_all_is_stored_each_with_its_version(table: TableClient) -> None:
    texts = ["", "x" * 15_000, "quotes \" ' \\ \r\n", "Grüße 🎉", "--batch_ --changeset_ HTTP/1.1 500"]
    rows = [row(f"link:{number} ü:é", Data0=text, N=number, Yes=True) for number, text in enumerate(texts)]
    done = table.submit_transaction([("create", rows[0]), *(("upsert", each, REPLACE) for each in rows[1:])])
    for content, stored in zip(rows, done, strict=True):
        held = table.get_entity("p's", content["RowKey"])
        assert (dict(held), held.metadata["etag"]) == (content, stored["etag"])
    etag = done[1]["etag"]
    table.submit_transaction([guarded(row(rows[1]["RowKey"], Data0="new"), etag), ("delete", rows[0])])
    assert table.get_entity("p's", rows[1]["RowKey"])["Data0"] == "new"
    assert [each["RowKey"] for each in table.list_entities()] == [each["RowKey"] for each in rows[1:]]


REFUSED: dict[str, tuple[Callable[[], Operation], int, str]] = {
    "a row that is there": (lambda: ("create", row("a")), 409, "EntityAlreadyExists"),
    "a version that is gone": (lambda: guarded(row("a"), 'W/"x"'), 412, "UpdateConditionNotSatisfied"),
    "a row that is not there": (lambda: ("delete", row("b")), 404, "ResourceNotFound"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_refusal_refuses_all_and_is_told_alike(table: TableClient, case: str) -> None:
    table.upsert_entity(row("a"))
    operation, status, code = REFUSED[case]
    with pytest.raises(TableTransactionError) as caught:
        table.submit_transaction([("upsert", row("c"), REPLACE), operation()])
    assert caught.value.status_code == status
    assert caught.value.error_code == code  # type: ignore[attr-defined] # the SDK sets it
    assert [each["RowKey"] for each in table.list_entities()] == ["a"]


def test_a_table_that_is_not_there_is_told_alike(table: TableClient) -> None:
    table.delete_table()
    with pytest.raises(TableTransactionError) as caught:
        table.submit_transaction([("upsert", row("c"), REPLACE)])
    assert caught.value.status_code == 404


def test_no_thread_is_started(azurite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    with TransactionClient.from_connection_string(azurite, f"t{uuid.uuid4().hex}") as table:
        table.create_table()
        monkeypatch.setattr(threading.Thread, "start", counted)
        table.submit_transaction([("upsert", row(key), REPLACE) for key in "abc"])
    assert started == []
