-- Texts in the order in which searches go through them, beside nothing else: a search for what few texts have,
-- although many have all of its parts, reads these indexes instead of the rows, a tenth of the pages.

CREATE INDEX rows_scanned ON rows (practice_id, therapist_id, sort_key, fields) WHERE state = 'closed';

CREATE INDEX person_entries_scanned ON person_entries (practice_id, role, name, id, fields) WHERE removed = 0;
