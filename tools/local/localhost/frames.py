"""What host and worker process say to each other: pickled frames of plain values, on two pipes.

A frame is a tuple whose first item says what it is. Messages travel as their kind and their values, so that neither
side needs the other's modules, nor the same Python.
"""

import pickle
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from tools.local.localhost.messages import Message, TypedData

Frame = tuple[Any, ...]

_KINDS: dict[str, type[Message]] = {TypedData.__name__: TypedData}
"""The kinds that do something by themselves; what has values only is a Message on the other side."""


class Frames:
    """Both directions, as one side sees them. Any thread may write; one reads."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._writing = threading.Lock()

    def write(self, *frame: Any) -> None:
        """Send a frame. Raises OSError when the other side has ended."""
        content = pickle.dumps(tuple(_plain(part) for part in frame), pickle.HIGHEST_PROTOCOL)
        with self._writing:
            self._outgoing.write(content)
            self._outgoing.flush()

    def read(self) -> Frame | None:
        """Wait for a frame; None when the other side has ended."""
        try:
            frame = pickle.load(self._incoming)  # noqa: S301 - written by the process that we started, or that started us
        except (EOFError, OSError, pickle.UnpicklingError):
            return None
        return tuple(_alive(part) for part in frame)

    def end(self) -> None:
        """Say nothing any more: the other side reads that this one has ended."""
        with suppress(OSError):  # What it did not read is nothing to it.
            self._outgoing.close()

    def close(self) -> None:
        """End both directions."""
        self.end()
        self._incoming.close()


def _plain(value: Any) -> Any:
    """Return a value without classes of ours; a tuple is what stands for a message, and nothing else."""
    if isinstance(value, Message):
        return (type(value).__name__, {name: _plain(each) for name, each in vars(value).items()})
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _alive(value: Any) -> Any:
    if isinstance(value, tuple):
        kind, values = value
        return _KINDS.get(kind, Message)(**{name: _alive(each) for name, each in values.items()})
    if isinstance(value, dict):
        return {name: _alive(each) for name, each in value.items()}
    return [_alive(each) for each in value] if isinstance(value, list) else value
