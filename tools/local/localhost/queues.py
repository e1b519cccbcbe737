"""Queue triggers and queue outputs against a Storage account (Azurite, or a real one)."""

import base64
import binascii
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from tools.local.localhost.app import AppError, Binding, Function, time_span
from tools.local.localhost.messages import TypedData
from tools.local.localhost.runtime import Outcome

Invoke = Callable[[TypedData, Mapping[str, TypedData]], Future[Outcome]]
Log = Callable[[str], None]

FIRST_PAUSE = 0.1
"""Seconds between looks at a queue that has just run empty; doubles up to `maxPollingInterval`."""
UNANSWERED = 2.0
"""Seconds to wait at a stop for a storage that did not answer the last time: no message of it is in progress."""


@dataclass(frozen=True)
class QueueOptions:
    """host.json's `extensions.queues` with the host's defaults; `lock` is the host's own, no setting."""

    batch: int = 16
    threshold: int = 8
    polling: timedelta = timedelta(minutes=1)
    pause_after_failure: timedelta = timedelta()
    attempts: int = 5
    encoding: str = "base64"
    lock: timedelta = timedelta(minutes=10)

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> Self:
        """From the section's JSON; raises AppError for what cannot be."""
        batch = section.get("batchSize", 16)
        if not 1 <= batch <= 32:
            raise AppError(f"host.json: batchSize is {batch}, not from 1 to 32")
        return cls(
            batch=batch,
            threshold=section.get("newBatchThreshold", batch // 2),
            polling=time_span(section.get("maxPollingInterval", "00:01:00")),
            pause_after_failure=time_span(section.get("visibilityTimeout", "00:00:00")),
            attempts=section.get("maxDequeueCount", 5),
            encoding=section.get("messageEncoding", "base64"),
        )

    def encode(self, body: bytes) -> str:
        """A message's text on the wire."""
        return base64.b64encode(body).decode() if self.encoding == "base64" else body.decode()

    def decode(self, text: str) -> bytes:
        """The body behind a message's text; raises ValueError."""
        return base64.b64decode(text, validate=True) if self.encoding == "base64" else text.encode()


class Queue:
    """One storage queue, made when it is missed."""

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self.client = QueueClient.from_connection_string(connection, name)

    def send(self, text: str) -> None:
        """Put a message on the queue."""
        try:
            self.client.send_message(text)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                self.client.create_queue()
            self.client.send_message(text)

    def receive(self, most: int, lock: timedelta) -> list[QueueMessage]:
        """Up to `most` messages, invisible to others for `lock`; none when the queue does not exist."""
        seconds = int(lock.total_seconds())
        try:
            return list(
                self.client.receive_messages(max_messages=most, messages_per_page=most, visibility_timeout=seconds)
            )
        except ResourceNotFoundError:
            return []


class QueueListener:
    """Feeds one function from one queue: at most `batch + threshold` messages at a time."""

    def __init__(self, name: str, connection: str, options: QueueOptions, invoke: Invoke, log: Log) -> None:
        self._queue = Queue(connection, name)
        self._poison = Queue(connection, f"{name}-poison")
        self._options = options
        self._invoke = invoke
        self._log = log
        self._running = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._answers = False
        self._pool = ThreadPoolExecutor(options.batch + options.threshold, thread_name_prefix=f"queue-{name}")
        self._thread = threading.Thread(target=self._listen, name=f"queue-{name}", daemon=True)

    def start(self) -> None:
        """Begin to look at the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more messages; those in progress go on."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def join(self, patience: float) -> None:
        """Wait for the messages in progress; hardly for a storage that does not answer."""
        self._thread.join(patience if self._answers else UNANSWERED)
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0, patience)
        self._pool.shutdown(wait=False)
        if not self._running:
            self._queue.client.close()
            self._poison.client.close()

    def _listen(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            self._wait_for_room()
            messages = [] if self._stopping.is_set() else self._receive()
            for message in messages:
                self._count(1)
                self._pool.submit(self._process, message)
            if messages:
                pause = FIRST_PAUSE
            else:
                self._stopping.wait(pause)
                pause = min(pause * 2, max(FIRST_PAUSE, self._options.polling.total_seconds()))

    def _wait_for_room(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._running <= self._options.threshold or self._stopping.is_set())

    def _receive(self) -> list[QueueMessage]:
        try:
            messages = self._queue.receive(self._options.batch, self._options.lock)
        except AzureError as error:
            self._answers = False
            self._log(f"queue {self._queue.name}: cannot be read: {error}")
            return []
        self._answers = True
        return messages

    def _count(self, change: int) -> None:
        with self._changed:
            self._running += change
            self._changed.notify_all()

    def _process(self, message: QueueMessage) -> None:
        try:
            self._handle(message)
        except AzureError as error:  # the message comes back when its lock ends
            self._log(f"queue {self._queue.name}: message {message.id} could not be settled: {error}")
        finally:
            self._count(-1)

    def _handle(self, message: QueueMessage) -> None:
        if (message.dequeue_count or 1) > self._options.attempts:
            self._bury(message, "was taken too often")
            return
        try:
            body = self._options.decode(message.content)
        except (ValueError, binascii.Error):
            self._bury(message, f"is not {self._options.encoding}")
            return
        if self._finish(message, self._invoke(TypedData(bytes=body), _metadata(message))).ok:
            self._queue.client.delete_message(message)
        elif (message.dequeue_count or 1) >= self._options.attempts:
            self._bury(message, f"failed {message.dequeue_count} times")
        else:
            self._hide(message, self._options.pause_after_failure)

    def _finish(self, message: QueueMessage, future: Future[Outcome]) -> Outcome:
        """Wait for the invocation, renewing the message's lock at half time for as long as it takes."""
        while True:
            try:
                return future.result(self._options.lock.total_seconds() / 2)
            except FutureTimeout:
                self._hide(message, self._options.lock)

    def _hide(self, message: QueueMessage, duration: timedelta) -> None:
        seconds = int(duration.total_seconds())
        updated = self._queue.client.update_message(message, visibility_timeout=seconds)
        message.pop_receipt = updated.pop_receipt

    def _bury(self, message: QueueMessage, why: str) -> None:
        self._log(f"queue {self._queue.name}: message {message.id} {why}; moved to {self._poison.name}")
        self._poison.send(message.content)
        self._queue.client.delete_message(message)


class QueueOutputs:
    """Delivers `queue` output bindings. A function that raised has no outputs, so nothing of it arrives here."""

    def __init__(self, settings: Mapping[str, str], options: QueueOptions) -> None:
        self._settings = settings
        self._options = options
        self._queues: dict[tuple[str, str], Queue] = {}

    def send(self, function: Function, outputs: Mapping[str, TypedData]) -> None:
        """Send every message a function left in its outputs."""
        for binding in function.bindings:
            if binding.name in outputs and binding.type.lower() == "queue":
                queue = self._queue(connection_string(binding.options, self._settings), binding)
                for body in bodies(outputs[binding.name]):
                    queue.send(self._options.encode(body))

    def close(self) -> None:
        """Let go of the connections. Nothing may be sent any more."""
        for queue in self._queues.values():
            queue.client.close()

    def _queue(self, connection: str, binding: Binding) -> Queue:
        """Return the queue of a binding, by a client that is kept, as the host keeps it."""
        place = (connection, str(binding.options["queueName"]))
        return self._queues.setdefault(place, self._queues.get(place) or Queue(*place))


def bodies(data: TypedData) -> list[bytes]:
    """The messages in an output: text or bytes are one, a JSON list is one per item."""
    kind = data.WhichOneof("data")
    value: Any = getattr(data, kind or "", "")
    if kind == "bytes":
        return [value]
    if kind != "json":
        return [str(value).encode()]
    document = json.loads(value)
    return [_body(item) for item in (document if isinstance(document, list) else [document])]


def _body(item: Any) -> bytes:
    # A QueueMessage travels as {"id", "body"}.
    text = item["body"] if isinstance(item, dict) and "body" in item else item
    return (text if isinstance(text, str) else json.dumps(text)).encode()


def connection_string(options: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The connection string a binding names; raises AppError when it is not set."""
    name = options.get("connection") or "AzureWebJobsStorage"
    value = settings.get(name) or settings.get(f"AzureWebJobs{name}")
    if not value:
        raise AppError(f"the app setting {name} is not set (this host reads connection strings only, no identities)")
    return value


def _metadata(message: QueueMessage) -> dict[str, TypedData]:
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        "Id": TypedData(string=message.id),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "PopReceipt": TypedData(string=message.pop_receipt),
        **{name: TypedData(json=json.dumps(moment.isoformat())) for name, moment in times.items() if moment},
    }
