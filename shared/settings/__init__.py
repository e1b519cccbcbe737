"""App settings: declared once, read once, every mistake named."""

from shared.settings.declaration import Settings
from shared.settings.kinds import CRM_NAMES
from shared.settings.loading import Mistake, Mistakes, load_settings

__all__ = ["CRM_NAMES", "Mistake", "Mistakes", "Settings", "load_settings"]
