"""Is the installation in order: one examination for each part."""
