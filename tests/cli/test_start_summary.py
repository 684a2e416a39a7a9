"""What a start says: what is served by what, and what is doubtful about the settings."""

import pytest

from therapy.config import read_settings
from therapy.entrypoints.cli.start_summary import start_warnings, summary

PROXY = {"THERAPY_TRUSTED_PROXIES": "10.0.0.4"}
APP_SERVICE = {"WEBSITE_INSTANCE_ID": "1"}
KEY = "a2V5a2V5"


def said(settings: dict[str, str]) -> str:
    return "\n".join(summary(read_settings(settings), "the environment"))


def warned(settings: dict[str, str]) -> list[str]:
    return list(start_warnings(read_settings(settings), settings))


def test_a_start_says_languages_recogniser_adapters_and_where_settings_come_from() -> None:
    assert said({}).splitlines() == [
        "  speech: en-US by Whisper tiny.en on this machine",
        "  adapters: local: stores, recordings, speech, sentiment, insights, push, mail, doorbell",
        "  settings: the environment",
    ]


def test_a_start_names_each_family_and_what_it_serves() -> None:
    azure = {"SPEECH_KEY": KEY, "SPEECH_REGION": "westeurope", "REDIS_HOST": "10.0.0.5"}
    text = said(azure)
    assert "he-IL, en-US by Azure Speech (auto)" in text
    assert "azure: speech" in text
    assert "redis: doorbell" in text


def test_a_start_says_which_languages_the_model_does_not_recognise() -> None:
    assert "which does not recognise he-IL" in said({"SPEECH_LANGUAGE": "he-IL,en-GB"})
    assert "not recognise" not in said({"SPEECH_LANGUAGE": "he", "THERAPY_SPEECH_MODEL": "base"})


def test_the_default_has_nothing_doubtful() -> None:
    assert warned({}) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"THERAPY_HOST": "0.0.0.0"}, "no TLS"),  # noqa: S104 - what is warned about
        ({"JWT_SECRET_KEY": "change-me"}, "JWT_SECRET_KEY must have 32 bytes"),
        (APP_SERVICE | PROXY | {"GUNICORN_TIMEOUT": "300"}, "GUNICORN_TIMEOUT is 300 s"),
        ({"FLASK_SECRET_KEY": "x"}, "FLASK_SECRET_KEY is no longer needed"),
        ({"THERAPY_NOTICES": "local"}, "THERAPY_NOTICES is called THERAPY_PUSH now; it counts"),
        (
            {"THERAPY_NOTICES": "local", "THERAPY_PUSH": "local"},
            "THERAPY_NOTICES is called THERAPY_PUSH now, which counts",
        ),
        ({"THERAPY_DATADIR": "x"}, "did you mean THERAPY_DATA_DIR?"),
    ],
)
def test_what_is_doubtful_is_said_with_what_to_do(settings: dict[str, str], words: str) -> None:
    (warning,) = warned(settings)
    assert words in warning
    assert ":" in warning or "?" in warning


def test_a_proxy_in_front_and_a_stop_limit_that_suffices_are_no_reason_to_warn() -> None:
    assert warned({"THERAPY_HOST": "10.0.0.7"} | PROXY) == []
    enough = {"WEBSITES_CONTAINER_STOP_TIME_LIMIT": "60", "GUNICORN_TIMEOUT": "50"}
    assert warned(APP_SERVICE | PROXY | enough) == []
