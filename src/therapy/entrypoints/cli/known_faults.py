"""Likely causes of what goes wrong, and their fixes: one literal table; the first rule that fits counts.

A rule looks at all that an error says of itself (see `diagnosis`), in small letters, and at where.
"""

from msgspec import Struct

from therapy.entrypoints.cli.migration_faults import FAULTS


class Rule(Struct, frozen=True):
    """`of` is a dependency's name ("" = any), `signs` a pattern over all that an error says of itself.

    `cause` may quote the host with its port, if one is set, as {host}, and without it as {name}.
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
        "no key is set, and this machine has no identity or does not know which of several",
        "App Service: Identity, System assigned, On; or a user-assigned one, named by AZURE_CLIENT_ID (its"
        " client id); outside Azure: az login; or set the key",
    ),
    Rule(
        "",
        r"\bclock\b|not valid at the current time|request date header too old|invalid_grant.*(iat|exp)"
        r"|lifetime validation failed|not within its valid time range",
        "this machine's clock is wrong",
        "set it by NTP (timedatectl set-ntp true); a container has the clock of its host",
    ),
    Rule(
        "",
        r"gaierror|name or service not known|getaddrinfo|nodename nor servname|no address associated"
        r"|temporary failure in name resolution|clientconnectordnserror|\bdns\b",
        "the name {name} is not known here (DNS)",
        "look for a typing mistake; with a private endpoint, link its private DNS zone to this network",
    ),
    Rule(
        "mail",
        r"reason=certificate",
        "the certificate is not one of {name}, or of an authority that this machine does not know",
        "THERAPY_SMTP_HOST must be the name in the certificate; if the authority is your own, name its file"
        " in SSL_CERT_FILE",
    ),
    Rule(
        "mail",
        r"wrong_version_number|record layer failure|packet length too long",
        "TLS from the first byte is asked for, and this port does not speak it",
        "THERAPY_SMTP_SECURITY=starttls with THERAPY_SMTP_PORT=587; tls is for port 465",
    ),
    Rule(
        "mail",
        r"reason=no_greeting",
        "it takes the connection and does not greet: most likely it wants TLS from the first byte",
        "THERAPY_SMTP_SECURITY=tls with THERAPY_SMTP_PORT=465, or starttls with 587",
    ),
    Rule(
        "mail",
        r"reason=starttls",
        "this port offers no STARTTLS, and nothing is sent in the clear",
        "THERAPY_SMTP_PORT=587 has it as a rule; or THERAPY_SMTP_SECURITY=tls with 465",
    ),
    Rule(
        "mail",
        r"reason=login_method",
        "it offers no way to sign in with a password here",
        "many offer it under TLS only: THERAPY_SMTP_SECURITY=starttls or tls; a relay that knows its"
        " senders by their network wants neither username nor password",
    ),
    Rule(
        "mail",
        r"reason=login\b",
        "it does not take this username with this password",
        "copy THERAPY_SMTP_USERNAME and THERAPY_SMTP_PASSWORD again; Azure Communication Services: the"
        " password is a secret of the Entra application, which may have expired, and needs a role there",
    ),
    Rule(
        "mail",
        r"reason=(greeting|later|answer|disconnected)",
        "it answers, but does not want us now: too busy, or this network is not welcome",
        "wait; if it stays so, ask who runs it, or use one that one signs in to (port 587)",
    ),
    Rule(
        "mail",
        r"timeout|timed out|connection refused|connectionrefused|reason=(?!ssl)\w*error",
        "nothing answers at {host}",
        "see THERAPY_SMTP_HOST; THERAPY_SMTP_PORT is 587 with starttls and 465 with tls (Azure lets nothing"
        " out to port 25); this network must let it out",
    ),
    Rule(
        "",
        r"certificate_verify_failed|hostname mismatch|certificate verify failed",
        "the certificate is not the one of {name}",
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
        " (az cosmosdb sql role assignment create); containers are made by az then, see"
        " docs/how-to/deploy-azure.md",
    ),
    Rule(
        "stores",
        r"firewall|request originated from ip|virtual network",
        "the account's firewall does not let this machine in",
        "Cosmos DB, Networking: add this app's network or outbound addresses, or a private endpoint",
    ),
    Rule(
        "stores",
        r"^(?!.*readmetadata).*((status=403|reason=forbidden).*doing=migrate|sqldatabases/\S*write"
        r"|authorized by aad token in data plane)",
        "we may not make or change databases and containers: an identity never may by its data role, nor"
        " does a read-only key do",
        "run `therapy migrate` once with COSMOS_KEY, the account's read-write key; or make what is missing by"
        " az or in the portal, see docs/how-to/deploy-azure.md: then no key is needed",
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
    Rule(
        "stores",
        r"newer_version",
        "a newer version of this program has written it",
        "run that version or a newer one; beside the database is a copy from before each change of it",
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
        r"\b401\b|unauthorized|authenticationfailure|authentication error",
        "the key is not one of a Speech resource in this region",
        "SPEECH_KEY and SPEECH_REGION (e.g. westeurope) must come from the same resource: Keys and Endpoint",
    ),
    Rule(
        "speech",
        r"\b403\b|forbidden|disablelocalauth|authenticationtypedisabled",
        "keys are switched off, or the identity has no role, or the firewall does not let us in",
        "without a key: set THERAPY_SPEECH_RESOURCE_ID and THERAPY_SPEECH_ENDPOINT (the resource's own"
        " domain), and give the identity the role Cognitive Services Speech User",
    ),
    Rule(
        "speech",
        r"\b404\b|resourcenotfound",
        "there is no Fast Transcription at {host}: the region lacks it, or this is no Speech resource",
        "THERAPY_SPEECH_ENGINE=conversation needs none; or a resource in a region that has it, named by"
        " SPEECH_REGION or THERAPY_SPEECH_ENDPOINT",
    ),
    Rule(
        "speech",
        r"\b400\b|badrequest",
        "it does not understand us: an identity's token sent to the region's address, or a language that it"
        " does not know",
        "with an identity THERAPY_SPEECH_ENDPOINT must be the resource's own domain"
        " (https://<name>.cognitiveservices.azure.com); SPEECH_LANGUAGE names at most four, e.g. he-IL,en-US",
    ),
    Rule(
        "sentiment",
        r"\b401\b|unauthorized|invalid subscription key|permissiondenied",
        "the key is not one of this Language resource, or of another region",
        "TEXT_ANALYTICS_KEY and TEXT_ANALYTICS_ENDPOINT must come from the same resource",
    ),
    Rule(
        "sentiment",
        r"\b403\b|forbidden|authenticationtypedisabled",
        "keys are switched off, or the identity has no role, or the firewall does not let us in",
        "remove TEXT_ANALYTICS_KEY and give the identity the role Cognitive Services Language Reader",
    ),
    Rule(
        "sentiment",
        r"\b404\b|resource not found",
        "this is no address of a Language resource",
        "copy TEXT_ANALYTICS_ENDPOINT from the resource: https://<name>.cognitiveservices.azure.com/",
    ),
    Rule(
        "push",
        r"service_account",
        "the service account's JSON is none",
        "Firebase console, Project settings, Service accounts: make a new key, paste the file whole",
    ),
    Rule(
        "push",
        r"refresherror|invalid_grant|unauthenticated|defaultcredentialserror",
        "Google does not take the service account's key: deleted, or this machine's clock is wrong",
        "make a new key in the Firebase console and set FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT",
    ),
    Rule(
        "push",
        r"permission_denied|not_found",
        "the service account may not send for this project, or the API is off",
        "FIREBASE_PROJECT_ID must be the account's project; switch on Firebase Cloud Messaging API (V1)",
    ),
    Rule(
        "",
        r"\b429\b|throttled|toomanyrequests",
        "it answers, but has too much to do (429)",
        "wait, or give it more (Cosmos: RU/s; Speech and Language: tier and quota)",
    ),
    Rule(
        "doorbell",
        r"connection refused|errno 111|connectionrefused|timeout|timed out|cannot connect|connecterror",
        "nothing answers at {host}",
        "see REDIS_HOST; the port is 6380 on Azure Cache for Redis and 10000 on Azure Managed Redis;"
        " its firewall or private endpoint must let this app in",
    ),
    Rule(
        "",
        r"timeout|timed out|servicerequesterror|clientconnector|reason=connection|connectionrefused"
        r"|connection refused|cannot connect|connecterror|connection",
        "nothing answers at {host}",
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
