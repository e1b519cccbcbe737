"""Measurements: each against a peer that does the same work in the same run, with equal outputs."""
