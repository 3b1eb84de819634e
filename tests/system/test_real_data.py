#!/usr/bin/python3
"""REC-02, REC-06: recorded loads of real houses and a factory go through the whole chain (simulator, Modbus, poller, broker,
recorder) in a minute of our time: what the recorder has in the end is what the sources say, to the resolution of the counters.

The data (CC BY 4.0) is kept beside the project, not in it: the test is skipped where it is absent."""
import csv
import json
import os
import sys
import unittest
from datetime import datetime, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import virtual_time

DATA = os.path.join(harness.SOURCE, "..", "shared", "data")
START_MS = int(datetime(2030, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
NO_COUNTER = 19
STEPS, YEAR_MS = 40, 360 * 86400 * 1000


def rows(name, delimiter=","):
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        harness.skip(f"the recorded data {name} is not here")
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def summed(values, per):
    """A counter that began at 0: running sum of values * per."""
    total, out = 0.0, [0.0]
    for value in values:
        total += value * per
        out.append(total)
    return out


def counters():
    """device -> (quantity, resolution, readings, what the source says in the unit, to which accuracy it says so)"""
    house = rows("uci_household/household_1min_26d.csv", ";")
    steel = rows("steel_industry/steel_15min_2018.csv")
    bedroom, utilities = rows("ampds2/electricity_B1E_1min_35d.csv"), rows("ampds2/gas_water_hourly_2y.csv")
    last_minutes = rows("ampds2/water_WHW_1min_35d.csv")  # the last hour of the two years
    energy, volume = "active_energy_import", "volume"
    column = lambda table, name: [float(row[name]) for row in table]
    return {
        11: (energy, 0.1, summed(column(house, "Global_active_power"), 1000 / 60), 1063840, 5),
        12: (energy, 1, summed(column(house, "Sub_metering_1"), 1), 36617, 0),
        13: (energy, 1, summed(column(house, "Sub_metering_2"), 1), 75744, 0),
        14: (energy, 1, summed(column(house, "Sub_metering_3"), 1), 261392, 0),
        15: (energy, 10, summed(column(steel, "Usage_kWh"), 1000), 959636710, 0),
        16: (energy, 1, column(bedroom, "Pt"), 945, 0),
        17: (volume, 0.001, column(utilities, "gas_counter_dm3"), 1086031.863 - 295279.248, 0),
        18: (volume, 0.001, column(utilities, "water_counter_litre") + column(last_minutes[-60:], "counter"), 594169.5 - 45287.526, 0),
    }


def profile(kind, service, quantity, unit):
    return {"id": kind, "version": "1.0", "family": "Tests", "model": kind, "kind": "meter", "service": service, "confidence": "none",
            "limits": {"max_registers": 10}, "params": {"resolution": {"min": 0.0001, "max": 1000, "required": True}},
            "registers": {quantity: {"fc": 4, "address": 0, "type": "u64", "scale": "$resolution", "unit": unit, "group": "instant"}}}


POWER = {"id": "fed-power", "version": "1.0", "family": "Tests", "model": "power alone", "kind": "meter", "confidence": "none",
         "limits": {"max_registers": 10},
         "registers": {"active_power": {"fc": 4, "address": 0, "type": "s32", "unit": "W", "group": "instant"}}}
PROFILES = [POWER, profile("fed-meter", "electricity", "active_energy_import", "Wh"), profile("fed-gas", "gas", "volume", "dm3"),
            profile("fed-water", "water", "volume", "dm3")]


def site(fed):
    tree = harness.small_site(devices=1)
    tree["buses"][0]["poll_ms"] = 100
    tree["sampling"] = {"interval_min": 60}
    kinds = {17: "fed-gas", 18: "fed-water"}
    tree["devices"] = [{"id": device, "bus": 1, "unit": device, "profile": kinds.get(device, "fed-meter"), "params": {"resolution": resolution}}
                       for device, (_, resolution, *_) in fed.items()]
    tree["devices"].append({"id": NO_COUNTER, "bus": 1, "unit": NO_COUNTER, "profile": "fed-power", "exclude_totals": True})
    return tree


class Gateway(virtual_time.Gateway):
    def __init__(self, fed):
        super().__init__(site(fed), start_ms=START_MS)
        self.fed = fed

    def start_simulator(self):
        os.mkdir(os.path.join(self.data, "profiles"))
        for tree in PROFILES:
            with open(os.path.join(self.data, "profiles", tree["id"] + ".json"), "w", encoding="utf-8") as file:
                json.dump(tree, file)
        self.simulate_options = ["--data", self.data]
        super().start_simulator()
        self.control(f"set {NO_COUNTER} active_power 36000")
        self.feed(0)

    def silence(self, on):
        for device in self.fed:
            self.control(f"fault {device} {'exception 6' if on else 'none'}")

    def feed(self, step):
        """Moves the clock, and every counter to where its recording is by then; the readings."""
        self.set_clock(START_MS + step * YEAR_MS // STEPS)
        said = {}
        for device, (quantity, resolution, readings, *_) in self.fed.items():
            count = int(readings[step * (len(readings) - 1) // STEPS] / resolution + 1e-6)
            said[device] = count * resolution
            self.control(f"set {device} {quantity} {said[device]:.10g}")
        return said


class RealData(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fed = counters()  # here, since within a test unittest takes the end of the program for an error

    def test_a_year_of_a_factory_and_weeks_of_two_houses(self):
        fed = self.fed
        with Gateway(fed) as gateway:
            client = gateway.mqtt("command")
            client.subscribe("device/+/measures/instant")
            client.wait("service/recorder/status", lambda p: p.get("clock") == "trusted", 60)
            first = gateway.feed(0)
            self.wait_read(client, fed, first)
            client.wait("service/recorder/status", lambda p: p.get("beat", 0) >= 3, 60)
            for step in range(1, STEPS + 1):
                # A counter never jumps within a second, so nothing may be read between the clock's step and its own.
                gateway.silence(True)
                self.wait_silent(client, fed)
                last = gateway.feed(step)
                gateway.silence(False)
                self.wait_read(client, fed, last)
            gateway.set_clock(START_MS + YEAR_MS + 7200 * 1000)
            # The slot that is running ends with it; what was read last is in it.
            moved = lambda devices: sum(last[d] - first[d] for d in devices)
            site_total = client.wait("total/site/0", lambda p: p["values"].get("gas", 0) > moved([17]) - 0.01, 60).json["values"]
            for device, (quantity, resolution, _, fact, accuracy) in fed.items():
                answer = client.call("recorder", "history", {"by": "year", "from": "2030-01-01", "spans": 2, "group": "device", "device": device})
                total = answer["rows"][0]["total"]
                self.assertAlmostEqual(total, last[device] - first[device], places=3, msg=f"device {device}: what its counter moved")
                self.assertLessEqual(abs(total - fact), accuracy + resolution, f"device {device}: what the source says")
            self.assertAlmostEqual(site_total["active_energy_import"], moved(range(11, 17)), places=3)
            self.assertAlmostEqual(site_total["gas"], moved([17]), places=3)
            self.check_integrated(client)
            self.assertAlmostEqual(site_total["water"], moved([18]), places=3)

    def check_integrated(self, client):
        """A device without a counter: 10 Wh a second of our own time, flagged as an estimate."""
        read = [m.json["up_ms"] for m in list(client.messages) if m.topic == f"device/{NO_COUNTER}/measures/instant"]
        row = client.call("recorder", "history", {"by": "year", "from": "2030-01-01", "spans": 1, "group": "device", "device": NO_COUNTER})["rows"][0]
        self.assertEqual(row["flags"][0] & 4, 4)
        self.assertGreater(row["total"], (read[-1] - read[0]) / 1000 * 10 * 0.5)
        self.assertLessEqual(row["total"], (read[-1] - read[0]) / 1000 * 10 * 1.05 + 100)

    def wait_silent(self, client, fed):
        """Every value has become null, and the recorder has nothing older to read: it answers in turn."""
        for device, (quantity, *_) in fed.items():
            client.wait(f"device/{device}/measures/instant", lambda p: p["values"].get(quantity) is None)
        client.call("recorder", "history", {"by": "year", "from": "2030-01-01", "spans": 1})

    def wait_read(self, client, fed, said):
        for device, (quantity, *_) in fed.items():
            client.wait(f"device/{device}/measures/instant", lambda p: p["values"].get(quantity) is not None and abs(p["values"][quantity] - said[device]) < 1e-6)


if __name__ == "__main__":
    unittest.main()
