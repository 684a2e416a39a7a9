"""What `therapy check` says about errors as the services word them (their documentation, their SDKs)."""

import errno
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from therapy.domain.errors import EngineFailed, InvalidInput, Unavailable
from therapy.entrypoints.cli.faults.account_faults import ACCOUNT_FAULTS
from therapy.entrypoints.cli.faults.database_faults import DATABASE_FAULTS
from therapy.entrypoints.cli.faults.diagnosis import clock_offset, diagnose, kinds_in
from therapy.entrypoints.cli.faults.known_faults import RULES
from therapy.entrypoints.cli.faults.migration_faults import FAULTS

WHERE = "clinic.example.net"
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
UNKNOWN_NAME = socket.gaierror(-2, "Name or service not known")


class HttpResponseError(Exception):
    """As the SDKs have it: a status, a code, and the answer with its headers."""

    def __init__(self, status: int, words: str = "", code: str = "", date: str = "") -> None:
        self.status_code, self.error_code = status, code
        self.response = SimpleNamespace(headers={"Date": date} if date else {})
        super().__init__(words)


class AuthenticationError(Exception):
    """redis-py's."""


class CredentialUnavailableError(Exception):
    """azure-identity's."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def cosmos(status: int, words: str = "", reason: str = "") -> Exception:
    why = reason or {401: "credentials", 403: "forbidden", 404: "missing"}[status]
    return caused(Unavailable(reason=why, status=status), HttpResponseError(status, words))


def blob(status: int, code: str, words: str = "") -> Exception:
    return caused(Unavailable(reason=code), HttpResponseError(status, words, code))


CASES = [
    ("stores", caused(Unavailable(reason="connection"), UNKNOWN_NAME), "DNS", "private DNS zone"),
    ("stores", caused(Unavailable(reason="connection"), REFUSED), "nothing answers", "firewall"),
    ("stores", TimeoutError(), "nothing answers", "private endpoint"),
    (
        "stores",
        cosmos(403, "request [POST /dbs] cannot be authorized by AAD token in data plane."),
        "may not create",
        "azure-first-start.md",
    ),
    ("stores", Unavailable(reason="uri"), "COSMOS_URI is not the address", "documents.azure.com"),
    ("stores", Unavailable(reason="key"), "renewed", "COSMOS_KEY"),
    (
        "stores",
        cosmos(401, "The input authorization token can't serve the request."),
        "renewed",
        "COSMOS_KEY",
    ),
    (
        "stores",
        cosmos(401, "Local Authorization is disabled. Use an AAD token to authorize all requests."),
        "access keys are disabled",
        "Cosmos DB Built-in Data Contributor",
    ),
    (
        "stores",
        cosmos(
            403,
            "Request originated from IP 20.1.2.3 through public internet. This is blocked by"
            " your Cosmos DB account firewall settings.",
        ),
        "firewall",
        "Networking",
    ),
    (
        "stores",
        cosmos(
            403,
            "Request blocked by Auth clinic : principal [..] does not have required RBAC"
            " permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata]",
        ),
        "identity may not read",
        "sql role assignment",
    ),
    (
        "stores",
        cosmos(
            401,
            "The authorization token is not valid at the current time. Please create another"
            " token and retry (token start time: .., token expiry time: .., current server time: ..).",
        ),
        "clock",
        "NTP",
    ),
    (
        "stores",
        Unavailable(reason="container_missing", container="practice-items"),
        "missing",
        "therapy migrate",
    ),
    (
        "stores",
        Unavailable(reason="partition_key", container="practice-items"),
        "another partition key",
        "COSMOS_DATABASE_NAME",
    ),
    ("stores", cosmos(429, reason="throttled"), "overloaded", "RU/s"),
    ("stores", cosmos(404, reason="behind"), "behind", "try again"),
    ("stores", Unavailable(reason="consistency"), "weaker than Session", "Default consistency"),
    (
        "stores",
        caused(
            Unavailable(reason="credentials"),
            CredentialUnavailableError("ManagedIdentityCredential authentication unavailable"),
        ),
        "no identity",
        "AZURE_CLIENT_ID",
    ),
    (
        "recordings",
        caused(
            Unavailable(reason="ClientAuthenticationError"),
            HttpResponseError(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/..",
            ),
        ),
        "without saying which",
        "AZURE_CLIENT_ID",
    ),
    ("stores", Unavailable(reason="database_of_a_newer_version", found=9), "newer", "that version"),
    *(
        ("stores", Unavailable(reason=reason, needed_bytes=9), fault.cause, fault.fix)
        for reason, fault in FAULTS.items()
    ),
    *(
        ("stores", Unavailable(reason=names[0]), fault.cause, fault.fix)
        for names, fault in DATABASE_FAULTS.items()
    ),
    ("recordings", blob(404, "ContainerNotFound"), "container is missing", "therapy migrate"),
    (
        "recordings",
        blob(403, "KeyBasedAuthenticationNotPermitted"),
        "access keys are disabled",
        "Storage Blob Data Contributor",
    ),
    (
        "recordings",
        blob(403, "AuthorizationPermissionMismatch"),
        "may not read and write",
        "Storage Blob Data Contributor",
    ),
    ("recordings", blob(403, "AuthorizationFailure"), "firewall", "Networking"),
    (
        "recordings",
        blob(403, "AuthenticationFailed", "Signature did not match."),
        "renewed",
        "AZURE_STORAGE_CONNECTION_STRING",
    ),
    (
        "recordings",
        blob(403, "AuthenticationFailed", "Request date header too old"),
        "clock",
        "NTP",
    ),
    (
        "recordings",
        blob(
            401, "InvalidAuthenticationInfo", "Lifetime validation failed. The token is not yet .."
        ),
        "clock",
        "NTP",
    ),
    (
        "stores",
        caused(
            Unavailable(reason="credentials"),
            HttpResponseError(
                401, "AADSTS700024: Client assertion is not within its valid time range."
            ),
        ),
        "clock",
        "NTP",
    ),
    (
        "speech",
        EngineFailed(reason=404, transient=False),
        "the region lacks it, or this is not a Speech resource",
        "THERAPY_SPEECH_ENGINE=conversation",
    ),
    (
        "speech",
        EngineFailed(reason=400, transient=False),
        "token was sent to the region's address, or it does not support a language",
        "THERAPY_SPEECH_ENDPOINT",
    ),
    ("speech", EngineFailed(reason="BadRequest", transient=False), "a language", "SPEECH_LANGUAGE"),
    ("speech", EngineFailed(reason=401, transient=False), "in this region", "SPEECH_KEY"),
    (
        "speech",
        EngineFailed("language", transient=False, languages="he-IL"),
        "does not recognise every language",
        " hebrew`",
    ),
    ("speech", EngineFailed("not_enough_memory"), "too little memory", "350 MB"),
    (
        "speech",
        EngineFailed(reason="AuthenticationFailure", transient=True),
        "in this region",
        "SPEECH_REGION",
    ),
    ("speech", EngineFailed(reason="Forbidden", transient=True), "disabled", "Speech User"),
    (
        "sentiment",
        caused(
            EngineFailed(),
            HttpResponseError(
                401, "Access denied due to invalid subscription key or wrong API endpoint."
            ),
        ),
        "another region",
        "TEXT_ANALYTICS_KEY",
    ),
    (
        "sentiment",
        caused(EngineFailed(), HttpResponseError(403, code="AuthenticationTypeDisabled")),
        "disabled",
        "Cognitive Services Language Reader",
    ),
    (
        "sentiment",
        caused(EngineFailed(), HttpResponseError(404, "Resource not found")),
        "not the address",
        "TEXT_ANALYTICS_ENDPOINT",
    ),
    ("insights", EngineFailed(reason=400, transient=False), "no summaries", "THERAPY_SUMMARIES"),
    ("push", InvalidInput("service_account"), "JSON is not valid", "create a new key"),
    (
        "push",
        Unavailable(reason="RefreshError"),
        "rejects",
        "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT",
    ),
    *(
        (of, Unavailable(f"unavailable {signs} status=1"), fault.cause, fault.fix)
        for (of, signs), fault in ACCOUNT_FAULTS.items()
    ),
    (
        "push",
        Unavailable(reason="PERMISSION_DENIED"),
        "may not send",
        "Firebase Cloud Messaging API",
    ),
    (
        "doorbell",
        caused(Unavailable(reason="ConnectionError"), REFUSED),
        "nothing answers",
        "10000",
    ),
    (
        "doorbell",
        caused(Unavailable(), AuthenticationError("WRONGPASS invalid username-password pair")),
        "access keys may be disabled",
        "THERAPY_REDIS_USERNAME",
    ),
    (
        "doorbell",
        caused(Unavailable(), AuthenticationError("NOAUTH Authentication required.")),
        "does not accept the password",
        "REDIS_PASSWORD",
    ),
    (
        "doorbell",
        caused(Unavailable(), ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")),
        "does not use it",
        "6380",
    ),
    (
        "doorbell",
        caused(Unavailable(), ConnectionError("Connection closed by server.")),
        "expects TLS",
        "REDIS_USE_SSL=true",
    ),
    (
        "doorbell",
        caused(Unavailable(), RuntimeError("MOVED 3999 10.0.0.5:8501")),
        "OSS clustering policy",
        "Enterprise",
    ),
    (
        "doorbell",
        caused(
            Unavailable(),
            ssl.SSLCertVerificationError(1, "certificate verify failed: Hostname mismatch"),
        ),
        "certificate",
        "host name",
    ),
    ("mail", caused(Unavailable(reason="gaierror"), UNKNOWN_NAME), "DNS", "typo"),
    (
        "mail",
        caused(Unavailable(reason="ConnectionRefusedError"), REFUSED),
        "nothing answers",
        "587",
    ),
    ("mail", Unavailable(reason="TimeoutError"), "nothing answers", "blocks port 25"),
    ("mail", TimeoutError(), "nothing answers", "THERAPY_SMTP_HOST"),
    ("mail", Unavailable(reason="certificate"), "certificate", "SSL_CERT_FILE"),
    (
        "mail",
        caused(
            Unavailable(reason="SSLError"), ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong")
        ),
        "does not use it",
        "THERAPY_SMTP_SECURITY=starttls",
    ),
    ("mail", Unavailable(reason="no_greeting"), "expects TLS", "THERAPY_SMTP_SECURITY=tls"),
    ("mail", Unavailable(reason="starttls"), "not offer STARTTLS", "THERAPY_SMTP_PORT=587"),
    ("mail", Unavailable(reason="login_method"), "not offer to sign in", "only over TLS"),
    ("mail", Unavailable(reason="login", status=535), "does not accept", "THERAPY_SMTP_PASSWORD"),
    ("mail", Unavailable(reason="later", status=421), "too busy", "wait"),
    (
        "mail",
        Unavailable(reason="greeting", status=554),
        "does not accept this network",
        "port 587",
    ),
    (
        "speech",
        ModuleNotFoundError("No module named 'azure.cognitiveservices'"),
        "not installed",
        "pip install",
    ),
]


@pytest.mark.parametrize(("name", "error", "cause", "fix"), CASES)
def test_the_likely_cause_and_the_fix(name: str, error: Exception, cause: str, fix: str) -> None:
    found = diagnose("azure", name, WHERE, error)
    assert cause in found.cause
    assert fix in found.fix


def test_every_rule_is_met_by_some_case_but_for_two() -> None:
    met = {diagnose("azure", name, WHERE, error).fix for name, error, _, _ in CASES}
    parts = {rule.cause: rule.fix.partition("{")[0] for rule in RULES}  # before what is filled in
    unmet = [cause for cause, part in parts.items() if not any(fix.startswith(part) for fix in met)]
    assert unmet == ["the identity may not use this command or key", "the disk is full"]


@pytest.mark.parametrize(
    ("name", "status", "code", "fix"),
    [
        ("stores", 401, "", "COSMOS_KEY"),
        ("stores", 403, "", "Cosmos DB Built-in Data Contributor"),
        ("recordings", 403, "AuthenticationFailed", "AZURE_STORAGE_CONNECTION_STRING"),
        ("recordings", 401, "InvalidAuthenticationInfo", "AZURE_STORAGE_CONNECTION_STRING"),
        ("sentiment", 401, "", "TEXT_ANALYTICS_KEY"),
    ],
)
def test_a_clock_that_is_wrong_shows_in_the_answers_date(
    name: str, status: int, code: str, fix: str
) -> None:
    def answered(minutes: int) -> Exception:
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
        inner = HttpResponseError(status, code=code, date=date)
        return caused(Unavailable(reason=code or "credentials", status=status), inner)

    assert clock_offset(answered(-20)) == pytest.approx(1200, abs=5)
    for minutes in (-20, 20):
        assert "clock is wrong" in diagnose("azure", name, WHERE, answered(minutes)).cause
    assert fix in diagnose("azure", name, WHERE, answered(1)).fix
    assert clock_offset(REFUSED) is None


def test_what_errors_say_is_never_passed_on() -> None:
    error = caused(Unavailable(reason="answer"), HttpResponseError(418, "secret-c4n4ry"))
    found = diagnose("azure", "stores", WHERE, error)
    assert "not known here" in found.cause
    assert "c4n4ry" not in found.cause + found.fix + kinds_in(error)
