// The function app on Flex Consumption, its settings, and who may knock.
param name string
param location string
param tags object
param identityId string
param identityClientId string
param storageName string
param packageContainer string
param vaultUri string
param insightsConnectionString string
@description('App settings from parameters, by name; empty ones are left out.')
param declaredSettings object
@description('Names of app settings whose empty value means something.')
param keptWhenEmpty array
@description('Names of app settings that are references to the vault.')
param vaultSecrets array
param pages string
param signInClientId string
param pythonVersion string
param maximumInstanceCount int
param keepPollerReady bool
param subnetId string
param deployFrom array
param workspaceId string

// The largest request that the host reads; the app itself takes 64 KiB.
var largestRequest = '131072'

var platformSettings = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AZURE_CLIENT_ID: identityClientId
  KEY_VAULT_URL: vaultUri
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: largestRequest
  'AzureWebJobs.RegisterWebhook.Disabled': pages == 'off' ? 'true' : 'false'
  'AzureWebJobs.StatusPage.Disabled': pages == 'off' ? 'true' : 'false'
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: pages == 'signIn' ? identityClientId : ''
}

var secrets = toObject(vaultSecrets, each => each, each => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${toLower(replace(each, '_', '-'))})')

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': 'cosell'
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainer
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: keepPollerReady ? [
          {
            name: 'function:CrmPoller'
            instanceCount: 1
          }
        ] : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: empty(deployFrom) ? 'Allow' : 'Deny'
      scmIpSecurityRestrictions: [for (range, index) in deployFrom: {
        name: 'deploy-${index}'
        ipAddress: range
        action: 'Allow'
        priority: 100 + index
      }]
    }
  }

  resource noFtpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource noScmPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'appsettings'
  properties: toObject(filter(items(union(declaredSettings, secrets, platformSettings)), each => !empty(each.value) || contains(keptWhenEmpty, each.key)), each => each.key, each => each.value)
}

// People sign in; Partner Center cannot, and signs its events instead.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = if (pages == 'signIn') {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: [
        '/api/WebhookReceiver'
      ]
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
      }
    }
    httpSettings: {
      requireHttps: true
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

resource siteLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: site
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'
