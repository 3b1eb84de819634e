#!/usr/bin/env python3
"""A second opinion on our profiles: other people's register maps (tests/golden/modbus_maps), row by row.

Every difference is printed. Each must stand in KNOWN with why we keep ours, and each of KNOWN must still be there."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = {"float": "f32", "int32": "s32", "uint64": "u64", "double": "f64", "uint16": "u16", "int16": "s16", "uint32": "u32", "int64": "s64"}
UNITS = {"A": ("A", 1), "V": ("V", 1), "kW": ("W", 1000), "kVAR": ("var", 1000), "kVA": ("VA", 1000), "Hz": ("Hz", 1),
         "Wh": ("Wh", 1), "VARh": ("varh", 1), "Volts": ("V", 1), "Amps": ("A", 1), "Watts": ("W", 1),
         "VoltAm ps": ("VA", 1), "VA": ("VA", 1), "VAr": ("var", 1), "kWh/M Wh": ("Wh", 1000), "kWH/ MWh": ("Wh", 1000),
         "kVArh/ MVArh": ("varh", 1000), "%": ("%", 1), "VAh": ("VAh", 1), "mV": ("V", 0.001), "mA": ("A", 0.001), "W": ("W", None),
         "var": ("var", None), "varh": ("varh", None), "h": ("s", 3600), "min": ("s", 60)}

# Profile (and which of its models, where it stands for several): map, what to add to an address of ours to get the map's number.
MAPS = {"janitza-umg96 UMG604": ("janitza_umg604", 0), "socomec-countis-e14 E13": ("socomec_countis-e13", 0),
        "socomec-countis-e23 E24": ("socomec_countis-e24", 0), "socomec-countis-e34 E33": ("socomec_countis-e33-countis-e43", 0),
        "socomec-diris-a20": ("socomec_diris-a20-modbus", 0),
        "schneider-iem3155": ("schneider_electric-iem3000", 1), "eastron-sdm630": ("eastron_sdm630", 0),
        "bticino-f4n200": ("BTicino_F4N200", 1), "siemens-pac3200": ("siemens_sentron-pac-3200", 0),
        "janitza-umg96": ("janitza_umg96", 0), "socomec-countis-e34": ("socomec_countis-e34-countis-e44", 0),
        "socomec-countis-e14": ("socomec_countis-e14", 0), "socomec-countis-e23": ("socomec_countis-e23", 0),
        "socomec-diris-a40": ("socomec_diris-a40-a41-rs485", -40001),
        "phoenix-contact-eem-em3xx": ("phoenix_contact-eem-em3xx-em325-em355-em375-em327-em357-em377", 0)}

BOTH_WORDS = "the map types the row u16; the next row is two registers on, and IME, Legrand and the python reader say u32"
FUNCTION = "the map says function 3; Eastron's manual and every driver read input registers, function 4"
SHORT = "the map stops at 50 rows"
FINE = "the maker's document has the energies once more in steps of 10 Wh: those are read, the map has the others"
ABSENT = "the map leaves it out; the maker's document has it"
TENS = ("active_energy_import", "reactive_energy_import", "active_energy_export", "partial_active_energy_import", "partial_reactive_energy_import")
CODES_OF_VOLTAGE = ("voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1")
UNSCALED = "the map has units but no scales; Socomec's tables of the sister meters count V / 100 and W / 0.1"
UNSIGNED = "the map knows no sign; Socomec's tables of the sister meters say S32"
KNOWN = {
    "schneider-iem3155": {},
    "eastron-sdm630": {
        "function": FUNCTION,
        "voltage_l1_n: not in the map": "the map lacks address 0; a captured answer has 239.19 V there",
        **{f"thd_current_{phase}: not in the map": SHORT for phase in ("l2", "l3")},
        **{f"active_energy_{way}_{phase}: not in the map": SHORT for way in ("import", "export") for phase in ("l1", "l2", "l3")},
    },
    "bticino-f4n200": {
        "active_power_max: the map calls it 3-phase : peak maximum demand": "in W by its unit, and beside the average power",
        "current: the map calls it 3-phase: I average": "its description says (I1+I2+I3)/3: of the phases, not over time",
        **{f"{quantity}: type u32, the map says u16": BOTH_WORDS for quantity in (
            "active_power", "reactive_power", "apparent_power", "active_energy_import", "reactive_energy_import",
            "active_energy_export", "reactive_energy_export", "active_power_mean", "active_power_max",
            "active_power_l1", "active_power_l2", "active_power_l3")},
    },
    "siemens-pac3200": {
        **{f"{quantity}: unit VA, the map says V": "the map cut VA short" for quantity in (
            "apparent_power", "apparent_power_l1", "apparent_power_l2", "apparent_power_l3")},
        "active_energy_import: not in the map": SHORT, "active_energy_export: not in the map": SHORT,
    },
    "janitza-umg96 UMG604": {
        **{f"current_l{phase}: the map calls it Apparent-current,-L{phase}-N": "the current of the conductor; there is no other" for phase in (1, 2, 3)},
        **{f"active_power_l{phase}: the map calls it Real-power-L{phase}-N": "the same thing" for phase in (1, 2, 3)},
        **{f"apparent_power_l{phase}: the map calls it Apparent-power-L{phase}-N": "the same thing" for phase in (1, 2, 3)},
        **{f"reactive_power_l{phase}: the map calls it Reactive-power-L{phase}-(fundamental-comp.)": "of the fundamental: what these meters call Q"
           for phase in (1, 2, 3)},
    },
    "socomec-countis-e14 E13": {f"{quantity}: not in the map": ABSENT for quantity in ("frequency", "apparent_energy", "reactive_energy_export")},
    "socomec-countis-e23 E24": {
        **{f"{quantity}: not in the map": FINE for quantity in TENS},
        **{f"{quantity}: not in the map": ABSENT for quantity in ("frequency", "apparent_energy")},
    },
    "socomec-countis-e34 E33": {f"{quantity}: not in the map": FINE for quantity in TENS},
    "socomec-diris-a20": {
        "active_energy_import: the map calls it Active-energy-+": "its sign is a word of its own",
        "reactive_energy_import: the map calls it Reactive-energy-+": "its sign is a word of its own",
        **{f"{quantity}: scale 0.01, the map says 1": UNSCALED for quantity in CODES_OF_VOLTAGE},
        **{f"{quantity}: scale 10, the map says 1000": UNSCALED for quantity in ("active_power", "apparent_power")},
        **{f"{quantity}: type s32, the map says u32": UNSIGNED for quantity in ("active_power", "reactive_power", "power_factor")},
    },
    "janitza-umg96": {}, "phoenix-contact-eem-em3xx": {},
    "socomec-countis-e34": {f"{quantity}: not in the map": FINE for quantity in TENS},
    "socomec-countis-e14": {f"{quantity}: not in the map": ABSENT for quantity in ("frequency", "apparent_energy", "reactive_energy_export")},
    "socomec-countis-e23": {
        **{f"{quantity}: not in the map": FINE for quantity in TENS},
        **{f"{quantity}: not in the map": ABSENT for quantity in ("frequency", "apparent_energy")},
    },
    "socomec-diris-a40": {
        "reactive_energy_import: not in the map": ABSENT,
        "active_energy_import: the map calls it Active-energy-+": "its sign is a word of its own",
        "active_energy_export: the map calls it Active-energy--": "its sign is a word of its own",
        "apparent_energy: the map calls it Apparent-apparente": "a mistake of its translation",
        **{f"current_l{phase}: the map calls it Phase-current-{phase}": "the same thing" for phase in (1, 2, 3)},
        **{f"{quantity}: scale 0.01, the map says 1": UNSCALED for quantity in CODES_OF_VOLTAGE},
        **{f"{quantity}: scale 10, the map says 1000": UNSCALED for quantity in (
            "active_power", "apparent_power", *(f"{what}_power_l{phase}" for what in ("active", "apparent") for phase in (1, 2, 3)))},
        **{f"{quantity}: type s32, the map says u32": UNSIGNED for quantity in (
            "active_power", "reactive_power", "power_factor",
            *(f"{what}_l{phase}" for what in ("active_power", "reactive_power", "power_factor") for phase in (1, 2, 3)))},
    },
}


# What a row's name must hold for a quantity of ours: any of the words of each line, none of the last.
STEMS = {
    "voltage": (["volt", "voltage", "v1", "v2", "v3"], ["thd"]), "current": (["current", "i1", "i2", "i3"], ["thd"]),
    "active_power": (["power"], ["reactive", "apparent", "factor", "volt"]),
    "reactive_power": (["reactive", "var"], ["energy", "apparent"]), "apparent_power": (["apparent", "volt amps", "volt-amps"], ["reactive"]),
    "power_factor": (["power factor"], []), "frequency": (["frequency"], []),
    "active_energy_import": (["active energy import", "positive active energy", "import wh", "active energy import phase"], ["reactive", "export", "negative"]),
    "active_energy_export": (["active energy export", "negative active energy", "export wh"], ["reactive", "import", "positive"]),
    "reactive_energy_import": (["reactive energy import", "positive reactive energy", "import varh"], ["export", "negative"]),
    "reactive_energy_export": (["reactive energy export", "negative reactive energy", "export varh"], ["import", "positive"]),
    "partial_active_energy_import": (["partial active energy"], ["reactive"]), "partial_reactive_energy_import": (["partial reactive energy"], []),
    "thd_voltage": (["thd v", "volts thd"], []), "thd_current": (["thd i", "current thd"], []),
    "operating_time": (["operating timer"], []), "ct_ratio": (["current transformer ratio"], []),
    "vt_ratio": (["voltage transformer ratio"], []), "device_code": (["identifier"], []), "input": (["digital inputs"], []),
    "sign_active_power": (["sign of active power"], []), "sign_reactive_power": (["sign of reactive power"], []),
}
CONDUCTORS = {"_l1_n": ["l1 n", "phase 1"], "_l2_n": ["l2 n", "phase 2"], "_l3_n": ["l3 n", "phase 3"],
              "_l1_l2": ["l1 l2", "line 1 to line 2"], "_l2_l3": ["l2 l3", "line 2 to line 3"], "_l3_l1": ["l3 l1", "line 3 to line 1"],
              "_l1": ["phase 1", "phase1"], "_l2": ["phase 2", "phase2"], "_l3": ["phase 3", "phase3"], "_n": ["neutral"]}
STATISTICS = {"_mean": ["average", "avg"], "_min": ["min"], "_max": ["max", "peak", "pmd"]}


# How the German, French and American tables name conductors and quantities: our quantity, what a row may be called.
CODES = {f"voltage_l{i}_n": [f"u{i}", f"v{i}", f"v{p} n", f"l{i} n"] for i, p in ((1, "a"), (2, "b"), (3, "c"))}
CODES |= {f"voltage_l{i}_l{k}": [f"u{i}{k}", f"v{p} {q}", f"l{i} l{k}", f"l{k} l{i}"]
          for i, k, p, q in ((1, 2, "a", "b"), (2, 3, "b", "c"), (3, 1, "c", "a"))}
for _i, _p in ((1, "a"), (2, "b"), (3, "c")):
    CODES |= {f"current_l{_i}": [f"i{_i}", f"current {_p}", f"i l{_i}", f"conductor i{_i}"],
              f"active_power_l{_i}": [f"p{_i}", f"active power {_p}", f"active power phase {_i}", f"real power p{_i}"],
              f"reactive_power_l{_i}": [f"q{_i}", f"reactive power {_p}", f"reactive power phase {_i}"],
              f"apparent_power_l{_i}": [f"s{_i}", f"apparent power {_p}", f"apparent power phase {_i}"],
              f"power_factor_l{_i}": [f"pf{_i}", f"power factor {_p}", f"power factor phase {_i}", f"cosphi ul{_i}"],
              f"thd_voltage_l{_i}": [f"thd r voltage {_p}"], f"thd_current_l{_i}": [f"thd r current {_p}"],
              f"active_energy_import_l{_i}": [f"energy l{_i} consumed", f"energy procurement l{_i}"],
              f"active_energy_export_l{_i}": [f"energy l{_i} delivered", f"energy supply l{_i}"]}
CODES |= {"current_n": ["conductor in", "current in", "sum in i1+i2+i3"], "current": ["average current"], "frequency": ["frequency"],
          "active_power": ["active power p", "total active power", "psum3", "active power +/ p", "sum p", "active power +/"],
          "reactive_power": ["total reactive power", "qsum3", "reactive power +/ q", "reactive power +/"],
          "apparent_power": ["total apparent power", "ssum3", "apparent power s"],
          "power_factor": ["total power factor", "system power factor", "lagging pf", "power factor leading et"],
          "active_energy_import": ["positive active energy", "l3 consumed", "procurement sum"],
          "active_energy_export": ["negative active energy", "l3 delivered", "supply sum"],
          "reactive_energy_import": ["positive reactive energy"], "reactive_energy_export": ["negative reactive energy"],
          "apparent_energy": ["apparent energy"], "partial_apparent_energy": ["partial apparent energy"],
          "partial_active_energy_import": ["partial positive active energy"],
          "partial_active_energy_export": ["partial negative active energy"],
          "partial_reactive_energy_import": ["partial positive reactive energy"],
          "partial_reactive_energy_export": ["partial negative reactive energy"], "operating_time": ["hour meter"]}


def coded(quantity, name):
    """The same for tables that speak in codes: every code is a whole word or phrase of the row's name."""
    words = " " + " ".join(re.sub(r"[-:;,.()=]", " ", name.lower()).split()) + " "
    return any(f" {code} " in words for code in CODES.get(quantity, []))


def same_thing(quantity, name):
    """Whether the name of a map's row can mean our quantity."""
    if coded(quantity, name):
        return True
    name = name.lower().replace("-", " ").replace(":", " ")
    name = " ".join(name.split())
    stem = re.sub(r"_\d+$", "", quantity)
    for suffix, words in STATISTICS.items():
        if stem.endswith(suffix):
            stem = stem[:-len(suffix)]
            if not any(word in name for word in words):
                return False
            break
    else:
        if any(word in name for word in ("average", "peak", "demand")):
            return False
    for suffix, words in CONDUCTORS.items():
        if stem.endswith(suffix):
            stem = stem[:-len(suffix)]
            if not any(word in name for word in words):
                return False
            break
    else:
        if re.search(r"phase ?[123]", name.replace("3 phase", "")):
            return False
    wanted, unwanted = STEMS.get(stem, ([], []))
    return any(word in name for word in wanted) and not any(word in name for word in unwanted)


def our_registers(profile_id):
    """The merged profile, as the program has it."""
    profile = json.loads((ROOT / "gateway/profiles" / f"{profile_id}.json").read_text())
    registers = {}
    if "extends" in profile:
        registers = our_registers(profile["extends"])
    for quantity, register in profile.get("registers", {}).items():
        if register is None:
            registers.pop(quantity, None)
        else:
            registers[quantity] = {**registers.get(quantity, {}), **register}
    return registers


def differences(profile_id):
    name, offset = MAPS[profile_id]
    theirs = json.loads((ROOT / "tests/golden/modbus_maps" / f"{name}.json").read_text())
    found, compared, functions = [], 0, set()
    for quantity, ours in our_registers(profile_id.split()[0]).items():
        row = theirs.get(str(int(str(ours["address"]), 0) + offset))
        if row is None:
            found.append(f"{quantity}: not in the map")
            continue
        compared += 1
        functions.add(ours["fc"] in row["function_codes"])
        if not same_thing(quantity, row["name"]):
            found.append(f"{quantity}: the map calls it {row['name']}")
        if TYPES[row["data_type"]] != ours["type"]:
            found.append(f"{quantity}: type {ours['type']}, the map says {TYPES[row['data_type']]}")
        unit, scale = UNITS.get(row["unit"] or "", ("", None))
        if unit and unit != ours.get("unit", ""):
            found.append(f"{quantity}: unit {ours.get('unit')}, the map says {unit}")
        if scale is not None and "scale_from" not in ours and ours.get("scale", 1) != scale and row["unit"] not in ("Hz", "%"):
            found.append(f"{quantity}: scale {ours.get('scale', 1)}, the map says {scale}")
    if False in functions:
        found.append("function")
    return found, compared


bad = 0
for profile_id in MAPS:
    found, compared = differences(profile_id)
    known = KNOWN.get(profile_id, {})
    print(f"{profile_id}: {compared} rows compared, {len(found)} differences")
    for difference in found:
        if difference in known:
            print(f"  {difference}\n      ours stays: {known[difference]}")
        else:
            print(f"  NEW: {difference}")
            bad += 1
    for difference in known:
        if difference not in found:
            print(f"  GONE: {difference}: take it out of KNOWN")
            bad += 1
    if compared < 15:
        print("  too few rows to be an opinion")
        bad += 1
sys.exit(1 if bad else 0)
