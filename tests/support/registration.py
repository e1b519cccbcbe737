"""The section `registration` of a mapping file, and a record that fills it, for both CRMs."""

from __future__ import annotations

from typing import Any

_SECTION = """
registration:
  when: {when}
  status_column: {status}
  form:
    - {{field: contract_term, referral: contract.term, column: {term}, codec: choice, values: {terms}}}
    - {{field: contract_start, referral: contract.startDateTime, column: {start}, codec: date}}
    - {{field: contract_end, referral: contract.endDateTime, column: {end}, codec: date}}
    - {{field: contract_signed, referral: contract.signDateTime, column: {signed}, codec: date}}
    - {{field: contract_value, referral: contract.value, column: {value}, codec: money}}
    - {{field: registered_solution, referral: solutionDetails.id, column: {solution}, codec: solutions}}
  constants:
    solutionDetails.isDeployedOnAzure: true
    solutionDetails.primaryDeploymentOn: Customer
    solutionDetails.pricingModel: PayAsYouGo
    solutionDetails.marketplaceTransactionDetails.isMarketplaceTransacted: false
"""

_COLUMNS = {
    "dynamics365": {
        "when": "cosell_registerwin",
        "status": "cosell_registrationstatus",
        "term": "cosell_contractterm",
        "terms": "{1: Perpetual, 2: Finite}",
        "start": "cosell_contractstart",
        "end": "cosell_contractend",
        "signed": "cosell_contractsigned",
        "value": "cosell_contractvalue",
        "solution": "cosell_registeredsolution",
    },
    "salesforce": {
        "when": "Register_Win__c",
        "status": "Registration_Status__c",
        "term": "Contract_Term__c",
        "terms": "{Perpetual: Perpetual, Finite: Finite}",
        "start": "Contract_Start__c",
        "end": "Contract_End__c",
        "signed": "Contract_Signed__c",
        "value": "Contract_Value__c",
        "solution": "Registered_Solution__c",
    },
}


def section(crm: str, when: str = "") -> str:
    """Return the section for a CRM; without another condition a column of its own says which wins are registered."""
    names = _COLUMNS[crm]
    return _SECTION.format(**{**names, "when": names[when] if when else names["when"]})


def filled(crm: str, **changes: Any) -> dict[str, Any]:
    """Return the columns of a filled form, some of them otherwise, by the names of `_COLUMNS`."""
    values: dict[str, Any] = {
        "when": True,
        "term": 2 if crm == "dynamics365" else "Finite",
        "start": "2026-04-01",
        "end": "2027-03-31",
        "signed": "2026-03-28",
        **changes,
    }
    return {_COLUMNS[crm][name]: value for name, value in values.items()}


def column(crm: str, name: str) -> str:
    """Return what a column of the form is called."""
    return _COLUMNS[crm][name]
