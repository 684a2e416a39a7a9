"""Following a page fails where the page is wrong, and says where."""

import os
from pathlib import Path

import pytest
from sybil.example import SybilFailure

from tests.walks.pages import Reader
from tests.walks.terminal import BlockFailed, ServerTerminal


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    (tmp_path / "blocks").mkdir()
    places = (tmp_path, {"PATH": os.environ["PATH"]}, tmp_path / "blocks")
    return Reader(*places, ServerTerminal(*places))


def page(reader: Reader, *blocks: str) -> Path:
    """Write a page with these blocks, each `kind: lines`."""
    fenced = ("```{}\n{}\n```\n".format(*block.split(": ", 1)) for block in blocks)
    path = reader.folder / "page.md"
    path.write_text("# A page\n\n" + "\n".join(fenced))
    return path


def test_what_a_block_sets_stays_for_the_next(reader: Reader) -> None:
    followed = reader.follow(
        page(reader, "sh: word=hello\ncd /", "sh: echo $word $PWD", "text: hello /")
    )
    assert (followed.ran, followed.skipped) == (2, [])


def test_a_command_that_fails_inside_a_block_fails_the_page_with_its_line(reader: Reader) -> None:
    wrong = page(reader, "sh: true", "sh: echo before\nls /nowhere | cat\necho after")
    with pytest.raises(
        BlockFailed, match=r"page.md, line 7 failed:[^§]*printed:\nbefore\n[^§]*nowhere"
    ):
        reader.follow(wrong)


@pytest.mark.parametrize(
    ("printed", "wanted", "right"),
    [
        ("one\ntwo", "one\ntwo", True),
        ("one\ntwo", "one", False),
        ("one\ntwo\nthree", "one\n…\nthree", True),
        ("one\nthree", "one\n…\nthree", True),
        ("one\ntwo", "one\n…\nthree", False),
        ('{"id":"5","name":"a"}', '{"id":"…","name":"a"}', True),
        ('{"id":"5","name":"b"}', '{"id":"…","name":"a"}', False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
    ],
)
def test_what_is_printed_is_compared(
    reader: Reader, printed: str, wanted: str, right: bool
) -> None:
    told = page(reader, f"sh: cat <<'END'\n{printed}\nEND", f"text: {wanted}")
    if right:
        assert reader.follow(told).ran == 1
    else:
        with pytest.raises(SybilFailure, match=r"page\.md, line \d+"):
            reader.follow(told)


def test_a_skipped_block_is_not_run_and_its_reason_is_told(reader: Reader) -> None:
    told = page(reader, "sh: exit 1", "sh: echo done", "text: done")
    told.write_text(
        told.read_text().replace("```sh\nexit", '<!-- skip: next "asks" -->\n```sh\nexit')
    )
    followed = reader.follow(told)
    assert (followed.ran, followed.skipped) == (1, ["asks"])


def test_only_the_section_that_is_asked_for_is_followed(reader: Reader) -> None:
    told = page(reader, "sh: exit 1")
    told.write_text(
        told.read_text() + "\n## This\n\n```sh\ntrue\n```\n\n## That\n\n```sh\nexit 1\n```\n"
    )
    assert reader.follow(told, "This").ran == 1
    with pytest.raises(AssertionError, match="no heading"):
        reader.follow(told, "Others")


def test_a_server_that_ends_at_once_fails_the_page(reader: Reader) -> None:
    with pytest.raises(BlockFailed, match="no server"):
        reader.follow(page(reader, "sh server: echo it cannot start"))
