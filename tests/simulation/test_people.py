"""Whom an inbound deal's record belongs to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.problems import problem
from tests.simulation.deals import invited, shared
from tests.support.fakes.crm_people import APP_USER
from tests.support.fakes.world import World

LEE = "lee@fabrikam.example"


@pytest.fixture
def world() -> World:
    return World()


def mapping(folder: Path, text: str) -> FieldMap:
    (folder / "dynamics365.yaml").write_text(f"overlay: true\nversion: people\n{text}", encoding="utf-8")
    return load_mapping("dynamics365", folder)


def test_a_member_of_the_referrals_team_owns_the_record(world: World) -> None:
    lee = world.crm.add_user(firstname="Lee", lastname="Okoro", internalemailaddress=LEE)
    _, record_id = invited(world)
    assert world.crm.row(record_id)["ownerid"] == lee
    assert f"created from Partner Center; owner: {LEE}" in world.history()


def test_without_anybody_the_app_owns_it_and_the_audit_says_why(world: World) -> None:
    _, record_id = invited(world)
    assert world.crm.row(record_id)["ownerid"] == APP_USER
    assert f"owner: the app's own user, as the CRM has none of {LEE}" in world.history()
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✔")


def test_the_rules_of_the_mapping_go_on_where_the_team_ends(world: World, tmp_path: Path) -> None:
    rules = "owner_rules:\n  by_country: {GB: {user: gone@contoso.example}}\n  otherwise: {team: Inbound deals}\n"
    world.configure(field_map=mapping(tmp_path, rules))
    world.crm.teams["team-1"] = {"name": "Inbound deals"}
    _, record_id = invited(world)
    assert world.crm.row(record_id)["ownerid"] == "team-1"


def with_columns(world: World, *names: str) -> None:
    """The customer's administrator adds columns of their own."""
    world.crm.rules = replace(world.crm.rules, others=(*world.crm.rules.others, *names))


def test_each_business_unit_has_its_location_its_owner_and_its_deals(world: World, tmp_path: Path) -> None:
    """One mapping file serves them all: the location tells the unit, and conditions may name any column."""
    rules = (
        "owner_rules:\n  by_location: {'4000001': {team: North}, '4000002': {team: South}}\n"
        "  by_country: {GB: {team: Sales UK}}\n"
        "sync_when:\n  record: >-\n    (new_unit == 'North' && estimatedvalue >= `5000`) || new_unit == 'South'\n"
    )
    with_columns(world, "new_unit")
    world.configure(field_map=mapping(tmp_path, rules))
    world.crm.teams |= {name: {"name": name} for name in ("North", "South", "Sales UK")}
    owners = {}
    for location in ("4000001", "4000002", "4000003"):
        referral_id = world.partner_center.invites_us(mpnId=location)
        world.settle()
        link = world.ledger.of("dynamics365").links.of_referral(referral_id)
        assert link
        owners[location] = world.crm.row(link.record_id)["ownerid"]
    assert owners == {"4000001": "North", "4000002": "South", "4000003": "Sales UK"}
    ours = [world.crm.add_deal(new_unit=unit, estimatedvalue=100) for unit in ("North", "South", None)]
    world.settle()
    assert [world.link_of_record(each) is not None for each in ours] == [False, True, False]


def test_a_deal_goes_to_partner_center_once_a_second_person_has_approved_it(world: World, tmp_path: Path) -> None:
    with_columns(world, "new_approved")
    world.configure(field_map=mapping(tmp_path, "sync_when: {record: new_approved == `true`}\n"))
    record_id = world.crm.add_deal(cosell_howcanmicrosofthelp=2, new_approved=None)
    world.settle()
    assert world.partner_center.rows == {}
    assert world.crm.row(record_id)["cosell_syncstatus"] is None, "nothing is said on what is not approved"
    world.crm.edit(record_id, new_approved=True)
    world.settle()
    assert world.link_of_record(record_id)
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✔")


def test_an_owner_without_rights_is_passed_over_and_the_deal_goes_on(world: World) -> None:
    lee = world.crm.add_user(firstname="Lee", lastname="Okoro", internalemailaddress=LEE)
    world.crm.unfit_owners.add(lee)
    _, record_id = invited(world)
    assert world.crm.row(record_id)["ownerid"] == APP_USER
    assert len(world.crm.accounts) == 1
    assert f"as the CRM lets none of {LEE} own it" in world.history()
    assert world.parked() == []


def test_the_owner_is_set_once_and_a_person_may_change_it(world: World) -> None:
    world.crm.add_user(firstname="Lee", lastname="Okoro", internalemailaddress=LEE)
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, ownerid=world.crm.seller)
    world.partner_center.edit(referral_id, {"/details/dealValue": 7})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 7
    assert world.crm.row(record_id)["ownerid"] == world.crm.seller


# --- another owner ---------------------------------------------------------------------------------------------------


def team_of(world: World, referral_id: str) -> list[str]:
    return [each["email"] for each in world.partner_center.rows[referral_id]["team"]]


KIM, SAM = "kim@partner.example", "sam@partner.example"


def test_the_new_owner_takes_the_first_ones_place_on_our_team(world: World) -> None:
    referral_id, record_id = shared(world)
    colleague = {"firstName": "Pat", "lastName": "Lin", "email": "pat@x.example", "phoneNumber": "+1", "title": "CTO"}
    team = world.partner_center.rows[referral_id]["team"]
    world.partner_center.edit(referral_id, {"/team": [*team, colleague]})
    world.settle()
    kim = world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+14255550102")
    world.crm.edit(record_id, ownerid=kim, description="Kim goes on.")
    world.settle()
    assert team_of(world, referral_id) == [KIM, "pat@x.example"]
    assert world.partner_center.rows[referral_id]["team"][1]["title"] == "CTO"
    assert world.partner_center.rows[referral_id]["details"]["notes"] == "Kim goes on."
    assert f"our team: {KIM} in the former owner's place" in str(world.crm.row(record_id)["cosell_audit"])


def test_a_new_owner_costs_nothing_afterwards(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, ownerid=world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+1"))
    world.settle()
    world.clock.advance(timedelta(minutes=1))
    start = world.mark()
    world.crm.edit(record_id, estimatedvalue=9)
    world.settle()
    assert world.calls(start) == {"partner_center.update": 1, "crm.update": 1}
    assert team_of(world, referral_id) == [KIM]


def test_an_owner_who_cannot_be_on_the_team_holds_nothing_up(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, ownerid=world.crm.add_user(firstname="Kim", lastname="Ray"), estimatedvalue=9)
    world.settle()
    assert team_of(world, referral_id) == [SAM]
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 9
    assert "our team stays: the new owner lacks phone" in str(world.crm.row(record_id)["cosell_audit"])
    world.crm.edit(record_id, ownerid="a team", estimatedvalue=10)
    world.settle()
    assert "our team stays: the record's new owner is no user" in str(world.crm.row(record_id)["cosell_audit"])
    assert world.parked() == []


def test_an_owner_whom_partner_center_refuses_holds_nothing_up(world: World) -> None:
    referral_id, record_id = shared(world)
    refused = DataError(problem("partner_center.refused", "owner", message="not one of your users"))
    world.tape.fail(refused, "partner_center", "update")
    kim = world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+14255550102")
    world.crm.edit(record_id, ownerid=kim, estimatedvalue=9)
    world.settle()
    assert team_of(world, referral_id) == [SAM]
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 9
    assert "not one of your users" in str(world.crm.row(record_id)["cosell_audit"])
    assert world.parked() == []


def test_whom_we_did_not_put_there_stays(world: World) -> None:
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, ownerid=world.crm.seller)
    world.settle()
    assert team_of(world, referral_id) == [SAM, LEE]


def test_the_team_can_be_left_alone(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, "team_follows_owner: false\n"))
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, ownerid=world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+1"))
    world.settle()
    assert team_of(world, referral_id) == [SAM]


# --- the customer's contact ------------------------------------------------------------------------------------------


def contact_of(world: World, record_id: str) -> dict[str, object]:
    return world.crm.contacts[str(world.crm.row(record_id)["parentcontactid"])]


def test_an_inbound_deal_brings_the_customers_contact(world: World) -> None:
    _, record_id = invited(world)
    contact = contact_of(world, record_id)
    assert (contact["firstname"], contact["lastname"]) == ("Ana", "Ruiz")
    assert (contact["emailaddress1"], contact["telephone1"]) == ("ana@northwind.example", "+441130000000")
    assert "the customer's contact was added to the account" in world.history()


def test_a_second_deal_of_the_customer_has_the_same_contact(world: World) -> None:
    _, first = invited(world)
    _, second = invited(world)
    assert world.crm.row(first)["parentcontactid"] == world.crm.row(second)["parentcontactid"]
    assert len(world.crm.contacts) == 1


@pytest.mark.parametrize(
    "team", [[], None, [{"email": "info@northwind.example"}], "nobody", [None, {"phoneNumber": 7}]]
)
def test_a_referral_without_a_named_person_becomes_a_record_without_contact(world: World, team: object) -> None:
    _, record_id = invited(world, **{"customerProfile/team": team})
    assert world.crm.row(record_id)["parentcontactid"] is None
    assert world.parked() == []


def test_a_person_with_a_first_name_only_is_kept_under_it(world: World) -> None:
    _, record_id = invited(world, **{"customerProfile/team": [{}, {"firstName": "Björk", "email": "b@x.example"}]})
    assert contact_of(world, record_id)["lastname"] == "Björk"


def test_the_contact_can_be_switched_off(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, "contact_in_crm: false\n"))
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentcontactid"] is None
    assert world.crm.contacts == {}
    assert "contact" not in world.history()


def test_a_contact_that_the_crm_refuses_does_not_hold_the_deal(world: World) -> None:
    world.crm.refused_contacts = "Contacts come from the ERP."
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentcontactid"] is None
    assert "without the customer's contact, which the CRM did not take" in world.history()
    assert world.parked() == []


# --- the customer's account ------------------------------------------------------------------------------------------


def test_an_account_that_is_spelled_otherwise_is_the_customers(world: World) -> None:
    account = world.crm.add_account(name="NORTHWIND TRADERS, Ltd. ", address1_postalcode="LS14DL")
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentaccountid"] == account
    assert "account NORTHWIND TRADERS, Ltd., which is spelled otherwise (score 100)" in world.history()


def test_one_that_may_be_the_customers_is_named_and_not_taken(world: World) -> None:
    account = world.crm.add_account(name="Northwind Traders Inc", address1_postalcode=None)
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentaccountid"] != account
    assert f"Northwind Traders Inc ({account}) may be the same customer (score 70)" in world.history()


def test_an_account_in_another_country_is_another_customers(world: World) -> None:
    world.crm.add_account(name="Northwind Traders Inc", address1_postalcode="LS1 4DL", address1_country="Germany")
    invited(world)
    assert "may be the same customer" not in world.history()


def test_a_web_site_tells_as_much_as_a_place(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, "account: {website: websiteurl}\n"))
    site = "https://www.northwind.example/uk"
    account = world.crm.add_account(name="Northwind Traders Inc", address1_postalcode=None, websiteurl=site)
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentaccountid"] == account


def test_a_number_decides_alone(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, "account: {duns: new_duns}\n"))
    world.crm.add_account(name="Northwind Traders", address1_postalcode="LS1 4DL ", new_duns="15-048-3783")
    account = world.crm.add_account(name="Northwind Group", address1_postalcode="M1", new_duns="15-048-3782")
    _, record_id = invited(world, **{"customerProfile/ids": [{"profileType": "Duns", "id": "150483782"}]})
    assert world.crm.row(record_id)["parentaccountid"] == account


def test_only_equal_accounts_where_the_mapping_wants_it(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, "account: {alike: never}\n"))
    account = world.crm.add_account(name="NORTHWIND TRADERS, Ltd. ", address1_postalcode="LS14DL")
    _, record_id = invited(world)
    assert world.crm.row(record_id)["parentaccountid"] != account


# --- everybody who works on the deal ---------------------------------------------------------------------------------

EVERYBODY = "our_team: sales_team\ncustomer_team: all\n"


def connected(world: World, **columns: object) -> str:
    """A deal with two colleagues, one of them without a phone number, and two people more of the customer's."""
    kim = world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+14255550102")
    pat = world.crm.add_user(firstname="Pat", lastname="Lin")
    ana = world.crm.add_contact(firstname="Ana", lastname="Ruiz", emailaddress1="ana@contoso.example")
    nobody = world.crm.add_contact(firstname="Bo", lastname="Li", emailaddress1=None)
    record_id = world.crm.add_deal(**columns)
    olive = str(world.crm.row(record_id)["parentcontactid"])
    world.crm.connections[record_id] = [kim, pat, world.crm.seller, olive, ana, nobody]
    world.settle()
    return record_id


def people_of(world: World, record_id: str) -> list[tuple[list[str], list[str]]]:
    """Our team and the customer's, as each row of the deal names them."""
    link = world.link_of_record(record_id)
    assert link
    rows = [row for row in world.partner_center.rows.values() if row["engagementId"] == link.engagement_id]
    lists = [(row["team"], row["customerProfile"]["team"]) for row in rows]
    return [([each["email"] for each in ours], [each["email"] for each in theirs]) for ours, theirs in lists]


def test_everybody_who_can_be_named_is_on_the_referral_and_in_the_invitation(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, EVERYBODY))
    record_id = connected(world, cosell_howcanmicrosofthelp=2)
    assert people_of(world, record_id) == [([SAM, KIM], ["olive@contoso.example", "ana@contoso.example"])] * 2


def test_a_phone_number_for_all_names_the_others_too(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, f"{EVERYBODY}team_phone_default: '+1'\n"))
    record_id = connected(world)
    assert people_of(world, record_id) == [([SAM, KIM, "pat@partner.example"], [])], "no contact without help"


def test_unless_it_is_configured_nobody_is_asked_for(world: World) -> None:
    start = world.mark()
    record_id = connected(world, cosell_howcanmicrosofthelp=2)
    assert people_of(world, record_id) == [([SAM], ["olive@contoso.example"])] * 2
    assert "crm.involved" not in world.calls(start)


def test_the_new_owner_takes_a_place_among_the_colleagues(world: World, tmp_path: Path) -> None:
    world.configure(field_map=mapping(tmp_path, EVERYBODY))
    record_id = connected(world)
    lee = world.crm.add_user(firstname="Lee", lastname="Okoro", mobilephone="+1")
    world.crm.edit(record_id, ownerid=lee)
    world.settle()
    assert people_of(world, record_id)[0][0] == ["lee@partner.example", KIM]
