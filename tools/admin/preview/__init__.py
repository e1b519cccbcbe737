"""What a mapping file would do to the linked deals."""
