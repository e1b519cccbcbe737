"""Ways for a remote service to fail, said once for fakes and simulators."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    OutcomeUnknown,
    ServiceUnavailable,
    SignInRequired,
    Throttled,
    VersionMismatch,
)
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.tape import Tape
from tools.simulators.faults import Fault
from tools.simulators.server import SimulatorServer

ASKED = 60
"""The seconds of Retry-After: more than the client waits for by itself."""


class Outage(StrEnum):
    """What goes wrong from now on; LOST_ANSWER only once."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    DROPPED = "dropped"
    """Connections break before anything is done."""
    LOST_ANSWER = "lost_answer"
    """The next write takes effect, and its connection breaks."""
    DENIED = "denied"
    SIGNED_OUT = "signed_out"


_ERRORS: dict[Outage, CosellError] = {
    Outage.THROTTLED: Throttled("asked us to slow down", retry_after=ASKED),
    Outage.UNAVAILABLE: ServiceUnavailable("answered 503"),
    Outage.DROPPED: OutcomeUnknown("the connection broke"),
    Outage.DENIED: AccessDenied("accessDenied"),
    Outage.SIGNED_OUT: SignInRequired("the refresh token was refused"),
}


def break_fake(tape: Tape, port: str, outage: Outage) -> None:
    """Make a fake fail as the real client would report it.

    After a lost answer the client repeats what is repeatable, and so meets its own write.
    """
    if outage is not Outage.LOST_ANSWER:
        tape.fail(_ERRORS[outage], port, times=None)
        return
    repeated = AlreadyExists("a record carries this referral id")
    met = {"update": VersionMismatch("preconditionFailed"), "create": repeated}
    if port == "partner_center":
        met["create"] = OutcomeUnknown("the connection broke")  # type: ignore[assignment]
    for name, error in met.items():
        tape.fail(error, port, name, after=True)


def break_server(server: SimulatorServer, outage: Outage) -> None:
    """Make a simulator fail."""
    faults = {
        Outage.THROTTLED: Fault("status", status=429, headers={"Retry-After": str(ASKED)}, times=None),
        Outage.UNAVAILABLE: Fault("status", status=503, times=None),
        Outage.DROPPED: Fault("reset_before", times=None),
        Outage.LOST_ANSWER: Fault("reset_after", times=1),
        Outage.DENIED: Fault("status", status=403, body='{"error": {"code": "accessDenied"}}', times=None),
        Outage.SIGNED_OUT: Fault("status", status=401, times=None),
    }
    server.faults.inject(faults[outage])


def impatient_clock() -> FakeClock:
    """A clock that starts at the real time, for tokens and certificates, and does not really sleep."""
    return FakeClock(datetime.now(UTC))
