-- One partition per session: the document, its transcripts, its runs and what follows from changes.
-- Bodies are the stored forms of domain/codec.py; columns beside them are only what is looked up by.
-- Times are whole microseconds since 1970 in UTC.

CREATE TABLE sessions (
    practice_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (practice_id, id)
) STRICT;

CREATE TABLE transcripts (
    practice_id TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    number      INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (practice_id, session_id, number)
) STRICT;

-- due_at is NULL once a run is over, so that the index holds only what can still become due.
CREATE TABLE runs (
    practice_id TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER,
    body        BLOB NOT NULL,
    PRIMARY KEY (practice_id, session_id, id)
) STRICT;

CREATE INDEX runs_due ON runs (due_at, practice_id, session_id, id) WHERE due_at IS NOT NULL;

CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    practice_id TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    due_at      INTEGER NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (practice_id, session_id, id)
) STRICT;

CREATE INDEX outbox_due ON outbox (due_at, practice_id, session_id);

-- Lists. A removed session keeps an empty row with the state 'removed', so that a late write is ignored.
-- `fields` are the folded texts that a search may find a part of, one a line.
CREATE TABLE rows (
    number            INTEGER PRIMARY KEY,
    practice_id       TEXT NOT NULL,
    session_id        TEXT NOT NULL,
    therapist_id      TEXT NOT NULL,
    patient_person_id TEXT NOT NULL,
    state             TEXT NOT NULL,
    sort_key          TEXT NOT NULL,
    sequence          INTEGER NOT NULL,
    fields            TEXT NOT NULL,
    body              BLOB NOT NULL,
    UNIQUE (practice_id, session_id)
) STRICT;

CREATE INDEX rows_of_therapist ON rows (practice_id, therapist_id, state, sort_key);

CREATE INDEX rows_of_patient ON rows (practice_id, patient_person_id, sort_key)
    WHERE state = 'closed' AND patient_person_id <> '';

CREATE TABLE therapists (
    number       INTEGER PRIMARY KEY,
    practice_id  TEXT NOT NULL,
    therapist_id TEXT NOT NULL,
    UNIQUE (practice_id, therapist_id)
) STRICT;

-- Every word of a row carries the number of its therapist in front, so that looking up a prefix touches
-- nobody else's words. Words are folded before they come here: the tokenizer must only split at blanks.
CREATE VIRTUAL TABLE row_words USING fts5 (words, tokenize = 'ascii', detail = none, columnsize = 0);

CREATE TABLE practices (
    id   TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- `name` and `fields` are folded; fields are the texts that a search may find a part of, one a line.
CREATE TABLE people (
    practice_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    role        TEXT NOT NULL,
    email_key   TEXT NOT NULL UNIQUE,
    number      TEXT NOT NULL,
    name        TEXT NOT NULL,
    fields      TEXT NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (practice_id, id)
) STRICT;

CREATE UNIQUE INDEX people_number ON people (practice_id, number) WHERE number <> '';
CREATE INDEX people_name ON people (practice_id, name, id);
CREATE INDEX people_role ON people (practice_id, role, name, id);

CREATE TABLE logins (
    practice_id   TEXT NOT NULL,
    sid           TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    refresh_hash  TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    version       INTEGER NOT NULL,
    body          BLOB NOT NULL,
    PRIMARY KEY (practice_id, sid)
) STRICT;

CREATE INDEX logins_person ON logins (practice_id, person_id);
CREATE INDEX logins_refresh ON logins (refresh_hash);
CREATE INDEX logins_previous ON logins (previous_hash) WHERE previous_hash <> '';

CREATE TABLE resets (
    token_hash  TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;

CREATE INDEX resets_person ON resets (practice_id, person_id);

CREATE TABLE devices (
    token         TEXT NOT NULL PRIMARY KEY,
    practice_id   TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    body          BLOB NOT NULL
) STRICT;

CREATE INDEX devices_person ON devices (practice_id, person_id, registered_at, token);

CREATE TABLE uploads (
    practice_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (practice_id, id)
) STRICT;

CREATE INDEX uploads_expiry ON uploads (expires_at);

CREATE TABLE reservations (
    practice_id TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (practice_id, key)
) STRICT, WITHOUT ROWID;
