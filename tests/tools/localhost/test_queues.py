"""Queue triggers and outputs: the settings and encodings alone, then all of it against Azurite."""

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.queue import QueueClient, QueueServiceClient

from tests.tools.localhost import toyapp
from tests.tools.localhost.toyapp import WORKER, sending
from tests.tools.localhost.waiting import until
from tools.local.localhost import queues
from tools.local.localhost.app import AppError, load_app
from tools.local.localhost.messages import TypedData
from tools.local.localhost.process import HostProcess
from tools.local.localhost.queues import Queue, QueueListener, QueueOptions, bodies
from tools.local.localhost.runtime import Outcome

NOBODY = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)
FAST = QueueOptions(batch=2, threshold=1, polling=timedelta(milliseconds=200), attempts=2)


def test_defaults_are_the_hosts() -> None:
    assert QueueOptions.read({}) == QueueOptions(16, 8, timedelta(minutes=1), timedelta(), 5, "base64")
    assert QueueOptions.read({"batchSize": 4}).threshold == 2
    assert QueueOptions.read({"visibilityTimeout": "00:00:30"}).pause_after_failure == timedelta(seconds=30)


def test_a_storage_that_does_not_answer_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(queues, "UNANSWERED", 0.01)
    monkeypatch.setattr(Queue, "receive", lambda *_: release.wait() and [])
    listener = QueueListener("deals", NOBODY, FAST, lambda *_: Future(), lambda _: None)
    listener.start()
    listener.stop()
    listener.join(3600)  # of which the test run would not see the end
    release.set()


@pytest.mark.parametrize("section", [{"batchSize": 33}, {"batchSize": 0}, {"maxPollingInterval": "5s"}])
def test_bad_options_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(AppError):
        QueueOptions.read(section)


def test_a_setting_stands_for_a_value_of_host_json(tmp_path: Path) -> None:
    root = toyapp.write(tmp_path / "app", {}, queues={"batchSize": 4, "maxDequeueCount": 3})
    place = "AzureFunctionsJobHost__extensions__queues__"
    settings = {f"{place}batchSize": "2", f"{place}maxPollingInterval": "00:00:00.25"}
    options = QueueOptions.read(load_app(root, settings).extension("queues"))
    assert (options.batch, options.attempts, options.polling) == (2, 3, timedelta(milliseconds=250))


def test_messages_are_base64_unless_told_otherwise() -> None:
    assert FAST.decode(FAST.encode(b"\x00\xff")) == b"\x00\xff"
    assert QueueOptions(encoding="none").encode(b"plain") == "plain"
    with pytest.raises(ValueError, match=r".+"):
        FAST.decode("not base64!")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (TypedData(string='{"body": 1}'), [b'{"body": 1}']),
        (TypedData(bytes=b"\x00\xff"), [b"\x00\xff"]),
        (TypedData(json='["a", "b"]'), [b"a", b"b"]),
        (TypedData(json='[{"id": null, "body": "a"}]'), [b"a"]),
        (TypedData(json='{"id": "1", "body": "a"}'), [b"a"]),
        (TypedData(json="[]"), []),
    ],
)
def test_what_an_output_becomes(data: TypedData, expected: list[bytes]) -> None:
    assert bodies(data) == expected


FUNCTIONS = {
    "Worker": (toyapp.queue("%JOBS%"), WORKER),
    "Unset": (toyapp.queue("%NOT_SET%"), WORKER),
    "SendText": sending("func.Out[str]", "job.set('text é')"),
    "SendBytes": sending("func.Out[bytes]", "job.set(b'bytes')"),
    "SendList": sending("func.Out[typing.List[str]]", "job.set(['one', 'two'])"),
    "SendMessage": sending("func.Out[func.QueueMessage]", "job.set(func.QueueMessage(body='message'))"),
    "SendNothing": sending("func.Out[str]", "pass"),
    "SendAndRaise": sending("func.Out[str]", "job.set('dropped'); raise ValueError('after set')"),
}
QUEUES = {"batchSize": 4, "maxPollingInterval": "00:00:01", "visibilityTimeout": "00:00:01", "maxDequeueCount": 3}


@pytest.fixture(scope="module")
def folder(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The toy app's folder while it runs; its address is in `url`."""
    folder = tmp_path_factory.mktemp("queues")
    root = toyapp.write(folder / "app", FUNCTIONS, queues=QUEUES)
    settings = {"AzureWebJobsStorage": azurite, "JOBS": "jobs", "TOY_OUT": str(folder / "out")}
    with HostProcess(root, settings, log=folder / "log") as host:
        assert set(host.load_errors) == {"Unset"}
        (folder / "url").write_text(host.url)
        yield folder


@contextmanager
def queue(connection: str, name: str) -> Iterator[QueueClient]:
    with Queue(connection, name).client as client:
        if not any(found.name == name for found in _names(connection)):
            client.create_queue()
        yield client


def _names(connection: str) -> list[Any]:
    with QueueServiceClient.from_connection_string(connection) as service:
        return list(service.list_queues())


def send(connection: str, text: str, name: str = "jobs", *, encode: bool = True) -> None:
    with queue(connection, name) as client:
        client.send_message(base64.b64encode(text.encode()).decode() if encode else text)


def seen(folder: Path, body: str) -> list[dict[str, Any]]:
    return [row for row in toyapp.records(folder / "out") if row["body"] == body]


def peeked(connection: str, name: str) -> list[str]:
    with queue(connection, name) as client:
        return [message.content for message in client.peek_messages(32)]


@pytest.mark.slow
def test_a_message_runs_the_function_once_and_is_gone(azurite: str, folder: Path) -> None:
    send(azurite, "job-é")
    row = until(lambda: seen(folder, "job-é"))[0]
    assert (row["attempt"], bool(row["id"])) == (1, True)
    assert row["inserted"].startswith("20")
    until(lambda: not peeked(azurite, "jobs"))


@pytest.mark.slow
def test_a_failing_message_pauses_counts_and_ends_in_poison(azurite: str, folder: Path) -> None:
    send(azurite, "poison-1")
    wanted = base64.b64encode(b"poison-1").decode()
    until(lambda: wanted in peeked(azurite, "jobs-poison"))
    assert [row["attempt"] for row in seen(folder, "poison-1")] == [1, 2, 3]
    assert len({row["id"] for row in seen(folder, "poison-1")}) == 1
    assert "ValueError: poisoned on purpose" in (folder / "log").read_text()
    until(lambda: wanted not in peeked(azurite, "jobs"))


@pytest.mark.slow
def test_an_undecodable_message_goes_to_poison_without_running(azurite: str, folder: Path) -> None:
    before = len(toyapp.records(folder / "out"))
    send(azurite, "not base64!", encode=False)
    until(lambda: "not base64!" in peeked(azurite, "jobs-poison"))
    assert len(toyapp.records(folder / "out")) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SendText", ["text é"]),
        ("SendBytes", ["bytes"]),
        ("SendList", ["one", "two"]),
        ("SendMessage", ["message"]),
    ],
)
def test_outputs_trigger_the_worker(folder: Path, name: str, expected: list[str]) -> None:
    assert requests.get(f"{(folder / 'url').read_text()}/api/{name}", timeout=10).text == "sent"
    until(lambda: all(seen(folder, body) for body in expected))


@pytest.mark.slow
def test_an_output_is_dropped_when_the_function_raises_or_never_sets_it(azurite: str, folder: Path) -> None:
    url = (folder / "url").read_text()
    assert requests.get(f"{url}/api/SendAndRaise", timeout=10).status_code == 500
    assert requests.get(f"{url}/api/SendNothing", timeout=10).status_code == 200
    send(azurite, "marker")
    until(lambda: seen(folder, "marker"))
    assert not seen(folder, "dropped")
    assert not seen(folder, "None")


@pytest.mark.slow
def test_admin_runs_a_queue_function_with_an_input(folder: Path) -> None:
    url = f"{(folder / 'url').read_text()}/admin/functions/Worker"
    assert requests.post(url, json={"input": "by hand"}, timeout=10).status_code == 202
    until(lambda: seen(folder, "by hand"))


Job = Callable[[str], str]


@contextmanager
def listening(connection: str, options: QueueOptions, job: Job) -> Iterator[str]:
    """A listener in this process on a queue of its own, running `job` (its answer is the error)."""
    name = f"q{uuid.uuid4().hex}"
    with ThreadPoolExecutor(8) as pool:

        def invoke(data: TypedData, _metadata: Mapping[str, TypedData]) -> Future[Outcome]:
            return pool.submit(lambda: Outcome(job(data.bytes.decode())))

        listener = QueueListener(name, connection, options, invoke, lambda _: None)
        listener.start()
        yield name
        listener.stop()
        listener.join(10)


@pytest.mark.slow
def test_a_long_run_keeps_its_message(azurite: str) -> None:
    runs: list[str] = []

    def job(body: str) -> str:
        runs.append(body)
        time.sleep(4.5)
        return ""

    options = QueueOptions(batch=4, threshold=2, polling=timedelta(milliseconds=200), lock=timedelta(seconds=2))
    with listening(azurite, options, job) as name:
        send(azurite, "long", name)
        until(lambda: runs)
        with Queue(azurite, name).client as client:
            until(lambda: client.get_queue_properties().approximate_message_count == 0)
    assert runs == ["long"]


@pytest.mark.slow
def test_no_more_than_batch_and_threshold_run_at_once(azurite: str) -> None:
    import threading

    lock, running, most, done = threading.Lock(), 0, 0, 0

    def job(_body: str) -> str:
        nonlocal running, most, done
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running, done = running - 1, done + 1
        return ""

    with listening(azurite, FAST, job) as name:
        for number in range(12):
            send(azurite, str(number), name)
        until(lambda: done == 12)
    assert 2 <= most <= 3


@pytest.mark.slow
def test_messages_that_cannot_run_yet_stay_on_the_queue(azurite: str) -> None:
    release, begun = threading.Event(), []

    def job(body: str) -> str:
        begun.append(body)
        release.wait(10)
        return ""

    with listening(azurite, FAST, job) as name:
        for number in range(6):
            send(azurite, str(number), name)
        until(lambda: len(begun) == 2)
        time.sleep(0.5)
        assert len(peeked(azurite, name)) >= 3  # others can take them: at most batch + threshold are held
        release.set()
        until(lambda: len(begun) == 6)


@pytest.mark.slow
def test_stopping_finishes_what_runs_and_leaves_the_rest(azurite: str) -> None:
    begun, release, finished = threading.Event(), threading.Event(), []

    def job(body: str) -> str:
        begun.set()
        release.wait(10)
        finished.append(body)
        return ""

    with listening(azurite, QueueOptions(batch=1, threshold=0), job) as name:
        send(azurite, "first", name)
        assert begun.wait(10)
        send(azurite, "second", name)
        threading.Timer(0.5, release.set).start()
    assert finished == ["first"]
    assert peeked(azurite, name) == [base64.b64encode(b"second").decode()]
