"""Timer: events that never came, and parked deals whose time has come."""

import azure.functions as func

from shared.bootstrap import app
from shared.sync.routines import run_reconcile


def main(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding; the work follows the stored cursor alone
    """Sweep Partner Center and resume what is due."""
    run_reconcile(app().ports, app().alerts)
