"""Why something was decided about a deal or one of its fields: the keys of the catalogue's reasons.

A reason is stored by its key and said in a language only where somebody reads it. Where a cause and an end belong
together, the key is `cause.end`, so that the end can be chosen on its own: `Reason(f"{cause}.{end}")`.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Every reason; `Messages.reason(key, **values)` says it. Values are named behind those that need some."""

    # --- one field: both sides agree, or one of them changed ---
    SAME_ON_BOTH_SIDES = "same_on_both_sides"
    CHANGED_IN_CRM = "changed_in_crm"
    CHANGED_IN_PARTNER_CENTER = "changed_in_partner_center"
    SWITCHED_ON_IN_CRM = "switched_on_in_crm"
    CANNOT_BE_WITHDRAWN = "cannot_be_withdrawn"
    SENT = "sent"
    """It was sent when the referral was created."""
    RECEIVED = "received"
    """It was received when the record was created."""
    STAND_IN = "stand_in"
    """The referral says nothing, and the mapping's `new_record` gives a new record something."""

    # --- one field: both sides changed, or their common past is unknown ---
    BOTH_CHANGED_CRM_WINS = "both_changed.crm_wins"
    BOTH_CHANGED_PARTNER_CENTER_WINS = "both_changed.partner_center_wins"
    BOTH_CHANGED_HELD = "both_changed.held"
    DIFFERED_CRM_WINS = "differed.crm_wins"
    DIFFERED_PARTNER_CENTER_WINS = "differed.partner_center_wins"
    DIFFERED_HELD = "differed.held"
    DIFFERED_CRM_EMPTY = "differed.crm_empty"
    DIFFERED_PARTNER_CENTER_EMPTY = "differed.partner_center_empty"
    DIFFERED_STAYS = "differed.stays"
    REMAPPED_CRM_WINS = "remapped.crm_wins"
    REMAPPED_PARTNER_CENTER_WINS = "remapped.partner_center_wins"
    REMAPPED_HELD = "remapped.held"
    REMAPPED_CRM_EMPTY = "remapped.crm_empty"
    REMAPPED_CRM_PARTIAL = "remapped.crm_partial"
    REMAPPED_PARTNER_CENTER_EMPTY = "remapped.partner_center_empty"
    REMAPPED_STAYS = "remapped.stays"

    # --- one field: it stays different ---
    NOT_SENT_TO_CRM = "not_sent_to_crm"
    NOT_SENT_TO_PARTNER_CENTER = "not_sent_to_partner_center"
    REFERRAL_CLOSED = "referral_closed"
    RECORD_CLOSED = "record_closed"
    CRM_HOLDS_A_PART = "crm_holds_a_part"
    ANSWERED_OTHERWISE = "answered_otherwise"
    """value: what Partner Center answered with."""
    REVERSED_BY_CRM = "reversed_by_crm"
    REVERSED_BY_PARTNER_CENTER = "reversed_by_partner_center"
    KEEPS_CHANGING = "keeps_changing"
    """Each write of it was answered at once with another value."""
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    """Partner Center would refuse it as it is."""
    HELP_NOT_ASKED = "help_not_asked"
    HISTORICAL = "historical"
    """The deal ended before the two sides were linked."""
    FROZEN = "frozen"
    """Partner Center takes no change of it any more, so the CRM gets its value back."""
    OPPOSITE_ENDS = "opposite_ends"
    """referral, record: the two stages."""
    REOPENED_IN_CRM = "reopened_in_crm"
    UNKNOWN_PAST = "unknown_past"
    """The two stages differ, and nothing is known of how they came to be."""
    EXPIRED_BUT_MOVED = "expired_but_moved"
    LEAD_WON = "lead_won"
    """The deal was won in Partner Center, and its lead was never qualified."""

    # --- the deal: it is created or linked ---
    CREATED_FROM_CRM = "created_from_crm"
    CREATED_FROM_CRM_INVITED = "created_from_crm_invited"
    CREATED_FROM_PARTNER_CENTER = "created_from_partner_center"
    LINKED = "linked"
    MICROSOFT_INVITED = "microsoft_invited"
    RECORD_REPLACED = "record_replaced"
    """record: the id of the record that takes the first one's place."""
    LEAD_QUALIFIED = "lead_qualified"
    """record: the id of the opportunity that the lead was qualified to."""
    COPY_REFUSED = "copy_refused"
    """record: the id of the record that carries the referral."""

    # --- the deal: it waits, is paused, or has lost a side ---
    STOPPED_BY_PERSON = "stopped_by_person"
    UNLINKED_BY_PERSON = "unlinked_by_person"
    SHARED_AGAIN = "shared_again"
    PAUSED_BY_SELLER = "paused_by_seller"
    PAUSED_BY_PERSON = "paused_by_person"
    RESUMED = "resumed"
    RECORD_DELETED = "record_deleted"
    RECORD_MERGED = "record_merged"
    SUCCESSOR_NOT_SHARED = "successor_not_shared"
    """The record was merged into one whose seller does not share it."""
    REFERRAL_GONE = "referral_gone"
    CLOSE_WAITS = "close_waits"
    """stage, at: what is sent, and when."""
    CLOSE_TAKEN_BACK = "close_taken_back"
    """stage: what is not sent."""
    MASS_CHANGE = "mass_change"

    # --- the deal: it is not synchronized ---
    CLOSED_WHEN_FIRST_SEEN = "not_synchronized.closed"
    CLOSED_BEFORE_SHARED = "not_synchronized.closed_before_shared"
    UNACCEPTED_LEAD = "not_synchronized.lead"
    LEADS_OFF = "not_synchronized.leads_off"
    CONDITION_NOT_MET = "not_synchronized.condition"
    """name, condition: the mapping file's condition."""
    RECORD_MISSING = "not_synchronized.record_missing"
    """record: the id that the referral names."""
    SYNC_IS_OFF = "not_synchronized.sync_off"
    NOT_OURS = "not_synchronized.not_ours"
    UNKNOWN_RECORD = "not_synchronized.unknown_record"
    UNKNOWN_REFERRAL = "not_synchronized.unknown_referral"

    # --- the deal: nothing to do ---
    OWN_WRITE = "known.own_write"
    ALREADY_SEEN = "known.already_seen"
    NOTHING_TO_WRITE = "known.nothing_to_write"

    # --- what an audit line begins with ---
    DRY_RUN = "dry_run.changes"
    """changes: what would be written."""
    DRY_RUN_NOTHING = "dry_run.nothing"
    DRY_RUN_CREATE_RECORD = "dry_run.create_record"
    DRY_RUN_CREATE_REFERRAL = "dry_run.create_referral"
    REPLACED = "replaced"
    """changes: the values that are about to be lost."""
    FAILED = "failed"
    """problems: every problem in full."""
