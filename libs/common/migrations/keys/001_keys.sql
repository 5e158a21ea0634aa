-- Keys of personal content. This database has backups of its own: a key that is deleted here, and
-- in them, erases what it sealed everywhere.

CREATE TABLE subject_key (
    subject_ref uuid PRIMARY KEY,
    key         bytea NOT NULL
);
