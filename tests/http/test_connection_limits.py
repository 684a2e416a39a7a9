"""Which connections are let in: counted in all, and by the address of whoever is a stranger."""

import subprocess
import sys

import pytest
from msgspec.structs import replace

from therapy.config import Settings
from therapy.entrypoints.http.connection_limits import (
    FEWEST,
    MOST_REFUSED,
    OTHER_FILES,
    OpenConnections,
    connection_limits,
)


@pytest.fixture
def connections() -> OpenConnections:
    limits = replace(connection_limits(Settings()), connections=5, per_address=2)
    return OpenConnections(limits, ["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8::ffff:1%eth0", "2001:db8::/64"),
        ("127.0.0.1", ""),
        ("127.8.9.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("::ffff:10.1.2.3", ""),
        ("2001:db8:1::5", ""),
        ("", ""),
    ],
)
def test_one_address_is_a_network_of_ipv6_and_neither_this_machine_nor_a_trusted_proxy(
    connections, host, counted
):
    assert connections.counted_address(host) == counted


def test_one_address_has_its_share_of_connections(connections):
    assert [connections.admit("203.0.113.7") for _ in range(3)] == [True, True, False]
    assert connections.admit("203.0.113.8")
    connections.release("203.0.113.7")
    assert connections.admit("203.0.113.7")
    assert [connections.admit("10.0.0.4") for _ in range(3)] == [True, True, False]


def test_only_so_many_refused_connections_are_answered_at_a_time(connections):
    assert all(connections.admit_refused() for _ in range(MOST_REFUSED))
    assert not connections.admit_refused()
    connections.release_refused()
    assert connections.admit_refused()


SHOWN = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, {files}))
from therapy.config import Settings
from therapy.entrypoints.http.connection_limits import connection_limits
print(connection_limits(Settings(connections={wanted})).connections)
"""


@pytest.mark.parametrize(
    ("files", "wanted", "connections"),
    [
        (OTHER_FILES + 200, 100, 100),
        (OTHER_FILES + 200, 5_000, 200),
        (OTHER_FILES, 5_000, FEWEST),
    ],
    ids=["room for all", "room for some", "room for hardly any"],
)
def test_there_are_no_more_connections_than_open_files_leave_room_for(files, wanted, connections):
    program = SHOWN.format(files=files, wanted=wanted)
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert int(ran.stdout) == connections
    assert ("for want of open files" in ran.stderr) == (wanted > connections)
