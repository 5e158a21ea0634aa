-- Figures are summed up the tree.
CREATE INDEX city_area_parent ON city_area (parent);
