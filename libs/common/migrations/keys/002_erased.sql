-- An erased subject keeps its row, without a key: a key is never made for it again.

ALTER TABLE subject_key
    ALTER COLUMN key DROP NOT NULL,
    ADD COLUMN erased_at timestamptz,
    ADD CHECK ((key IS NULL) = (erased_at IS NOT NULL));
