-- A limit that the operator sets a whole tenant is not the tenant's to lift.
ALTER TABLE budgets ADD COLUMN by_operator boolean NOT NULL DEFAULT false;
