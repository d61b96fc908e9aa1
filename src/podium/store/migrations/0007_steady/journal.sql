-- Since when a process has renewed its lease without a gap of half of one. Who has not for a whole lease may judge nobody.
ALTER TABLE processes ADD COLUMN steady_since timestamptz NOT NULL DEFAULT clock_timestamp();
