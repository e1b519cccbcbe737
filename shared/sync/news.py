"""What a person is told of a deal when it happens: an invitation, a reminder, Microsoft's answer, a lost side."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.alerts import Notifier
from shared.card import Card
from shared.deadline import DeadlineKind
from shared.deal import CURRENCY, DEAL_VALUE, NAME, show
from shared.deal_registration import ACTION_REQUIRED, APPROVED, FAILED, PASSED
from shared.errors import CosellError, StaleError
from shared.ledger.drawers import Held, moment
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.messages import Messages
from shared.sync.perform import deadlines
from shared.sync.perform.identity import REFERRAL_LINK
from shared.sync.task import Task

log = logging.getLogger(__name__)


class News(StrEnum):
    """What happened; the keys of the catalogue's texts `news.*`."""

    INVITATION = "invitation"
    DECIDE = "decide"
    REGISTER = "register"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    ORPHANED = "orphaned"
    """One side of a deal is gone."""
    REGISTRATION_ACTION = "registration_action"
    REGISTRATION_APPROVED = "registration_approved"
    REGISTRATION_FAILED = "registration_failed"


_ANSWERS = {Stage.ACTIVE: News.ACCEPTED, Stage.DECLINED: News.DECLINED, Stage.EXPIRED: News.EXPIRED}
_OF_REGISTRATION = {
    ACTION_REQUIRED: News.REGISTRATION_ACTION,
    APPROVED: News.REGISTRATION_APPROVED,
    PASSED: News.REGISTRATION_APPROVED,
    FAILED: News.REGISTRATION_FAILED,
}


def news_of(before: Link | None, after: Link) -> Iterator[News]:
    """Yield what a person wants to hear of a change from one link to another; a link that begins has no `before`."""
    if before is None or before.etag is None:
        if after.deadline and after.deadline.kind is DeadlineKind.DECIDE:
            yield News.INVITATION
        return
    if after.state is LinkState.ORPHANED is not before.state:
        yield News.ORPHANED
    if reminder := deadlines.reminded(before, after):
        yield News.DECIDE if reminder.kind is DeadlineKind.DECIDE else News.REGISTER
    was, now = before.microsoft, after.microsoft
    if was and now and was.stage is Stage.ON_HOLD and now.stage in _ANSWERS:
        yield _ANSWERS[now.stage]
    told = [_OF_REGISTRATION.get(each.registration.status) if each.registration else None for each in (before, after)]
    if told[1] and told[0] is not told[1]:
        yield told[1]


@dataclass(frozen=True)
class Newsroom:
    """Tells a chat of news, once, whichever CRM it comes to first.

    `details` says whether the chat may read the deal's name, its customer and its value; `status_page` is the address
    of the page of deals, where it is known.
    """

    notifier: Notifier | None = None
    details: bool = False
    status_page: str = ""
    messages: Messages = field(default_factory=Messages)

    def tell(self, task: Task, before: Link | None, after: Link) -> None:
        """Tell the news of a commit. A chat that cannot be reached stops nothing; the digest names the deal again."""
        if self.notifier is None or task.choices.dry_run:
            return
        for news in news_of(before, after):
            try:
                if self._is_first(task, news, after):
                    self.notifier.notify(self.card(news, after))
            except CosellError as error:
                log.warning("news not delivered: %s", type(error).__name__)

    def card(self, news: News, link: Link) -> Card:
        """Return the message about a deal."""
        half = link.microsoft
        reason = half.reason if half and news is News.DECLINED else ""
        if link.registration and news in _OF_REGISTRATION.values():
            reason = link.registration.reason
        day = f"{link.deadline.until:%Y-%m-%d}" if link.deadline else ""
        facts = [
            ("crm", link.crm),
            *(self._deal(link) if self.details else ()),
            ("decide_by" if news in (News.INVITATION, News.DECIDE) else "register_by", day),
            ("reason", reason),
        ]
        links = [(self.messages.text("news.open_referral"), REFERRAL_LINK.format(link.referral_id))]
        if self.status_page:
            links.append((self.messages.text("news.open_status"), f"{self.status_page}?deal={link.referral_id}"))
        said = tuple((self.messages.text(f"fact.{name}"), value) for name, value in facts if value)
        return Card(self.messages.text(f"news.{news}"), said, tuple(links))

    def _deal(self, link: Link) -> Iterator[tuple[str, str]]:
        base = link.base
        yield "deal", show(base.get(NAME)) if base.get(NAME) else ""
        yield "customer", link.customer
        value, currency = base.get(DEAL_VALUE), base.get(CURRENCY)
        yield "value", f"{show(value)} {currency or ''}".strip() if value else ""

    def _is_first(self, task: Task, news: News, link: Link) -> bool:
        """Whether no other CRM's link of this referral has told it; a single CRM's commit happens once anyway."""
        if not task.other_crms:
            return True
        until = link.deadline.remind_at if link.deadline else None
        drawer = moment("news", f"{news}:{link.referral_id}" + (f":{until:%Y%m%d}" if until else ""))
        held: Held[datetime | None] = Held(None, None)
        try:
            task.drawers.replace(drawer, task.clock.now(), held)
        except StaleError:
            return False
        return True
