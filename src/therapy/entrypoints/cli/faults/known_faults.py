"""Known faults of installations: likely causes and fixes in one table; the first rule that matches counts.

A rule is matched against everything an error says (see `diagnosis`), in lower case, and the address.
"""

from msgspec import Struct

from therapy.entrypoints.cli.faults.account_faults import ACCOUNT_FAULTS
from therapy.entrypoints.cli.faults.database_faults import DATABASE_FAULTS
from therapy.entrypoints.cli.faults.migration_faults import FAULTS


class Rule(Struct, frozen=True):
    """A known fault of the dependencies `of` ("" = any); `signs` is a pattern over everything an error says.

    In `cause`, {host} stands for the host with its port, if one is set, and {name} for the host without it.
    """

    of: str
    signs: str
    cause: str
    fix: str


RULES = (
    Rule(
        "",
        r"credentialunavailable|defaultazurecredential failed|managed identity.*(not|unavailable)"
        r"|no user assigned or delegated managed identity|proper managed identity",
        "no key is set, and this machine has no identity, or several without saying which",
        "App Service: Identity, System assigned, On; or a user-assigned one, with AZURE_CLIENT_ID set to its"
        " client id; outside Azure: az login; or set the key",
    ),
    Rule(
        "",
        r"\bclock\b|not valid at the current time|request date header too old|invalid_grant.*(iat|exp)"
        r"|lifetime validation failed|not within its valid time range",
        "this machine's clock is wrong",
        "set it by NTP (timedatectl set-ntp true); a container uses its host's clock",
    ),
    Rule(
        "",
        r"gaierror|name or service not known|getaddrinfo|nodename nor servname|no address associated"
        r"|temporary failure in name resolution|clientconnectordnserror|\bdns\b",
        "the name {name} can't be resolved here (DNS)",
        "look for a typo; with a private endpoint, link its private DNS zone to this network",
    ),
    *(Rule(of, signs, fault.cause, fault.fix) for (of, signs), fault in ACCOUNT_FAULTS.items()),
    Rule(
        "mail",
        r"reason=certificate",
        "the certificate is not for {name}, or from an authority that this machine does not trust",
        "THERAPY_SMTP_HOST must be the name in the certificate; if the authority is your own, set"
        " SSL_CERT_FILE to its file",
    ),
    Rule(
        "mail",
        r"wrong_version_number|record layer failure|packet length too long",
        "TLS from the first byte is configured, but this port does not use it",
        "THERAPY_SMTP_SECURITY=starttls with THERAPY_SMTP_PORT=587; tls is for port 465",
    ),
    Rule(
        "mail",
        r"reason=no_greeting",
        "it accepts the connection but sends no greeting: most likely it expects TLS from the first byte",
        "THERAPY_SMTP_SECURITY=tls with THERAPY_SMTP_PORT=465, or starttls with 587",
    ),
    Rule(
        "mail",
        r"reason=starttls",
        "this port does not offer STARTTLS, and nothing is sent unencrypted",
        "THERAPY_SMTP_PORT=587 usually offers it; or use THERAPY_SMTP_SECURITY=tls with 465",
    ),
    Rule(
        "mail",
        r"reason=login_method",
        "it does not offer to sign in with a password here",
        "many do so only over TLS: THERAPY_SMTP_SECURITY=starttls or tls; a relay that trusts senders by"
        " their network needs neither username nor password",
    ),
    Rule(
        "mail",
        r"reason=login\b",
        "it does not accept this username with this password",
        "copy THERAPY_SMTP_USERNAME and THERAPY_SMTP_PASSWORD again; Azure Communication Services: the"
        " password is a secret of the Entra application, which may have expired, and needs a role there",
    ),
    Rule(
        "mail",
        r"reason=(greeting|answer|disconnected)",
        "it answers, but refuses us now: it is too busy, or does not accept this network",
        "wait; if it stays like that, ask its operator, or use a server with sign-in (port 587)",
    ),
    Rule(
        "mail",
        r"timeout|timed out|connection refused|connectionrefused|reason=(?!ssl)\w*error",
        "nothing answers at {host}",
        "check THERAPY_SMTP_HOST; THERAPY_SMTP_PORT is 587 with starttls and 465 with tls (Azure blocks port"
        " 25); this network must allow outgoing connections to it",
    ),
    Rule(
        "",
        r"certificate_verify_failed|hostname mismatch|certificate verify failed",
        "the certificate is not for {name}",
        "use the resource's own host name, not an address or an alias; with a private CA, install it",
    ),
    Rule(
        "doorbell",
        r"wrong_version_number|record layer failure|ssl.*(unexpected_eof|eof occurred)|sslerror"
        r"|(timeout|timed out).*at=\S+, tls",
        "TLS is on, but this port does not use it (or a firewall drops packets)",
        "Azure Cache for Redis: REDIS_PORT=6380 with REDIS_USE_SSL=true (6379 is without TLS); "
        "Azure Managed Redis: REDIS_PORT=10000 with REDIS_USE_SSL=true",
    ),
    Rule(
        "doorbell",
        r"connection closed by server|connection reset|incompleteread|protocol error",
        "it closes the connection at once: most likely it expects TLS, and TLS is off",
        "REDIS_USE_SSL=true with REDIS_PORT=6380 (Azure Cache for Redis) or 10000 (Azure Managed Redis)",
    ),
    Rule(
        "doorbell",
        r"wrongpass|noauth|authenticationerror|invalid username-password|invalid password",
        "it does not accept the password, or requires one; access keys may be disabled"
        " (Azure Managed Redis disables them by default)",
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
        "it is a cluster that redirects clients to other nodes (OSS clustering policy)",
        "Azure Managed Redis: create it with the clustering policy Enterprise or Non-clustered;"
        " Azure Cache for Redis: use a tier without clustering",
    ),
    Rule(
        "stores",
        r"local authori[sz]ation is disabled|localauthdisabled|disablelocalauth",
        "access keys are disabled in this Cosmos account",
        "remove COSMOS_KEY and give this app's identity the role Cosmos DB Built-in Data Contributor"
        " (az cosmosdb sql role assignment create); the containers must then be created with az, see"
        " docs/how-to/azure-first-start.md",
    ),
    Rule(
        "stores",
        r"firewall|request originated from ip|virtual network",
        "the account's firewall blocks this machine",
        "Cosmos DB, Networking: add this app's network or outbound addresses, or a private endpoint",
    ),
    Rule(
        "stores",
        r"^(?!.*readmetadata).*((status=403|reason=forbidden).*doing=migrate|sqldatabases/\S*write"
        r"|authorized by aad token in data plane)",
        "we may not create or change databases and containers: neither an identity's data role nor a"
        " read-only key allows it",
        "run `therapy migrate` once with COSMOS_KEY, the account's read-write key; or create what is missing"
        " with az or in the portal, see docs/how-to/azure-first-start.md: then no key is needed",
    ),
    Rule(
        "stores",
        r"rbac permissions|readmetadata|status=403|reason=forbidden",
        "the identity may not read this account",
        "give it Cosmos DB Built-in Data Contributor (az cosmosdb sql role assignment create); a"
        " user-assigned identity must be named by AZURE_CLIENT_ID",
    ),
    *(
        Rule("stores", rf"reason={reason}\b", fault.cause, fault.fix)
        for reason, fault in FAULTS.items()
    ),
    *(
        Rule("stores", rf"reason=({'|'.join(names).lower()})", fault.cause, fault.fix)
        for names, fault in DATABASE_FAULTS.items()
    ),
    Rule(
        "stores",
        r"newer_version",
        "a newer version of this program has written to it",
        "run that version or a newer one; beside the database there is a copy from before each migration",
    ),
    Rule(
        "stores",
        r"reason=uri",
        "COSMOS_URI is not the address of an account",
        "copy it from Cosmos DB, Keys: https://<account>.documents.azure.com:443/",
    ),
    Rule(
        "stores",
        r"status=401|reason=credentials|reason=key",
        "the key is not one of this account's, or was renewed",
        "copy COSMOS_KEY (a read-write one) and COSMOS_URI again from Cosmos DB, Keys",
    ),
    Rule(
        "stores",
        r"reason=consistency",
        "the account's default consistency is weaker than Session: what was just written may not be read",
        "Cosmos DB, Default consistency: Session; or az cosmosdb update --default-consistency-level Session",
    ),
    Rule(
        "stores",
        r"reason=behind",
        "the replicas of Cosmos DB that answer are behind, as in a failover",
        "wait and try again; look at Service health of the account",
    ),
    Rule(
        "stores",
        r"container_missing|reason=missing|status=404",
        "the database or a container is missing",
        "run `therapy migrate`; check that COSMOS_DATABASE_NAME is the right one",
    ),
    Rule(
        "stores",
        r"partition_key",
        "a container of this name exists with another partition key: it belongs to something else",
        "set COSMOS_DATABASE_NAME to another database",
    ),
    Rule(
        "recordings",
        r"keybasedauthenticationnotpermitted",
        "access keys are disabled in this storage account",
        "remove AZURE_STORAGE_CONNECTION_STRING, set AZURE_STORAGE_ACCOUNT_NAME, and give this app's"
        " identity the role Storage Blob Data Contributor",
    ),
    Rule(
        "recordings",
        r"containernotfound|resourcenotfound",
        "the container is missing",
        "run `therapy migrate`, or create it; see AUDIO_UPLOAD_BLOB_CONTAINER_NAME",
    ),
    Rule(
        "recordings",
        r"authorizationpermissionmismatch",
        "the identity may not read and write blobs",
        "give it the role Storage Blob Data Contributor on the storage account; that takes some minutes",
    ),
    Rule(
        "recordings",
        r"authorizationfailure",
        "the account's firewall blocks this machine",
        "Storage account, Networking: add this app's network, or a private endpoint",
    ),
    Rule(
        "recordings",
        r"authenticationfailed|status=403|invalidauthenticationinfo",
        "the key is not one of this account's, or was renewed; or this machine's clock is wrong",
        "copy AZURE_STORAGE_CONNECTION_STRING again from Storage account, Access keys",
    ),
    Rule("recordings", r"storage_full", "the disk is full", "make room where THERAPY_DATA_DIR is"),
    Rule(
        "speech",
        r"language languages=",
        "{host} does not recognise every language that SPEECH_LANGUAGE names (below)",
        "leave those out, or use a model that recognises them: for Hebrew `{hebrew}`, then"
        " THERAPY_SPEECH_MODEL=auto",
    ),
    Rule(
        "speech",
        r"not_enough_memory",
        "there is too little memory to load the model of {host}",
        "tiny.en needs 350 MB, base 600 MB: stop something else, or give the machine more memory",
    ),
    Rule(
        "speech",
        r"\b401\b|unauthorized|authenticationfailure|authentication error",
        "the key is not that of a Speech resource in this region",
        "SPEECH_KEY and SPEECH_REGION (e.g. westeurope) must come from the same resource: Keys and Endpoint;"
        " with an identity THERAPY_SPEECH_ENDPOINT must be the resource's own domain",
    ),
    Rule(
        "speech",
        r"\b403\b|forbidden|disablelocalauth|authenticationtypedisabled",
        "keys are disabled, or the identity has no role, or the firewall blocks us",
        "without a key: set THERAPY_SPEECH_RESOURCE_ID and THERAPY_SPEECH_ENDPOINT (the resource's own"
        " domain), and give the identity the role Cognitive Services Speech User",
    ),
    Rule(
        "speech",
        r"\b404\b|resourcenotfound",
        "there is no Fast Transcription at {host}: the region lacks it, or this is not a Speech resource",
        "set THERAPY_SPEECH_ENGINE=conversation, which does not need it; or use a resource in a region that"
        " has it, with SPEECH_REGION or THERAPY_SPEECH_ENDPOINT",
    ),
    Rule(
        "speech",
        r"\b400\b|badrequest",
        "it rejects the request: an identity's token was sent to the region's address, or it does not support"
        " a language",
        "with an identity THERAPY_SPEECH_ENDPOINT must be the resource's own domain"
        " (https://<name>.cognitiveservices.azure.com); SPEECH_LANGUAGE names at most four, e.g. he-IL,en-US",
    ),
    Rule(
        "sentiment insights",
        r"\b401\b|unauthorized|invalid subscription key|permissiondenied",
        "the key is not one of this Language resource's, or from another region",
        "TEXT_ANALYTICS_KEY and TEXT_ANALYTICS_ENDPOINT must come from the same resource",
    ),
    Rule(
        "sentiment insights",
        r"\b403\b|forbidden|authenticationtypedisabled",
        "keys are disabled, or the identity has no role, or the firewall blocks us",
        "remove TEXT_ANALYTICS_KEY and give the identity the role Cognitive Services Language Reader",
    ),
    Rule(
        "sentiment insights",
        r"\b404\b|resource not found",
        "this is not the address of a Language resource",
        "copy TEXT_ANALYTICS_ENDPOINT from the resource: https://<name>.cognitiveservices.azure.com/",
    ),
    Rule(
        "insights",
        r"\b400\b|operationfailed",
        "it does not find every part of insights: most likely its region makes no summaries",
        "set THERAPY_SUMMARIES=false, or use a Language resource in a region that makes them",
    ),
    Rule(
        "push",
        r"service_account",
        "the service account's JSON is not valid",
        "Firebase console, Project settings, Service accounts: create a new key, paste the whole file",
    ),
    Rule(
        "push",
        r"refresherror|invalid_grant|unauthenticated|defaultcredentialserror",
        "Google rejects the service account's key: it was deleted, or this machine's clock is wrong",
        "create a new key in the Firebase console and set FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT",
    ),
    Rule(
        "push",
        r"permission_denied|not_found",
        "the service account may not send for this project, or the API is disabled",
        "FIREBASE_PROJECT_ID must be the account's project; enable the Firebase Cloud Messaging API (V1); the"
        " account needs the permission cloudmessaging.messages.create and no other",
    ),
    Rule(
        "",
        r"\b429\b|throttled|toomanyrequests",
        "it answers, but is overloaded (429)",
        "wait, or increase its capacity (Cosmos: RU/s; Speech and Language: tier and quota)",
    ),
    Rule(
        "doorbell",
        r"connection refused|errno 111|connectionrefused|timeout|timed out|cannot connect|connecterror",
        "nothing answers at {host}",
        "check REDIS_HOST; the port is 6380 on Azure Cache for Redis and 10000 on Azure Managed Redis;"
        " its firewall or private endpoint must let this app in",
    ),
    Rule(
        "",
        r"timeout|timed out|servicerequesterror|clientconnector|reason=connection|connectionrefused"
        r"|connection refused|cannot connect|connecterror|connection",
        "nothing answers at {host}",
        "check the address; the service's firewall (Networking) or private endpoint must let this app in,"
        " and this network must allow outgoing connections",
    ),
)
