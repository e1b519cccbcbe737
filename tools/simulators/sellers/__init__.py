"""The simulated CRMs that the stack, the demo and the end-to-end tests work with, by their name in the setting CRM.

Another CRM is one more class that keeps the promises of Seller, and one more line here.
"""

from tools.simulators.sellers.dynamics365 import Dynamics365Seller
from tools.simulators.sellers.salesforce import SalesforceSeller
from tools.simulators.sellers.seller import Seller

SELLERS: dict[str, type[Seller]] = {
    Dynamics365Seller.name: Dynamics365Seller,
    SalesforceSeller.name: SalesforceSeller,
}
