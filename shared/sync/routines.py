"""What the timers run: each step on its own, so that one that fails does not keep the others from running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from shared.alerts import Alerts
from shared.errors import CosellError, FatalError
from shared.sync.poll_crm import poll_crm
from shared.sync.ports import Ports
from shared.sync.reconcile import Swept, apply_mapping, resume_due, sweep
from shared.sync.watchdog import Watchdog
from shared.sync.work import WORKER

log = logging.getLogger(__name__)


def run_poll(ports: Mapping[str, Ports], alerts: Alerts) -> None:
    """Poll every CRM once."""
    for name in ports:
        if _attempt(alerts, f"poll {name}", lambda name=name: poll_crm(ports[name])):  # type: ignore[misc]
            alerts.clear(f"poll {name}")


def run_reconcile(ports: Mapping[str, Ports], alerts: Alerts, watchdog: Watchdog) -> None:
    """Sweep for missed events, resume what is due, and look after the webhook.

    The alerts of deals are cleared once none waits for a person.
    """
    families: set[str] = set()
    swept: list[Swept] = []
    for name in ports:
        if _attempt(alerts, f"sweep {name}", lambda name=name: swept.append(sweep(ports[name]))):  # type: ignore[misc]
            alerts.clear(f"sweep {name}")
        _attempt(alerts, f"mapping {name}", lambda name=name: apply_mapping(ports[name]))  # type: ignore[misc]
        _attempt(
            alerts,
            f"resume {name}",
            lambda name=name: families.update(resume_due(ports[name])),  # type: ignore[misc]
        )
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
