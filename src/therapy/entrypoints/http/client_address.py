"""The network that a client's address stands for, by which attempts and connections are counted.

Behind proxies that are trusted (`THERAPY_TRUSTED_PROXIES`) the server has put the client's own address in the
place of the proxy's. Whoever has one address of IPv6 has all of its /64, so that is one client.
"""

import logging
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from litestar import Request
from litestar.datastructures import State

log = logging.getLogger(__name__)

ONE_CLIENT = 64
"""Bits of an IPv6 address that tell one client from another: it may choose the others freely."""


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, an IPv4 one also where it is written as IPv6; None if it is none."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def network_of(host: str) -> str:
    """Return an IPv4 address as it is, an IPv6 one as its /64; what is no address as it is."""
    address = address_of(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, ONE_CLIENT), strict=False))
    return host if address is None else str(address)


def provide_client_network(request: Request) -> str:  # type: ignore[type-arg] # of any user
    """Return the network of the client that sends this request; "" if it has no address."""
    if "x-forwarded-for" in request.headers:
        _warn_of_an_unnamed_proxy(request.app.state)
    return network_of(request.client.host) if request.client else ""


def _warn_of_an_unnamed_proxy(state: State) -> None:
    """Log once that somebody tells a client's address whom the settings do not name."""
    if state.therapy.settings.trusted_proxies or state.get("warned_of_proxy"):
        return
    state.warned_of_proxy = True
    log.warning(
        "X-Forwarded-For came, but THERAPY_TRUSTED_PROXIES is empty: if there is a proxy in front, all its"
        " clients are counted as one"
    )
