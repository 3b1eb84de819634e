-- tariff_day by month (202603) and year (2026), so that a question about years reads few rows: each is written once, out of
-- the days, when it is over.
CREATE TABLE tariff_sum (
    generation INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    date       INTEGER NOT NULL,
    service    INTEGER NOT NULL,
    tariff     INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,           -- enum history_flag
    PRIMARY KEY (generation, device, date, service, tariff)
) WITHOUT ROWID;

-- The first month that is not in tariff_sum, 0 = none is.
ALTER TABLE tariff_state ADD COLUMN summed INTEGER NOT NULL DEFAULT 0;

-- Who counts in totals, and as what, is read from `membership` alone: it may be told after days were made.
DROP TABLE tariff_total;
DROP TABLE tariff_service;
