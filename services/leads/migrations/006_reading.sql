-- What came from elsewhere is read with a scope of everything, a hold by whoever may read its lead (row P17).

SELECT scoped('intake_item');
SELECT scoped(
    'held_subject', '(SELECT sees_everything()) OR EXISTS (SELECT FROM lead WHERE lead.id = subject_ref)'
);
