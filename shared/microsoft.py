"""Microsoft's half of a co-sell deal, as facts: what its row of the engagement tells. They are never merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shared.deal import Fields
from shared.lifecycle import TERMINAL, Stage

_WORDS: Mapping[Stage, str] = {
    Stage.ON_HOLD: "Invited",
    Stage.ACTIVE: "Accepted",
    Stage.DECLINED: "Declined",
    Stage.EXPIRED: "Expired",
    Stage.WON: "Won",
    Stage.LOST: "Lost",
    Stage.ERROR: "Closed",
}


@dataclass(frozen=True)
class Seller:
    """Somebody of Microsoft's team; what Partner Center does not tell is empty."""

    name: str
    email: str = ""
    phone: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, self.email, self.phone) if part)


@dataclass(frozen=True)
class MicrosoftsHalf:
    """What Microsoft's row of the engagement told when it was last read.

    `stage`: ON_HOLD is an invitation that Microsoft has not answered, ACTIVE one that it accepted. `reason` is why it
    declined or lost. `value` is in `currency` (ISO 4217).
    """

    referral_id: str
    stage: Stage
    reason: str = ""
    help: str | None = None
    """The code of the help that Microsoft was asked for."""
    crm_id: str = ""
    """The deal's id in Microsoft's CRM (MSX)."""
    team: tuple[Seller, ...] = ()
    notes: str = ""
    value: Decimal | None = None
    currency: str = ""
    version: str = ""
    """The row's eTag when it was read."""
    changed_at: datetime | None = None
    """When Partner Center last changed the row, by Partner Center's clock."""
    told: Fields = field(default_factory=dict)
    """By mapping row with `side: microsoft`, what the record's columns show of it, or are to show."""

    @property
    def status(self) -> str:
        """What the record's column Microsoft status shows, such as `Declined (No seller for the account)`."""
        word = _WORDS[self.stage]
        return f"{word} ({self.reason})" if self.reason and self.stage in TERMINAL else word

    @property
    def open(self) -> bool:
        """Whether Microsoft may still answer, or takes part."""
        return self.stage not in TERMINAL

    def facts(self) -> dict[str, str]:
        """Return what a person is told of, as text by name; two halves with the same facts are no news."""
        value = "" if self.value is None else f"{self.value} {self.currency}".strip()
        team = "; ".join(map(str, self.team))
        return {
            "status": self.status,
            "help": self.help or "",
            "Microsoft CRM id": self.crm_id,
            "team": team,
            "notes": self.notes,
            "value": value,
        }
