"""Timer: events that never came, parked deals whose time has come, and the webhook itself."""

import azure.functions as func

from shared.bootstrap import app
from shared.guard import guarded
from shared.timers import run_reconcile


def main(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding; the work follows the stored cursor alone
    """Sweep Partner Center, resume what is due, and look after the webhook."""
    with guarded():
        run_reconcile(app().tasks, app().alerts, app().watchdog, app().queue, app().channel.digest, app().rounds)
