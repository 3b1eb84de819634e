#!/usr/bin/env python3
"""Whoever holds a device of the manual's catalogue finds it: every reference number of sections 4.1 to 4.3 is in exactly one
profile of its kind, the form asks what the manual's form asks, and nothing claims a table that is not there."""
import json
import os
import pathlib
import subprocess
import sys

EDGEWATT = pathlib.Path(os.environ["EDGEWATT_BUILD"]) / "bin" / "edgewatt"
LIBRARY = json.loads(subprocess.run([EDGEWATT, "profiles", "--json"], capture_output=True, text=True, check=True).stdout)

# What the manual says: kind, what its form asks, the numbers.
MANUAL = [
    ("meter", [], "0 046 76, 4 120 45, 4 120 51, 0 146 68, 4 120 47, 4 120 52, 0 146 69, 4 120 53"),
    ("meter", [], "0 046 77, 4 120 68, 0 046 79, 4 120 81, 4 120 83, 0 046 80, 0 046 83, 4 120 74, 4 120 75, 4 120 91, 4 120 93"),
    ("meter", [], "0 046 84, 0 046 86, 4 120 41, 4 120 43"),
    ("pulse", ["position"], "0 046 70, 0 046 72, 0 046 81, 0 046 78, 4 120 69, 4 120 80, 4 120 82, 0 046 73, 0 046 82, 4 120 90, 4 120 92"),
    ("pulse", ["position"], "0 046 74, 0 046 85, 4 120 40, 4 120 42"),
    ("meter", ["interface", "supply"], "4 149 18, 4 149 19, 4 149 20, 4 149 21, 4 149 23, 4 149 22, 4 149 24, 4 149 25, 4 149 27"),
    ("breaker", ["interface"], "4 149 29"),
    ("io", ["interface"], "4 149 30, 4 149 31, 4 149 32"),
    ("breaker", ["supply"], "4 106 57, 4 106 58, 4 106 59, 0 288 03, 0 288 04, 0 288 00, 0 288 01, 0 288 02"),
    ("breaker", ["supply"], "DPX3 250 S, DPX3 630 S, DPX3 1600 S, DPX3 250, DPX3 630, DPX3 1600"),
    ("io", [], "0 261 36, 0 288 12"),
    ("station", ["phase"], "0 590 00, 0 590 01, 0 590 03, 0 590 04, 0 590 10, 0 590 11, 0 590 12, 0 590 13, 0 590 30, 0 590 35, "
                           "0 590 41, 0 590 42, 0 590 43, 0 590 44, 0 590 31, 0 590 33, 0 590 37, 0 590 76, 0 590 91, 0 590 93, 0 590 61, 0 590 63"),
    ("station", [], "0 590 02, 0 590 14, 0 590 15, 0 590 48, 0 590 49, 0 590 45, 0 590 94, 0 590 95, 0 590 46, 0 590 64, 0 590 65"),
    ("station", ["phase", "side"], "0 590 32, 0 590 34, 0 590 38, 0 590 77, 0 590 78, 0 590 40, 0 590 57, 0 590 58"),
    ("station", ["side"], "0 590 96, 0 590 97, 0 590 47, 0 590 66, 0 590 67"),
]

failures, numbers = [], 0
for kind, asks, line in MANUAL:
    for number in line.split(", "):
        numbers += 1
        found = [profile for profile in LIBRARY if number in profile["catalogue"]]
        if len(found) != 1:
            failures.append(f"{number} is in {len(found)} profiles")
            continue
        profile = found[0]
        if profile["kind"] != kind or sorted(profile["asks"]) != asks:
            failures.append(f"{number}: {profile['id']} is a {profile['kind']} that asks {profile['asks']}; the manual: {kind}, {asks}")
        if profile["confidence"] == "none" and not profile["offers"] and not profile["quantities"]:
            failures.append(f"{number}: {profile['id']} says nothing of what it measures")

for profile in LIBRARY:
    if profile["offers"] and profile["quantities"]:
        failures.append(f"{profile['id']}: offers what it reads")
    if profile["confidence"] == "document" and not profile["evidence"]:
        failures.append(f"{profile['id']}: document without evidence")
for service in ("electricity", "gas", "water"):
    if not any(profile["id"].startswith(f"pulse-{service}-") for profile in LIBRARY):
        failures.append(f"no pulse meter of {service}")

for failure in failures:
    print("FAILED:", failure)
print(f"{numbers} reference numbers, {len(LIBRARY)} profiles")
sys.exit(1 if failures or numbers < 80 else 0)
