"""The browser's code of the page about following a session, run by node against a server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.builders import a_wav
from tests.emulators.processes import ROOT
from tests.http.clinic import SOUND, form, metadata_of
from tests.http.server import PATIENCE, serving

PAGE = ROOT / "docs" / "how-to" / "follow-a-session.md"
FOLLOW = Path(__file__).parent / "node" / "follow.mjs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20 or newer"),
]


def test_the_code_of_the_page_tells_of_a_session_until_it_awaits_review(tmp_path: Path) -> None:
    found = re.search(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    (tmp_path / "page.mjs").write_text(found[1])
    shutil.copy(FOLLOW, tmp_path)
    with serving(tmp_path / "data", with_worker=True) as server:
        command = ["node", "follow.mjs", f"http://127.0.0.1:{server.port}", server.token()]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout
            assert node.stdout.readline() == "begun\n"
            with server.connect() as connection:
                connection.head(server.token())
                connection.chunks(form(a_wav(SOUND), metadata_of()))
                connection.end()
                session_id = connection.answer().json()["session_id"]
            told, _ = node.communicate(timeout=PATIENCE)
    assert (json.loads(told)["session_id"], json.loads(told)["version"]) == (session_id, 1)
