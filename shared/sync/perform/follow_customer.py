"""What was edited of a record's account or contact: sent as far as Partner Center takes it, and shown as far as not.

A customer's name and address are frozen once a referral exists (referrals API: the paths that may be patched). Its
people may be replaced, which Partner Center may refuse once Microsoft was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.crm.port import RelatedRows
from shared.deal import Fields, Value, show
from shared.decide.deal import Deal, ReferralSeen
from shared.decide.decisions import FollowCustomer
from shared.errors import DataError
from shared.ledger import audit
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow
from shared.partner_center.new_referral import customers_member, withheld
from shared.sync.outcome import Outcome
from shared.sync.perform.agree import reach
from shared.sync.perform.written import Written
from shared.sync.task import Task

CONTACT = "contact"
Member = Mapping[str, object]


def follow_customer(task: Task, deal: Deal, decision: FollowCustomer, written: Written) -> Outcome:
    """Write the customer's people, note what stays different, then bring the rest into agreement.

    Raises StaleError when the referral changed since it was observed, and the families.
    """
    agree, messages = decision.agree, task.choices.messages
    body = agree.referral.body
    assert body is not None  # noqa: S101 - both sides are read when the customer is looked at
    related = task.records.related(agree.record.key.id)
    apart = _apart(task.field_map, related, body)
    referral, said = agree.referral, list[str]()
    if team := _team(task.field_map, agree.record.fields, related, body):
        try:
            referral = _written(task, referral, team)
            said.append(messages.text("customer.sent"))
        except DataError as error:
            apart[CONTACT] = messages.text("customer.refused", problem=str(error))
    if apart and tuple(apart) != agree.link.customer_apart:
        fields = "; ".join(f"{messages.name(name)}: {text}" for name, text in apart.items())
        said.append(messages.text("customer.kept", fields=fields))
    elif agree.link.customer_apart and not apart:
        said.append(messages.text("customer.equal"))
    link = replace(
        agree.link,
        beside=decision.mark,
        customer_apart=tuple(apart),
        referral_changed_at=referral.changed_at or agree.link.referral_changed_at,
    )
    if said:
        entry = audit.entry(task.stamp(), link.referral_id, audit.TO_PARTNER_CENTER, "; ".join(said))
        task.audit.add(link.referral_id, entry)
        written.shown = True  # The record's Audit column shows it, whatever else there is to write.
        link = replace(link, recent_audit=audit.extended(link.recent_audit, [entry]))
    return reach(task, deal, replace(agree, link=link, referral=referral), written)


def _apart(field_map: FieldMap, related: RelatedRows, body: Member) -> dict[str, str]:
    """Return what account and referral hold otherwise, both values in words; what either lacks is no difference."""
    found = {}
    for row in field_map.account:
        theirs, ours = _read(row, body, of_record=False), _read(row, related.account or {}, of_record=True)
        if theirs and ours and row.codec.fit(theirs) != ours:
            found[row.name] = f"{show(theirs)} / {show(ours)}"
    return found


def _read(row: CompiledRow, document: Member, *, of_record: bool) -> Value:
    try:
        return row.read_record(dict(document)) if of_record else row.read_referral(dict(document))
    except DataError:
        return None  # What cannot be read cannot be told apart.


def _team(field_map: FieldMap, fields: Fields, related: RelatedRows, body: Member) -> list[Member]:
    """Return the customer's people as they are to be; empty when there is nothing to send.

    Somebody is named only where somebody was before. A contact whom the referral does not name takes the first place.
    """
    profile = body.get("customerProfile")
    held = profile.get("team") if isinstance(profile, Mapping) else None
    team = [each for each in held if isinstance(each, Mapping)] if isinstance(held, list) else []
    wanted = customers_member(field_map, related.contact)
    if not team or not wanted or withheld(field_map, fields) is not None:
        return []
    same = next((each for each in team if _mail(each) == _mail(wanted)), None)
    if same is None:
        return [wanted, *team[1:]]
    mended = {**same, **wanted}
    return [] if mended == same else [mended if each is same else each for each in team]


def _mail(member: Member) -> str:
    return str(member.get("email") or "").strip().casefold()


def _written(task: Task, seen: ReferralSeen, team: list[Member]) -> ReferralSeen:
    operation = {"op": "replace", "path": "/customerProfile/team", "value": team}
    answer = task.partner_center.update(seen.id, [operation], str(seen.version))
    return replace(seen, version=answer.version, changed_at=answer.changed_at, body=answer.body)
