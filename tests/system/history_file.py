"""Writes history.db as the recorder keeps it, so that a gateway begins with a past (gateway/core/history/pack.h)."""
import glob
import os
import sqlite3

import harness


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def slot_bytes(counters, gauges, flags=None):
    """counters {series: (step, reading)}, gauges {series: (mean, low, high)}; in the unit, kept in thousandths."""
    out, last = bytearray(b"\x01"), 0
    for series, (step, reading) in sorted(counters.items()):
        flag = (flags or {}).get(series, 0)
        out += varint(series - last) + varint(3 if flag else 1) + zigzag(round(step * 1000)) + zigzag(round(reading * 1000))
        out += varint(flag) if flag else b""
        last = series
    if gauges:
        out += b"\x00"
    last = 0
    for series, values in sorted(gauges.items()):
        mean, low, high = (round(v * 1000) for v in values)
        out += varint(series - last) + b"\x01" + zigzag(mean) + zigzag(mean - low) + zigzag(high - mean)
        last = series
    return bytes(out)


def read_counters(data):
    """{series: (step or None, reading)} of a slot, in thousandths."""
    at = 1
    assert data[0] == 1, "not a slot"

    def take():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def signed():
        number = take()
        return number >> 1 if number % 2 == 0 else -(number + 1 >> 1)

    found, series = {}, 0
    while at < len(data):
        delta = take()
        if delta == 0:  # the gauges stand behind
            break
        series += delta
        bits = take()
        step = signed() if bits & 1 else None
        found[series] = (step, signed())
        if bits & 2:
            take()
        if bits & 4:
            signed()
    return found


def create(path):
    """An empty history with every migration; series and slots are the caller's."""
    db = sqlite3.connect(path)
    scripts = sorted(glob.glob(os.path.join(harness.SOURCE, "gateway/recorder/migrations/*.sql")))
    for script in scripts:
        with open(script, encoding="utf-8") as file:
            db.executescript(file.read())
    db.execute(f"PRAGMA user_version = {len(scripts)}")
    return db


def open_read(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def add_slot(db, start_s, length_s, counters, gauges=None, flags=None):
    db.execute("INSERT INTO slot (start, length, data) VALUES (?, ?, ?)",
               (start_s, length_s, slot_bytes(counters, gauges or {}, flags)))
