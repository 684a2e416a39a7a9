-- Items of the store (ports/store.py), in partitions; what is in a body is known to whoever wrote it.
-- The body comes last, so that reading the other columns does not read through it.
-- Times are whole microseconds since 1970 in UTC. `queue` is '' and due_at NULL for what is never due.

CREATE TABLE items (
    partition  TEXT NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    queue      TEXT NOT NULL,
    due_at     INTEGER,
    expires_at INTEGER,
    body       BLOB NOT NULL,
    PRIMARY KEY (partition, id)
) STRICT;

-- expires_at is there so that what has expired is passed over without a look at the table.
CREATE INDEX items_due ON items (queue, due_at, partition, id, expires_at) WHERE due_at IS NOT NULL;

CREATE INDEX items_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;

-- The search over people (ports/people_index.py): an entry for each account. `name` and `fields` are folded;
-- fields are the texts that a search may find a part of, one a line. A person who was removed keeps an empty
-- entry, so that a late write is ignored; it is not in the indexes of names. The body comes last, so that
-- looking through `fields` does not read through it.

CREATE TABLE person_entries (
    practice_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    removed     INTEGER NOT NULL DEFAULT 0,
    role        TEXT NOT NULL DEFAULT '',
    name        TEXT NOT NULL DEFAULT '',
    fields      TEXT NOT NULL DEFAULT '',
    body        BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (practice_id, id)
) STRICT;

CREATE INDEX person_entries_name ON person_entries (practice_id, name, id) WHERE removed = 0;
CREATE INDEX person_entries_role ON person_entries (practice_id, role, name, id) WHERE removed = 0;
