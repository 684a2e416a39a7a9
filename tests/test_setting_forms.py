"""The forms of settings: which texts are read as what, and that every default is of its form."""

from datetime import timedelta
from pathlib import Path

import pytest

from therapy.config import SETTINGS, SettingsError, read_settings
from therapy.config.value_parsers import read

REST = {"REDIS_HOST": "redis.example", "SPEECH_KEY": "key", "SPEECH_REGION": "westeurope"}
"""So that no family is half set up, whichever setting is tried."""


def test_every_default_is_of_the_form_that_its_setting_asks_for() -> None:
    for setting in SETTINGS:
        if setting.default_text:
            assert read(setting.form, setting.default_text) == setting.default, setting.name
    nothing, said = read_settings({}), read_settings({each.name: " " for each in SETTINGS})
    assert said == nothing
    assert nothing.redis_ssl is False
    assert nothing.lease == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("PORT", "08", "port", 8),
        ("PORT", "+5", "port", 5),
        ("GUNICORN_TIMEOUT", ".5", "drain", timedelta(seconds=0.5)),
        ("GUNICORN_TIMEOUT", "007", "drain", timedelta(seconds=7)),
        ("REDIS_USE_SSL", "Yes", "redis_ssl", True),
        ("REDIS_USE_SSL", "off", "redis_ssl", False),
        ("THERAPY_LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("THERAPY_STORES", "Local", "stores", "local"),
        ("SPEECH_LANGUAGE", "he-IL, en-US,", "speech_languages", ("he-IL", "en-US")),
        ("THERAPY_SPEECH_PEOPLE", "3", "speech_people", 3),
        ("THERAPY_SPEECH_PEOPLE", "Auto", "speech_people", 0),
        ("THERAPY_FAST_TRANSCRIPTION_ENDPOINT", "http://a//", "fast_endpoint", "http://a"),
        ("SPEECH_REGION", "אירופה", "speech_region", "אירופה"),
        ("THERAPY_DATA_DIR", "~/clinic", "data_dir", Path("~/clinic")),
        ("REDIS_HOST", "fe80::1", "redis_host", "fe80::1"),
    ],
)
def test_a_text_is_read_as_it_was_ever(name: str, text: str, field: str, value: object) -> None:
    found = getattr(read_settings(REST | {name: text}), field)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "5.0"), ("PORT", "1e3"), ("GUNICORN_TIMEOUT", "P1D")],
)
def test_a_text_that_was_refused_still_is(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"- {name} must be "):
        read_settings({name: text})
