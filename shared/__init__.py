"""Everything that thinks: the co-sell synchronization, without its triggers."""
