// One installation of the co-sell synchronization: a resource group with everything the app needs.
// `azd up` deploys it; infra/README.md says what it makes, and what of it was never tried.
targetScope = 'subscription'

@description('Name of the azd environment: a part of the resources\' names, so that several installations can stand side by side.')
@minLength(1)
@maxLength(24)
param environmentName string

@description('Azure region of everything, such as westeurope. Flex Consumption is not offered in every region.')
param location string

@description('Object id of the person or group that keeps secrets in the vault. Empty: nobody is given a role.')
param adminPrincipalId string = ''

@description('Whether that administrator may also read and write the app\'s table and queues, which cosell.py doctor needs from outside Azure.')
param adminMayExamine bool = false

@description('Names of the secret app settings that are kept in the vault, with a comma between. Each must exist there, in lower case with dashes (partner-center-client-secret), before the app can start.')
param vaultSecrets string

@description('Python of the function app. It must be the one that the package was built for.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.13'

@description('RegisterWebhook and StatusPage: off; signIn, behind a sign-in with Entra ID; key, behind the function key alone.')
@allowed(['off', 'signIn', 'key'])
param pages string = 'off'

@description('Application (client) id of the app registration that people sign in with, for pages = signIn.')
param signInClientId string = ''

@description('Mail address that is told of alerts. Empty: alerts are shown in the portal only.')
param alertEmail string = ''

@description('Id of a subnet delegated to Microsoft.App/environments, with service endpoints for Microsoft.Storage and Microsoft.KeyVault. Set: only it reaches storage and vault.')
param subnetId string = ''

@description('Address ranges that may deploy, with a comma between, such as 203.0.113.0/24. Empty: any address, with an Entra ID token.')
param deployFrom string = ''

@description('Instances of each function at most. Azure takes less than 40 in some regions only.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Whether one instance of CrmPoller always runs. It costs as long as it exists, and guards against timers that do not wake.')
param keepPollerReady bool = false

// settings: made by `cosell.py settings --write`
@description('CRM. `dynamics365`, `salesforce`, or both with a comma between.')
param crm string

@description('CRM_POLL_SCHEDULE. When the CRMs are asked for changes: second, minute, hour, day, month, weekday, in UTC; each no more often than `DYNAMICS_POLL_SECONDS` and `SALESFORCE_POLL_SECONDS` say.')
param crmPollSchedule string = '*/15 * * * * *'

@description('RECONCILE_SCHEDULE. When missed events and waiting deals are looked for.')
param reconcileSchedule string = '0 */10 * * * *'

@description('SYNC_QUEUE. Name of the queue of deals.')
param syncQueue string = 'deals'

@description('SYNC_SLOTS. How many processes may work on several deals at once (six each, host.json); every other one works on one.')
param syncSlots string = '8'

@description('MAPPING_DIR. Folder with your own mapping file, whole or naming only what differs ([docs/MAPPING.md](docs/MAPPING.md)); a relative one starts at the folder of host.json.')
param mappingDir string = ''

@description('CLOSE_DELAY_MINUTES. Minutes that Won, Lost and Declined wait before they go to Partner Center, where they are final; moving the record back meanwhile cancels it. `0` sends at once, `0.5` after half a minute.')
param closeDelayMinutes string = '5'

@description('MASS_CHANGE_DEALS. When more deals than this, and a larger share than `MASS_CHANGE_PERCENT`, are closed, cleared, switched off or deleted within an hour, the rest is held until an administrator releases it.')
param massChangeDeals string = '25'

@description('MASS_CHANGE_PERCENT. The share of all linked deals that goes with `MASS_CHANGE_DEALS`.')
param massChangePercent string = '10'

@description('AUDIT_RETENTION_DAYS. For how many days the ledger keeps the audit of deals and of refused requests; the record\'s Audit column is its own. 0 is for ever.')
param auditRetentionDays string = '730'

@description('DEADLINE_DAYS. How many days before an invitation expires, or a win can no longer be registered, people are reminded.')
param deadlineDays string = '7,3,1'

@description('REGISTRATION_DAYS. How many days a won co-sell deal of enough value may wait for its registration; `0` for none.')
param registrationDays string = '60'

@description('MESSAGE_LANGUAGE. The language of what sellers read on the record, and of alerts: `en` or `ko`.')
@allowed(['en', 'ko'])
param messageLanguage string = 'en'

@description('CRM_AUDIT. When the record\'s Audit and status are written: `every_change`, `creates_and_failures` or `off`.')
@allowed(['every_change', 'creates_and_failures', 'off'])
param crmAudit string = 'every_change'

@description('DRY_RUN. `true` observes, plans and records, and writes nothing to either side.')
@allowed(['true', 'false'])
param dryRun string = 'true'

@description('ALERT_FORMAT. What that chat understands: `teams`, `slack`, or `auto`, by the address: Slack\'s own, else Teams.')
@allowed(['auto', 'teams', 'slack'])
param alertFormat string = 'auto'

@description('ALERT_DETAILS. `true` names the deal, its customer and its value in the chat; else a message has ids, days and links alone.')
@allowed(['true', 'false'])
param alertDetails string = 'false'

@description('DIGEST_HOUR. The hour (UTC) from which on the daily digest of what needs a person is sent to the chat; `24` for none.')
param digestHour string = '7'

@description('PARTNER_CENTER_TENANT_ID. The partner tenant of the app registration of step 1.')
param partnerCenterTenantId string

@description('PARTNER_CENTER_CLIENT_ID. The app registration\'s application (client) id.')
param partnerCenterClientId string

@description('PARTNER_CENTER_ORGANIZATION_ID. Our organization\'s id on referrals; without it the app learns it from our own ones, and `doctor` shows it.')
param partnerCenterOrganizationId string = ''

@description('PARTNER_CENTER_API_URL. The referrals API.')
param partnerCenterApiUrl string = 'https://api.partner.microsoft.com/v1.0/engagements'

@description('PARTNER_CENTER_WEBHOOKS_URL. The webhooks API.')
param partnerCenterWebhooksUrl string = 'https://api.partnercenter.microsoft.com/webhooks/v1'

@description('PARTNER_CENTER_API_SCOPE. What a token for the referrals API is asked for.')
param partnerCenterApiScope string = 'https://api.partner.microsoft.com/.default'

@description('PARTNER_CENTER_WEBHOOKS_SCOPE. What a token for the webhooks API is asked for.')
param partnerCenterWebhooksScope string = 'https://api.partnercenter.microsoft.com/.default'

@description('ENTRA_AUTHORITY. Entra ID; any other host switches instance discovery off.')
param entraAuthority string = 'https://login.microsoftonline.com'

@description('WEBHOOK_CERTIFICATE_HOSTS. Hosts (`host` or `host:port`, comma between) that may serve the signing certificate.')
param webhookCertificateHosts string = '3psostorageacct.blob.core.windows.net'

@description('WEBHOOK_TRUST_BUNDLE. PEM (text or path) in place of the roots that the app ships, with intermediates where none may be fetched; see below.')
param webhookTrustBundle string = ''

@description('WEBHOOK_CERTIFICATE_SUBJECT. The name that the signing certificate bears.')
param webhookCertificateSubject string = 'pcnotifications-dispatch.microsoft.com'

@description('WEBHOOK_CERTIFICATE_ORGANIZATION. The organization that issues the signing certificate.')
param webhookCertificateOrganization string = 'Microsoft Corporation'

@description('WEBHOOK_CERTIFICATE_ISSUERS. The organizations (comma between) that may have issued the signing certificate.')
param webhookCertificateIssuers string = 'Microsoft Corporation, DigiCert Inc'

@description('WEBHOOK_ISSUER_HOSTS. Hosts (comma between) from which the issuers of the signing certificate may be fetched, on port 80; an empty value for none; see below.')
param webhookIssuerHosts string = 'www.microsoft.com, caissuers.microsoft.com, cacerts.digicert.com, cacerts.geotrust.com'

@description('WEBHOOK_REGISTRATION. When another system takes the registration: `alert`, or `keep`, which registers again, at most every six hours, and needs `WEBHOOK_PUBLIC_URL`.')
@allowed(['alert', 'keep'])
param webhookRegistration string = 'alert'

@description('WEBHOOK_HEARTBEAT_HOURS. Hours after which it alerts when referrals change and no event has come; `0` for never.')
param webhookHeartbeatHours string = '24'

@description('DYNAMICS_URL. The environment\'s address.')
param dynamicsUrl string = ''

@description('DYNAMICS_POLL_SECONDS. The least seconds between two looks for changes, however often `CRM_POLL_SCHEDULE` wakes the app.')
param dynamicsPollSeconds string = '15'

@description('DYNAMICS_TENANT_ID. The app registration of step 5a: all three, or none for the managed identity.')
param dynamicsTenantId string = ''

@description('DYNAMICS_CLIENT_ID. Its application (client) id.')
param dynamicsClientId string = ''

@description('SALESFORCE_URL. The org\'s My Domain address (step 5b).')
param salesforceUrl string = ''

@description('SALESFORCE_POLL_SECONDS. The least seconds between two looks for changes; each is one call of the org\'s daily allowance.')
param salesforcePollSeconds string = '60'

@description('SALESFORCE_CLIENT_ID. Consumer key of the app of step 5b.')
param salesforceClientId string = ''

@description('SALESFORCE_USERNAME. Instead of the secret (JWT bearer): the user that the app acts as.')
param salesforceUsername string = ''

@description('SALESFORCE_API_VERSION. Version of Salesforce\'s API.')
param salesforceApiVersion string = '66.0'

@description('SALESFORCE_CURRENCY. The ISO code of an org without multiple currencies, when it does not tell it.')
param salesforceCurrency string = ''

@description('SALESFORCE_API_SLOW_AT. Percent of the org\'s daily API calls at which the app slows down.')
param salesforceApiSlowAt string = '70'

@description('SALESFORCE_API_STOP_AT. Percent at which it stops with an alert, so that other integrations can go on.')
param salesforceApiStopAt string = '90'

var declaredSettings = {
  CRM: crm
  CRM_POLL_SCHEDULE: crmPollSchedule
  RECONCILE_SCHEDULE: reconcileSchedule
  SYNC_QUEUE: syncQueue
  SYNC_SLOTS: syncSlots
  MAPPING_DIR: mappingDir
  CLOSE_DELAY_MINUTES: closeDelayMinutes
  MASS_CHANGE_DEALS: massChangeDeals
  MASS_CHANGE_PERCENT: massChangePercent
  AUDIT_RETENTION_DAYS: auditRetentionDays
  DEADLINE_DAYS: deadlineDays
  REGISTRATION_DAYS: registrationDays
  MESSAGE_LANGUAGE: messageLanguage
  CRM_AUDIT: crmAudit
  DRY_RUN: dryRun
  ALERT_FORMAT: alertFormat
  ALERT_DETAILS: alertDetails
  DIGEST_HOUR: digestHour
  PARTNER_CENTER_TENANT_ID: partnerCenterTenantId
  PARTNER_CENTER_CLIENT_ID: partnerCenterClientId
  PARTNER_CENTER_ORGANIZATION_ID: partnerCenterOrganizationId
  PARTNER_CENTER_API_URL: partnerCenterApiUrl
  PARTNER_CENTER_WEBHOOKS_URL: partnerCenterWebhooksUrl
  PARTNER_CENTER_API_SCOPE: partnerCenterApiScope
  PARTNER_CENTER_WEBHOOKS_SCOPE: partnerCenterWebhooksScope
  ENTRA_AUTHORITY: entraAuthority
  WEBHOOK_CERTIFICATE_HOSTS: webhookCertificateHosts
  WEBHOOK_TRUST_BUNDLE: webhookTrustBundle
  WEBHOOK_CERTIFICATE_SUBJECT: webhookCertificateSubject
  WEBHOOK_CERTIFICATE_ORGANIZATION: webhookCertificateOrganization
  WEBHOOK_CERTIFICATE_ISSUERS: webhookCertificateIssuers
  WEBHOOK_ISSUER_HOSTS: webhookIssuerHosts
  WEBHOOK_REGISTRATION: webhookRegistration
  WEBHOOK_HEARTBEAT_HOURS: webhookHeartbeatHours
  DYNAMICS_URL: dynamicsUrl
  DYNAMICS_POLL_SECONDS: dynamicsPollSeconds
  DYNAMICS_TENANT_ID: dynamicsTenantId
  DYNAMICS_CLIENT_ID: dynamicsClientId
  SALESFORCE_URL: salesforceUrl
  SALESFORCE_POLL_SECONDS: salesforcePollSeconds
  SALESFORCE_CLIENT_ID: salesforceClientId
  SALESFORCE_USERNAME: salesforceUsername
  SALESFORCE_API_VERSION: salesforceApiVersion
  SALESFORCE_CURRENCY: salesforceCurrency
  SALESFORCE_API_SLOW_AT: salesforceApiSlowAt
  SALESFORCE_API_STOP_AT: salesforceApiStopAt
}

var secretSettings = [
  'TOKEN_ENCRYPTION_KEY'
  'ALERT_WEBHOOK_URL'
  'PARTNER_CENTER_CLIENT_SECRET'
  'PARTNER_CENTER_CLIENT_CERTIFICATE'
  'PARTNER_CENTER_REFRESH_TOKEN'
  'WEBHOOK_PUBLIC_URL'
  'DYNAMICS_CLIENT_SECRET'
  'SALESFORCE_CLIENT_SECRET'
  'SALESFORCE_PRIVATE_KEY'
]

var keptWhenEmpty = [
  'WEBHOOK_ISSUER_HOSTS'
]
// /settings

var tags = {
  'azd-env-name': environmentName
}
var token = uniqueString(subscription().id, environmentName, location)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-cosell-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-cosell-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: 'cosell-${token}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
    alertEmail: alertEmail
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stcosell${token}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
    adminPrincipalId: adminMayExamine ? adminPrincipalId : ''
    queueName: syncQueue
    subnetId: subnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
    adminPrincipalId: adminPrincipalId
    subnetId: subnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module site 'site.bicep' = {
  name: 'site'
  scope: group
  params: {
    name: 'cosell-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    vaultUri: vault.outputs.uri
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    declaredSettings: declaredSettings
    keptWhenEmpty: keptWhenEmpty
    vaultSecrets: filter(map(split(vaultSecrets, ','), each => trim(each)), each => contains(secretSettings, each))
    pages: pages
    signInClientId: signInClientId
    pythonVersion: pythonVersion
    maximumInstanceCount: maximumInstanceCount
    keepPollerReady: keepPollerReady
    subnetId: subnetId
    deployFrom: filter(map(split(deployFrom, ','), each => trim(each)), each => !empty(each))
    workspaceId: monitoring.outputs.workspaceId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = site.outputs.name
output FUNCTION_APP_URL string = site.outputs.url
output KEY_VAULT_NAME string = vault.outputs.name
output STORAGE_ACCOUNT_NAME string = storage.outputs.name
