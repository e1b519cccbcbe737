"""What leaves an entry point when it fails: enough to act on, and nothing of a deal.

The Functions host logs an exception with the whole chain of its causes. A vendor's refusal quotes the value that it
refuses, and a broken connection its address: somewhere down the chain they stand, whatever failed last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import CosellError, DataError


class InvocationFailed(Exception):
    """The invocation could not be carried out; the host's own retry, or the next tick, comes next."""


@contextmanager
def guarded() -> Iterator[None]:
    """Let failures pass without their causes. Raises InvocationFailed for a known one, else what was raised."""
    try:
        yield
    except CosellError as error:
        raise InvocationFailed(for_the_log(error)) from None
    except Exception as error:
        raise error from None


def for_the_log(error: CosellError) -> str:
    """Return what may be logged of a failure: never a value, which may be a person's."""
    if isinstance(error, DataError):
        return f"DataError in {', '.join(problem.field for problem in error.problems)}"
    return f"{type(error).__name__}: {error}"
