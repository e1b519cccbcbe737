"""The queue of deal keys."""
