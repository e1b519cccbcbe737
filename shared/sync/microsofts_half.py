"""Microsoft's half of a co-sell deal: it changes without our row, so it is looked at again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from shared.deal import HELP, VISIBLE
from shared.decide.deal import ReferralSeen
from shared.errors import DataError
from shared.ledger.model import Due, DueKind
from shared.lifecycle import referral_stage
from shared.link import Link
from shared.mapping.codecs import text
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import get_path
from shared.microsoft import MicrosoftsHalf, Seller
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

EVERY = timedelta(hours=6)
"""How often Microsoft's half of an open co-sell deal is looked at when no event tells of it."""


REASON = "microsoft"
"""The reason of a message that has both halves of a deal looked at."""

ANSWER = "answer"
"""The member beside those of Microsoft's row: what its status, substatus and reason mean together."""


def next_look(task: Task, link: Link) -> Due:
    """Return the agenda's entry that has Microsoft's half of a deal looked at again."""
    message = DealMessage(PARTNER_CENTER, REASON, task.correlation_id, referral_id=link.referral_id, crm=link.crm)
    now = task.clock.now()
    return Due(DueKind.MICROSOFT, link.referral_id, now + EVERY, now, message.dump())


def takes_part(link: Link | None, own: ReferralSeen) -> bool:
    """Whether Microsoft may have a row in the engagement of our referral, which was just read.

    It has one in a co-sell deal, which is Shared; a deal that has just become visible may have become one.
    """
    if own.body is not None and Referral(own.body).is_shared:
        return True
    if link is None:
        return False
    turned_visible = own.fields.get(VISIBLE) is True and link.base.get(VISIBLE) is False
    return link.microsoft is not None or turned_visible


def with_microsofts(own: Referral, related: Referral) -> Referral:
    """Return our row with Microsoft's CRM identifier, when only Microsoft's row tells it."""
    if own.microsoft_crm_id or not related.microsoft_crm_id:
        return own
    tracking = own.body.get("trackingInfo")
    held = dict(tracking) if isinstance(tracking, dict) else {}
    return Referral({**own.body, "trackingInfo": {**held, "microsoftMsxId": related.microsoft_crm_id}})


def read_half(field_map: FieldMap, row: Referral, own: Referral | None) -> MicrosoftsHalf:
    """Return the facts that Microsoft's row tells. How much of it we may see is not documented: what lacks is empty.

    The invitation repeats our own team, so whoever stands in our row's team is left out of Microsoft's.
    """
    ours = {_mail(each) for each in _members(own.body.get("team"))} if own else set()
    team = [each for each in _members(row.body.get("team")) if _mail(each) not in ours]
    body = {**row.body, "team": team}
    half = MicrosoftsHalf(
        row.id,
        referral_stage(_text(body, "status"), _text(body, "substatus"), invited=True),
        reason=_text(body, "statusReason"),
        help=_help(field_map, body),
        crm_id=row.microsoft_crm_id or "",
        team=tuple(_seller(each) for each in team if str(_seller(each))),
        notes=_text(body, "details", "notes"),
        value=_number(get_path(body, ("details", "dealValue"))),
        currency=_text(body, "details", "currency"),
        version=row.version,
        changed_at=row.changed_at,
    )
    return replace(half, told=field_map.read_microsoft({**body, ANSWER: half.status}))


def _help(field_map: FieldMap, body: Mapping[str, object]) -> str | None:
    with contextlib.suppress(DataError):
        found = field_map.rows[HELP].read_referral(body)
        return found if isinstance(found, str) else None
    return None


def _members(team: object) -> list[Mapping[str, object]]:
    """Return the people of a team, which is an array by the documentation; a bare object was seen, too."""
    people = [team] if isinstance(team, dict) else team if isinstance(team, list) else []
    return [each for each in people if isinstance(each, dict)]


def _seller(member: Mapping[str, object]) -> Seller:
    name = " ".join(part for part in (_name(member, "firstName"), _name(member, "lastName")) if part)
    return Seller(name, _text(member, "email"), _text(member, "phoneNumber"))


def _mail(member: Mapping[str, object]) -> str:
    return _text(member, "email").casefold()


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(body: Mapping[str, object], *path: str) -> str:
    value = get_path(body, path)
    return value.strip() if isinstance(value, str) else ""


def _name(member: Mapping[str, object], part: str) -> str:
    """Return a part of a name, which Partner Center may have escaped."""
    return str(_ESCAPED.from_referral(_text(member, part)) or "")


_ESCAPED = text(escaped=True)
