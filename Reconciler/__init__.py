"""Timer: events that never came, parked deals whose time has come, and the webhook itself."""

import azure.functions as func

from shared.bootstrap import app
from shared.timers import run_reconcile


def main(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding; the work follows the stored cursor alone
    """Sweep Partner Center, resume what is due, and look after the webhook."""
    run_reconcile(app().ports, app().alerts, app().watchdog)
