"""The simulated CRMs that the stage, the demo and the end-to-end tests work with, by their name in the setting CRM.

Another CRM is one more class that keeps the promises of CrmDesk, and one more line here.
"""

from tools.simulators.sellers.desk import CrmDesk
from tools.simulators.sellers.dynamics365 import Dynamics365Desk
from tools.simulators.sellers.salesforce import SalesforceDesk

DESKS: dict[str, type[CrmDesk]] = {
    Dynamics365Desk.name: Dynamics365Desk,
    SalesforceDesk.name: SalesforceDesk,
}
