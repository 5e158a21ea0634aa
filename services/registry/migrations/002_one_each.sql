-- What the policies see in the facts of one moment two commands can both pass; the second of them
-- is refused here, and decided again on what is then known.

CREATE UNIQUE INDEX one_city ON city_area (level) WHERE level = 'city' AND valid_to IS NULL;
CREATE UNIQUE INDEX one_of_a_kind ON city_organisation (kind, area)
    WHERE NOT closed AND kind IN ('police_room', 'mediation_centre', 'community_station');
CREATE UNIQUE INDEX one_holder ON city_appointment (post) WHERE valid_to IS NULL;
