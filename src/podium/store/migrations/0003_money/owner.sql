-- Whose budget it is, for keys and sessions: the user who holds them, so that they can be shown what they may spend.
ALTER TABLE budgets ADD COLUMN user_id text COLLATE "C";
CREATE INDEX budgets_of_user ON budgets (user_id) WHERE user_id IS NOT NULL;
