#!/usr/bin/env python3
"""schemas/profile.schema.json against the shipped profiles, and against what `edgewatt check` says of altered ones."""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
EDGEWATT = pathlib.Path(os.environ["EDGEWATT_BUILD"]) / "bin" / "edgewatt"
SCHEMA = json.loads((ROOT / "schemas/profile.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLE, CHARGER = SCHEMA["examples"]

failures = []


def fail(text):
    failures.append(text)
    print("FAILED:", text)


def refused_by_check(folder, profiles):
    """Names of those profiles that `edgewatt check` refuses, in one run."""
    paths = []
    for name, profile in profiles.items():
        path = pathlib.Path(folder) / f"{name}.json"
        path.write_text(json.dumps(profile))
        paths.append(str(path))
    refused = set()
    for first in range(0, len(paths), 50):
        said = subprocess.run([EDGEWATT, "check", *paths[first:first + 50]], capture_output=True, text=True, timeout=60)
        if said.returncode not in (0, 1) or said.stderr:
            fail(f"edgewatt check: exit {said.returncode}: {said.stderr}")
        refused |= {pathlib.Path(line.split(":", 1)[0]).stem for line in said.stdout.splitlines()}
    return refused


def shipped_profiles_fit():
    files = sorted((ROOT / "gateway/profiles").glob("*.json"))
    if len(files) < 10:
        fail(f"only {len(files)} profiles found")
    for path in files:
        for error in VALIDATOR.iter_errors(json.loads(path.read_text())):
            fail(f"{path.name}: {error.json_path}: {error.message}")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for example in SCHEMA["examples"]:
        for error in VALIDATOR.iter_errors(example):
            fail(f"the example {example['id']} of the schema: {error.json_path}: {error.message}")


def altered(path, value, example=None):
    profile = copy.deepcopy(example or EXAMPLE)
    node = profile
    for key in path[:-1]:
        node = node[key]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return profile


REGISTER = ("registers", "voltage_l1_n")
STATION = {**EXAMPLE, "kind": "station", "states": {"A": [0], "C": ["0x0002"]},
           "registers": {"state": {"fc": 3, "address": 1, "type": "u16", "group": "charge"}}}
# Path, value (... = taken away), good or not: schema and program must agree.
TABLE = [
    (("id",), "Acme M3", False), (("id",), ..., False), (("id",), "acme-m4", True), (("family",), ..., False),
    (("family",), "", False), (("version",), 1, False), (("kind",), "fridge", False), (("kind",), "pulse", True),
    (("confidence",), ..., False), (("confidence",), "sure", False), (("confidence",), "document", False),
    (("references",), ..., False), (("references",), [], False), (("evidence",), ["page 3"], True),
    (("notes",), "text", False), (("notes",), [""], False), (("colour",), "red", False), (("aliases",), ["m-3"], True),
    (("limits", "max_registers"), 126, False), (("limits", "gap"), 1, False), (("limits", "holes"), 1, False),
    (("limits", "one_value"), True, True), (("registers",), [], False), (("registers",), {}, True),
    (("registers", "voltage"), {"fc": 3, "address": 9, "type": "u16", "group": "instant"}, False),
    ((*REGISTER, "fc"), 5, False), ((*REGISTER, "fc"), ..., False), ((*REGISTER, "fc"), 4, True),
    ((*REGISTER, "address"), "1000h", False), ((*REGISTER, "address"), "0x10FFF", False),
    ((*REGISTER, "address"), 65536, False), ((*REGISTER, "address"), -1, False), ((*REGISTER, "address"), 2.5, False),
    ((*REGISTER, "address"), "0xFFFE", True), ((*REGISTER, "type"), "u24", False), ((*REGISTER, "order"), "abcd", False),
    ((*REGISTER, "order"), "lsw", True), ((*REGISTER, "scale"), 0, False), ((*REGISTER, "scale"), "0.1", False),
    ((*REGISTER, "scale"), -1, True), ((*REGISTER, "unit"), "mV", False), ((*REGISTER, "group"), "often", False),
    ((*REGISTER, "nan"), ["FFFF"], False), ((*REGISTER, "nan"), [1, 2, 3, 4, 5], False), ((*REGISTER, "nan"), ["0xFFFFFFFF"], True),
    ((*REGISTER, "mask"), "0xFF", True), ((*REGISTER, "shift"), 64, False), ((*REGISTER, "hidden"), "yes", False),
    ((*REGISTER, "divide_above"), -1, False), ((*REGISTER, "colour"), 1, False),
    ((*REGISTER, "scale_from"), {"registers": []}, False), ((*REGISTER, "sign_from"), {"register": "sign_active_power"}, False),
    (("params",), {"A": {"min": 0, "max": 1, "preset": 0}}, False), (("params",), {"a": {"min": 0, "max": 1}}, False),
    (("params",), {"a": {"min": 0, "max": 1, "required": True}}, True), (("params",), {"a": {"min": 0, "max": 1, "preset": 1}}, True),
]
LIMIT = ("commands", "limit")
RELEASE = {"fc": 5, "address": 400, "type": "bool"}
ALIVE = {"fc": 6, "address": 6000, "type": "u16", "values": [1], "every_s": 5}
SETUP = {"fc": 6, "address": 258, "type": "u16", "value": 4}
COMMANDS = [  # the same for the example that can be written to
    ((*LIMIT, "fc"), 3, False), ((*LIMIT, "fc"), 6, True), ((*LIMIT, "fc"), ..., False), ((*LIMIT, "scale"), 0.1, True),
    ((*LIMIT, "scale"), 0, False), ((*LIMIT, "step"), 11, False), ((*LIMIT, "minimum"), 7, True), ((*LIMIT, "off"), 6, False),
    ((*LIMIT, "memory"), "eeprom", True), ((*LIMIT, "memory"), "flash", False), ((*LIMIT, "min_interval_s"), 60, True),
    ((*LIMIT, "type"), "string", False), ((*LIMIT, "unit"), "mA", False), ((*LIMIT, "on"), 1, False),
    (("commands", "output_0"), {"fc": 5, "address": 0, "type": "bool"}, False), (("commands", "output_63"), {"fc": 5, "address": 0, "type": "bool"}, True),
    (("commands", "explode"), {"fc": 5, "address": 0, "type": "bool"}, False), (("commands", "phases", "one"), ..., False),
    (("commands", "plug", "on"), "0xFF", True), (("commands", "plug", "on"), -1, False), (("commands", "plug", "value"), 1, False),
    (("commands", "reset_x"), {"fc": 6, "address": 9, "type": "u16"}, True), (("commands",), [], False),
    (("watchdog", "unit"), ..., False), (("watchdog", "unit"), "min", False), (("watchdog", "register"), ..., False),
    (("watchdog", "fallback_register"), ..., True), (("watchdog", "timeout_s"), 3, False), (("watchdog", "feed"), "any", True),
    (("watchdog", "register", "scale"), 2, False), (("watchdog", "fallback_register", "scale"), 0.1, True),
    (("watchdog", "register", "read"), {"address": 1602, "type": "u32"}, True), (("watchdog", "register", "read"), {"fc": 4, "address": 1602, "type": "u32"}, True),
    (("watchdog", "register", "read"), {"fc": 1, "address": 1602, "type": "u32"}, False), (("watchdog", "register", "read"), {"address": 1602}, False),
    (("watchdog", "fallback_register", "read"), {"address": 1600, "type": "bool"}, False), (("watchdog", "register", "read"), {"address": 1, "type": "u16", "scale": 2}, False),
    ((*LIMIT, "also"), [1012, "0x3F6"], True), ((*LIMIT, "also"), [1, 2, 3], False), ((*LIMIT, "also"), ["$x"], False), ((*LIMIT, "repeat_s"), 5, True),
    ((*LIMIT, "phases"), 4, False), ((*LIMIT, "phases"), "three", False), ((*LIMIT, "unit"), "kW", False), ((*LIMIT, "unit"), "A", True),
    (("watchdog", "fallback_register", "unit"), "W", True), (("watchdog", "fallback_register", "unit"), "kW", False),
    ((*LIMIT, "repeat_s"), 0, False), (("commands", "release"), RELEASE, True), (("commands", "release"), {**RELEASE, "one": 1}, False),
    (("commands", "plug", "pause_s"), 5, False), (("commands", "phases", "pause_s"), 5, True), (("commands", "phases", "pause_s"), 0, False),
    (("commands", "phases", "min_interval_s"), 3601, False), (("keep_alive",), ALIVE, True), (("keep_alive",), {**ALIVE, "values": []}, False),
    (("keep_alive",), {**ALIVE, "values": [0, 1]}, True), (("keep_alive",), {**ALIVE, "values": [0, 1, 2, 3, 4]}, False),
    (("keep_alive",), {**ALIVE, "values": [65536]}, False), (("keep_alive",), {**ALIVE, "values": ["0x55AA"]}, True), (("keep_alive",), {**ALIVE, "every_s": 0}, False),
    (("keep_alive",), {**ALIVE, "fallback": -1}, False), (("keep_alive",), {**ALIVE, "timeout_s": 10, "fallback": 6}, True), (("keep_alive",), {**ALIVE, "every": 1}, False),
    (("setup",), [SETUP], True), (("setup",), [SETUP] * 4, False), (("setup",), [{**SETUP, "value": -1}], False), (("setup",), SETUP, False),
    (("setup",), [{k: v for k, v in SETUP.items() if k != "value"}], False),
]
ERRORS = [  # the same for one that tells errors
    ({"codes": {"1": "RCD"}}, True), ({"bits": {"0x8000": "internal"}}, True), ({"codes": {"0": "none"}}, False), ({"codes": {"x": "RCD"}}, False),
    ({"codes": {"1": ""}}, False), ({"codes": {"1": "x" * 64}}, False), ({"codes": {"1": "x" * 63}}, True), ({"codes": {}}, False), ({}, False),
    ({"codes": {"1": "a"}, "bits": {"1": "a"}}, False), ({"codes": {"4294967295": "a"}}, True), ({"codes": {"0x123456789": "a"}}, False),
    ({"codes": {str(n): "a" for n in range(1, 61)}}, True), ({"codes": {str(n): "a" for n in range(1, 62)}}, False), ({"words": {"1": "a"}}, False),
]
COMMANDS_PROGRAM_ONLY = [
    ((*LIMIT, "fc"), 5), (("commands", "plug", "type"), "u32"), ((*LIMIT, "address"), "$where"), (("registers", "current_limit"), ...),
    (("commands", "plug", "off"), 1), (("commands", "output_1", "type"), "u16"), (("watchdog", "register", "readable"), False),
    (("commands", "phases", "three"), 1), (("watchdog", "feed"), "keep_alive"), (("keep_alive",), {**ALIVE, "timeout_s": 9}),
    (("setup",), [{**SETUP, "readable": False}]), (("keep_alive",), {**ALIVE, "type": "u32"}), (("errors",), {"codes": {"1": "RCD"}}),
    (("commands", "limit"), ...), (("commands",), {"release": RELEASE}), ((*LIMIT, "unit"), "W"), ((*LIMIT, "phases"), 3),
]
# Only the program knows these: the schema may let them pass, the program must not.
PROGRAM_ONLY = [
    ((*REGISTER, "address"), "0x1013"),  # overlaps active_power
    ((*REGISTER, "address"), "$where"), ((*REGISTER, "words"), 3), ((*REGISTER, "unit"), "A"),
    ((*REGISTER, "fc"), 1), ((*REGISTER, "address"), "0xFFFF"), (("registers", "sign_active_power"), ...),
    (("extends",), "nobody"), (("states",), {"A": [1]}), (("params",), {"a": {"min": 1, "max": 0, "required": True}}),
]
NAMES = """voltage_l1_n voltage_l2_l3_max voltage_l1 voltage_n current current_n_mean current_l4 active_power_l2_min
active_power_sum reactive_power apparent_power_l3 power_factor_l1_mean frequency frequency_l1 temperature_max
active_energy_import_l3 partial_apparent_energy_l1 partial_current active_energy_import_max thd_voltage_l1_l2 thd_voltage
thd_current_n_mean harmonic_voltage_l1_2 harmonic_voltage_l1_63 harmonic_voltage_l1_64 harmonic_current_n_7
harmonic_current_n_07 harmonic_current_7 volume partial_volume volume_mean input_1 input_63 input_64 input_0 output_10
operating_time ct_ratio serial_number firmware_version device_code state error_code release current_limit power_limit percent_limit power_limit_mean rated_current
session_energy session_duration sign_active_power sign_nothing Sign_state nonsense""".split()


def schema_and_program_agree():
    profiles, expected = {}, {}
    for index, (path, value, good) in enumerate(TABLE):
        profiles[f"case-{index}"] = altered(path, value)
        expected[f"case-{index}"] = good
    for index, (path, value, good) in enumerate(COMMANDS):
        profiles[f"write-{index}"] = altered(path, value, CHARGER)
        expected[f"write-{index}"] = good
    for index, (value, good) in enumerate(ERRORS):
        profile = altered(("errors",), value, CHARGER)
        profile["registers"]["error_code"] = {"fc": 3, "address": 9, "type": "u16", "group": "charge"}
        profiles[f"error-{index}"], expected[f"error-{index}"] = profile, good
    lives = altered(("keep_alive",), ALIVE, altered(("watchdog", "feed"), "keep_alive", CHARGER))
    profiles["lives"], expected["lives"] = lives, True
    profiles["station"], expected["station"] = STATION, True
    profiles["stateless"], expected["stateless"] = {k: v for k, v in STATION.items() if k != "states"}, False
    for index, name in enumerate(NAMES):
        profiles[f"name-{index}"] = {**EXAMPLE, "registers": {
            name: {"fc": 3, "address": 1, "type": "u16", "group": "instant"}}}
        expected[f"name-{index}"] = None  # whatever the program says
    with tempfile.TemporaryDirectory() as folder:
        refused = refused_by_check(folder, profiles)
        for name, profile in profiles.items():
            by_schema = VALIDATOR.is_valid(profile)
            by_program = name not in refused
            what = NAMES[int(name[5:])] if name.startswith("name-") else json.dumps(profile)[:200]
            if name.startswith("name-") and what == "state":
                continue  # a meter has no states
            if by_schema != by_program or expected[name] not in (None, by_program):
                fail(f"{name}: schema {by_schema}, program {by_program}, expected {expected[name]}: {what}")
        only = {f"only-{i}": altered(path, value) for i, (path, value) in enumerate(PROGRAM_ONLY)}
        only |= {f"write-{i}": altered(path, value, CHARGER) for i, (path, value) in enumerate(COMMANDS_PROGRAM_ONLY)}
        missed = only.keys() - refused_by_check(folder, only)
        for name in sorted(missed):
            fail(f"edgewatt check lets pass: {name}: {json.dumps(only[name])}")
    print(f"{len(profiles)} profiles judged alike, {len(only)} by the program alone")


shipped_profiles_fit()
schema_and_program_agree()
sys.exit(1 if failures else 0)
