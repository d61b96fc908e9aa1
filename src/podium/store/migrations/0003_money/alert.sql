-- That a budget reached its threshold, `alert` thousandths of `amount`: once a period and threshold, told from what was so
-- in the statement that passed it. `next_try_at` is when it is to be delivered next: null when it was, or is given up.
CREATE TABLE budget_alerts (
    id           text COLLATE "C" PRIMARY KEY,
    budget_id    text COLLATE "C" NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    alert        int NOT NULL,
    spent        bigint NOT NULL,
    amount       bigint NOT NULL,
    tenant       text COLLATE "C" NOT NULL,
    scope_type   text NOT NULL,
    scope_id     text COLLATE "C" NOT NULL,
    period       text NOT NULL,
    tries        int NOT NULL DEFAULT 0,
    next_try_at  timestamptz DEFAULT clock_timestamp(),
    delivered_at timestamptz
);
CREATE INDEX alerts_in_time ON budget_alerts (at, id);
CREATE INDEX alerts_of_budget ON budget_alerts (budget_id, at);
CREATE INDEX alerts_due ON budget_alerts (next_try_at) WHERE next_try_at IS NOT NULL;
