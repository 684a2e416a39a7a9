-- Search for several words although most sessions have all parts of them (text_parts.py): what stands around the
-- blanks in the `fields` of closed sessions is in a full-text index, too. It is kept up to date as `row_parts` is,
-- by notes of its own, because a program that does not know of it takes the others away.

CREATE TABLE row_pairs_changed (
    number       INTEGER PRIMARY KEY,
    practice_id  TEXT NOT NULL,
    therapist_id TEXT NOT NULL,
    fields       TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE row_pairs USING fts5 (
    fields, content = 'rows', content_rowid = 'number',
    tokenize = 'ascii', detail = none, columnsize = 0
);

INSERT INTO row_pairs_changed SELECT number, practice_id, therapist_id, '' FROM rows WHERE state = 'closed';

CREATE TRIGGER row_added_to_pairs AFTER INSERT ON rows WHEN new.state = 'closed' BEGIN
    INSERT INTO row_pairs_changed VALUES (new.number, new.practice_id, new.therapist_id, '')
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER row_changed_in_pairs AFTER UPDATE ON rows
    WHEN iif(old.state = 'closed', old.therapist_id || '|' || old.fields, '')
        <> iif(new.state = 'closed', new.therapist_id || '|' || new.fields, '') BEGIN
    INSERT INTO row_pairs_changed
        VALUES (old.number, old.practice_id, old.therapist_id, iif(old.state = 'closed', old.fields, ''))
        ON CONFLICT DO NOTHING;
END;
