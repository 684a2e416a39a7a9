-- Search for parts of texts without a look at every text (text_parts.py): the parts of three characters of the
-- `fields` of people and of closed sessions are in full-text indexes. While the parts of a row's text are not up
-- to date, the text whose parts are still there is in a table of changes. Triggers write it, so that programs
-- that do not know of the indexes may write, too; after a write of this program it is empty.

-- The same table as before, but with a number that stays the same when the file is compacted.
CREATE TABLE numbered_entries (
    number      INTEGER PRIMARY KEY,
    practice_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    removed     INTEGER NOT NULL DEFAULT 0,
    role        TEXT NOT NULL DEFAULT '',
    name        TEXT NOT NULL DEFAULT '',
    fields      TEXT NOT NULL DEFAULT '',
    body        BLOB NOT NULL DEFAULT x'',
    UNIQUE (practice_id, id)
) STRICT;

INSERT INTO numbered_entries (practice_id, id, sequence, removed, role, name, fields, body)
    SELECT practice_id, id, sequence, removed, role, name, fields, body FROM person_entries;

DROP TABLE person_entries;
ALTER TABLE numbered_entries RENAME TO person_entries;

CREATE INDEX person_entries_name ON person_entries (practice_id, name, id) WHERE removed = 0;
CREATE INDEX person_entries_role ON person_entries (practice_id, role, name, id) WHERE removed = 0;

-- Whose texts are in an index: all people of a practice (with therapist_id ''), or a therapist's sessions. The
-- number is in front of every part, so that a search touches nobody else's.
CREATE TABLE person_parts_changed (
    number       INTEGER PRIMARY KEY,
    practice_id  TEXT NOT NULL,
    therapist_id TEXT NOT NULL,
    fields       TEXT NOT NULL
) STRICT;

CREATE TABLE row_parts_changed (
    number       INTEGER PRIMARY KEY,
    practice_id  TEXT NOT NULL,
    therapist_id TEXT NOT NULL,
    fields       TEXT NOT NULL
) STRICT;

-- They keep no texts; asked for one, they show the row's own.
CREATE VIRTUAL TABLE person_parts USING fts5 (
    fields, content = 'person_entries', content_rowid = 'number',
    tokenize = 'ascii', detail = none, columnsize = 0
);
CREATE VIRTUAL TABLE row_parts USING fts5 (
    fields, content = 'rows', content_rowid = 'number',
    tokenize = 'ascii', detail = none, columnsize = 0
);

INSERT INTO person_parts_changed SELECT number, practice_id, '', '' FROM person_entries WHERE fields <> '';
INSERT INTO row_parts_changed SELECT number, practice_id, therapist_id, '' FROM rows WHERE state = 'closed';

CREATE TRIGGER person_entry_added AFTER INSERT ON person_entries WHEN new.fields <> '' BEGIN
    INSERT INTO person_parts_changed VALUES (new.number, new.practice_id, '', '') ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER person_entry_changed AFTER UPDATE ON person_entries WHEN old.fields <> new.fields BEGIN
    INSERT INTO person_parts_changed VALUES (old.number, old.practice_id, '', old.fields)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER row_added AFTER INSERT ON rows WHEN new.state = 'closed' BEGIN
    INSERT INTO row_parts_changed VALUES (new.number, new.practice_id, new.therapist_id, '')
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER row_changed AFTER UPDATE ON rows
    WHEN iif(old.state = 'closed', old.therapist_id || '|' || old.fields, '')
        <> iif(new.state = 'closed', new.therapist_id || '|' || new.fields, '') BEGIN
    INSERT INTO row_parts_changed
        VALUES (old.number, old.practice_id, old.therapist_id, iif(old.state = 'closed', old.fields, ''))
        ON CONFLICT DO NOTHING;
END;
