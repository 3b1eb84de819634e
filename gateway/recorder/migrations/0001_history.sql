-- Times are Unix seconds, UTC. Amounts are Wh and dm3, other quantities in SI units.

-- A device's quantity. kind 0 = measured (mean, low, high), 1 = counter (value = step of the slot).
CREATE TABLE series (
    id       INTEGER PRIMARY KEY,
    device   INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind IN (0, 1)),
    UNIQUE (device, quantity)
);

-- One row a slot and series. The key begins with the slot: rows of a slot lie together and are only ever appended, which
-- keeps the pages written per slot few (a key that begins with the series wrote many times as much).
-- Measured quantities are whole thousandths of their unit (three or four bytes instead of eight): value = mean, low, high.
-- Counters: value = step of the slot in Wh, varh, VAh or dm3, exactly as the meter gave it; high = the reading at its end.
CREATE TABLE sample (
    slot   INTEGER NOT NULL,           -- start
    series INTEGER NOT NULL REFERENCES series (id),
    length INTEGER NOT NULL,           -- seconds
    value  NUMERIC,                    -- NULL = not known
    low    NUMERIC,
    high   NUMERIC,
    flags  INTEGER NOT NULL DEFAULT 0, -- enum history_flag
    PRIMARY KEY (slot, series)
) WITHOUT ROWID;

-- Sums of counter steps by local hour, day and month, each written once when it is over. What is not over yet is summed
-- from the finer table: rolled.until says up to where.
CREATE TABLE hour (
    start  INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series (id),
    value  NUMERIC NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (start, series)
) WITHOUT ROWID;

CREATE TABLE day (
    date   INTEGER NOT NULL,           -- local date as 20260301
    series INTEGER NOT NULL REFERENCES series (id),
    value  NUMERIC NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

CREATE TABLE month (
    date   INTEGER NOT NULL,           -- local month as 202603
    series INTEGER NOT NULL REFERENCES series (id),
    value  NUMERIC NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

CREATE TABLE rolled (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    until INTEGER NOT NULL             -- hours that end by then are in `hour`, and their finished days and months rolled
);

-- The last reading of each counter, written with its hour; newer ones are in `sample`.
CREATE TABLE counter (
    series  INTEGER PRIMARY KEY REFERENCES series (id),
    reading REAL NOT NULL,
    at      INTEGER NOT NULL
);

-- Which circuit a device belonged to, and whether it counted in totals, since when. circuit 0 = other.
CREATE TABLE membership (
    device   INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    circuit  INTEGER NOT NULL,
    excluded INTEGER NOT NULL CHECK (excluded IN (0, 1)),
    PRIMARY KEY (device, since)
) WITHOUT ROWID;

-- Slots that were recorded before the wall clock could be trusted; stamped and moved to `sample` later.
CREATE TABLE unstamped (
    boot   TEXT NOT NULL,
    up     INTEGER NOT NULL,           -- CLOCK_BOOTTIME at the start of the slot, seconds
    series INTEGER NOT NULL REFERENCES series (id),
    length INTEGER NOT NULL,
    value  NUMERIC,
    low    NUMERIC,
    high   NUMERIC,
    flags  INTEGER NOT NULL DEFAULT 0,
    at     INTEGER,                    -- of a counter: when `high` was read, on the scale of `up`
    PRIMARY KEY (boot, up, series)
) WITHOUT ROWID;

-- Rows that lay in the future when the clock was found to have run ahead; kept, never shown.
CREATE TABLE set_aside (
    slot   INTEGER NOT NULL,
    series INTEGER NOT NULL,
    length INTEGER NOT NULL,
    value  NUMERIC,
    low    NUMERIC,
    high   NUMERIC,
    flags  INTEGER NOT NULL,
    since  INTEGER NOT NULL,           -- wall clock when they were set aside
    PRIMARY KEY (slot, series, since)
) WITHOUT ROWID;
