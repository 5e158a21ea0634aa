-- Legal holds, of which there are few, are found without looking at all requests.
CREATE INDEX subject_request_held ON subject_request (id) WHERE (state ->> 'ground') IS NOT NULL;
