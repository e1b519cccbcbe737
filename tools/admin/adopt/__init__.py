"""Moving in: which records and referrals are one deal, and what tying them would write."""
