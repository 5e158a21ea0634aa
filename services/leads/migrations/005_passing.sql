-- What passes is found each hour, not more than a thousand at once: a clock that is wrong deletes little.
ALTER TABLE retention_review ADD COLUMN passes_at text GENERATED ALWAYS AS (state ->> 'passes_at') STORED;
CREATE INDEX retention_review_passing ON retention_review (passes_at) WHERE status IN ('due', 'kept');
