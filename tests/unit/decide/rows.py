"""The table of decisions: a seller's stories in order, of which the first that fits says what is done.

Written from the design's rules, not from the code: what is asked here of a situation are its words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.unit.decide.situations import Situation


@dataclass(frozen=True)
class TableRow:
    """One story: when it fits, and what is done then, in the words of `told.tell`."""

    story: str
    when: Callable[[Situation], bool]
    then: str | Callable[[Situation], str]

    def told(self, situation: Situation) -> str:
        """Return what is done in a situation of this story, whoever owns the record and whatever its customer."""
        return self.then if isinstance(self.then, str) else self.then(situation)

    def expected(self, situation: Situation) -> str:
        """Return what is done in a situation of this story."""
        then = self.told(situation)
        # Whatever else is done with an open referral: our team follows the record's new owner.
        ends = then.endswith(" is sent") and "active" not in then
        if situation.ended or ends:
            return then
        if situation.customer == "edited":  # The owner is followed by the next look: the record's own change brings it.
            return then.replace("agree: ", "follow customer: ", 1)
        return then.replace("agree: ", "follow owner: ", 1) if situation.owner == "another" else then


# --- words -----------------------------------------------------------------------------------------------------------


def _by_crm(s: Situation) -> bool:
    return s.source == "crm"


def _by_partner_center(s: Situation) -> bool:
    return s.source == "partner center"


def _tied(s: Situation) -> bool:
    return s.tied_by_link


def _sync_off(s: Situation) -> bool:
    return s.sync == "off"


def _lead_is_read(s: Situation) -> bool:
    """Whether a linked lead's own state is looked at: its Sync is on, and nothing was decided before."""
    unread = s.source == "partner center" and (s.referral == "gone" or s.link == "paused")
    return s.lead and s.tied_by_link and s.sync != "off" and not unread


def _never_ended(s: Situation) -> bool:
    """Whether a lead was disqualified, and no end of the deal had been agreed before."""
    return s.record == "disqualified" and s.base not in ("won", "lost", "declined", "expired")


def _unlinked_event(s: Situation) -> bool:
    return not s.tied_by_link and s.source == "partner center"


def _unlinked_record(s: Situation) -> bool:
    return not s.tied_by_link and s.source == "crm"


_UNSHARED = ("merged into an unshared record", "merged into an excluded record")


def _found(s: Situation) -> bool:
    return s.carrier == "found"


def _interrupted(s: Situation) -> bool:
    """Sharing the named record was begun and not finished; only a referral that names a record can tell."""
    return s.names and s.intent == "abandoned"


def _says_so_or_cannot(s: Situation) -> bool:
    """Whether the record of a deal that lost its referral says so, or cannot be made to."""
    return s.shows != "something else" or s.record == "gone" or (s.closed and s.read_only)


def _identified(s: Situation) -> bool:
    """The record leads to a referral: by its identifier, or because that referral named it."""
    return s.identifier != "none" or s.link == "ignored"


# --- where the two sides stand ---------------------------------------------------------------------------------------


def same_stage(s: Situation) -> bool:
    """Whether both sides say the same of the deal; a lead says little until it is disqualified."""
    if s.record in ("open lead", "qualified"):
        return s.referral in ("invited", "own new", "active")
    if s.record == "disqualified":
        return s.referral in ("lost", "declined", "expired")
    if s.record == "lost":
        return s.referral in ("lost", "declined", "expired")
    if s.record == "won":
        return s.referral == "won"
    if s.referral in ("own new", "active"):
        # On hold is just open, unless the invitation was undecided when the sides last agreed.
        return s.record == "open" or s.base != "invited"
    return s.referral == "invited" and s.record == "on hold"


def seller_moved(s: Situation) -> bool:
    """Whether the record's state is not the one last agreed; on hold means something for an invitation only."""
    if s.record == "open lead":
        return False
    if s.base == "invited":
        return s.record != "on hold"
    return s.record not in ("open", "on hold")


def _closes(s: Situation) -> bool:
    """Whether the seller ended a deal that Partner Center still has open."""
    return s.closed and not s.ended and s.base != "unknown"


def _close_is_sent(s: Situation) -> str:
    return f"agree: {_end(s)} is sent"


def _close_waits(s: Situation) -> str:
    return f"await undo: {_end(s)}"


def _end(s: Situation) -> str:
    if s.record == "won":
        return "won"
    return "declined" if s.referral == "invited" else "lost"


def _asks_microsoft(s: Situation) -> bool:
    """Whether the seller chose help on an open, accepted deal that Microsoft has no part in."""
    open_here = not s.closed and not s.ended and not (s.referral == "invited" and s.record == "on hold")
    return open_here and s.help == "chosen" and s.microsoft == "absent" and s.base != "unknown"


def _both_won(s: Situation) -> bool:
    """Whether both sides agreed on the win, and still do."""
    return s.referral == s.record == s.base == "won"


def _microsoft_asks(s: Situation) -> bool:
    """Whether our referral was read, and tells that Microsoft waits for something about the registration."""
    return s.referral == "won" and s.registration.startswith("asked") and not (s.remembered and _by_crm(s))


# --- deals with a link -----------------------------------------------------------------------------------------------

LINKED = (
    TableRow(
        "Partner Center no longer shows the referral of a deal that has lost a side already: nothing more is done.",
        lambda s: (
            _tied(s)
            and _by_partner_center(s)
            and s.referral == "gone"
            and s.link == "orphaned"
            and _says_so_or_cannot(s)
        ),
        "known: orphaned",
    ),
    TableRow(
        "Partner Center no longer shows the referral: the record stays, and says so.",
        lambda s: _tied(s) and _by_partner_center(s) and s.referral == "gone",
        "orphan: referral_gone",
    ),
    TableRow(
        "The seller switched Sync off, and something changed in Partner Center: the record is not even read.",
        lambda s: _by_partner_center(s) and s.link == "paused",
        "known: paused by the seller",
    ),
    TableRow(
        "The record was merged into another one: the deal lives on there.",
        lambda s: _tied(s) and s.record == "gone" and s.successor == "merged into a free record",
        "rekey",
    ),
    TableRow(
        "The record was deleted, or merged into one where the deal cannot go on, which was known before.",
        lambda s: s.link == "orphaned" and s.record == "gone",
        "known: orphaned",
    ),
    TableRow(
        "The record was merged into a record that is a deal of its own: two deals do not become one.",
        lambda s: _tied(s) and s.record == "gone" and s.successor == "merged into a deal",
        "orphan: record_merged",
    ),
    TableRow(
        "The record was merged into a record that its seller does not share: nothing is tied to that one.",
        lambda s: _tied(s) and s.record == "gone" and s.successor in _UNSHARED,
        "orphan: successor_not_shared",
    ),
    TableRow(
        "The record was deleted: the referral stays, and nothing is created again.",
        lambda s: _tied(s) and s.record == "gone",
        "orphan: record_deleted",
    ),
    TableRow(
        "The seller switched Sync off, or a record comes back whose Sync is off: from now on nothing travels.",
        lambda s: s.link in ("linked", "orphaned") and _sync_off(s),
        "pause",
    ),
    TableRow(
        "Sync is off, and the record still shows something else from when it was on: it says that it is paused.",
        lambda s: (
            s.link == "paused"
            and _sync_off(s)
            and s.shows != "its state"
            and not s.toggled
            and not (s.closed and s.read_only)
        ),
        "pause",
    ),
    TableRow(
        "Sync is still off: nothing travels, whatever changed.",
        lambda s: _tied(s) and _sync_off(s),
        "known: paused by the seller",
    ),
    TableRow(
        "Automation switches Sync off and on at each of our writes: the deal stays paused, and its record says so.",
        lambda s: s.link == "paused" and s.toggled and s.record != "gone",
        "hold: status.sync_goes_round",
    ),
    TableRow(
        "The lead was qualified without an opportunity: a person says which record the deal has now.",
        lambda s: _lead_is_read(s) and s.record == "qualified" and s.successor == "none",
        "hold: lead.without_opportunity",
    ),
    TableRow(
        "The lead was qualified to an opportunity that is a deal of its own: a person says which deal it is.",
        lambda s: _lead_is_read(s) and s.record == "qualified" and s.successor == "an opportunity of another deal",
        "hold: identifier.record_taken",
    ),
    TableRow(
        "The lead was qualified: that accepts the referral, and the deal goes on with the opportunity.",
        lambda s: _lead_is_read(s) and s.record == "qualified",
        "qualify",
    ),
    TableRow(
        "The lead was merged into another one, which disqualified it: the deal lives on there.",
        lambda s: _lead_is_read(s) and _never_ended(s) and s.successor == "merged into a free record",
        "rekey",
    ),
    TableRow(
        "The lead was merged into a lead that is a deal of its own: two deals do not become one.",
        lambda s: _lead_is_read(s) and _never_ended(s) and s.successor == "merged into a deal",
        lambda s: "known: orphaned" if s.link == "orphaned" else "orphan: record_merged",
    ),
    TableRow(
        "The seller edited a deal whose referral Partner Center no longer shows: that was known before.",
        lambda s: s.link == "orphaned" and s.referral == "gone" and _says_so_or_cannot(s),
        "known: orphaned",
    ),
    TableRow(
        "The seller edited a deal, and Partner Center no longer shows its referral: the record says so.",
        lambda s: _tied(s) and s.referral == "gone",
        "orphan: referral_gone",
    ),
    TableRow(
        "The referral turns out to be another organization's: nothing of ours is written to it.",
        lambda s: _tied(s) and s.referral == "foreign",
        "hold: identifier.foreign",
    ),
    TableRow(
        "The record's Referral Identifier was exchanged by hand: a person says which deal it is.",
        lambda s: _tied(s) and s.identifier in ("another", "malformed"),
        "hold: identifier.exchanged",
    ),
    TableRow(
        "The seller chose help on a deal that was shared without: Microsoft is invited, once, and edits travel.",
        lambda s: _tied(s) and _asks_microsoft(s),
        "ask microsoft",
    ),
    TableRow(
        "Both sides agree on a win that people have to register, and its form is filled: it is registered, once.",
        lambda s: _tied(s) and _both_won(s) and s.registration == "due",
        "register",
    ),
    TableRow(
        "Both sides agree on a win that people have to register, and its form lacks something: the record says what.",
        lambda s: _tied(s) and _both_won(s) and s.registration == "due and incomplete",
        "agree: registration.missing",
    ),
    TableRow(
        "Microsoft asks for something about a registration of ours, and its form was changed since: it is corrected.",
        lambda s: _tied(s) and _microsoft_asks(s) and s.registration == "asked and corrected",
        "correct",
    ),
    TableRow(
        "Microsoft asks for something about a registration, and nothing was changed since: the record says so.",
        lambda s: _tied(s) and _microsoft_asks(s),
        "agree: registration.action_required",
    ),
    TableRow(
        "Both sides say the same of the deal: only edits travel, those of an undecided invitation once it is accepted. "
        "A deal that was paused, or had lost a side, goes on.",
        lambda s: _tied(s) and same_stage(s),
        "agree: same stage",
    ),
    TableRow(
        "The two sides stand differently, and nothing is known of how that came: a person decides. Nothing is "
        "accepted, closed or reopened.",
        lambda s: _tied(s) and s.base == "unknown",
        "agree: unknown_past",
    ),
    TableRow(
        "Won here and lost there, or the reverse: a person decides.",
        lambda s: _tied(s) and s.closed and s.ended,
        "agree: opposite_ends",
    ),
    TableRow(
        "The seller reopened a deal whose end had been agreed: Partner Center's referral stays closed for good.",
        lambda s: _tied(s) and s.ended and s.base == s.referral,
        "agree: reopened_in_crm",
    ),
    TableRow(
        "The invitation expired, but the seller had accepted it meanwhile: the record stays open.",
        lambda s: _tied(s) and s.referral == "expired" and seller_moved(s),
        "agree: expired_but_moved",
    ),
    TableRow(
        "The deal was won in Partner Center, and its lead is open: the app qualifies no lead, so a person decides.",
        lambda s: _tied(s) and s.referral == "won" and s.record == "open lead",
        "agree: lead_won",
    ),
    TableRow(
        "The referral ended: the record ends with it.",
        lambda s: _tied(s) and s.ended,
        lambda s: f"agree: {'won' if s.referral == 'won' else 'lost'} is shown",
    ),
    TableRow(
        "Somebody accepted the invitation in Partner Center, and the seller did nothing: the record leaves On hold.",
        lambda s: _tied(s) and s.referral == "active" and not seller_moved(s),
        "agree: active is shown",
    ),
    TableRow(
        "The seller won a deal without a value: Partner Center would refuse that, so the seller is asked for it.",
        lambda s: _tied(s) and _closes(s) and s.record == "won" and not s.valued,
        "agree: refused",
    ),
    TableRow(
        "The seller won an invitation that nobody had accepted: it is accepted at once, and won after the undo window.",
        lambda s: _tied(s) and _closes(s) and s.record == "won" and s.referral == "invited",
        "accept, then await undo: won",
    ),
    TableRow(
        "The seller ended the deal, and may still take it back: everything else travels.",
        lambda s: _tied(s) and _closes(s) and s.window == "open",
        _close_waits,
    ),
    TableRow(
        "The seller ended the deal: so does Partner Center. Lost before it was accepted is declined.",
        lambda s: _tied(s) and _closes(s),
        _close_is_sent,
    ),
    TableRow(
        "The seller took the record off On hold: that accepts the invitation.",
        lambda s: _tied(s) and s.referral == "invited" and s.record == "open",
        "agree: active is sent",
    ),
)

# --- a referral that nothing is tied to ------------------------------------------------------------------------------

UNLINKED_REFERRAL = (
    TableRow(
        "An event names a row that we may not see, or another organization's: it is none of our business.",
        lambda s: _unlinked_event(s) and s.referral in ("gone", "foreign"),
        "not ours",
    ),
    TableRow(
        "The referral names a record that another worker is sharing at this moment: it is looked at again shortly.",
        lambda s: _unlinked_event(s) and s.names and s.intent == "fresh",
        "wait",
    ),
    TableRow(
        "The referral was closed before we first saw it: no record is made of history.",
        lambda s: _unlinked_event(s) and s.ended and not _interrupted(s),
        "ignore: not_synchronized.closed",
    ),
    TableRow(
        "It is of a kind that becomes no record, such as a lead that nobody has accepted.",
        lambda s: _unlinked_event(s) and not s.wanted and not _interrupted(s),
        "ignore: not_synchronized.lead",
    ),
    TableRow(
        "The record in question belongs to another referral already: the CRM ID, or the identifier, is wrong.",
        lambda s: _unlinked_event(s) and (s.names or _found(s)) and s.claimant in ("another alive", "another gone"),
        "hold: identifier.record_taken",
    ),
    TableRow(
        "The two were tied by another worker a moment ago: it is looked at again shortly.",
        lambda s: _unlinked_event(s) and (s.names or _found(s)) and s.claimant == "this deal",
        "wait",
    ),
    TableRow(
        "The referral names a record that does not exist: no other one is made for it.",
        lambda s: _unlinked_event(s) and s.names and s.record == "gone",
        "ignore: not_synchronized.record_missing",
    ),
    TableRow(
        "The referral names a record that carries another identifier: a person says which deal it is.",
        lambda s: _unlinked_event(s) and s.names and s.identifier in ("another", "malformed"),
        "hold: identifier.record_taken",
    ),
    TableRow(
        "Sync is off on the record that the referral names or that carries its identifier: it is neither read out "
        "nor written.",
        lambda s: _unlinked_event(s) and (s.names or _found(s)) and _sync_off(s),
        "ignore: not_synchronized.sync_off",
    ),
    TableRow(
        "The mapping's condition leaves that record out, and so it stays.",
        lambda s: _unlinked_event(s) and (s.names or _found(s)) and s.sync == "excluded",
        "ignore: not_synchronized.condition",
    ),
    TableRow(
        "A worker died while it was sharing the record, which lacks by now what Partner Center needs: a person is "
        "asked for it.",
        lambda s: _unlinked_event(s) and _interrupted(s) and not s.complete,
        "hold: customer.city_missing",
    ),
    TableRow(
        "A worker died while it was sharing the record: what lacks of the deal is made, and nothing twice.",
        lambda s: _unlinked_event(s) and _interrupted(s),
        "create referral",
    ),
    TableRow(
        "The referral names a record of ours, or one carries its identifier: the two become one deal.",
        lambda s: _unlinked_event(s) and (s.names or _found(s)),
        lambda s: f"adopt: {'same stage' if same_stage(s) else 'unknown_past'}",
    ),
    TableRow(
        "A referral arrives that looks like a deal which its customer has open in the CRM: a person says whether it "
        "is that one.",
        lambda s: _unlinked_event(s) and s.neighbour == "alike",
        "hold: deal.looks_alike",
    ),
    TableRow(
        "A referral arrives: it becomes a record.",
        _unlinked_event,
        "create record",
    ),
)

# --- a record that nothing is tied to --------------------------------------------------------------------------------

UNLINKED_RECORD = (
    TableRow(
        "A record that we never had was deleted.",
        lambda s: _unlinked_record(s) and s.record == "gone",
        "not ours",
    ),
    TableRow(
        "A lead that was qualified changes: its opportunity is the deal's record.",
        lambda s: _unlinked_record(s) and s.record == "qualified",
        "known: a qualified lead",
    ),
    TableRow(
        "The seller switched Sync off on a copy that was refused: on again, it becomes a deal of its own.",
        lambda s: _unlinked_record(s) and _sync_off(s) and s.identifier == "none" and (s.tied or s.marks == "status"),
        "release copy",
    ),
    TableRow(
        "Sync is off: the seller does not share the record.",
        lambda s: _unlinked_record(s) and _sync_off(s),
        "ignore: not_synchronized.sync_off",
    ),
    TableRow(
        "The mapping's condition leaves the record out.",
        lambda s: _unlinked_record(s) and s.sync == "excluded",
        "ignore: not_synchronized.condition",
    ),
    TableRow(
        "Somebody typed something into the Referral Identifier that is none.",
        lambda s: _unlinked_record(s) and s.identifier == "malformed",
        "hold: identifier.malformed",
    ),
    TableRow(
        "Another worker tied the record a moment ago: it is looked at again shortly.",
        lambda s: _unlinked_record(s) and _identified(s) and s.claimant == "this deal",
        "wait",
    ),
    TableRow(
        "The record carries the identifier of a deal whose own record is gone: it takes that one's place.",
        lambda s: _unlinked_record(s) and _identified(s) and s.claimant == "another gone",
        "rekey",
    ),
    TableRow(
        "The opportunity carries the identifier of a deal whose lead was qualified: the deal goes on with it.",
        lambda s: _unlinked_record(s) and _identified(s) and s.claimant == "a qualified lead" and not s.lead,
        "qualify",
    ),
    TableRow(
        "The record carries the identifier of a deal whose own record is alive: it is a copy, and its status says so.",
        lambda s: _unlinked_record(s) and _identified(s) and s.claimant in ("another alive", "a qualified lead"),
        "refuse copy: identifier.copied",
    ),
    TableRow(
        "Partner Center has no such referral.",
        lambda s: _unlinked_record(s) and _identified(s) and s.referral == "gone",
        "hold: identifier.unknown",
    ),
    TableRow(
        "The referral is another organization's.",
        lambda s: _unlinked_record(s) and _identified(s) and s.referral == "foreign",
        "hold: identifier.foreign",
    ),
    TableRow(
        "The record carries our referral's identifier, or that referral named it, and Sync is on: the two become one "
        "deal.",
        lambda s: _unlinked_record(s) and _identified(s),
        lambda s: f"adopt: {'same stage' if same_stage(s) else 'unknown_past'}",
    ),
    TableRow(
        "A deal's record was merged into this one while it was not shared, and now it is: the deal lives on here.",
        lambda s: _unlinked_record(s) and s.claimant == "a merged deal",
        "rekey",
    ),
    TableRow(
        "The record holds our link, but no identifier: it is a copy of a shared deal, and its status says so.",
        lambda s: _unlinked_record(s) and s.tied and s.copied != "released",
        "refuse copy: identifier.copy",
    ),
    TableRow(
        "The record shows a status of ours that we did not write on it: it is a copy, too.",
        lambda s: _unlinked_record(s) and s.marks == "status" and s.copied == "unknown",
        "refuse copy: identifier.copy",
    ),
    TableRow(
        "The seller switched Sync on for a lead of their own: Partner Center takes opportunities, so it is qualified "
        "first.",
        lambda s: _unlinked_record(s) and s.record == "open lead",
        "hold: lead.qualify_first",
    ),
    TableRow(
        "The record was closed before it was ever shared: Microsoft does not learn of old deals.",
        lambda s: _unlinked_record(s) and s.closed and s.intent == "none",
        "ignore: not_synchronized.closed_before_shared",
    ),
    TableRow(
        "A value of the record cannot be read: the seller is asked for it, before anything is shared.",
        lambda s: _unlinked_record(s) and not s.legible,
        "hold: value.not_a_number",
    ),
    TableRow(
        "The record's audit tells of values that travelled, which never happened to it: it is a copy, too.",
        lambda s: _unlinked_record(s) and s.marks == "audit" and s.copied != "released",
        "refuse copy: identifier.copy",
    ),
    TableRow(
        "The customer's account, its contact or the owner lack what Partner Center needs: a person is asked for it, "
        "before any call to Partner Center.",
        lambda s: _unlinked_record(s) and not s.complete,
        "hold: customer.city_missing",
    ),
    TableRow(
        "The seller switched Sync on: the record is shared. One that was closed while it was being shared is finished.",
        _unlinked_record,
        "create referral",
    ),
)

ROWS = (*LINKED, *UNLINKED_REFERRAL, *UNLINKED_RECORD)


# --- single values ---------------------------------------------------------------------------------------------------


def notes_go(s: Situation) -> str:
    """Return what becomes of notes that differ: nothing, to crm, to partner center, stay."""
    if s.edited == "nobody":
        return "nothing"
    if not s.tied_by_link or s.base == "unknown":
        return "stay" if s.ended or s.closed or (s.referral == "invited" and not s.lead) else "to partner center"
    locked = s.closed and s.read_only
    if s.edited == "partner center" or (s.edited == "both" and s.ended):
        return "stay" if locked else "to crm"
    return "stay" if s.ended or _undecided_still(s) else "to partner center"


def _undecided_still(s: Situation) -> bool:
    """Whether the invitation stays undecided for now, so that edits of it wait; a lead has no state for that."""
    if s.referral != "invited" or s.record == "open" or s.lead:
        return False
    if s.record == "won":
        return not s.valued
    return s.record == "on hold" or s.window == "open"
