"""What the timers run: each step on its own, so that one that fails does not keep the others from running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from shared.alerts import Alerts
from shared.errors import CosellError, FatalError
from shared.sync.poll_crm import poll_crm
from shared.sync.ports import Ports
from shared.sync.reconcile import apply_mapping, resume_due, sweep
from shared.sync.work import WORKER

log = logging.getLogger(__name__)


def run_poll(ports: Iterable[Ports], alerts: Alerts) -> None:
    """Poll every CRM once."""
    for each in ports:
        if _attempt(alerts, f"poll {each.crm.name}", lambda each=each: poll_crm(each)):  # type: ignore[misc]
            alerts.clear(f"poll {each.crm.name}")


def run_reconcile(ports: Iterable[Ports], alerts: Alerts) -> None:
    """Sweep for missed events and resume what is due; clear the alerts of deals once none waits for a person."""
    families: set[str] = set()
    for each in ports:
        name = each.crm.name
        if _attempt(alerts, f"sweep {name}", lambda each=each: sweep(each)):  # type: ignore[misc]
            alerts.clear(f"sweep {name}")
        _attempt(alerts, f"mapping {name}", lambda each=each: apply_mapping(each))  # type: ignore[misc]
        _attempt(alerts, f"resume {name}", lambda each=each: families.update(resume_due(each)))  # type: ignore[misc]
    if FatalError.family not in families:
        alerts.clear(WORKER)


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
