"""The image, really built and run: `make image-test`. It takes minutes, so `make test` leaves it out.

Containers run as strictly as they can: no root, no capability, nothing writable but /tmp and the data
directory. Azure, Firebase and Redis are the emulators of this machine, hence its network.
"""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.emulators.demo import Cloud, turns
from tests.emulators.fcm import SITE
from tests.emulators.processes import free_port
from tests.emulators.running import Missing
from tests.image.containers import (
    LOCKED,
    Container,
    Containers,
    Process,
    find_base,
    find_engine,
)
from tests.image.dockerfile import ROOT, health_check

if not os.environ.get("THERAPY_TEST_IMAGE"):
    pytest.skip("takes minutes: make image-test", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]  # the first one waits for the build
PASSWORD = "a password to try with"
OLIVIA, JORDAN = "olivia.hayes1@example.health", "jordan.white1@example.health"
DRAIN = 10.0
IDLE_SECONDS = 10.0
Tell = Callable[[str], None]


@pytest.fixture(scope="module")
def containers() -> Containers:
    try:
        engine = find_engine()
        base = find_base(engine)
    except Missing as missing:
        pytest.skip(str(missing))
    tag = os.environ.get("TAG") or "localhost/therapy:test"
    told = {"ENGINE": engine, "BASE": base, "TAG": tag}
    subprocess.run([ROOT / "scripts/image.sh"], check=True, env=os.environ | told)
    return Containers(engine, tag)


@pytest.fixture(scope="module")
def cloud() -> Iterator[dict[str, str]]:
    """The settings of an installation that is migrated and has people in it."""
    try:
        several = Cloud()
        with several.running() as settings:
            several.hear(turns())
            settings.pop("PYTHONPATH")  # of this machine; who needs it in there mounts it
            yield settings | {"JWT_SECRET_KEY": secrets.token_hex(32)}
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Print a figure in any case: figures are what one runs this for."""

    def it(line: str) -> None:
        with capsys.disabled():
            print(f"\nimage: {line}", end="", flush=True)

    return it


def healthy(container: Container) -> bool:
    return container.is_well(health_check())


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def memory(processes: list[Process]) -> str:
    each = ", ".join(f"{process.kilobytes / 1024:.0f}" for process in processes)
    return f"{sum(process.kilobytes for process in processes) / 1024:.0f} MiB ({each})"


def test_what_it_is_made_of(containers: Containers, tell: Tell) -> None:
    facts = containers.facts()
    tell(f"{facts['Size'] / 1e6:.0f} MB uncompressed, {facts['Architecture']}")
    assert facts["Config"]["User"] == "10001:10001"
    assert facts["Config"]["Cmd"] == ["therapy", "all"]
    assert facts["Config"]["Labels"]["org.opencontainers.image.version"]
    inside = containers.once(
        "sh", "-c", "id -u; ls /build /opt/therapy/bin/pip 2>/dev/null; therapy --version"
    )
    assert inside == "10001\ntherapy, version 0.1.0\n"


def test_bytecode_is_not_compiled_again_at_every_start(containers: Containers) -> None:
    """A builder that rounds times when it copies must not spoil it: it is valid whatever the times."""
    look = (
        "import importlib.util, pathlib, therapy\n"
        "there = pathlib.Path(therapy.__file__).parents[1]\n"
        "for file in there.rglob('*.py'):\n"
        "    kept = pathlib.Path(importlib.util.cache_from_source(str(file)))\n"
        "    assert kept.read_bytes()[4:8] == b'\\1\\0\\0\\0', file\n"
    )
    containers.once("python", "-c", look)


def test_it_does_everything_by_itself_without_a_network(containers: Containers) -> None:
    alone = (*LOCKED, "--network", "none")
    assert "nothing is left behind" in containers.once("therapy", "demo", options=alone)


def test_all_against_the_emulators(
    containers: Containers, cloud: dict[str, str], tell: Tell
) -> None:
    port = str(free_port())
    site = ("--volume", f"{SITE}:/site:ro")
    assert "Everything is there." in containers.once("therapy", "migrate", **cloud)
    # The engine that is a native library: if one that it needs were not in the image, this would show it.
    settings = cloud | {"PORT": port, "THERAPY_SPEECH_ENGINE": "conversation"}
    with containers.running(options=site, **settings) as container:
        tell(f"ready after {container.wait_until_ready():.1f} s")
        time.sleep(IDLE_SECONDS)
        idle = container.processes()
        assert {process.user for process in idle} == {10001}
        assert next(each for each in idle if each.pid == 1).is_("all")
        assert len(idle) == 3
        tell(f"idle {memory(idle)}: who keeps them, worker, API")
        assert healthy(container)
        # Firebase's SDK has no setting for a stand-in, so this one command is led there.
        container.do("therapy", "check", PYTHONPATH="/site")
        container.do("therapy", "seed", "--password", PASSWORD)
        signing_in = ("--email", OLIVIA, "--password", PASSWORD, "--patient-email", JORDAN)
        flow = container.do("therapy", "flow", "--base-url", container.url, *signing_in)
        tell(f"therapy flow: {flow.strip().splitlines()[-1]}")
        assert " 0 failed" in flow
        tell(f"after that {memory(container.processes())}")
        code, seconds = container.stop()
        tell(f"stopped after {seconds:.1f} s")
        assert (code, container.said().count("did not end in time")) == (0, 0)
        assert seconds < DRAIN


def test_what_dies_is_started_again_and_leaves_no_zombie(
    containers: Containers, cloud: dict[str, str]
) -> None:
    with containers.running(**cloud, PORT=str(free_port())) as container:
        container.wait_until_ready()
        before = container.processes()
        for process in before:
            if process.pid != 1:
                container.do("python", "-c", f"import os; os.kill({process.pid}, 9)")
        orphan = "import os, time; os.fork() or time.sleep(1)"
        container.do("python", "-c", orphan)  # left to process 1
        known = {one.pid for one in before}
        until(
            lambda: (
                len(
                    [
                        one
                        for one in container.processes()
                        if one.pid not in known and one.state != "Z"
                    ]
                )
                >= len(before) - 1
            )
        )
        container.wait_until_ready()
        until(lambda: not [one for one in container.processes() if one.state == "Z"])
        code, _ = container.stop()
        assert code == 0


@pytest.mark.parametrize(
    "command", [("therapy", "worker"), ("sh", "-c", "therapy migrate && exec therapy worker")]
)
def test_a_worker_alone_is_well_and_stops(
    containers: Containers, cloud: dict[str, str], command: tuple[str, ...]
) -> None:
    with containers.running(*command, **cloud) as container:
        until(lambda: "therapy works on" in container.said())
        assert healthy(container)
        code, seconds = container.stop()
        assert code == 0
        assert seconds < DRAIN


def test_an_api_alone_is_well_once_it_answers(
    containers: Containers, cloud: dict[str, str]
) -> None:
    command = ("therapy", "serve", "--no-worker")
    with containers.running(*command, **cloud, PORT=str(free_port())) as container:
        container.wait_until_ready()
        assert healthy(container)
        assert len(container.processes()) == 1
        code, seconds = container.stop()
        assert code == 0
        assert seconds < DRAIN


def test_who_does_not_answer_is_not_well(containers: Containers) -> None:
    with containers.running("sleep", "60", PORT=str(free_port())) as container:
        assert not healthy(container)


def test_a_wrong_setting_ends_it_with_all_that_is_wrong(containers: Containers) -> None:
    with containers.running(COSMOS_URI="https://cosmos.example") as container:
        until(lambda: "The settings can't be used" in container.said())
        assert "JWT_SECRET_KEY is missing" in container.said()
