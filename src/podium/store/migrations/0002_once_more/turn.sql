-- `mark` is the same for all tries of one request, where its client tells its tries apart; null for others.
ALTER TABLE turns ADD COLUMN mark bigint;
CREATE INDEX turns_by_mark ON turns (mark) WHERE mark IS NOT NULL;
