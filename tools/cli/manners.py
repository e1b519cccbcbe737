"""How every command behaves at a terminal, in a pipe and when it is stopped. Standard library only, for cosell.py."""

from __future__ import annotations

import codecs
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

INTERRUPTED = 128 + signal.SIGINT
"""The exit code after Ctrl+C, as shells have it."""
READER_LEFT = 128 + 13
"""The exit code when whoever read the output has closed it (`| head`): that of SIGPIPE, which Windows does not name."""
DEFECT, NO_ROOM = 70, 74
"""Exit codes of sysexits.h, which no command has for an answer: a defect of ours, and a disk that is full."""

_SIGNS = {"✔": "+", "✖": "x", "⚠": "!", "⏳": "~", "…": "...", "→": "->", "←": "<-", "“": '"', "”": '"', "’": "'"}
_ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")  # Windows has no SIGHUP, the others no SIGBREAK


def behave(command: Callable[[], int]) -> int:
    """Run `command` and return its exit code; an interruption is one line, and what was started ends first."""
    codecs.register_error("cosell", _spelled)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started us has closed it (`>&-`, a service without a console)
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (open as long as we are)
        _tolerate(getattr(sys, name))
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
        _forget_output()
        return READER_LEFT
    except Exception as error:  # noqa: BLE001 (1 is an answer of many commands, and no failure may look like one)
        return _failed(error)


def _failed(error: Exception) -> int:
    """Tell what nobody expected, and return its exit code."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        _forget_output()
        print(f"\ncosell.py: {error.strerror}: {error.filename or 'the answer'} is not complete.", file=sys.stderr)
        return NO_ROOM
    traceback.print_exception(error)
    print("\ncosell.py: this is a defect of the app. Please report it with the lines above.", file=sys.stderr)
    return DEFECT


def _forget_output() -> None:
    """Let what is still buffered go nowhere: it must not fail a second time at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
