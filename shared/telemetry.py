"""What every log line tells of the work it belongs to: ids as `key=value` at the end of the message.

The Functions worker forwards a record's level and message, and nothing else of it, so what is not in the message is
lost. Values are ids, codes and numbers; never a name, a mail, a note or a token.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

correlation: ContextVar[str] = ContextVar("correlation", default="")
"""The correlation id of the work in hand; every outgoing call carries it."""


def correlation_id() -> str:
    """Return the correlation id of the work in hand, or a new one where there is none."""
    return correlation.get() or str(uuid.uuid4())


_IDS: ContextVar[Mapping[str, str]] = ContextVar("ids", default={})  # noqa: B039 - it is never changed

_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def work(correlation_id: str, **ids: object) -> Iterator[None]:
    """Have every log line and outgoing call until the end of the block carry a correlation id, and these ids."""
    known = {name: str(value) for name, value in ids.items() if value is not None}
    tokens = correlation.set(correlation_id), _IDS.set({**_IDS.get(), **known})
    try:
        yield
    finally:
        correlation.reset(tokens[0])
        _IDS.reset(tokens[1])


class Ids(logging.Filter):
    """Writes a record's own values, and the ids of the work in hand, behind its message; once for each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the message of one of our records."""
        if f"{record.name}.".startswith("shared.") and not hasattr(record, "completed"):
            record.completed = True
            own = {name: value for name, value in vars(record).items() if name not in _RESERVED and name != "completed"}
            pairs = {**_IDS.get(), "correlation_id": correlation.get(), **own}
            suffix = " ".join(f"{name}={_word(value)}" for name, value in pairs.items() if value not in (None, ""))
            message = _one_line(record.getMessage())
            record.msg, record.args = f"{message} | {suffix}" if suffix else message, ()
        return True


def install() -> None:
    """Complete our records wherever they are handled: on every handler of the root logger, once."""
    for chatty in ("azure", "msal", "urllib3"):
        # Their every-request lines name tables, queues and hosts; ours say what a call was for.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, Ids) for each in handler.filters):
            handler.addFilter(Ids())


def _one_line(message: str) -> str:
    """Return a message on one line, with nothing in it that turns or colours what stands around it."""
    return "".join(each if each.isprintable() else " " for each in message)


def _word(value: object) -> str:
    """Return a value as one word: a line must not be split, nor look like two."""
    return "".join(each if each.isprintable() and not each.isspace() else "_" for each in str(value))[:200]
