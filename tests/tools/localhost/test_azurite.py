"""Azurite as the tests and the demo use it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from tests.tools.localhost.waiting import until
from tools.local.azurite import PACKAGE, Azurite, AzuriteError
from tools.local.stack import ROOT

pytestmark = pytest.mark.slow


def test_queue_and_table_services_answer(azurite: str) -> None:
    with QueueServiceClient.from_connection_string(azurite) as queues:
        queues.create_queue("answering").close()
    with TableServiceClient.from_connection_string(azurite) as tables, tables.create_table("answering") as table:
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})
        assert table.get_entity("p", "r")["RowKey"] == "r"


def test_two_at_once_share_nothing_and_data_in_a_folder_outlives_the_process(azurite: str, tmp_path: Path) -> None:
    for round_number in range(2):
        with Azurite(location=tmp_path / "data", log=tmp_path / "log") as other:
            assert other.connection_string != azurite
            with QueueServiceClient.from_connection_string(other.connection_string) as queues:
                if round_number == 0:
                    queues.create_queue("kept").close()
                assert [queue.name for queue in queues.list_queues()] == ["kept"]
    assert "successfully closed" in (tmp_path / "log").read_text()


def test_accounts_share_nothing(azurite: str, account: Callable[[], str]) -> None:
    places = {azurite, account(), account()}
    assert len(places) == 3
    for place in places:
        with QueueServiceClient.from_connection_string(place) as queues:
            assert "alone" not in [queue.name for queue in queues.list_queues()]
            queues.create_queue("alone").close()


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AzuriteError, match=r"EEXIST|ENOTDIR"):
        Azurite(location=tmp_path / "file", log=tmp_path / "log").start()


OWNER = """
import os, pathlib, signal, sys
from tools.local.azurite import Azurite
storage = Azurite(log=pathlib.Path(sys.argv[1])).start()
print(storage._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_does_not_outlive_an_owner_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "log")]
    owner = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    until(lambda: not _alive(int(owner.stdout)))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Without an init process to collect it, an ended orphan stays listed as a zombie.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_an_installed_azurite_is_not_installed_again(capfd: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    assert PACKAGE.ensure_installed().is_file()
    assert time.monotonic() - start < 1
    assert capfd.readouterr().out == ""
