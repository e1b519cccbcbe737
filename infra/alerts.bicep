// When a person is woken. Every query ends in one row with one number, Found.
param name string
param location string
param tags object
param workspaceId string
param alertEmail string

var rules = [
  {
    name: 'no-heartbeat'
    query: loadTextContent('queries/no-heartbeat.kql')
    text: 'CrmPoller has not run for 15 minutes: changes in the CRM wait. Restart the function app; if that does not help, see whether its settings are complete (cosell.py doctor).'
    operator: 'LessThan'
    threshold: 1
    severity: 1
  }
  {
    name: 'failed-invocations'
    query: loadTextContent('queries/failed-invocations.kql')
    text: 'Functions fail. The log holds the exceptions; a wrong setting is told there by its name.'
    operator: 'GreaterThan'
    threshold: 2
    severity: 2
  }
  {
    name: 'poison-queue'
    query: loadTextContent('queries/poison-queue.kql')
    text: 'Messages lie in the poison queue: deals on which SyncWorker failed five times, which is a defect of the app.'
    operator: 'GreaterThan'
    threshold: 0
    severity: 1
  }
  {
    name: 'refused-events'
    query: loadTextContent('queries/refused-events.kql')
    text: 'Events are refused: by their signature or certificate (the log says the reason), or somebody knocks who has the key.'
    operator: 'GreaterThan'
    threshold: 10
    severity: 2
  }
  {
    name: 'app-alerts'
    query: loadTextContent('queries/app-alerts.kql')
    text: 'The app asks for a person. Its chat has the text (ALERT_WEBHOOK_URL), and so has cosell.py doctor.'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmail)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cosell'
    enabled: true
    emailReceivers: [
      {
        name: 'administrator'
        emailAddress: alertEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'alert-${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Co-sell: ${rule.name}'
    description: rule.text
    enabled: true
    severity: rule.severity
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          metricMeasureColumn: 'Found'
          timeAggregation: 'Total'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: empty(alertEmail) ? [] : [
        people.id
      ]
    }
  }
}]
