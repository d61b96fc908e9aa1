-- What its user calls a conversation, where clients choose that themselves; unique among theirs.
ALTER TABLE conversations ADD COLUMN name text COLLATE "C";
CREATE UNIQUE INDEX conversations_by_name ON conversations (tenant, name, user_id) WHERE name IS NOT NULL;
