"""The administrator's questions to Salesforce."""
