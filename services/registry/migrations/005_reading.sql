-- Who holds which post, and what was asked about whom, is read with a scope of everything (row P17).

SELECT scoped(part) FROM unnest(ARRAY['event', 'subject_request', 'appointment']::regclass[]) AS part;
