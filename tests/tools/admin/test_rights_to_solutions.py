"""Which rights a table of solutions takes in Salesforce: those of the mapping that names one, and none otherwise."""

from __future__ import annotations

from pathlib import Path

from shared.mapping.loading import load_mapping
from tests.support.solution_rows import mapping
from tools.admin.salesforce.access import Fields, for_app, for_sellers, objects_of, tables_of

ROWS, DETAIL = "Microsoft_Solution__c", "Microsoft_Solution_Detail__c"
FIELDS: Fields = {
    ROWS: {
        "Opportunity__c": {"name": "Opportunity__c", "permissionable": False},
        "Solution_Detail__c": {"name": "Solution_Detail__c", "permissionable": True, "referenceTo": [DETAIL]},
    }
}


def test_the_app_may_read_the_rows_and_what_they_look_up(tmp_path: Path) -> None:
    field_map = mapping("salesforce", tmp_path)
    rights = for_app(field_map, FIELDS)
    assert rights.objects[ROWS] == rights.objects[DETAIL] == ("Read", "ViewAllRecords")
    assert rights.fields[f"{ROWS}.Solution_Detail__c"] is False
    assert rights.fields[f"{DETAIL}.Solution_Identifier__c"] is rights.fields[f"{DETAIL}.Solution_Name__c"] is False
    assert f"{ROWS}.Opportunity__c" not in rights.fields, "what everybody sees needs no right"
    assert ROWS in tables_of(field_map)
    assert objects_of(field_map)[ROWS] == ("Read", "ViewAllRecords")
    assert not [name for name in for_sellers(field_map, FIELDS).fields if name.startswith((ROWS, DETAIL))]


def test_a_mapping_without_rows_asks_for_nothing_more() -> None:
    field_map = load_mapping("salesforce")
    assert not {ROWS, DETAIL} & set(for_app(field_map, FIELDS).objects)
    assert ROWS not in tables_of(field_map)
