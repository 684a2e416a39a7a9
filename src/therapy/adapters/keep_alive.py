"""TCP keep-alive: probes over connections that are idle, so that networks do not forget them.

Load balancers and firewalls drop, without a word, what comes over a connection that was idle for some minutes
(Azure: four). Whoever uses it next waits for a time-out instead of an answer.
"""

import socket

KEEP_ALIVE_SECONDS = 60.0
"""Seconds without traffic before the first probe."""

MOST_BETWEEN_SECONDS = 15
UNANSWERED = 4
"""After so many unanswered probes the system ends the connection."""


def keep_alive_options(after: float = KEEP_ALIVE_SECONDS) -> dict[int, int]:
    """Return the TCP options of a socket that sends probes, the first after so many seconds (at least 1).

    Beside them SO_KEEPALIVE has to be on. What a system does not know is left out.
    """
    idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # macOS's name
    seconds = max(1, round(after))
    named = {
        idle: seconds,
        "TCP_KEEPINTVL": min(seconds, MOST_BETWEEN_SECONDS),
        "TCP_KEEPCNT": UNANSWERED,
    }
    return {getattr(socket, name): value for name, value in named.items() if hasattr(socket, name)}
