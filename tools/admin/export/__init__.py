"""What the ledger holds of a deal or a person, taken out of it, erased from it, or proven not to have been changed."""
