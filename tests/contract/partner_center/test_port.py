"""One contract, held by the fake and by the real client: what the sync may expect of Partner Center."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import (
    AccessDenied,
    DataError,
    GoneError,
    VersionMismatch,
)
from shared.partner_center.port import Referral
from tests.support.fakes.referral_rules import at, put
from tests.support.stages.partner_center import PartnerCenterStage, nobody
from tools.simulators.partner_center.samples import sample_cosell_documents, sample_document

SHARE = "/consent/consentToShareReferralWithMicrosoftSellers"


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def changed(document: dict[str, Any], pointer: str, value: object) -> dict[str, Any]:
    result = copy.deepcopy(document)
    put(result, pointer, value)
    return result


def own_deal(stage: PartnerCenterStage) -> Referral:
    return stage.port.create(sample_document() | {"externalReferenceId": "record-1"})


# --- reading ---------------------------------------------------------------------------------------------------------


def test_read_returns_what_was_created(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    read = stage.port.read(made.id)
    assert (read.id, read.version, read.external_reference_id) == (made.id, made.version, "record-1")
    assert at(read.body, "details/dealValue") == 42000
    assert at(read.body, "details/requirements/solutions")[0]["id"] == "SOL-20311-QXT"


def test_read_of_nothing_is_gone(stage: PartnerCenterStage) -> None:
    with pytest.raises(GoneError):
        stage.port.read(nobody())


def test_what_was_read_does_not_change_afterwards(stage: PartnerCenterStage) -> None:
    referral = stage.port.read(stage.invites_us())
    stage.edit(referral.id, {"/details/dealValue": 1})
    assert at(referral.body, "details/dealValue") == 42000


def test_every_write_gives_a_new_version_and_a_later_moment(stage: PartnerCenterStage) -> None:
    before = stage.port.read(stage.invites_us())
    stage.edit(before.id, {"/details/dealValue": 42000})
    after = stage.port.read(before.id)
    assert before.version != after.version
    assert before.version.startswith('"')
    assert before.version.endswith('"')
    assert before.changed_at < after.changed_at


def test_an_invitation_is_new_and_from_microsoft(stage: PartnerCenterStage) -> None:
    referral = stage.port.read(stage.invites_us())
    assert (referral.body["status"], referral.body["substatus"]) == ("New", "Pending")
    assert at(referral.body, "inviteContext/invitedBy/organizationId") == "msft"
    assert not referral.closed


# --- lists -----------------------------------------------------------------------------------------------------------


def test_changed_since_returns_ours_only_oldest_change_first(stage: PartnerCenterStage) -> None:
    first, second = stage.invites_us(), stage.invites_us()
    stage.edit(first, {"/details/notes": "later"})
    since = stage.port.read(second).changed_at - timedelta(seconds=1)
    assert [referral.id for referral in stage.port.changed_since(since)] == [second, first]


def test_changed_since_includes_the_moment_itself_and_nothing_before_its_second(stage: PartnerCenterStage) -> None:
    referral = stage.port.read(stage.invites_us())
    assert [each.id for each in stage.port.changed_since(referral.changed_at)] == [referral.id]
    assert list(stage.port.changed_since(referral.changed_at + timedelta(seconds=1))) == []


def test_changed_since_crosses_pages(stage: PartnerCenterStage) -> None:
    ids = [stage.invites_us() for _ in range(101)]
    since = stage.port.read(ids[0]).changed_at
    before = stage.requests()
    assert [each.id for each in stage.port.changed_since(since)] == ids
    assert stage.requests() - before == 2


def test_newest_is_what_changed_last(stage: PartnerCenterStage) -> None:
    assert stage.port.newest() is None
    first, _ = stage.invites_us(), stage.invites_us()
    stage.edit(first, {"/details/notes": "later"})
    newest = stage.port.newest()
    assert newest is not None
    assert newest.id == first


def test_undecided_are_the_new_ones(stage: PartnerCenterStage) -> None:
    waiting, accepted = stage.invites_us(), stage.invites_us()
    stage.edit(accepted, {"/status": "Active", "/substatus": "Accepted"})
    assert [each.id for each in stage.port.undecided()] == [waiting]


def test_now_is_close_to_the_last_change_and_in_whole_seconds(stage: PartnerCenterStage) -> None:
    changed_at = stage.port.read(stage.invites_us()).changed_at
    now = stage.port.now()
    assert now.microsecond == 0
    assert abs(now - changed_at) < timedelta(seconds=5)


def test_engagement_shows_both_rows(stage: PartnerCenterStage) -> None:
    own = stage.port.read(stage.invites_us())
    engagement = stage.port.engagement(own.engagement_id)
    assert {row.id for row in engagement.rows} == {own.id, stage.microsoft_row(own.engagement_id)}
    found, theirs = engagement.row(own.id), engagement.microsoft
    assert found
    assert theirs
    assert (found.version, theirs.id) == (own.version, stage.microsoft_row(own.engagement_id))
    nothing = stage.port.engagement(nobody())
    assert (nothing.rows, nothing.row(own.id), nothing.microsoft) == ((), None, None)


# --- whose deal it is ------------------------------------------------------------------------------------------------


def test_microsofts_row_is_known_by_its_organization(stage: PartnerCenterStage) -> None:
    own = stage.port.read(stage.invites_us())
    theirs = stage.port.read(stage.microsoft_row(own.engagement_id))
    assert (own.is_microsofts, theirs.is_microsofts) == (False, True)
    assert theirs.organization_id == "msft"


def test_an_invitation_names_who_invited_us_and_our_own_deal_names_ourselves(stage: PartnerCenterStage) -> None:
    invited, made = stage.port.read(stage.invites_us()), own_deal(stage)
    assert invited.invited_by == "msft"
    assert made.invited_by == made.organization_id == invited.organization_id


def test_microsofts_crm_id_comes_with_its_acceptance_on_both_rows(stage: PartnerCenterStage) -> None:
    first, second = sample_cosell_documents()
    own = stage.port.create(first)
    theirs = stage.port.create(second | {"engagementId": own.engagement_id})
    assert (own.microsoft_crm_id, theirs.microsoft_crm_id) == (None, None)
    stage.microsoft_accepts(own.engagement_id, "7-TEST00001")
    rows = stage.port.engagement(own.engagement_id).rows
    assert {row.microsoft_crm_id for row in rows} == {"7-TEST00001"}
    assert stage.port.read(own.id).version != own.version
    assert stage.port.read(theirs.id).body["status"] == "Active"


def test_the_newest_row_of_our_list_is_never_microsofts(stage: PartnerCenterStage) -> None:
    first, second = sample_cosell_documents()
    own = stage.port.create(first)
    theirs = stage.port.create(second | {"engagementId": own.engagement_id})
    assert theirs.changed_at >= own.changed_at
    newest = stage.port.newest()
    assert newest is not None
    assert newest.id == own.id


# --- create ----------------------------------------------------------------------------------------------------------


def test_our_own_deal_is_active_whatever_was_sent(stage: PartnerCenterStage) -> None:
    made = stage.port.create(sample_document() | {"status": "New", "substatus": "Pending"})
    assert (made.body["status"], made.body["substatus"]) == ("Active", "Accepted")


def test_create_is_not_idempotent(stage: PartnerCenterStage) -> None:
    assert own_deal(stage).id != own_deal(stage).id


def test_a_cosell_deal_is_two_rows_of_one_engagement(stage: PartnerCenterStage) -> None:
    first, second = sample_cosell_documents()
    own = stage.port.create(first)
    theirs = stage.port.create(second | {"engagementId": own.engagement_id})
    assert theirs.organization_id == "msft"
    assert theirs.body["status"] == "New"
    assert {row.id for row in stage.port.engagement(own.engagement_id).rows} == {own.id, theirs.id}


def test_microsoft_can_be_invited_into_a_private_deal_once_it_is_visible(stage: PartnerCenterStage) -> None:
    _, second = sample_cosell_documents()
    consent = {**sample_document()["consent"], "consentToShareReferralWithMicrosoftSellers": False}
    own = stage.port.create(sample_document() | {"consent": consent})
    invitation = second | {"engagementId": own.engagement_id}
    with pytest.raises(DataError):
        stage.port.create(invitation)
    share = "/consent/consentToShareReferralWithMicrosoftSellers"
    stage.port.update(own.id, [{"op": "replace", "path": share, "value": True}], own.version)
    theirs = stage.port.create(invitation)
    assert (theirs.is_microsofts, theirs.body["status"]) == (True, "New")
    assert stage.port.read(own.id).is_shared
    with pytest.raises(DataError):
        stage.port.create(invitation)


def test_microsofts_refusal_tells_its_reason_and_leaves_our_half_alone(stage: PartnerCenterStage) -> None:
    first, second = sample_cosell_documents()
    own = stage.port.create(first)
    theirs = stage.port.create(second | {"engagementId": own.engagement_id})
    stage.microsoft_declines(own.engagement_id, "No seller for the account")
    declined = stage.port.engagement(own.engagement_id).microsoft
    assert declined
    assert (declined.id, declined.closed) == (theirs.id, True)
    assert (declined.body["substatus"], declined.body["statusReason"]) == ("Declined", "No seller for the account")
    assert not stage.port.read(own.id).closed


def test_microsoft_is_invited_once(stage: PartnerCenterStage) -> None:
    first, second = sample_cosell_documents()
    second["engagementId"] = stage.port.create(first).engagement_id
    stage.port.create(second)
    with pytest.raises(DataError):
        stage.port.create(second)


def test_microsoft_is_not_invited_to_a_private_deal(stage: PartnerCenterStage) -> None:
    _, second = sample_cosell_documents()
    with pytest.raises(DataError):
        stage.port.create(second | {"engagementId": own_deal(stage).engagement_id})


@pytest.mark.parametrize(
    ("pointer", "value", "field"),
    [
        ("name", "", "name"),
        ("customerProfile/name", None, "customer_name"),
        ("customerProfile/address/addressLine1", None, "address_line_1"),
        ("customerProfile/address/city", "", "city"),
        ("customerProfile/address/country", "United Kingdom", "country"),
        ("details/dealValue", None, "deal_value"),
        ("details/currency", None, "currency"),
        ("details/closingDateTime", None, "closing_date"),
        ("details/requirements/solutions", [], "solutions"),
        ("details/requirements/solutions", [{"type": "Name", "id": "not a solution"}], "solutions"),
        ("details/requirements/additionalRequirements/attributes", [], "details/requirements/additionalRequirements"),
        ("consent/consentToToShareInfoWithOthers", False, "consent/consentToToShareInfoWithOthers"),
        ("team", [], "owner"),
    ],
)
def test_an_incomplete_deal_is_a_data_error_that_names_the_field(
    stage: PartnerCenterStage, pointer: str, value: object, field: str
) -> None:
    with pytest.raises(DataError) as caught:
        stage.port.create(changed(sample_document(), pointer, value))
    assert caught.value.problems[0].field.startswith(field)
    assert stage.port.newest() is None


# --- update ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/details/dealValue", 1000.5),
        ("/details/currency", "EUR"),
        ("/details/notes", "new notes"),
        ("/details/notes", ""),
        ("/details/requirements/solutions", [{"type": "Name", "id": "SOL-77-ABC"}]),
        ("/externalReferenceId", "record-2"),
        ("/referralProgram", "program"),
        (SHARE, True),
    ],
)
def test_update_returns_the_referral_as_it_is_now(stage: PartnerCenterStage, path: str, value: object) -> None:
    made = own_deal(stage)
    answer = stage.port.update(made.id, [replace(path, value)], made.version)
    held = at(answer.body, path)
    assert [each["id"] for each in held] == ["SOL-77-ABC"] if isinstance(value, list) else held == value
    assert answer.version == stage.port.read(made.id).version != made.version


def test_update_moves_the_closing_date(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    answer = stage.port.update(made.id, [replace("/details/closingDateTime", "2028-01-02T00:00:00Z")], made.version)
    assert at(answer.body, "details/closingDateTime") == "2028-01-02T00:00:00Z"


def test_update_of_an_old_version_changes_nothing(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    stage.edit(made.id, {"/details/notes": "meanwhile"})
    with pytest.raises(VersionMismatch):
        stage.port.update(made.id, [replace("/details/dealValue", 1)], made.version)
    assert at(stage.port.read(made.id).body, "details/dealValue") == 42000


def test_update_of_nothing_is_gone(stage: PartnerCenterStage) -> None:
    with pytest.raises(GoneError):
        stage.port.update(nobody(), [replace("/details/dealValue", 1)], '"any"')


def test_microsofts_row_is_not_ours_to_change(stage: PartnerCenterStage) -> None:
    own = stage.port.read(stage.invites_us())
    theirs = stage.port.read(stage.microsoft_row(own.engagement_id))
    with pytest.raises(AccessDenied):
        stage.port.update(theirs.id, [replace("/details/dealValue", 1)], theirs.version)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/name", "another"),
        ("/customerProfile/name", "another"),
        ("/inviteContext/assistanceRequestCode", "GeneralOrOther"),
        ("/details/dealValue", None),
        ("/details/dealValue", "a lot"),
        ("/details/currency", "EURO"),
        ("/details/requirements/solutions", []),
        ("/status", "New"),
        ("/status", "Closed"),
        (SHARE, None),
    ],
)
def test_a_refused_update_is_a_data_error_and_changes_nothing(
    stage: PartnerCenterStage, path: str, value: object
) -> None:
    made = own_deal(stage)
    with pytest.raises(DataError):
        stage.port.update(made.id, [replace("/details/notes", "half"), replace(path, value)], made.version)
    assert stage.port.read(made.id).version == made.version


def test_sharing_is_not_taken_back(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    shared = stage.port.update(made.id, [replace(SHARE, True)], made.version)
    with pytest.raises(DataError):
        stage.port.update(made.id, [replace(SHARE, False)], shared.version)


@pytest.mark.parametrize("substatus", ["Won", "Lost", "Declined"])
def test_closing_takes_status_and_substatus_and_is_final(stage: PartnerCenterStage, substatus: str) -> None:
    made = own_deal(stage)
    moves = [replace("/status", "Closed"), replace("/substatus", substatus)]
    closed = stage.port.update(made.id, moves, made.version)
    assert closed.closed
    with pytest.raises(DataError):
        stage.port.update(made.id, [replace("/details/notes", "too late")], closed.version)


def test_a_worthless_deal_is_not_won(stage: PartnerCenterStage) -> None:
    made = stage.port.create(changed(sample_document(), "details/dealValue", 0))
    with pytest.raises(DataError):
        stage.port.update(made.id, [replace("/status", "Closed"), replace("/substatus", "Won")], made.version)


def test_an_invitation_is_accepted(stage: PartnerCenterStage) -> None:
    invited = stage.port.read(stage.invites_us())
    moves = [replace("/status", "Active"), replace("/substatus", "Accepted")]
    answer = stage.port.update(invited.id, moves, invited.version)
    assert (answer.body["status"], answer.body["substatus"]) == ("Active", "Accepted")
