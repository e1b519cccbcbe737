"""The deal queue in Azure Storage: what is waiting, and what the host gave up."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import QueueClient

from shared.bootstrap import App
from shared.settings import load_settings
from tests.support.stand_ins import ManualClock, ScriptedTransport
from tests.unit.test_settings import GOOD

pytestmark = pytest.mark.slow


def test_the_poison_queue_is_counted_and_need_not_exist(azurite: str) -> None:
    name = f"deals-{uuid.uuid4()}"
    settings = load_settings({**GOOD, "AzureWebJobsStorage": azurite, "SYNC_QUEUE": name})
    queue = App(settings, ManualClock(), ScriptedTransport()).queue
    assert queue.poison_length() == 0
    assert queue.oldest() is None
    queue.send("a deal for later", delay=600)
    assert queue.oldest() is None, "nobody could take it yet"
    queue.send("a deal")
    since = queue.oldest()
    assert since
    assert abs(datetime.now(UTC) - since) < timedelta(minutes=1)
    assert (queue.waiting(), queue.poison_length()) == (2, 0)
    with QueueClient.from_connection_string(azurite, f"{name}-poison") as poison:
        poison.create_queue()
        poison.send_message("given up")
        poison.send_message("given up, too")
        assert (queue.waiting(), queue.poison_length()) == (2, 2)
        poison.clear_messages()
    assert queue.poison_length() == 0
