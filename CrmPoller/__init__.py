"""Timer: what changed in the CRM since the cursor goes on the queue."""

import azure.functions as func

from shared.bootstrap import app
from shared.guard import guarded
from shared.timers import run_poll


def main(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding; the work follows the stored cursor alone
    """Poll every configured CRM whose interval is over."""
    with guarded():
        run_poll(app().tasks, app().alerts, app().pace, app().freshness)
