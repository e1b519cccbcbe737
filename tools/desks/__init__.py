"""The simulated CRMs that the stage, the demo and the end-to-end tests work with, by their name in the setting CRM.

Another CRM is one more class that keeps the promises of CrmDesk, and one more line here.
"""

from tools.desks.desk import CrmDesk
from tools.desks.dynamics365 import Dynamics365Desk

DESKS: dict[str, type[CrmDesk]] = {
    Dynamics365Desk.name: Dynamics365Desk,
}
