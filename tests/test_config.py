"""Settings: what is missing or malformed is named with its mend, secrets never are; families follow."""

import base64
import json
from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from therapy.config import (
    NO_LONGER_NEEDED,
    SETTINGS,
    Settings,
    SettingsError,
    read_settings,
    unknown,
)

CANARY = "c4n4ry"
KEY = base64.b64encode(b"canary canary canary canary").decode()
ACCOUNT = {
    "type": "service_account",
    "project_id": "clinic-app",
    "client_email": "push@clinic-app.iam.gserviceaccount.com",
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://oauth2.googleapis.com/token",
}
EARLIER = {
    "JWT_SECRET_KEY": f"{CANARY}-1a2b3c4d5e6f708192a3b4c5d6e7f809",
    "COSMOS_URI": "https://clinic.documents.azure.com:443/",
    "COSMOS_KEY": KEY,
    "COSMOS_DATABASE_NAME": "therapydb",
    "SPEECH_KEY": CANARY,
    "SPEECH_REGION": "westeurope",
    "SPEECH_LANGUAGE": "he-IL",
    "TEXT_ANALYTICS_KEY": CANARY,
    "TEXT_ANALYTICS_ENDPOINT": "https://clinic.cognitiveservices.azure.com/",
    "AZURE_STORAGE_CONNECTION_STRING": (
        "DefaultEndpointsProtocol=https;AccountName=clinic;"
        f"AccountKey={KEY};EndpointSuffix=core.windows.net"
    ),
    "AZURE_STORAGE_ACCOUNT_NAME": "clinic",
    "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": "audio-uploads",
    "REDIS_HOST": "clinic.redis.cache.windows.net",
    "REDIS_PORT": "6380",
    "REDIS_PASSWORD": CANARY,
    "REDIS_USE_SSL": "true",
    "FIREBASE_PROJECT_ID": "clinic-app",
    "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT": json.dumps(ACCOUNT),
    "PORT": "8000",
    "PYTHONUNBUFFERED": "1",
    "GUNICORN_WORKERS": "1",
    "GUNICORN_THREADS": "8",
    "GUNICORN_TIMEOUT": "600",
    "CELERY_CONCURRENCY": "2",
    "FLASK_SECRET_KEY": CANARY,
    "FLASK_DEBUG": "0",
    "WEBSITE_INSTANCE_ID": "8f1e",
}
"""An App Service set up for the earlier generation, with nothing of ours in it."""

MAIL = {
    "THERAPY_SMTP_HOST": "smtp.azurecomm.net",
    "THERAPY_SMTP_PORT": "587",
    "THERAPY_SMTP_USERNAME": "therapy@clinic.example",
    "THERAPY_SMTP_PASSWORD": CANARY,
    "THERAPY_SMTP_SECURITY": "starttls",
    "THERAPY_MAIL_FROM": "The clinic <therapy@clinic.example>",
}
WHOLE = EARLIER | MAIL

NOT_MISSED = {
    *("COSMOS_DATABASE_NAME", "SPEECH_LANGUAGE", "AUDIO_UPLOAD_BLOB_CONTAINER_NAME"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_USE_SSL"),
    *("FIREBASE_PROJECT_ID", "PORT", "PYTHONUNBUFFERED", "GUNICORN_WORKERS", "GUNICORN_TIMEOUT"),
    *("CELERY_CONCURRENCY", "WEBSITE_INSTANCE_ID", *NO_LONGER_NEEDED),
    *("THERAPY_SMTP_PORT", "THERAPY_SMTP_SECURITY"),
}
"""What has a default, or is told by another setting."""

MALFORMED = {
    "JWT_SECRET_KEY": (f"short-{CANARY}", f"changeme-{CANARY}-changeme-changeme-changeme"),
    "COSMOS_URI": (f"{CANARY}.documents.azure.com", f"AccountEndpoint=https://{CANARY}/"),
    "COSMOS_KEY": (f"{CANARY}!", f"{CANARY}="),
    "SPEECH_REGION": (f"https://{CANARY}",),
    "SPEECH_LANGUAGE": (",", f"he IL {CANARY}"),
    "TEXT_ANALYTICS_ENDPOINT": (CANARY,),
    "AZURE_STORAGE_CONNECTION_STRING": (CANARY, f"AccountKey={CANARY}"),
    "AZURE_STORAGE_ACCOUNT_NAME": (f"https://{CANARY}",),
    "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": (f"{CANARY}/Audio",),
    "REDIS_HOST": (f"rediss://{CANARY}", f"{CANARY}:6380"),
    "REDIS_PORT": ("0", "65536", CANARY),
    "REDIS_USE_SSL": (CANARY,),
    "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT": (CANARY, "[]", json.dumps({"type": CANARY})),
    "PORT": ("-1", CANARY),
    "THERAPY_TRUSTED_PROXIES": ("*", CANARY, "10.0.0.0/33", f"10.0.0.4;{CANARY}"),
    "GUNICORN_WORKERS": ("-1", "65", CANARY),
    "GUNICORN_TIMEOUT": ("0", CANARY),
    "CELERY_CONCURRENCY": ("0", "65", CANARY),
    "THERAPY_WORKER_PROCESSES": ("0", "65", CANARY),
    "THERAPY_DECODED_AT_ONCE": ("-1", "65", CANARY),
    "THERAPY_LANGUAGE": (CANARY,),
    "THERAPY_LOG_LEVEL": (CANARY,),
    "THERAPY_MAX_UPLOAD_BYTES": ("0", CANARY),
    "THERAPY_DISK_RESERVE_BYTES": ("-1",),
    "THERAPY_LEASE_SECONDS": ("0", "nan", CANARY),
    "THERAPY_SWEEP_SECONDS": ("0",),
    "THERAPY_SPEECH_PEOPLE": ("7", "-1", "2.0", CANARY),
    "THERAPY_SPEECH_ENGINE": (CANARY,),
    "THERAPY_SPEECH_ENDPOINT": (CANARY,),
    "THERAPY_FAST_TRANSCRIPTION_ENDPOINT": (f"wss://{CANARY}",),
    "THERAPY_STORES": (CANARY,),
    "THERAPY_RECORDINGS": (CANARY,),
    "THERAPY_SPEECH": (CANARY,),
    "THERAPY_SENTIMENT": (CANARY,),
    "THERAPY_SMTP_HOST": (f"smtp://{CANARY}", f"{CANARY}:587"),
    "THERAPY_SMTP_PORT": ("0", "65536", CANARY),
    "THERAPY_SMTP_USERNAME": (f"{CANARY} מרפאה",),
    "THERAPY_SMTP_PASSWORD": (f"{CANARY}א", f"{CANARY}\n{CANARY}"),
    "THERAPY_SMTP_SECURITY": (CANARY, "none"),
    "THERAPY_MAIL_FROM": (
        CANARY,
        f"{CANARY}@a.example,b@a.example",
        f"a\nBcc: b <{CANARY}@a.example>",
    ),
    "THERAPY_PUSH": ("azure",),
    "THERAPY_MAIL": ("azure",),
    "THERAPY_DOORBELL": (CANARY,),
}
EACH_MALFORMED = [(name, text) for name, texts in MALFORMED.items() for text in texts]


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refusal:
        read_settings(environment)
    message = str(refusal.value)
    assert CANARY not in message
    assert KEY not in message
    assert refusal.value.__cause__ is None
    return message


def faults_in(message: str) -> list[str]:
    first, *faults = message.splitlines()
    assert first == "The settings can't be used:"
    return [fault.removeprefix("  - ") for fault in faults]


def families_of(settings: Settings) -> dict[str, str]:
    names = ("stores", "recordings", "speech", "sentiment", "push", "mail", "doorbell")
    return {name: getattr(settings, name) for name in names}


def test_nothing_set_is_the_embedded_default() -> None:
    settings = read_settings({})
    assert set(families_of(settings).values()) == {"local"}
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_an_environment_of_the_earlier_generation_is_whole_and_chooses_azure() -> None:
    settings = read_settings(EARLIER)
    assert families_of(settings) == {
        "stores": "azure",
        "recordings": "azure",
        "speech": "azure",
        "sentiment": "azure",
        "push": "firebase",
        "mail": "local",
        "doorbell": "redis",
    }
    assert settings.host == "0.0.0.0"  # noqa: S104 - as App Service needs it
    assert settings.speech_languages == ("he-IL",)
    assert settings.sessions_at_once == 2
    assert settings.drain.total_seconds() == 600
    assert settings.redis_ssl


@pytest.mark.parametrize("name", sorted(WHOLE.keys() - NOT_MISSED))
@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_a_setting_that_is_missing_is_named(name: str, empty: bool) -> None:
    environment = {key: text for key, text in WHOLE.items() if key != name}
    if name == "AZURE_STORAGE_CONNECTION_STRING":
        environment.pop("AZURE_STORAGE_ACCOUNT_NAME")
    if empty:
        environment[name] = "  "
    (fault, *more) = faults_in(refused(environment))
    assert name in fault
    assert "missing" in fault
    assert ";" in fault or ":" in fault, "a fault says what to do"
    assert not [other for other in more if name not in other]


@pytest.mark.parametrize("name", sorted(NOT_MISSED - {"WEBSITE_INSTANCE_ID"}))
def test_what_has_a_default_may_be_missing(name: str) -> None:
    read_settings({key: text for key, text in WHOLE.items() if key != name})


@pytest.mark.parametrize(("name", "text"), EACH_MALFORMED)
def test_a_malformed_setting_is_named_and_its_text_is_not_told(name: str, text: str) -> None:
    (fault,) = faults_in(refused(WHOLE | {name: text}))
    assert fault.startswith(name)


def test_every_fault_is_in_the_one_message() -> None:
    wrong = {name: texts[0] for name, texts in MALFORMED.items()}
    message = refused(WHOLE | wrong)
    for name in wrong:
        assert name in message, name


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"COSMOS_KEY": KEY}, "COSMOS_URI"),
        ({"COSMOS_DATABASE_NAME": "therapydb"}, "COSMOS_URI"),
        ({"COSMOS_URI": "https://a/"}, "AZURE_STORAGE_CONNECTION_STRING"),
        ({"AZURE_STORAGE_ACCOUNT_NAME": "clinic"}, "COSMOS_URI"),
        ({"SPEECH_KEY": CANARY}, "SPEECH_REGION"),
        ({"SPEECH_REGION": "westeurope"}, "SPEECH_KEY or THERAPY_SPEECH_RESOURCE_ID"),
        ({"TEXT_ANALYTICS_KEY": CANARY}, "TEXT_ANALYTICS_ENDPOINT"),
        ({"FIREBASE_PROJECT_ID": "clinic-app"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"REDIS_PASSWORD": CANARY}, "REDIS_HOST"),
        ({"REDIS_PORT": "6380"}, "REDIS_HOST"),
        ({"THERAPY_SMTP_HOST": "mail.example"}, "THERAPY_MAIL_FROM"),
        ({"THERAPY_MAIL_FROM": "therapy@clinic.example"}, "THERAPY_SMTP_HOST"),
        ({"THERAPY_SMTP_PASSWORD": CANARY}, "THERAPY_SMTP_HOST"),
        ({"THERAPY_MAIL": "smtp"}, "THERAPY_SMTP_HOST"),
        ({"THERAPY_STORES": "azure"}, "COSMOS_URI"),
        ({"THERAPY_DOORBELL": "redis"}, "REDIS_HOST"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_family_that_is_half_set_up_names_the_rest(given: dict[str, str], named: str) -> None:
    fault = faults_in(refused(given))[0]
    assert named in fault
    assert "=local" in fault


@pytest.mark.parametrize(
    ("field", "setting"),
    [
        ("speech", "THERAPY_SPEECH"),
        ("sentiment", "THERAPY_SENTIMENT"),
        ("push", "THERAPY_PUSH"),
        ("mail", "THERAPY_MAIL"),
        ("doorbell", "THERAPY_DOORBELL"),
        ("stores", "THERAPY_STORES"),
        ("recordings", "THERAPY_RECORDINGS"),
    ],
)
def test_each_port_can_be_served_by_another_family(field: str, setting: str) -> None:
    usual = families_of(read_settings(WHOLE))
    assert families_of(read_settings(WHOLE | {setting: "local"})) == usual | {field: "local"}


def test_a_setting_counts_under_its_former_name_unless_the_new_one_is_set() -> None:
    former = WHOLE | {"THERAPY_NOTICES": "local"}
    told = [former | {"THERAPY_PUSH": text} for text in ("", " ", "firebase")]
    assert [read_settings(each).push for each in told] == ["local", "local", "firebase"]
    assert "THERAPY_NOTICES must be" in refused(WHOLE | {"THERAPY_NOTICES": "azure"})


def test_a_command_demands_only_what_it_uses() -> None:
    half = {"COSMOS_KEY": KEY, "REDIS_PASSWORD": CANARY}
    settings = read_settings(half, ("speech", "sentiment"))
    assert settings.speech == "local"
    assert "COSMOS_URI" in refused(half)


@pytest.mark.parametrize(
    ("address", "key"),
    [("COSMOS_URI", "COSMOS_KEY"), ("TEXT_ANALYTICS_ENDPOINT", "TEXT_ANALYTICS_KEY")],
)
def test_an_identity_needs_https(address: str, key: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} is missing: .* https in .* with an identity"):
        read_settings(WHOLE | {address: "http://127.0.0.1:8081", key: ""})


def test_proxies_are_addresses_and_networks_and_none_unless_told() -> None:
    assert read_settings(WHOLE).trusted_proxies == ()
    given = {"THERAPY_TRUSTED_PROXIES": " 10.0.0.4, 169.254.1.1/16,,2001:db8::7"}
    proxies = read_settings(WHOLE | given).trusted_proxies
    assert proxies == ("10.0.0.4/32", "169.254.0.0/16", "2001:db8::7/128")


OURS = ("THERAPY_ENV", "THERAPY_FLOW_PASSWORD", "THERAPY_NOTICES")


def test_a_name_that_is_nearly_a_setting_is_told_with_the_one_it_may_mean() -> None:
    names = ("THERAPY_STORE", "REDIS_PASSWORT", "THERAPY_QUITE_ELSE", *OURS, "PORT", "HOME")
    assert list(unknown(dict.fromkeys(names, CANARY))) == [
        ("REDIS_PASSWORT", "REDIS_PASSWORD"),
        ("THERAPY_QUITE_ELSE", ""),
        ("THERAPY_STORE", "THERAPY_STORES"),
    ]


def test_with_an_identity_no_key_is_missed() -> None:
    keys = ("COSMOS_KEY", "TEXT_ANALYTICS_KEY", "AZURE_STORAGE_CONNECTION_STRING", "SPEECH_KEY")
    environment = {name: text for name, text in EARLIER.items() if name not in keys}
    environment |= {
        "IDENTITY_ENDPOINT": "http://169.254.130.4:8081/msi/token",
        "THERAPY_SPEECH_RESOURCE_ID": "/subscriptions/1/resourceGroups/clinic/speech",
    }
    settings = read_settings(environment)
    assert settings.storage_account == "clinic"


def test_a_key_vault_reference_that_was_not_followed_is_named() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://clinic.vault.azure.net/secrets/cosmos)"
    (fault,) = faults_in(refused(EARLIER | {"COSMOS_KEY": reference}))
    assert fault.startswith("COSMOS_KEY is a Key Vault reference")
    assert "Key Vault Secrets User" in fault


def test_mail_goes_to_the_server_that_is_set() -> None:
    settings = read_settings(MAIL)
    assert families_of(settings)["mail"] == "smtp"
    assert (settings.smtp_port, settings.smtp_security) == (587, "starttls")
    for sender in (
        "therapy@clinic.example",
        "<t@c.example>",
        '"Levi, Dana" <t@c.example>',
        "ד״ר <t@c>",
    ):
        assert read_settings(MAIL | {"THERAPY_MAIL_FROM": sender}).mail_from == sender


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "[::1]", "127.8.8.8"])
def test_a_password_may_go_in_the_clear_on_this_machine_only(host: str) -> None:
    clear = MAIL | {"THERAPY_SMTP_SECURITY": "none"}
    assert read_settings(clear | {"THERAPY_SMTP_HOST": host}).smtp_security == "none"
    for away in ("10.0.0.5", "localhost.example", "smtp.azurecomm.net"):
        (fault,) = faults_in(refused(clear | {"THERAPY_SMTP_HOST": away}))
        assert fault.startswith("THERAPY_SMTP_SECURITY must not be none")
    relay = {"THERAPY_SMTP_HOST": "10.0.0.5", "THERAPY_MAIL_FROM": "t@c.example"}
    assert read_settings(relay | {"THERAPY_SMTP_SECURITY": "none"}).smtp_password == ""


def test_an_empty_password_of_redis_is_a_password() -> None:
    given = {"REDIS_HOST": "127.0.0.1", "REDIS_PASSWORD": ""}
    assert read_settings(given).redis_password == ""


def test_a_region_may_be_written_as_the_portal_shows_it() -> None:
    assert read_settings(EARLIER | {"SPEECH_REGION": "West Europe"}).speech_region == "westeurope"


def test_no_secret_is_in_any_picture_of_the_settings() -> None:
    settings = read_settings(WHOLE)
    for picture in (repr(settings), str(settings), f"{settings}", pretty_repr(settings)):
        assert CANARY not in picture
        assert KEY not in picture


def test_every_setting_of_the_earlier_generation_is_known_or_no_longer_needed() -> None:
    known = {each.name for each in SETTINGS} | NO_LONGER_NEEDED.keys()
    assert EARLIER.keys() - known == {"PYTHONUNBUFFERED", "WEBSITE_INSTANCE_ID"}


def test_the_env_file_is_read_in_development_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from therapy.entrypoints.cli.environment import settings_of_this_machine

    (tmp_path / ".env").write_text("PORT=8123\nTHERAPY_LANGUAGE=he\n")
    monkeypatch.chdir(tmp_path)
    for name in (*WHOLE, "THERAPY_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("THERAPY_LANGUAGE", "en")
    settings = settings_of_this_machine()
    assert (settings.port, settings.language) == (8123, "en")
    for name in ("THERAPY_ENV", "WEBSITE_INSTANCE_ID"):
        with monkeypatch.context() as deployed:
            deployed.setenv(name, "production")
            assert settings_of_this_machine().port == 8000


@pytest.mark.parametrize(
    ("environment", "languages"),
    [
        ({}, ("en-US",)),
        ({"SPEECH_LANGUAGE": "he-IL"}, ("he-IL",)),
        ({"THERAPY_SPEECH_MODEL": "base"}, ("he-IL", "en-US")),
        ({"THERAPY_SPEECH_MODEL": "/srv/models/large"}, ("he-IL", "en-US")),
        ({"SPEECH_KEY": CANARY, "SPEECH_REGION": "westeurope"}, ("he-IL", "en-US")),
    ],
)
def test_unset_the_languages_are_those_that_the_recogniser_knows(environment, languages):
    assert read_settings(environment, {"speech"}).speech_languages == languages


def test_a_file_of_firebase_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    given = {"FIREBASE_PROJECT_ID": "clinic", "GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    (fault,) = faults_in(refused(given))
    assert fault.startswith("GOOGLE_APPLICATION_CREDENTIALS names no file that is there")
    assert str(path) in fault
    path.write_text("{}")
    assert read_settings(given).push == "firebase"
