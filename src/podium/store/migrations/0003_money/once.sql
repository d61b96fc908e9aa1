-- A key may also stand for what was done without a turn: the answer to it is kept with the key.
ALTER TABLE turn_keys ALTER COLUMN turn_id DROP NOT NULL;
ALTER TABLE turn_keys ADD COLUMN answer bytea;
