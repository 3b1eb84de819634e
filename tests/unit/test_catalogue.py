#!/usr/bin/env python3
"""Whoever holds a device of the manual's catalogue finds it: every reference number of sections 4.1 to 4.3 (checked in as
tests/golden/catalogue/manual.csv) is in exactly one profile of its family and kind, the form asks what the manual's form asks, the
model tells at least what the manual shows of it and is called what it is, and nothing claims a table that is not there. Every meter of another maker that has
a usable table (meters.csv) has a profile that is as careful with it as it wants."""
import csv
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EDGEWATT = pathlib.Path(os.environ["EDGEWATT_BUILD"]) / "bin" / "edgewatt"
LIBRARY = json.loads(subprocess.run([EDGEWATT, "profiles", "--json"], capture_output=True, text=True, check=True).stdout)
SHIPPED = [profile for profile in LIBRARY if not profile["own"]]
# What one device is reached through, and where an input counts pulses: named where it is chosen.
THROUGH = {"4 149 26": 3, "4 120 81": 3, "4 120 65": 3, "0 046 87": 3, "4 210 75": 4, "0 288 05": 2, "0 590 56": 4}


def table(name):
    lines = [line for line in (ROOT / "tests/golden/catalogue" / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter=";"))


def merged(name):
    """A shipped profile with what it extends."""
    profile = json.loads((ROOT / "gateway/profiles" / f"{name}.json").read_text(encoding="utf-8"))
    return {**(merged(profile["extends"]) if "extends" in profile else {}), **profile}


def check_reference(row):
    number = row["reference"]
    found = [profile for profile in SHIPPED if number in profile["catalogue"]]
    if len(found) != 1:
        yield f"{number} is in {len(found)} profiles"
        return
    profile = found[0]
    if (profile["family"], profile["kind"]) != (row["family"], row["kind"]):
        yield f"{number}: {profile['id']} is a {profile['kind']} of {profile['family']}; the manual: {row['kind']} of {row['family']}"
    if sorted(profile["asks"]) != row["asks"].split():
        yield f"{number}: {profile['id']} asks {profile['asks']}; the manual: {row['asks']}"
    for word in row["model"].split(","):
        if (word.lstrip("!") in profile["model"].lower()) == word.startswith("!"):
            yield f"{number}: {profile['id']} is called \"{profile['model']}\"; the manual: {word}"
    lacks = set(row["quantities"].split()) - set(profile["offers"]) - set(profile["quantities"])
    if lacks:
        yield f"{number}: {profile['id']} does not tell {sorted(lacks)}"


def check_meter(row):
    found = [profile for profile in SHIPPED if row["profile"] in (profile["id"], *profile["aliases"])]
    if len(found) != 1:
        yield f"{row['model']}: {row['profile']} is {len(found)} profiles"
        return
    profile, limits = found[0], merged(found[0]["id"]).get("limits", {})
    if not profile["quantities"] or profile["confidence"] == "none":
        yield f"{row['model']}: {profile['id']} has no table"
    for key, preset, careful in (("max_registers", 125, int.__le__), ("gap_ms", 0, int.__ge__), ("timeout_ms", 0, int.__ge__)):
        if not careful(limits.get(key, preset), int(row[key])):
            yield f"{row['model']}: {key} {limits.get(key, preset)}; it wants {row[key]}"


def check_counts():
    """What README and changelog say of the library is what `edgewatt profiles` says."""
    counts = {word: sum(profile["confidence"] == word for profile in SHIPPED) for word in ("document", "driver", "candidate", "none")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.search(r"Today: (\d+) `document`, (\d+) `driver`, (\d+) `candidate`, (\d+) `none`", readme)
    if not said or [int(one) for one in said.groups()] != list(counts.values()):
        yield f"README: the counts are {counts}"
    said = re.search(r"(\d+) profiles, every reference", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not said or int(said.group(1)) != len(SHIPPED):
        yield f"CHANGELOG: there are {len(SHIPPED)} profiles"


def check_claims():
    for profile in SHIPPED:
        if profile["offers"] and profile["quantities"]:
            yield f"{profile['id']}: offers what it reads"
        if profile["confidence"] == "document" and not profile["evidence"]:
            yield f"{profile['id']}: document without evidence"
    for service in ("electricity", "gas", "water"):
        if not any(profile["id"].startswith(f"pulse-{service}-") for profile in SHIPPED):
            yield f"no pulse meter of {service}"
    for number, count in THROUGH.items():
        if sum(number in profile["model"] for profile in SHIPPED) < count:
            yield f"{number} is not named by {count} models"


def check_printed():
    """The table that a person reads has confidence and number of pieces of evidence of each."""
    lines = subprocess.run([EDGEWATT, "profiles"], capture_output=True, text=True, check=True).stdout.splitlines()
    for profile in SHIPPED:
        fields = next((line.split() for line in lines if line.split()[:1] == [profile["id"]]), [])
        if fields[-2:] != [profile["confidence"], str(len(profile["evidence"]) if isinstance(profile["evidence"], list) else profile["evidence"])]:
            yield f"edgewatt profiles: {profile['id']} is printed as {fields[-2:]}"


manual, meters = table("manual.csv"), table("meters.csv")
failures = [failure for row in manual for failure in check_reference(row)]
failures += [failure for row in meters for failure in check_meter(row)]
failures += [*check_claims(), *check_counts(), *check_printed()]
numbers = {row["reference"] for row in manual}
failures += [f"{number} is not in the manual" for profile in SHIPPED if "Legrand" in profile["family"]
             for number in profile["catalogue"] if number not in numbers]
for failure in failures:
    print("FAILED:", failure)
print(f"{len(manual)} reference numbers, {len(meters)} meters, {len(SHIPPED)} profiles")
sys.exit(1 if failures or len(numbers) != 113 or len(meters) < 60 else 0)
