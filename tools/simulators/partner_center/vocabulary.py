"""The closed vocabularies of the referral resource (referral-resources page, connector swagger)."""

from __future__ import annotations

import re

import pycountry


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MICROSOFT = "msft"
"""The organization id of Microsoft's side of a deal."""

STATUSES = frozenset({"None", "New", "Active", "Closed"})
SUBSTATUSES = {
    "New": frozenset({"Pending", "Received"}),
    "Active": frozenset({"Accepted"}),
    "Closed": frozenset({"Won", "Lost", "Declined", "Expired"}),
}
ALL_SUBSTATUSES = frozenset({"None"}).union(*SUBSTATUSES.values())
MOVES = {"New": frozenset({"New", "Active", "Closed"}), "Active": frozenset({"Active", "Closed"})}
"""Which status may follow which; Closed is final."""

QUALIFICATIONS = frozenset({"None", "Direct", "MarketingQualified", "SalesQualified"})
TYPES = frozenset({"Independent", "Shared"})
DIRECTIONS = frozenset({"Incoming", "Outgoing"})
TARGET_TYPES = frozenset({"None", "BusinessProfileLocation", "SolutionProfile"})
SOLUTION_TYPES = frozenset({"None", "Category", "Name"})
PROFILE_TYPES = frozenset({"Duns", "External"})
MARKETPLACE_INTENTS = frozenset({"HaveNotDecided", "Yes", "No"})
"""Only HaveNotDecided is documented as a literal; the other two are the UI's choices."""
ASSISTANCE_CODES = frozenset(
    {
        "Unknown",
        "WorkloadSpecificValueProposition",
        "CustomerTechnicalArchitecture",
        "ProofOfConceptOrDemo",
        "QuotesOrLicensing",
        "PostSalesCustomerSuccess",
        "GeneralOrOther",
    }
)
COMPANY_SIZES = _names(
    """
    1to50employees 51to500employees Morethan500employees 1to9employees 10to50employees 51to250employees
    251to1000employees 1001to5000employees 5001to10000employees 10001to20000employees Morethan20000employees
    """
) | {""}
SOLUTION_CATEGORIES = _names(
    """
    AdvancedAnalytics ApplicationIntegration ArtificialIntelligence AzureSecurityOperationManagement AzureStack
    BackupDisasterRecovery BigData Blockchain Chatbot CloudDatabaseMigration CloudMigration CloudVoice
    CognitiveServices CompetitiveDatabaseMigration Containers DataWarehouse DatabaseonLinux DevelopmentandTest DevOps
    DigitalMedia Dynamics365forCustomerService Dynamics365forFieldService Dynamics365forFinanceOperations
    Dynamics365forRetail Dynamics365forSales Dynamics365forTalent DynamicsonAzure EnterpriseBusinessIntelligence
    Gaming HighPerformanceComputing HybridStorage IdentityandAccessManagement InformationManagement InternetofThings
    MachineLearning Microserviceapplications MobileApplications MySQLPostgresMigrationtoAzure Networking NoSQLMigration
    RedhatonAzure RegulatoryComplianceGDPR SAPonAzure ServerlessComputing SharepointonAzure SQLServerUpgrade
    ThreatProtection WebDevelopment
    """
)

EVENTS = (
    "test-created",
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
    "subscription-updated",
    "usagerecords-thresholdExceeded",
    "invoice-ready",
    "azure-fraud-event-detected",
    "reseller-relationship-accepted-by-customer",
    "indirect-reseller-relationship-accepted-by-customer",
    "dap-admin-relationship-approved",
    "dap-admin-relationship-terminated",
    "dap-admin-relationship-terminated-by-microsoft",
    "granular-admin-relationship-approved",
    "granular-admin-relationship-activated",
    "granular-admin-relationship-expired",
    "granular-admin-relationship-terminated",
    "granular-admin-access-assignment-created",
    "granular-admin-access-assignment-activated",
    "granular-admin-access-assignment-updated",
    "granular-admin-access-assignment-deleted",
    "new-commerce-migration-created",
    "new-commerce-migration-completed",
    "new-commerce-migration-failed",
    "new-commerce-migration-schedule-failed",
)

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_PARTNER_SOLUTION = re.compile(r"SOL-\d+-[A-Z]{3}")


def is_guid(text: str) -> bool:
    """Tell whether `text` is a GUID in the dashed form."""
    return _GUID.fullmatch(text) is not None


def is_solution_id(kind: str, text: str) -> bool:
    """Tell whether `text` can be a solution: `SOL-<digits>-<3 letters>`, Microsoft's own GUID, or a category name."""
    named = _PARTNER_SOLUTION.fullmatch(text) is not None or is_guid(text)
    if kind == "Name":
        return named
    return text in SOLUTION_CATEGORIES or (kind == "None" and named)


def is_country(text: str) -> bool:
    """Tell whether `text` is an ISO 3166-1 alpha-2 code."""
    return pycountry.countries.get(alpha_2=text) is not None and text.isupper()


def is_currency(text: str) -> bool:
    """Tell whether `text` is an ISO 4217 code."""
    return pycountry.currencies.get(alpha_3=text) is not None and text.isupper()
