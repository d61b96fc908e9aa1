-- How much a user may ask for, and a key of theirs that says otherwise; where neither says anything, the tier is `basic`.
ALTER TABLE users ADD COLUMN tier text CHECK (tier IN ('free', 'basic', 'professional', 'enterprise', 'unlimited'));
ALTER TABLE keys ALTER COLUMN tier DROP NOT NULL;
