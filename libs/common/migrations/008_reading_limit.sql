-- Of whom it was told that they read of too many subjects, and when.

CREATE TABLE reading_limit (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);
SELECT scoped('reading_limit');

-- Reads that said what for: of all rows of audit, those that are counted.
CREATE INDEX audit_for_a_purpose ON audit (actor, at) INCLUDE (action, case_id)
    WHERE outcome = 'done' AND purpose IS NOT NULL;

-- Real seconds until `account` may see `subject`; NULL where it may now: by `reads` it saw it already within an hour, as
-- the clock of the service goes, or less than `many` others. The newest rows are looked at, and no more than so many:
-- whoever reads more often than that in an hour sees nothing that is not in them. The next who asks for that account
-- waits until this transaction ends, and then sees its row. A reader sees no row of audit; this much of them it may know.
CREATE FUNCTION reading_pause(account text, subject uuid, reads text[], many int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    span interval := interval '1 hour' / coalesce((SELECT rate FROM clock), 1);
    most int := 2000;
    since timestamptz;
    free_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('reading_limit ' || account, 0));
    since := clock_timestamp() - span;
    WITH seen AS (
        SELECT case_id, at FROM audit
        WHERE actor = account AND at > since AND outcome = 'done' AND purpose IS NOT NULL AND action = ANY (reads)
        ORDER BY at DESC LIMIT most
    )
    SELECT span + coalesce(
        (SELECT max(at) FROM seen GROUP BY case_id ORDER BY max(at) DESC OFFSET many - 1 LIMIT 1),
        (SELECT min(at) FROM seen HAVING count(*) = most)
    ) INTO free_at
    WHERE NOT EXISTS (SELECT FROM seen WHERE case_id = subject);
    IF free_at IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN greatest(1, ceil(extract(epoch FROM free_at - clock_timestamp())));
END $$;
REVOKE ALL ON FUNCTION reading_pause FROM public;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION reading_pause TO %I', current_database() || '_reader');
END $$;
