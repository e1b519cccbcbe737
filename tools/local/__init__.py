"""The whole system on one machine: the Functions host, Azurite, a browser, and the demo."""
