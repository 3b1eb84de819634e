#!/usr/bin/env python3
"""Writes a history.db of what pictures.mjs saw the simulated site do: past.py FILE, with the record as JSON on standard input."""
import json
import os
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
import history_file


def main():
    record = json.load(sys.stdin)
    zone = ZoneInfo(record["zone"])
    db = history_file.create(sys.argv[1])
    for number, one in enumerate(record["series"], 1):
        db.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (number, one["device"], one["quantity"], int(one["counter"])))
    days, before = {}, {}
    for slot in record["slots"]:
        counters, gauges = {}, {}
        date = int(datetime.fromtimestamp(slot["start"], zone).strftime("%Y%m%d"))
        for number, (one, values) in enumerate(zip(record["series"], slot["values"]), 1):
            if one["counter"]:
                step = values[-1] - before.get(number, values[0])
                before[number] = values[-1]
                counters[number] = (step, values[-1])
                days[date, number] = days.get((date, number), 0) + round(step * 1000)
            else:
                gauges[number] = (sum(values) / len(values), min(values), max(values))
        history_file.add_slot(db, slot["start"], record["length"], counters, gauges)
    last = record["slots"][-1]["start"]
    midnight = datetime.fromtimestamp(last, zone).replace(hour=0, minute=0, second=0)
    for (date, number), value in days.items():
        if date < int(midnight.strftime("%Y%m%d")):
            db.execute("INSERT INTO day VALUES (?, ?, ?, 0)", (date, number, value))
    db.execute("UPDATE progress SET rolled_until = ?", (int(midnight.timestamp()),))
    for at, one in enumerate(record["charges"], 1):
        db.execute("INSERT INTO charge (session, station, plugged, started, ended, over, wh, ah, peak_a, interruptions) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, '[]')",
                   (f"past{at}", one["station"], one["from"] * 1000, one["from"] * 1000, one["to"] * 1000, one["wh"], one["ah"], one["peak_a"]))
    db.commit()
    db.close()


if __name__ == "__main__":
    main()
