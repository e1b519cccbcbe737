"""The activity that Dynamics 365 keeps of a closed opportunity (opportunityclose)."""

from __future__ import annotations

from datetime import datetime

from shared.crm.port import StageChange
from shared.lifecycle import Stage


def closing_activity(stage: StageChange, address: str, now: datetime) -> dict[str, object]:
    """Return the activity for WinOpportunity and LoseOpportunity: day, revenue of a win, and the reason in words."""
    activity: dict[str, object] = {
        "subject": f"{stage.after.capitalize()} in Partner Center",
        "opportunityid@odata.bind": f"/{address}",
        "actualend": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    if stage.after is Stage.WON and stage.value is not None:
        activity["actualrevenue"] = stage.value
    if stage.reason:
        activity["description"] = stage.reason
    return activity
