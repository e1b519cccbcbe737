"""The documented full referral (reference: partner-center-api 7.4) and a complete Dynamics 365 opportunity."""

from __future__ import annotations

import json
from typing import Any

REFERRAL_ID = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"
ENGAGEMENT_ID = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"
OUR_ORGANIZATION = "e1d7c0a4-2b7c-4c0e-8c0a-7d4a3c1f9b20"

_REFERRAL = r"""
{"@odata.context":"https://api.partner.microsoft.com/v1.0/engagements/referrals/$metadata#Referrals/$entity",
 "id":"0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11","engagementId":"5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55",
 "name":"Northwind analytics rollout","organizationId":"e1d7c0a4-2b7c-4c0e-8c0a-7d4a3c1f9b20",
 "organizationName":"Fabrikam","lastModifiedVia":null,"lastRunId":null,"externalReferenceId":"crm-000417",
 "createdDateTime":"2026-01-05T09:12:44.5521903Z","updatedDateTime":"2026-01-05T09:14:02.118Z",
 "expirationDateTime":null,"status":"Active","substatus":"Accepted","statusReason":null,
 "qualification":"SalesQualified","type":"Shared","referralSource":null,
 "eTag":"\"7a00c1d2-0000-0100-0000-695b80da0000\"","favorite":false,"campaignId":null,"salesStage":null,
 "quality":"Unknown","isSpam":false,"direction":"Outgoing","mpnId":"4000001","referralProgram":null,
 "dealSensitivity":"None","createdVia":null,"tags":[],"acceptedDateTime":"2026-01-05T09:12:44.5509001Z",
 "closedDateTime":null,"callToAction":null,"registrationStatus":"None",
 "target":[{"type":"SolutionProfile","id":"SOL-20311-QXT"}],
 "customerProfile":{"name":"Northwind Traders","size":"","isMatchingComplete":false,
   "address":{"addressLine1":"12 Harbour Rd","addressLine2":null,"city":"Leeds","state":null,"postalCode":"LS1 4DL",
     "country":"GB","region":null},
   "team":[{"firstName":"Ana","lastName":"Ruiz","phoneNumber":"+441130000000","email":"ana@northwind.example",
     "title":null,"contactPreference":{"locale":null,"disableNotifications":true}}],
   "ids":[{"profileType":"Duns","id":""},{"profileType":"External","id":"6-AB12CD34E"}]},
 "consent":{"consentToToShareInfoWithOthers":true,"consentToContact":true,
   "consentToMicrosoftToContactSpecificPartners":null,"consentToShareReferralWithMicrosoftSellers":true},
 "details":{"notes":"Phase one scoping","dealValue":42000,"currency":"GBP","closingDateTime":"2026-03-31T00:00:00Z",
   "customerRequestedContact":null,"customerAction":null,"incentiveLevel":null,
   "requirements":{"industries":[],"products":[],"services":[],
     "solutions":[{"id":"SOL-20311-QXT","name":"Insight Hub","type":"Name","price":null,"quantity":null,
       "currency":null,"publisherName":null,"solutionType":null,"closingDateTime":null}],
     "offers":[],"salesPlays":[],
     "additionalRequirements":{"iot":{"customerLicenseAgreementNumber":null,"deviceCategory":null,"siliconType":null,
       "azureCertifiedDevice":false,"attachServices":false},
       "attributes":[{"id":"HaveNotDecided","type":"CustomerMarketplaceIntent"}]}}},
 "team":[{"firstName":"Lee","lastName":"Okoro","phoneNumber":"+441130000001","email":"lee@fabrikam.example",
   "title":null,"contactPreference":{"locale":null,"disableNotifications":null}}],
 "inviteContext":{"notes":null,"assistanceRequestCode":"Unknown","invitedMpnId":"4000001",
   "invitedBy":{"organizationId":"e1d7c0a4-2b7c-4c0e-8c0a-7d4a3c1f9b20","organizationName":"Fabrikam"}},
 "trackingInfo":{"microsoftMsxId":null,"microsoftUSFedOpportunityId":null,"microsoftUSFedLeadId":null,
   "migratedPSCDealId":null,"migratedPSCPartnerDealId":null},
 "registrations":[]}
"""


def referral_body() -> dict[str, Any]:
    """A fresh copy of the documented answer."""
    body: dict[str, Any] = json.loads(_REFERRAL)
    return body


def opportunity() -> dict[str, object]:
    """The columns of the opportunity that corresponds to it."""
    return {
        "name": "Northwind analytics rollout",
        "estimatedvalue": 42000.0,
        "transactioncurrencyid": "GBP",
        "estimatedclosedate": "2026-03-31",
        "description": "Phase one scoping",
        "cosell_products": "SOL-20311-QXT",
        "cosell_referralvisibility": True,
        "cosell_howcanmicrosofthelp": None,
        "cosell_microsoftcrmidentifier": None,
        "cosell_referralprogram": None,
        "cosell_marketplaceintent": 3,
        "cosell_closereason": None,
        "cosell_decideby": None,
        "statecode": 0,
        "statuscode": 1,
        "cosell_syncwithpartnercenter": True,
    }


ACCOUNT: dict[str, object] = {
    "name": "Northwind Traders",
    "address1_line1": "12 Harbour Rd",
    "address1_line2": None,
    "address1_city": "Leeds",
    "address1_stateorprovince": None,
    "address1_postalcode": "LS1 4DL",
    "address1_country": "United Kingdom",
}
CONTACT: dict[str, object] = {
    "firstname": "Ana",
    "lastname": "Ruiz",
    "emailaddress1": "ana@northwind.example",
    "telephone1": "+441130000000",
}
OWNER: dict[str, object] = {
    "firstname": "Lee",
    "lastname": "Okoro",
    "internalemailaddress": "lee@fabrikam.example",
    "mobilephone": "+441130000001",
}
