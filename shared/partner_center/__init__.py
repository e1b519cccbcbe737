"""Everything that knows Partner Center's wire: referrals, webhooks, signatures, tokens."""
