"""A strict stand-in for Salesforce: the REST API of one org, written from the vendor's documentation."""

from tools.simulators.salesforce.control import Seller
from tools.simulators.salesforce.errors import RefusedError, Rule, TriggerError
from tools.simulators.salesforce.quirks import Quirks
from tools.simulators.salesforce.simulator import SalesforceSimulator

__all__ = ["Quirks", "RefusedError", "Rule", "SalesforceSimulator", "Seller", "TriggerError"]
