-- Of what a dead owner left all that was held may be owed: what its input costs is no more of use.
ALTER TABLE holds DROP COLUMN floor;

-- These take other arguments now, so they would be others beside them.
DROP FUNCTION IF EXISTS ledger_hold(text, text[], text[], text[], text[], text[], text[], text[], text[], text[], text[],
                                    text[], bigint[], bigint[], int[], bigint[], bigint[]);
DROP FUNCTION IF EXISTS budget_move(holds[], bigint[], bigint[]);
DROP FUNCTION IF EXISTS ledger_left(text, int);
