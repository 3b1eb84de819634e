-- What was consumed by device, local day and tariff: made of the steps of counters, and made anew, as a new generation, when
-- rules change; the old one is shown until the new one is whole. Prices are not in it: a corrected price costs nothing.
-- service 0 = electricity, 1 = gas, 2 = water; tariff 0 = outside all rules; amount in thousandths of Wh and dm3.
CREATE TABLE tariff_day (
    generation INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    date       INTEGER NOT NULL,           -- local date as 20260301
    service    INTEGER NOT NULL,
    tariff     INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,           -- enum history_flag
    PRIMARY KEY (generation, device, date, service, tariff)
) WITHOUT ROWID;

-- The same of all devices that counted in totals at the end of that day.
CREATE TABLE tariff_total (
    generation INTEGER NOT NULL,
    date       INTEGER NOT NULL,
    service    INTEGER NOT NULL,
    tariff     INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,
    PRIMARY KEY (generation, date, service, tariff)
) WITHOUT ROWID;

-- The generation that is shown and the one that is being made (generation 0 = none): days before `until` are whole, and
-- `rules` tells which rules and which time zone they were made by.
CREATE TABLE tariff_state (
    role       TEXT PRIMARY KEY CHECK (role IN ('shown', 'build')),
    generation INTEGER NOT NULL,
    until      INTEGER NOT NULL,           -- local date, 0 = nothing yet
    rules      INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO tariff_state VALUES ('shown', 0, 0, 0), ('build', 0, 0, 0);

-- Gas or water, as the model of a device that counts a volume last said; kept when the device is deleted.
CREATE TABLE tariff_service (
    device  INTEGER PRIMARY KEY,
    service INTEGER NOT NULL
);
