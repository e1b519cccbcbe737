"""Which network addresses count as the internet's: a name in a certificate must not lead into a private network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.urls import is_loopback

Endpoint = tuple[socket.AddressFamily, Any]
"""A family and the address as `socket.connect` takes it."""

_NOT_THE_INTERNET = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's wire server: a public number, answered inside every virtual network
            "::/96",  # IPv4 written as IPv6, of old
            "64:ff9b::/96",  # NAT64: leads to any IPv4 address
            "64:ff9b:1::/48",
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
            "fec0::/10",  # site-local, of old
        ),
    )
)


def endpoints(host: str, port: int) -> list[Endpoint]:
    """Return where a host can be reached, every address checked; connect to these and look nothing up again.

    This machine counts only when it is named as such. Raises CertificateUnavailable when the name leads nowhere, and
    SignatureRefused when any of its addresses is not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CertificateUnavailable(f"the name {host} cannot be resolved") from None
    local = is_loopback(host)
    for each in found:
        address = ipaddress.ip_address(str(each[4][0]).partition("%")[0])
        if not (address.is_loopback if local else is_public(address)):
            raise SignatureRefused(Reason.ADDRESS, host)
    return [(each[0], each[4]) for each in found]


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the internet's, whatever its spelling."""
    plain = getattr(address, "ipv4_mapped", None) or address  # An IPv6 spelling does not make a network public.
    return plain.is_global and not plain.is_multicast and not any(plain in each for each in _NOT_THE_INTERNET)
