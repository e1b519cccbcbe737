"""A strict stand-in for Dynamics 365: the Dataverse Web API v9.2, written from the vendor's documentation."""

from tools.simulators.dataverse.control import Seller
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.quirks import Quirks
from tools.simulators.dataverse.simulator import DataverseSimulator

__all__ = ["DataverseSimulator", "Quirks", "RefusedError", "Rule", "Seller"]
