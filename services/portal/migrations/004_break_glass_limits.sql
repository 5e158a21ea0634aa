-- Grants from before there were these limits: somebody is told of them, too.
INSERT INTO timer (name, id, due_at, data, correlation_id)
SELECT 'break_glass_review', id, (state ->> 'review_due_at')::timestamptz, '{}', replace(id::text, '-', '')
FROM break_glass WHERE status = 'ended';

INSERT INTO timer (name, id, due_at, data, correlation_id)
SELECT 'break_glass_approval', id, (state ->> 'requested_at')::timestamptz + interval '24 hours', '{}',
    replace(id::text, '-', '')
FROM break_glass
WHERE status IN ('granted', 'ended') AND (state ->> 'emergency')::boolean AND state ->> 'approved_by' IS NULL;
