-- Copies of the registry's facts. The prefix keeps them apart from the registry's own states.

CREATE TABLE city_area (
    code text PRIMARY KEY, version int NOT NULL, name text NOT NULL, level text NOT NULL,
    parent text, kind text NOT NULL, community text,
    valid_from timestamptz NOT NULL, valid_to timestamptz, households int, polygon text,
    fact_number bigint NOT NULL
);
CREATE INDEX city_area_fact ON city_area (fact_number);

CREATE TABLE city_organisation (
    code text PRIMARY KEY, version int NOT NULL, name text NOT NULL, kind text NOT NULL,
    area text NOT NULL, community text, closed boolean NOT NULL, fact_number bigint NOT NULL
);
CREATE INDEX city_organisation_fact ON city_organisation (fact_number);
CREATE INDEX city_organisation_area ON city_organisation (area);

CREATE TABLE city_post (
    code text PRIMARY KEY, version int NOT NULL, role text NOT NULL, area text NOT NULL,
    organisation text, community text, abolished boolean NOT NULL, fact_number bigint NOT NULL
);
CREATE INDEX city_post_fact ON city_post (fact_number);
CREATE INDEX city_post_area ON city_post (area);

CREATE TABLE city_appointment (
    appointment_id uuid PRIMARY KEY, version int NOT NULL, post text NOT NULL,
    person_ref uuid NOT NULL, role text NOT NULL, area text NOT NULL, organisation text,
    community text, valid_from timestamptz NOT NULL, valid_to timestamptz,
    fact_number bigint NOT NULL
);
CREATE INDEX city_appointment_fact ON city_appointment (fact_number);
CREATE INDEX city_appointment_post ON city_appointment (post);

CREATE TABLE city_work_calendar (
    year int PRIMARY KEY, version int NOT NULL, calendar text NOT NULL, fact_number bigint NOT NULL
);
CREATE INDEX city_work_calendar_fact ON city_work_calendar (fact_number);
