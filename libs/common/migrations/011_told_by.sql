-- Who tells of it: two services may tell of one subject, as of a lead and of its erasure, each with versions of its own.
ALTER TABLE timer ADD COLUMN source text;
