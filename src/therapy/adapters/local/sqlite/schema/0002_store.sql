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
