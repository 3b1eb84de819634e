-- Charges of vehicles (session/<id>). Times are Unix ms, UTC.
CREATE TABLE charge (
    id            INTEGER PRIMARY KEY,
    session       TEXT NOT NULL UNIQUE, -- of the controller: a charge is here once
    station       INTEGER NOT NULL,     -- device
    plugged       INTEGER NOT NULL,
    started       INTEGER,              -- first current
    ended         INTEGER,              -- unplugged; NULL = under way, or its end was not heard (over = 1)
    over          INTEGER NOT NULL DEFAULT 0 CHECK (over IN (0, 1)),
    wh            NUMERIC,              -- NULL = the station does not tell
    ah            NUMERIC NOT NULL,     -- of one phase
    peak_a        NUMERIC NOT NULL,
    interruptions TEXT NOT NULL         -- JSON list of {at, until, reason}
);
CREATE INDEX charge_plugged ON charge (plugged);
CREATE INDEX charge_station ON charge (station, plugged);
