"""The administrator's questions to Dynamics 365."""
