"""Who is to own an inbound deal's record, by the mapping file."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import MappingError
from shared.mapping.check.lint import lint
from shared.mapping.loading import load_mapping, positions
from shared.mapping.owners import MOST, Assigned, Assignee, OwnerKind, OwnerRules, assignees
from tests.support.fakes import crm_tables

VERA, TEAM = Assigned(user="vera@contoso.example", team=None), Assigned(user=None, team="Inbound deals")
LEE = Assignee(OwnerKind.USER, "lee@fabrikam.example")


@pytest.mark.parametrize(
    ("rules", "mails", "country", "wanted"),
    [
        (OwnerRules(), [], "GB", []),
        (OwnerRules(), [" Lee@Fabrikam.example ", None, "", "no mail", "lee@fabrikam.example"], None, [LEE]),
        (OwnerRules(by_country={"DE": VERA}), [], "de", [VERA.assignee()]),
        (OwnerRules(by_country={"DE": VERA}), [], "GB", []),
        (
            OwnerRules(by_country={"GB": VERA}, otherwise=TEAM),
            ["lee@fabrikam.example"],
            "GB",
            [LEE, VERA.assignee(), TEAM.assignee()],
        ),
        (OwnerRules(referral_team=False, otherwise=TEAM), ["lee@fabrikam.example"], "GB", [TEAM.assignee()]),
        (OwnerRules(by_country={"GB": VERA}, otherwise=VERA), [], "GB", [VERA.assignee()]),
    ],
)
def test_the_rules_name_people_in_their_order(
    rules: OwnerRules, mails: list[object], country: object, wanted: list[Assignee]
) -> None:
    assert list(assignees(rules, mails, country)) == wanted


def test_a_long_team_is_not_all_asked_for() -> None:
    mails: list[object] = [f"person{number}@fabrikam.example" for number in range(50)]
    assert len(assignees(OwnerRules(), mails, None)) == MOST


def written(folder: Path, crm: str, rules: str) -> Path:
    (folder / f"{crm}.yaml").write_text(f"overlay: true\nversion: people\nowner_rules:\n{rules}", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("  otherwise: {user: a@b.example, team: Sales}\n", "line 4: owner_rules.otherwise: name a `user`"),
        ("  otherwise: {}\n", "line 4: owner_rules.otherwise: name a `user`"),
        ("  by_country: {Germany: {user: a@b.example}}\n", "which is no country code"),
        ("  default: {user: a@b.example}\n", "line 4: owner_rules.default: is not known here"),
    ],
)
def test_a_mistake_in_the_rules_is_named(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        load_mapping("dynamics365", written(tmp_path, "dynamics365", rules))


def test_an_overlay_names_a_country_and_keeps_the_other_rules(tmp_path: Path) -> None:
    file = load_mapping(
        "dynamics365", written(tmp_path, "dynamics365", "  by_country:\n    DE: {team: Vertrieb}\n")
    ).file
    assert file.owner_rules == OwnerRules(by_country={"DE": Assigned(user=None, team="Vertrieb")})


def test_a_team_owns_nothing_in_salesforce(tmp_path: Path) -> None:
    folder = written(tmp_path, "salesforce", "  otherwise: {team: Sales}\n")
    (found,) = lint(load_mapping("salesforce", folder).file, positions("salesforce", folder))
    assert (found.line, found.field, found.severity) == (4, "owner_rules.otherwise", "error")


def test_whom_the_crm_does_not_have_is_named_with_the_line(tmp_path: Path) -> None:
    rules = "  by_country:\n    DE: {team: Vertrieb}\n    GB: {user: ann@contoso.example}\n"
    folder = written(tmp_path, "dynamics365", rules)
    live = crm_tables.description(Assignee(OwnerKind.TEAM, "Vertrieb"))
    (found,) = lint(load_mapping("dynamics365", folder).file, positions("dynamics365", folder), live)
    assert (found.line, found.field, found.severity) == (5, "owner_rules.by_country.DE", "warning")


def places(directory: Path, crm: str, text: str) -> list[str]:
    """Where lint finds something wrong in the owner rules of an overlay."""
    (directory / f"{crm}.yaml").write_text(f"overlay: true\nversion: x\n{text}\n", encoding="utf-8")
    file = load_mapping(crm, directory).file
    return [each.field for each in lint(file, positions(crm, directory)) if "owner_rules" in each.field]


QUEUE = "owner_rules: {otherwise: {queue: Inbound leads}}"


@pytest.mark.parametrize(
    ("crm", "text", "wrong"),
    [
        ("salesforce", f"lead: {{{QUEUE}}}", []),
        ("salesforce", QUEUE, ["owner_rules.otherwise"]),
        ("dynamics365", f"lead: {{{QUEUE}}}", ["lead.owner_rules.otherwise"]),
        ("dynamics365", QUEUE, ["owner_rules.otherwise"]),
        ("salesforce", "lead: {owner_rules: {by_country: {DE: {team: T}}}}", ["lead.owner_rules.by_country.DE"]),
    ],
)
def test_a_queue_owns_leads_of_salesforce_and_nothing_else(
    tmp_path: Path, crm: str, text: str, wrong: list[str]
) -> None:
    assert places(tmp_path, crm, text) == wrong


def test_leads_have_owners_of_their_own_or_those_of_the_file(tmp_path: Path) -> None:
    text = "overlay: true\nversion: x\nowner_rules: {otherwise: {user: Ann Inbound}}\n"
    (tmp_path / "salesforce.yaml").write_text(text, encoding="utf-8")
    lead = load_mapping("salesforce", tmp_path).lead
    assert lead
    assert [str(each) for _, each in lead.file.owner_rules.named()] == ["user Ann Inbound"]
    (tmp_path / "salesforce.yaml").write_text(f"{text}lead: {{{QUEUE}}}\n", encoding="utf-8")
    field_map = load_mapping("salesforce", tmp_path)
    assert field_map.lead
    assert [str(each) for _, each in field_map.lead.file.owner_rules.named()] == ["queue Inbound leads"]
    assert [str(each) for _, each in field_map.file.owner_rules.named()] == ["user Ann Inbound"]
