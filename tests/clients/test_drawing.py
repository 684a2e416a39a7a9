"""The waveform's code in the how-to, run as it stands: what it asks for, and where it draws."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "play-a-session.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]

AROUND = """
const peaks = Int8Array.from([-128, 127, -64, 64, 0, 0, -32, 0]);
const asked = [], drawn = [];
globalThis.fetch = async (url, { headers }) => {
    asked.push([url, headers.Authorization]);
    return { ok: true, arrayBuffer: async () => peaks.buffer };
};
const pen = { fillRect: (...box) => drawn.push(box) };
const canvas = { width: WIDTH, height: 256, getContext: () => pen };
draw(canvas, "/sessions/1", "t").then(() => console.log(JSON.stringify({ asked, drawn })));
"""


def drawn_on(width: int) -> tuple[list[list[str]], list[list[float]]]:
    blocks = re.findall(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)
    code = "\n".join(blocks) + AROUND.replace("WIDTH", str(width))
    ran = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)
    return told["asked"], told["drawn"]


def test_each_column_is_drawn_from_the_least_to_the_greatest_peak_in_it():
    asked, drawn = drawn_on(4)
    assert asked == [["/sessions/1/peaks", "Bearer t"]]
    assert drawn == [[0, 1, 1, 255], [1, 64, 1, 128], [2, 128, 1, 1], [3, 128, 1, 32]]


def test_a_narrow_canvas_loses_no_peak_and_a_wide_one_has_no_hole():
    assert drawn_on(2)[1] == [[0, 1, 1, 255], [1, 128, 1, 32]]
    assert [box[0] for box in drawn_on(8)[1]] == list(range(8))
