"""What the timers run: each step on its own, so that one that fails does not keep the others from running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.alerts import Alerts
from shared.errors import AllowanceSpent, CosellError, FatalError
from shared.feeds.poll_crm import poll_crm
from shared.feeds.reconcile import apply_mapping, resume_due, sweep
from shared.sync.task import Ports
from shared.sync.worker import POLL, WORKER
from shared.webhook.watchdog import Watchdog

log = logging.getLogger(__name__)

T = TypeVar("T")


def run_poll(ports: Mapping[str, Ports], alerts: Alerts) -> None:
    """Poll every CRM once."""
    for name in ports:
        _attempt(alerts, POLL.format(name), lambda name=name: poll_crm(ports[name]))  # type: ignore[misc]


def run_reconcile(ports: Mapping[str, Ports], alerts: Alerts, watchdog: Watchdog) -> None:
    """Sweep for missed events, resume what is due, and look after the webhook.

    The alert of a CRM's deals is cleared once none of them waits for an administrator.
    """
    unannounced = 0
    for name in ports:
        swept = _attempt(alerts, f"sweep {name}", lambda name=name: sweep(ports[name]))  # type: ignore[misc]
        unannounced += swept.unannounced if swept else 0
        _attempt(alerts, f"mapping {name}", lambda name=name: apply_mapping(ports[name]))  # type: ignore[misc]
        families = _attempt(alerts, f"resume {name}", lambda name=name: resume_due(ports[name]))  # type: ignore[misc]
        if families is not None and FatalError.family not in families:
            alerts.clear(WORKER.format(name))
    _attempt(alerts, "look at the webhook", watchdog.check_registration)
    _attempt(alerts, "look for events", lambda: watchdog.check_heartbeat(unannounced))


def _attempt(alerts: Alerts, step: str, action: Callable[[], T]) -> T | None:
    """Run one step and clear its alert. A failure is logged; it alerts when a person must know of it.

    The next tick tries again.
    """
    try:
        done = action()
    except CosellError as error:
        log.warning("%s failed (%s): %s", step, error.family, type(error).__name__)
        if isinstance(error, (FatalError, AllowanceSpent)):
            alerts.alert(step, str(error))
        return None
    alerts.clear(step)
    return done
