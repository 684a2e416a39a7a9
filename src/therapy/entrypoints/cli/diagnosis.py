"""From an error to its likely cause and the fix, for who set the installation up: one literal table.

SDKs are not imported: an error is known by the names of the classes in its chain, its status, the codes
and the words of the service. Those words are looked at and never printed: they may quote a secret.
"""

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct

from therapy.domain.errors import TherapyError

CLOCK_SECONDS = 300
"""Azure and Google refuse requests whose time is further off than some 5 to 15 minutes."""


class Finding(Struct, frozen=True):
    """A likely cause, its fix, and the classes of the errors for who wants to look further."""

    cause: str
    mend: str
    kinds: str = ""


class Rule(Struct, frozen=True):
    """`of` is a dependency's name ("" = any), `signs` a pattern over all that an error says of itself."""

    of: str
    signs: str
    cause: str
    mend: str


RULES = (
    Rule(
        "",
        r"credentialunavailable|defaultazurecredential failed|managed identity.*(not|unavailable)",
        "no key is set and this machine has no identity",
        "App Service: Identity, System assigned, On (outside Azure: az login); or set the key",
    ),
    Rule(
        "",
        r"\bclock\b|not valid at the current time|request date header too old|invalid_grant.*(iat|exp)",
        "this machine's clock is wrong",
        "set it by NTP (timedatectl set-ntp true); a container has the clock of its host",
    ),
    Rule(
        "",
        r"gaierror|name or service not known|getaddrinfo|nodename nor servname|no address associated"
        r"|temporary failure in name resolution|clientconnectordnserror|dns",
        "the name {where} is not known here (DNS)",
        "look for a typing mistake; with a private endpoint, link its private DNS zone to this network",
    ),
    Rule(
        "",
        r"certificate_verify_failed|hostname mismatch|certificate verify failed",
        "the certificate is not the one of {where}",
        "use the resource's own host name, not an address or an alias; with a private CA, install it",
    ),
    Rule(
        "doorbell",
        r"wrong_version_number|record layer failure|ssl.*(unexpected_eof|eof occurred)|sslerror"
        r"|(timeout|timed out).*at=\S+, tls",
        "TLS is on, and this port does not speak it (or a firewall drops what is sent)",
        "Azure Cache for Redis: REDIS_PORT=6380 with REDIS_USE_SSL=true (6379 is without TLS); "
        "Azure Managed Redis: REDIS_PORT=10000 with REDIS_USE_SSL=true",
    ),
    Rule(
        "doorbell",
        r"connection closed by server|connection reset|incompleteread|protocol error",
        "it hangs up at once: most likely it wants TLS, and TLS is off",
        "REDIS_USE_SSL=true with REDIS_PORT=6380 (Azure Cache for Redis) or 10000 (Azure Managed Redis)",
    ),
    Rule(
        "doorbell",
        r"wrongpass|noauth|authenticationerror|invalid username-password|invalid password",
        "it does not take the password, or wants one; access keys may be switched off"
        " (Azure Managed Redis is made without them)",
        "copy REDIS_PASSWORD from Access keys (Azure Cache for Redis) or Authentication (Azure Managed"
        " Redis); or leave it empty, add this identity as a user there, and set THERAPY_REDIS_USERNAME"
        " to its object id",
    ),
    Rule(
        "doorbell",
        r"\bnoperm\b|nopermission",
        "the identity may not use this command or key",
        "give it the access policy Data Contributor (Azure Cache for Redis) or default (Managed Redis)",
    ),
    Rule(
        "doorbell",
        r"moved|clusterdown|crossslot",
        "it is a cluster that sends its clients to other nodes (OSS clustering policy)",
        "Azure Managed Redis: make it with the clustering policy Enterprise or Non-clustered;"
        " Azure Cache for Redis: a tier without clustering does",
    ),
    Rule(
        "stores",
        r"local authori[sz]ation is disabled|localauthdisabled|disablelocalauth",
        "access keys are switched off in this Cosmos account",
        "remove COSMOS_KEY and give this app's identity the role Cosmos DB Built-in Data Contributor"
        " (az cosmosdb sql role assignment create); run `therapy migrate` once as who may make containers",
    ),
    Rule(
        "stores",
        r"firewall|request originated from ip|virtual network",
        "the account's firewall does not let this machine in",
        "Cosmos DB, Networking: add this app's network or outbound addresses, or a private endpoint",
    ),
    Rule(
        "stores",
        r"rbac permissions|readmetadata|status=403|reason=forbidden",
        "the identity may not read this account",
        "give it Cosmos DB Built-in Data Contributor (az cosmosdb sql role assignment create)",
    ),
    Rule(
        "stores",
        r"reason=uri",
        "COSMOS_URI is no address of an account",
        "copy it from Cosmos DB, Keys: https://<account>.documents.azure.com:443/",
    ),
    Rule(
        "stores",
        r"status=401|reason=credentials|reason=key",
        "the key is not one of this account, or was renewed",
        "copy COSMOS_KEY (a read-write one) and COSMOS_URI again from Cosmos DB, Keys",
    ),
    Rule(
        "stores",
        r"container_missing|reason=missing|status=404",
        "the database or a container is missing",
        "run `therapy migrate`; see that COSMOS_DATABASE_NAME is the one you mean",
    ),
    Rule(
        "stores",
        r"partition_key",
        "a container of this name is there with another partition key: it belongs to something else",
        "set COSMOS_DATABASE_NAME to another database",
    ),
    Rule(
        "recordings",
        r"keybasedauthenticationnotpermitted",
        "access keys are switched off in this storage account",
        "remove AZURE_STORAGE_CONNECTION_STRING, set AZURE_STORAGE_ACCOUNT_NAME, and give this app's"
        " identity the role Storage Blob Data Contributor",
    ),
    Rule(
        "recordings",
        r"containernotfound|resourcenotfound",
        "the container is missing",
        "run `therapy migrate`, or make it; see AUDIO_UPLOAD_BLOB_CONTAINER_NAME",
    ),
    Rule(
        "recordings",
        r"authorizationpermissionmismatch",
        "the identity may not read and write blobs",
        "give it the role Storage Blob Data Contributor on the storage account; it takes some minutes",
    ),
    Rule(
        "recordings",
        r"authorizationfailure",
        "the account's firewall does not let this machine in",
        "Storage account, Networking: add this app's network, or a private endpoint",
    ),
    Rule(
        "recordings",
        r"authenticationfailed|status=403|invalidauthenticationinfo",
        "the key is not one of this account, or was renewed; or this machine's clock is wrong",
        "copy AZURE_STORAGE_CONNECTION_STRING again from Storage account, Access keys",
    ),
    Rule("recordings", r"storage_full", "the disk is full", "make room where THERAPY_DATA_DIR is"),
    Rule(
        "speech",
        r"401|unauthorized|authenticationfailure|authentication error",
        "the key is not one of a Speech resource in this region",
        "SPEECH_KEY and SPEECH_REGION (e.g. westeurope) must come from the same resource: Keys and Endpoint",
    ),
    Rule(
        "speech",
        r"403|forbidden|disablelocalauth|authenticationtypedisabled",
        "keys are switched off, or the identity has no role, or the firewall does not let us in",
        "without a key: set THERAPY_SPEECH_RESOURCE_ID and THERAPY_SPEECH_ENDPOINT (the resource's own"
        " domain), and give the identity the role Cognitive Services Speech User",
    ),
    Rule(
        "sentiment",
        r"401|unauthorized|invalid subscription key|permissiondenied",
        "the key is not one of this Language resource, or of another region",
        "TEXT_ANALYTICS_KEY and TEXT_ANALYTICS_ENDPOINT must come from the same resource",
    ),
    Rule(
        "sentiment",
        r"403|forbidden|authenticationtypedisabled",
        "keys are switched off, or the identity has no role, or the firewall does not let us in",
        "remove TEXT_ANALYTICS_KEY and give the identity the role Cognitive Services Language Reader",
    ),
    Rule(
        "sentiment",
        r"404|resource not found",
        "this is no address of a Language resource",
        "copy TEXT_ANALYTICS_ENDPOINT from the resource: https://<name>.cognitiveservices.azure.com/",
    ),
    Rule(
        "notices",
        r"service_account",
        "the service account's JSON is none",
        "Firebase console, Project settings, Service accounts: make a new key, paste the file whole",
    ),
    Rule(
        "notices",
        r"refresherror|invalid_grant|unauthenticated|defaultcredentialserror",
        "Google does not take the service account's key: deleted, or this machine's clock is wrong",
        "make a new key in the Firebase console and set FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT",
    ),
    Rule(
        "notices",
        r"permission_denied|not_found",
        "the service account may not send for this project, or the API is off",
        "FIREBASE_PROJECT_ID must be the account's project; switch on Firebase Cloud Messaging API (V1)",
    ),
    Rule(
        "",
        r"429|throttled|toomanyrequests",
        "it answers, but has too much to do (429)",
        "wait, or give it more (Cosmos: RU/s; Speech and Language: tier and quota)",
    ),
    Rule(
        "doorbell",
        r"connection refused|errno 111|connectionrefused|timeout|timed out|cannot connect|connecterror",
        "nothing answers at {where}",
        "see REDIS_HOST; the port is 6380 on Azure Cache for Redis and 10000 on Azure Managed Redis;"
        " its firewall or private endpoint must let this app in",
    ),
    Rule(
        "",
        r"timeout|timed out|servicerequesterror|clientconnector|reason=connection|connectionrefused"
        r"|connection refused|cannot connect|connecterror|connection",
        "nothing answers at {where}",
        "see the address; the service's firewall (Networking) or private endpoint must let this app in,"
        " and this network must let it out",
    ),
    Rule(
        "",
        r"modulenotfounderror|no module named",
        "its library is not installed",
        "pip install 'therapy[all]'",
    ),
)


def diagnose(family: str, name: str, where: str, exc: BaseException) -> Finding:
    """Give the likely cause of a dependency's error and the fix."""
    if family == "local" and isinstance(exc, OSError) and exc.filename:
        return Finding(f"{exc.strerror}: {where}", "see THERAPY_DATA_DIR: it must be ours to write")
    off = clock_offset(exc)
    told = f"{' '.join(_said(exc))} at={where}".lower()
    if off is not None and abs(off) > CLOCK_SECONDS:
        told += " clock "
    for rule in RULES:
        if rule.of in {"", name} and re.search(rule.signs, told, re.DOTALL):
            return Finding(rule.cause.format(where=where or name), rule.mend)
    return Finding("it failed in a way not seen before", "the log of the server may say more")


def kinds_in(exc: BaseException) -> str:
    """Name the classes in an error's chain, and the codes that are ours."""
    kinds = [
        str(each) if isinstance(each, TherapyError) else type(each).__name__ for each in _chain(exc)
    ]
    return " < ".join(dict.fromkeys(kinds))


def clock_offset(exc: BaseException) -> float | None:
    """Tell by how many seconds our clock is ahead of that of who answered with this error, if it says."""
    for each in _chain(exc):
        headers: Mapping[str, str] = getattr(getattr(each, "response", None), "headers", None) or {}
        if date := headers.get("Date"):
            try:
                return time.time() - parsedate_to_datetime(date).timestamp()
            except (TypeError, ValueError):
                return None
    return None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An error, what led to it, and what is inside of those."""
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = getattr(each, "inner_exception", None)
        waiting += [each.__cause__, each.__context__, inner, *getattr(each, "exceptions", ())]


def _said(exc: BaseException) -> Iterator[str]:
    for each in _chain(exc):
        yield from (kind.__name__ for kind in type(each).__mro__[:-3])
        yield str(each)
        status, code = getattr(each, "status_code", None), getattr(each, "error_code", None)
        yield f"status={status} code={getattr(code, 'value', code)}"
