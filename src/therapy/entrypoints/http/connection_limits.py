"""What one connection may cost, and which connections are let in: counted for one process."""

import contextlib
import logging
import resource
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_network

from msgspec import Struct

from therapy.config import Settings
from therapy.entrypoints.http.client_address import address_of, network_of

log = logging.getLogger(__name__)

OTHER_FILES = 512
"""File descriptors that are left for everything else than connections."""

FEWEST = 64
"""Connections that are let in even where there are hardly more descriptors than that."""

MOST_REFUSED = 100
"""Connections beyond the limit that get an answer at a time; others are closed without one."""


class ConnectionLimits(Struct, frozen=True):
    """The limits of one process; sizes in bytes, times in seconds.

    A body must bring `body_bytes` within each `body_seconds` in which it is waited for.
    """

    connections: int
    per_address: int
    head_bytes: int
    headers: int
    head_seconds: float
    idle_seconds: float
    body_seconds: float
    body_bytes: int
    unread_seconds: float


def connection_limits(settings: Settings) -> ConnectionLimits:
    """Return the limits that the settings name, with no more connections than there may be open files."""
    wanted, possible = settings.connections, _possible(settings.connections)
    if possible < wanted:
        fields = {"wanted": wanted, "possible": possible}
        log.warning("there may be fewer connections, for want of open files", extra=fields)
    return ConnectionLimits(
        connections=min(wanted, possible),
        per_address=settings.connections_per_address,
        head_bytes=settings.head_bytes,
        headers=settings.headers,
        head_seconds=settings.head_time.total_seconds(),
        idle_seconds=settings.idle_connection.total_seconds(),
        body_seconds=settings.idle_body.total_seconds(),
        body_bytes=settings.body_progress,
        unread_seconds=settings.unread_answer.total_seconds(),
    )


def _possible(wanted: int) -> int:
    """Return how many connections this process may open, after raising its limit of open files for them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + OTHER_FILES
    if most != resource.RLIM_INFINITY:
        files = min(files, most)
    with contextlib.suppress(ValueError, OSError):  # e.g. a smaller limit of macOS
        if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] < files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if allowed == resource.RLIM_INFINITY else max(FEWEST, allowed - OTHER_FILES)


class OpenConnections:
    """Counts the connections of a server, in all and by address; `stopping` once it stops."""

    def __init__(self, limits: ConnectionLimits, trusted: Sequence[str]) -> None:
        self.limits = limits
        self.stopping = False
        self._trusted = [ip_network(each) for each in trusted]
        self._all = self._refused = 0
        self._by_address: Counter[str] = Counter()

    def admit(self, host: str) -> bool:
        """Return whether a connection from there may be served; if so, it is counted until `release`."""
        address = self.counted_address(host)
        if self._all >= self.limits.connections or (
            address and self._by_address[address] >= self.limits.per_address
        ):
            return False
        self._all += 1
        if address:
            self._by_address[address] += 1
        return True

    def release(self, host: str) -> None:
        """Count a connection no more that was admitted."""
        self._all -= 1
        if address := self.counted_address(host):
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def admit_refused(self) -> bool:
        """Return whether a connection that is not served may get an answer; if so, it is counted."""
        if self._refused >= MOST_REFUSED:
            return False
        self._refused += 1
        return True

    def release_refused(self) -> None:
        """Count a connection no more that got an answer only."""
        self._refused -= 1

    def counted_address(self, host: str) -> str:
        """Return whose connections are counted together with this one's; "" if nobody's.

        Not counted by address are this machine, trusted proxies (they bring everybody), and Unix sockets.
        """
        address = address_of(host)
        if address is None or address.is_loopback:
            return ""
        if any(address in network for network in self._trusted):
            return ""
        return network_of(host)
