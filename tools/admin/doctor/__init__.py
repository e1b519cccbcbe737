"""Is the installation in order: one check for each part."""
