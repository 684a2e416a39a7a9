"""Packages with adapters in them, as pip leaves them in a folder: for tests of plugins."""

from pathlib import Path

SPEECH = '''
"""A recogniser that says what its environment tells it to."""

from contextlib import asynccontextmanager

from therapy.adapters.memory.speech import MemorySpeech
from therapy.config import SettingsError
from therapy.domain.errors import Unavailable
from therapy.domain.transcript import Utterance

OPEN = []


@asynccontextmanager
async def open_speech(environment):
    if "ECHO_SPEECH_SAYS" not in environment:
        raise SettingsError("ECHO_SPEECH_SAYS is missing")
    speech = MemorySpeech((Utterance(0, 900, environment["ECHO_SPEECH_SAYS"], voice="0"),))
    speech.environment = environment
    OPEN.append(speech)
    yield speech
    OPEN.remove(speech)


def plain(environment):
    return MemorySpeech()


def nothing(environment):
    return object()


def broken(environment):
    raise ValueError("the key c4n4ry")


def away(environment):
    raise Unavailable(reason="connection")


NO_FACTORY = "text"
'''


def put_package(
    folder: Path,
    points: dict[str, dict[str, str]],
    *,
    name: str = "echo-speech",
    code: str = SPEECH,
) -> None:
    """Install a package of this name, version 1.2, with these entry points by group."""
    top = name.replace("-", "_")
    (folder / top).mkdir(parents=True, exist_ok=True)
    (folder / top / "__init__.py").write_text(code)
    info = folder / f"{top}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "RECORD").write_text(f"{top}/__init__.py,,\n{top}-1.2.dist-info/METADATA,,\n")
    lines = []
    for group, named in points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in named.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
