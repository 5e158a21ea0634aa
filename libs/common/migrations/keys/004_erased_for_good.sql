-- Services make keys, read them and erase them; whoever takes a service over can undo no erasure.

ALTER TABLE subject_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON subject_key FOR SELECT TO keys_writer USING (true);
CREATE POLICY making ON subject_key FOR INSERT TO keys_writer WITH CHECK (true);
CREATE POLICY erasing ON subject_key FOR UPDATE TO keys_writer
    USING (erased_at IS NULL) WITH CHECK (key IS NULL);
