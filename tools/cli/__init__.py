"""The commands of `cosell.py`, one small module each."""
