"""Bad input, by name: each comes to what the page says, and the page says what comes of it."""

import pytest

from tests import media
from tests.audio import recordings_page
from tests.audio.decoding import reader
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.errors import UnsupportedAudio
from therapy.domain.messages import sentence

pytestmark = pytest.mark.slow  # each starts a child that decodes or encodes


@pytest.mark.slow
def test_the_page_says_what_comes_of_each_recording():
    assert recordings_page.PAGE.read_text(encoding="utf-8") == recordings_page.page()


@pytest.mark.parametrize("name", recordings_page.BAD)
def test_bad_input_comes_to_a_named_end(name):
    outcome = recordings_page.bad_outcome(name)
    named = ("refused at the upload: `", "fails: `decode`", "fails: `too_long`")
    assert outcome.startswith(named) or " s" in outcome


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: recordings_page.without_decoder(b"ac-4"),
            "This is AC-4 sound, which cannot be read here.",
        ),
        (
            lambda: recordings_page.without_decoder(b"drms"),
            "This is protected AAC sound, which cannot be read here.",
        ),
        (
            lambda: b"\x89PNG\r\n\x1a\n" + bytes(99),
            "This is PNG, not a recording that can be read.",
        ),
        (
            lambda: media.film("mp4", "mpeg4"),
            "This is a file without sound, not a recording that can be read.",
        ),
    ],
    ids=["AC-4", "protected", "picture", "film"],
)
async def test_what_can_t_be_read_is_refused_by_name_before_it_is_a_session(made, said):
    data = made()
    with pytest.raises(UnsupportedAudio) as raised:
        await PyAvAudioDecoder().check("practice", reader(data), len(data))
    assert sentence(raised.value.code, "en", **raised.value.details) == said
