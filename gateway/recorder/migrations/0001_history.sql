-- Times are Unix seconds, UTC. Amounts are whole thousandths: mWh, cm3 and thousandths of the unit of what is measured.

-- A device's quantity. kind 0 = measured (mean, low, high), 1 = counter (step of the slot). The keys of *_day hold the id.
CREATE TABLE series (
    id       INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 1048575),
    device   INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind IN (0, 1)),
    UNIQUE (device, quantity)
);

-- The newest slots: all series of a slot in one row (gateway/core/history/pack.h), which keeps the pages written per slot
-- few. When a day (UTC) is over it is packed by series, and its slots go.
CREATE TABLE slot (
    start  INTEGER PRIMARY KEY,
    length INTEGER NOT NULL,           -- seconds
    data   BLOB NOT NULL
);

-- A day (UTC) of one series; key = days since 1970 * 2^20 + series. Steps of counters are kept for ten years, what was
-- measured for 13 months.
CREATE TABLE counter_day (
    key  INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE gauge_day (
    key  INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

-- Sums of counter steps by local day and month, each written once when it is over.
CREATE TABLE day (
    date   INTEGER NOT NULL,           -- local date as 20260301
    series INTEGER NOT NULL REFERENCES series (id),
    value  INTEGER NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0, -- enum history_flag
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

CREATE TABLE month (
    date   INTEGER NOT NULL,           -- local month as 202603
    series INTEGER NOT NULL REFERENCES series (id),
    value  INTEGER NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

CREATE TABLE progress (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    rolled_until   INTEGER NOT NULL,   -- local days that end by then are in `day`, and their finished months in `month`
    packing_day    INTEGER NOT NULL,   -- days since 1970 of the day that is being packed; -1 = none
    packing_series INTEGER NOT NULL    -- up to this series that day is packed: its slots no longer count for them
);
INSERT INTO progress VALUES (1, -9223372036854775808, -1, 0);

-- The last reading of each counter, written when its day is packed; newer ones are in `slot`.
CREATE TABLE counter (
    series  INTEGER PRIMARY KEY REFERENCES series (id),
    reading INTEGER NOT NULL,
    at      INTEGER NOT NULL
);

-- Where a device belonged, and whether it counted in totals, since when.
CREATE TABLE membership (
    device   INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    circuit  INTEGER NOT NULL,         -- 0 = other
    panel    INTEGER NOT NULL,         -- 0 = none
    zones    TEXT NOT NULL,            -- ids as "3,7"
    excluded INTEGER NOT NULL CHECK (excluded IN (0, 1)),
    service  INTEGER NOT NULL,         -- enum history_service
    PRIMARY KEY (device, since)
) WITHOUT ROWID;

-- What was consumed in a circuit, zone, panel and the site since recording began: never falls.
CREATE TABLE total (
    kind    TEXT NOT NULL,
    id      INTEGER NOT NULL,
    service INTEGER NOT NULL,
    value   INTEGER NOT NULL,
    PRIMARY KEY (kind, id, service)
) WITHOUT ROWID;

-- The serial number a device told last: another one means another device.
CREATE TABLE identity (
    device INTEGER PRIMARY KEY,
    serial TEXT NOT NULL
);

-- Slots that were recorded before the wall clock could be trusted; stamped and moved to `slot` later.
CREATE TABLE unstamped (
    boot   TEXT NOT NULL,
    up     INTEGER NOT NULL,           -- CLOCK_BOOTTIME at the start of the slot, seconds
    length INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (boot, up)
);

-- What lay in the future when the clock was found to have run ahead; kept, never shown. key NULL = a slot.
CREATE TABLE set_aside (
    since  INTEGER NOT NULL,           -- wall clock when it was set aside
    start  INTEGER,
    length INTEGER,
    key    INTEGER,                    -- of counter_day or gauge_day
    data   BLOB NOT NULL
);
