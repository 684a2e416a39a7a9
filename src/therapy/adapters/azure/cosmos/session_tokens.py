"""Session tokens: what a process has seen of a container, so that it is never answered from before that.

The SDK keeps them, and finds the one for a read by hashing the partition key in Python and looking up whose
range that is: a sixth of a read's CPU. Where all answers came from one range, as in a container of less than
50 GB, its token is passed to the SDK instead, which then looks for none.
"""

from collections.abc import Mapping
from typing import Any

from azure.cosmos.aio import ContainerProxy

SESSION_TOKEN, CONTAINER_PATH = "x-ms-session-token", "x-ms-alt-content-path"


class SessionTokens:
    """The session tokens of one container."""

    def __init__(self, proxy: ContainerProxy) -> None:
        self._proxy = proxy

    def newest(self) -> str | None:
        """Return the newest token if answers came from one range of partition keys only, else None."""
        session = self._proxy.client_connection.session
        if session is None:
            return None
        noted = session.session_container
        container = noted.collection_name_to_rid.get(self._proxy.container_link)
        tokens = noted.rid_to_session_token.get(container, {})
        if len(tokens) != 1:
            return None
        ((key_range, token),) = tokens.items()
        return f"{key_range}:{token.session_token}"

    def note(self, headers: Mapping[str, Any], _: object = None) -> None:
        """Note an answer's session token, so that no later read of this process is answered from before it.

        The SDK notes those of changes of one document only. Without the others a process might not find what
        its batch has just written, or find one item of another's batch and not the other.
        """
        connection = self._proxy.client_connection
        token = headers.get(SESSION_TOKEN)
        if connection.session is None or token is None or token == self.newest():
            return
        here = {**headers, CONTAINER_PATH: self._proxy.container_link}
        connection.session.update_session(connection, {}, here)  # type: ignore[no-untyped-call]  # the SDK has no types there
