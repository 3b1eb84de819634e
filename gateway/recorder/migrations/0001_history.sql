-- Times are Unix seconds, UTC. Amounts are Wh and dm3, other quantities in SI units.

-- A device's quantity. kind 0 = measured (mean, low, high), 1 = counter (value = step of the slot).
CREATE TABLE series (
    id       INTEGER PRIMARY KEY,
    device   INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind IN (0, 1)),
    UNIQUE (device, quantity)
);

-- One row a slot and series. The key begins with the slot: rows of a slot lie together and are only ever appended,
-- which keeps the pages written per slot few (a key that begins with the series wrote many times as much).
CREATE TABLE sample (
    slot   INTEGER NOT NULL,           -- start
    series INTEGER NOT NULL REFERENCES series (id),
    length INTEGER NOT NULL,           -- seconds
    value  REAL,                       -- mean, or step; NULL = not known
    low    REAL,
    high   REAL,
    flags  INTEGER NOT NULL DEFAULT 0, -- enum history_flag
    PRIMARY KEY (slot, series)
) WITHOUT ROWID;

-- Sums of counter steps by local hour, day and month: written in the transaction of their samples.
CREATE TABLE hour (
    start  INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series (id),
    value  REAL NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (start, series)
) WITHOUT ROWID;

CREATE TABLE day (
    date   INTEGER NOT NULL,           -- local date as 20260301
    series INTEGER NOT NULL REFERENCES series (id),
    value  REAL NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

CREATE TABLE month (
    date   INTEGER NOT NULL,           -- local month as 202603
    series INTEGER NOT NULL REFERENCES series (id),
    value  REAL NOT NULL,
    flags  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, series)
) WITHOUT ROWID;

-- The last reading of each counter, so that the consumption of a downtime is recovered.
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
    value  REAL,
    low    REAL,
    high   REAL,
    flags  INTEGER NOT NULL DEFAULT 0,
    reading REAL,                      -- of a counter, at the end of the slot
    at     INTEGER,                    -- when that was read, on the scale of `up`
    PRIMARY KEY (boot, up, series)
) WITHOUT ROWID;

-- Rows that lay in the future when the clock was found to have run ahead; kept, never shown.
CREATE TABLE set_aside (
    slot   INTEGER NOT NULL,
    series INTEGER NOT NULL,
    length INTEGER NOT NULL,
    value  REAL,
    low    REAL,
    high   REAL,
    flags  INTEGER NOT NULL,
    since  INTEGER NOT NULL,           -- wall clock when they were set aside
    PRIMARY KEY (slot, series, since)
) WITHOUT ROWID;
