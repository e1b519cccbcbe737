"""How every command behaves at a terminal, in a pipe and when it is stopped. Standard library only, for cosell.py."""

from __future__ import annotations

import codecs
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

INTERRUPTED = 128 + signal.SIGINT
"""The exit code after Ctrl+C, as shells have it."""
READER_LEFT = 128 + 13
"""The exit code when whoever read the output has closed it (`| head`): that of SIGPIPE, which Windows does not name."""

_SIGNS = {"✔": "+", "✖": "x", "⚠": "!", "⏳": "~", "…": "...", "→": "->", "←": "<-", "“": '"', "”": '"', "’": "'"}
_ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")  # Windows has no SIGHUP, the others no SIGBREAK


def behave(command: Callable[[], int]) -> int:
    """Run `command` and return its exit code; an interruption is one line, and what was started ends first."""
    codecs.register_error("cosell", _spelled)
    for stream in (sys.stdout, sys.stderr):
        _tolerate(stream)
    for name in _ENDINGS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ncosell.py: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader either, and must not fail a second time at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End as `sys.exit` does: every `with` block ends what it began, and a second signal does not interrupt that."""
    for name in _ENDINGS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    print(f"\ncosell.py: ended by {signal.Signals(number).name}", file=sys.stderr)
    raise SystemExit(128 + number)


def _tolerate(stream: TextIO) -> None:
    """Let the stream spell what its encoding lacks: an old Windows code page knows no check mark."""
    if hasattr(stream, "reconfigure"):  # a test may have put something simpler there
        stream.reconfigure(errors="cosell")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign, "?") for sign in lacking), error.end
