"""Messages that the Functions host has given up: Azure has no metric for one queue, so we look ourselves."""

from __future__ import annotations

from shared.alerts import Alerts
from shared.queue.port import PoisonQueue

POISON = "poison queue"
"""The alert's key."""


def check_poison(queue: PoisonQueue, alerts: Alerts) -> None:
    """Alert while messages lie in the poison queue. Raises the retriable and fatal families.

    Only a defect of ours brings a message there: everything that the world does wrong is set aside or tried again.
    """
    length = queue.poison_length()
    if not length:
        alerts.clear(POISON)
        return
    holds = f"holds {length} message{'s' if length != 1 else ''}"
    alerts.alert(
        POISON,
        f"the poison queue {holds}: SyncWorker failed on each of these deals five times, which is a defect of the "
        "app. Its exceptions in the log say why. After a newer version is deployed, move the messages back to the "
        "queue of deals.",
    )
