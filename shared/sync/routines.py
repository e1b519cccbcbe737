"""What the timers run: each step on its own, so that one that fails does not keep the others from running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from shared.alerts import Alerts
from shared.errors import CosellError, FatalError
from shared.sync.poll_crm import poll_crm
from shared.sync.ports import Ports
from shared.sync.reconcile import Swept, resume_due, sweep
from shared.sync.watchdog import Watchdog
from shared.sync.work import WORKER

log = logging.getLogger(__name__)


def run_poll(ports: Iterable[Ports], alerts: Alerts) -> None:
    """Poll every CRM once."""
    for each in ports:
        if _attempt(alerts, f"poll {each.crm.name}", lambda each=each: poll_crm(each)):  # type: ignore[misc]
            alerts.clear(f"poll {each.crm.name}")


def run_reconcile(ports: Iterable[Ports], alerts: Alerts, watchdog: Watchdog) -> None:
    """Sweep for missed events, resume what is due, and look after the webhook.

    The alerts of deals are cleared once none waits for a person.
    """
    families: set[str] = set()
    swept: list[Swept] = []
    for each in ports:
        name = each.crm.name
        if _attempt(alerts, f"sweep {name}", lambda each=each: swept.append(sweep(each))):  # type: ignore[misc]
            alerts.clear(f"sweep {name}")
        _attempt(alerts, f"resume {name}", lambda each=each: families.update(resume_due(each)))  # type: ignore[misc]
    if FatalError.family not in families:
        alerts.clear(WORKER)
    _watch(alerts, watchdog, sum(each.unannounced for each in swept))


def _watch(alerts: Alerts, watchdog: Watchdog, unannounced: int) -> None:
    if _attempt(alerts, "look at the webhook", watchdog.check_registration):
        alerts.clear("look at the webhook")
    _attempt(alerts, "look for events", lambda: watchdog.check_heartbeat(unannounced))


def _attempt(alerts: Alerts, step: str, action: Callable[[], object]) -> bool:
    """Run one step; a failure is logged, and a fatal one alerts. The next tick of the timer tries again."""
    try:
        action()
    except CosellError as error:
        log.warning("%s failed (%s): %s", step, error.family, type(error).__name__)
        if isinstance(error, FatalError):
            alerts.alert(step, str(error))
        return False
    return True
