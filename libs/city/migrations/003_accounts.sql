-- What every service must refuse of an account; only of those that something was ever refused of.

CREATE TABLE city_account (
    account_id uuid PRIMARY KEY, version int NOT NULL, disabled boolean NOT NULL,
    revoked_sessions text NOT NULL, fact_number bigint NOT NULL
);
CREATE INDEX city_account_fact ON city_account (fact_number);
