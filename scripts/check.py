"""Everything that CI checks, in one run: `make test`, or by name, `check.py lint types`.

Every step runs even if one before it failed, so that one run shows all there is to mend. The main test
run goes on beside the others and is shown after them: its closing line is the last thing that a green run
prints. `check.py prepare` fetches what the steps install, so that they need no network any more.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
UV = os.environ.get("UV", "uv")
if "/" in UV:
    UV = str(ROOT / UV)  # steps run in other folders too
PYTHONS = ("3.11", "3.12", "3.13")
WHEELS = ROOT / ".tools/wheels"
# Four workers: the machines this must fit have two cores, and slow tests wait a third of their time for
# servers and processes. Quick ones wait less, and each worker has to find all tests: for them three do.
# A file's tests stay together, so that what a file prepares once is prepared once; the files come in the
# order of tests/conftest.py.
PYTEST = ("-m", "pytest", "-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
QUICK = ("-q", "-m", "not slow and not emulator", "-n", "3")
# The oldest and the newest Python run the tests of what may differ there, unless the main run is theirs: our
# rules, the stores and other adapters, what the app is promised over HTTP, and what is done for that. Of a
# test with many cases they run the first, on each family: cases differ in our rules, which the main run holds
# to, Pythons in what a test calls. One in between imports all there is: what works on both ends and can be
# imported works there too.
PORTABLE = (
    *("tests/domain", "tests/contract"),
    *(f"tests/http/test_contract_{part}.py" for part in ("auth", "data", "sessions", "upload")),
    "tests/http/test_contract_devices_profiles.py",
)
IN_MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108 - what is in it is this run's own
FEWER = {"HYPOTHESIS_EXAMPLES": "10", "THERAPY_FIRST_CASES": "1"}
EVERY_MODULE = """
import importlib, pkgutil, therapy
for found in pkgutil.walk_packages(therapy.__path__, "therapy."):
    if not found.name.endswith(".__main__"):
        importlib.import_module(found.name)
"""
ADAPTER = "examples/openai-speech"  # of another project, as it were

# Run in a bare install, before anything else is imported there.
BARE = """
import importlib, pkgutil, sys
before = set(sys.modules)
def loaded():
    names = {name.partition(".")[0] for name in set(sys.modules) - before}
    return sorted(names - set(sys.stdlib_module_names))
import therapy
assert {name for name in sys.modules if name.startswith("therapy")} == {"therapy"}
assert loaded() == ["therapy"], loaded()
import therapy.domain
assert set(loaded()) <= {"msgspec", "therapy"}, loaded()
for package in ("domain", "ports", "repositories", "workflows", "adapters.memory"):
    module = importlib.import_module(f"therapy.{package}")
    for found in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
        importlib.import_module(found.name)
importlib.import_module("therapy.testing.memory")
assert loaded() == ["msgspec", "therapy"], loaded()
print("a bare install imports domain, ports, records, workflows and memory with msgspec and the stdlib only")
"""

# Executed there, too: it says that the library needs nothing else.
FIRST_SESSION = "docs/how-to/your-first-session-as-a-library.md"
FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)


def run(*command: str | Path, **env: str) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True, env=os.environ | env)


def format_() -> None:
    run(BIN / "ruff", "format", "--check", "--quiet", "--diff", ".")


def lint() -> None:
    run(BIN / "ruff", "check", "--quiet", ".")


def types() -> None:
    run(BIN / "mypy")
    run(BIN / "mypy", f"{ADAPTER}/src", MYPYPATH=f"{ADAPTER}/src")


def imports() -> None:
    run(BIN / "lint-imports", "--no-cache")


def wheel() -> None:
    """Build sdist and wheel, install the wheel without extras, and see that the bare library works."""
    with tempfile.TemporaryDirectory(prefix="therapy-wheel-") as name:
        folder = Path(name)
        run(
            UV, "build", "--quiet", "--no-build-isolation", "--python", sys.executable, "-o", folder
        )
        (built,) = folder.glob("*.whl")
        run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
        python = folder / "venv/bin/python"
        constraints = ("-c", ROOT / "requirements/all.txt")
        if (WHEELS / ".complete").exists():
            constraints += ("--offline", "--no-index", "--find-links", WHEELS)
        run(UV, "pip", "install", "--quiet", "--python", python, *constraints, built)
        run(python, "-I", "-c", BARE)
        run(python, "-I", "-c", *FENCED.findall((ROOT / FIRST_SESSION).read_text()))
        listing = subprocess.run(
            [sys.executable, "-m", "zipfile", "-l", built],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for wanted in ("therapy/py.typed", "licenses/LICENSE"):
            if wanted not in listing:
                raise SystemExit(f"the wheel lacks {wanted}")
        said = subprocess.run(
            [folder / "venv/bin/therapy"], check=False, capture_output=True, text=True, cwd=folder
        )
        text = said.stdout + said.stderr
        if said.returncode == 0 or "[http,worker,local]" not in text or "Traceback" in text:
            raise SystemExit(
                f"`therapy` on a bare install must name the extra to add; it said:\n{text}"
            )
        print("`therapy` on a bare install says:", text.strip().splitlines()[0])


def find_python(version: str) -> str | None:
    """An interpreter that this machine already has: uv's search, then pyenv's folder."""
    found = subprocess.run(
        [UV, "python", "find", "--quiet", "--no-project", "--no-python-downloads", version],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
    )
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(
        (str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/python"))), None
    )


def ready(version: str, interpreter: str) -> Path:
    """The development set on another Python, in .venvs; kept while the locks stay the same."""
    venv = ROOT / ".venvs" / version
    locks = [ROOT / "requirements/dev.txt", ROOT / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in locks)).hexdigest()
    stamp = venv / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        run(UV, "venv", "--quiet", "--clear", "--python", interpreter, venv)
        install = (UV, "pip", "install", "--quiet", "--python", venv / "bin/python")
        run(*install, "--require-hashes", "-r", "requirements/dev.txt")
        run(*install, "--no-deps", "--no-build-isolation", "-e", ".")
        stamp.write_text(wanted)
    return venv / "bin/python"


def others() -> Iterator[tuple[str, str]]:
    """Yield the other supported Pythons that are here, each with its interpreter."""
    for version in PYTHONS:
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        interpreter = find_python(version)
        if interpreter is None:
            print(f"Python {version}: skipped, there is none on this machine", flush=True)
            continue
        print(f"Python {version}: {interpreter}", flush=True)
        yield version, interpreter


def on_another(version: str) -> tuple[str, ...]:
    """Return what another Python is to do, in one process: the main run goes on beside it."""
    if version in (PYTHONS[0], PYTHONS[-1]):
        return ("-m", "pytest", *QUICK, *PORTABLE, "-n", "0", "-p", "no:cacheprovider")
    return ("-W", "error", "-c", EVERY_MODULE)


def pythons() -> None:
    """Quick tests on the oldest and newest supported Python, if they are here; imports on others."""
    failed = []
    for version, interpreter in others():
        try:
            # Fewer examples for Hypothesis: the main run tries a hundred.
            run(ready(version, interpreter), *on_another(version), **FEWER)
        except subprocess.CalledProcessError:
            failed.append(version)
    if failed:
        raise SystemExit(f"on Python {', '.join(failed)}")


def prepare() -> None:
    """Fetch what the step before installs, and compile all that is imported: each worker would do it.

    mypy reads what others have written and keeps what it found; what it says of ours is for the step `types`.
    """
    found = ("-m", "pytest", "--collect-only", "-n", "0")
    compiled = [(Path(sys.executable), found)]
    for version, interpreter in others():
        chosen = on_another(version)
        tests = (*chosen, "--collect-only") if "pytest" in chosen else chosen
        compiled.append((ready(version, interpreter), tests))
    for python, chosen in compiled:
        subprocess.run((python, *chosen), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    subprocess.run((BIN / "mypy",), check=False, cwd=ROOT, stdout=subprocess.DEVNULL)


def quick() -> None:
    """Run what is quick, with a tenth of the examples; starting an emulator is an error."""
    run(sys.executable, *PYTEST, *QUICK, THERAPY_NO_EMULATORS="1", HYPOTHESIS_EXAMPLES="10")


def tests() -> None:
    run(sys.executable, *PYTEST)


STEPS: dict[str, Callable[[], None]] = {
    "format": format_,
    "lint": lint,
    "types": types,
    "imports": imports,
    "wheel": wheel,
    "pythons": pythons,
    "tests": tests,
    "quick": quick,
    "prepare": prepare,
}
BY_NAME_ONLY = {"quick", "prepare"}


def passes(name: str) -> bool:
    print(f"--- {name}", flush=True)
    began = time.monotonic()
    try:
        STEPS[name]()
    except (subprocess.CalledProcessError, SystemExit) as exc:
        why = f": {exc}" if isinstance(exc, SystemExit) else ""
        print(f"--- {name}: FAILED, {time.monotonic() - began:.1f} s{why}", flush=True)
        return False
    if name != "tests":
        print(f"--- {name}: ok, {time.monotonic() - began:.1f} s", flush=True)
    return True


class Beside:
    """The main test run in a process beside the other steps: what it prints waits until it is shown."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by show()
        colour = ("--color=yes",) if sys.stdout.isatty() else ()
        command = (sys.executable, *PYTEST, *colour)
        self._run = subprocess.Popen(command, cwd=ROOT, stdout=self._said, stderr=subprocess.STDOUT)

    def show(self) -> bool:
        """Show it from its beginning to its end; return whether it passed."""
        print("--- tests", flush=True)
        at, ended = 0, False
        with self._said:
            while not ended:
                ended = self._run.poll() is not None
                at += len(more := os.pread(self._said.fileno(), 1 << 30, at))
                sys.stdout.buffer.write(more)
                sys.stdout.flush()
                time.sleep(0 if ended else 0.2)
        return self._run.returncode == 0

    def end(self) -> None:
        """End it if it runs; Ctrl-C has told it already."""
        self._run.terminate()
        self._run.wait()


def all_pass(names: list[str]) -> list[str]:
    """Take the steps; return those that failed."""
    if names[-1] != "tests" or len(names) == 1:
        return [name for name in names if not passes(name)]
    tests_run = Beside()
    try:
        failed = [name for name in names[:-1] if not passes(name)]
        return failed if tests_run.show() else [*failed, "tests"]
    finally:
        tests_run.end()


def have_room_in_memory() -> bool:
    """Say whether temporary files may be in memory: a folder with room, in which programs may run."""
    if not IN_MEMORY.is_dir():
        return False
    told = os.statvfs(IN_MEMORY)
    room = told.f_bavail * told.f_frsize
    return room >= ROOM and not told.f_flag & os.ST_NOEXEC and os.access(IN_MEMORY, os.W_OK)


def main(names: list[str]) -> int:
    # Thousands of small databases are written and synced; a disk makes that two thirds of the time, a quarter
    # of the CPU. No test is about what a disk does when the power fails.
    if "TMPDIR" not in os.environ and have_room_in_memory():
        os.environ["TMPDIR"] = str(IN_MEMORY)
    # No test may ask a model hub for anything.
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Tests start some hundred processes of our own, and each would compile all that it imports again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    failed = all_pass(names or [step for step in STEPS if step not in BY_NAME_ONLY])
    if failed:
        print("FAILED:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
