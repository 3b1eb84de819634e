#!/usr/bin/env python3
"""Every shipped charge point that can be written to: the poller against its simulation, which follows no limit without a
release, without its sign of life or before it is set up. What it does when nobody speaks to it any more is judged there."""

import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import station_rig
from station_rig import BUS, StationCase

FOLDER = os.path.join(harness.SOURCE, "gateway", "profiles")
FALLBACK = 7


def shipped(name):
    """The profile with what it extends, as far as this test asks."""
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        profile = json.load(file)
    base = shipped(profile["extends"]) if "extends" in profile else {}
    commands = {**base.get("commands", {}), **profile.get("commands", {})}
    return {**base, **profile, "commands": commands, "registers": {**base.get("registers", {}), **profile.get("registers", {})}}


NAMES = sorted(name[:-5] for name in os.listdir(FOLDER) if "limit" in shipped(name[:-5])["commands"])
FIRST = 60
IDS = {FIRST + index: name for index, name in enumerate(NAMES)}
station_rig.UNITS.update({number: number for number in IDS})


def quick(name):
    """The same with times that a test can wait for."""
    profile, more = shipped(name), {"id": "quick-" + name, "extends": name, "confidence": "driver", "references": ["the tests"],
                     "limits": {"gap_ms": 0}}
    if "watchdog" in profile:
        more["watchdog"] = {"timeout_s": 5}
    if "keep_alive" in profile:
        more["keep_alive"] = {"every_s": 1, "timeout_s": 4}
    if "phases" in profile["commands"]:
        more["commands"] = {"phases": {**profile["commands"]["phases"], "pause_s": 1, "min_interval_s": 2}}
    return more


class ChargePoints(StationCase):
    profiles = {"quick-" + name: quick(name) for name in NAMES}
    devices = {number: {"profile": "quick-" + name, "params": {"rated_current": 32, "fallback_current": FALLBACK}}
               for number, name in IDS.items()}

    def setUp(self):
        super().setUp()
        self.set_bus(BUS, self.port, poll_ms=1000)  # that many on one line

    def each(self):
        return ((number, shipped(name)) for number, name in IDS.items())

    def offers(self, number, amperes, what):
        limit = shipped(IDS[number])["commands"]["limit"]
        if limit.get("unit") == "W" and amperes in (7, 10, 16):  # on one phase, at the lowest voltage; below 6 A at the highest: none
            count = limit.get("scale", 1)
            watts = amperes * 207 // count * count if amperes * 207 >= 6 * 253 else 0
            harness.wait_until(lambda: self.true(number)["told_w"] == watts, what=f"{IDS[number]}: {what}: {watts} W")
            return
        harness.wait_until(lambda: self.true(number)["limit_a"] == amperes, what=f"{IDS[number]}: {what}")

    def falls(self, profile):
        """What it offers when nobody speaks to it any more, None = what it was told last."""
        if "watchdog" in profile:
            return FALLBACK if "fallback_register" in profile["watchdog"] else 32  # not known: the worst
        return 32 if "keep_alive" in profile else None

    def test_limits_are_followed_and_whoever_dies_the_station_falls(self):
        self.assertGreater(len(IDS), 20)
        self.greenup()
        poller = self.start_poller()
        for number in IDS:
            self.setpoint(number, 16, valid_s=120)
        for number, profile in self.each():
            self.offers(number, 16, "16 A")
            self.held(number, 16)
            state = self.true(number)
            self.assertTrue(state["released"] and state["lives"] and state["prepared"])
        for number in IDS:
            self.setpoint(number, 0, valid_s=120)
        for number, profile in self.each():
            self.offers(number, 0, "nothing")
            self.held(number, 0)
            if "release" in profile["commands"]:
                self.assertFalse(self.true(number)["released"])
                if profile["commands"]["limit"].get("memory") != "eeprom":
                    self.assertLessEqual(self.true(number)["told_a"], 6)
        for number in IDS:
            self.setpoint(number, 10, valid_s=120)
        for number, profile in self.each():
            self.offers(number, 10, "10 A")
            wanted = "none" if "watchdog" not in profile else "verified"
            self.charge(number, lambda c: c["watchdog"]["state"] == wanted)
        # A hung poller: what has a watchdog or a sign of life falls, the others keep what they were told.
        os.kill(poller.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, poller.pid, signal.SIGCONT)
        for number, profile in self.each():
            falls = self.falls(profile)
            self.offers(number, 10 if falls is None else falls, f"falls to {falls}")
        os.kill(poller.pid, signal.SIGCONT)
        for number, _ in self.each():
            self.offers(number, 10, "10 A again")

    def test_phases_are_switched_without_a_load(self):
        numbers = [number for number, name in IDS.items() if "phases" in shipped(name)["commands"]]
        self.person = self.client("person", "h")
        self.greenup()
        self.start_poller()
        for number in numbers:
            self.control(f"car {number} arrive 90000")
            self.setpoint(number, 0, valid_s=120)
        self.assertGreater(len(numbers), 10)
        for number in numbers:
            self.offers(number, 0, "nothing")
            harness.wait_until(lambda: self.switch(number, 1), what=f"{IDS[number]}: one phase")
            self.assertEqual((self.true(number)["phases"], self.true(number)["loaded_switches"]), (1, 0))
        self.setpoint(numbers[0], 16, valid_s=120)
        self.offers(numbers[0], 16, "its limit after the switch")
        self.control("step 15")
        harness.wait_until(lambda: self.true(numbers[0])["state"] == "C", what="a charge")
        self.charge(numbers[0], lambda c: c["state"] == "C")
        self.assertFalse(self.switch(numbers[0], 3))  # under load
        self.assertEqual(self.true(numbers[0])["phases"], 1)

    def test_errors_are_told_in_the_makers_words_and_a_pause_that_is_none_is_put_right(self):
        number_of = {name: number for number, name in IDS.items()}
        kathrein, keba = number_of["kathrein-wallbox"], number_of["keba-p30"]
        self.greenup()
        self.start_poller()
        self.control(f"set {kathrein} error_code 5")
        error = self.charge(kathrein, lambda c: c["errors"])["errors"][0]
        self.assertEqual((error["code"], error["params"]["word"]), ("station.error_word", "relay welded, socket lock"))
        self.status(kathrein, "fault", "station.error_word")
        self.control(f"set {kathrein} error_code 0")
        for name, code, words in (("abb-terra-ac-fallback", 0x4002, "residual current, Modbus communication lost"),
                                  ("mennekes-hcc3", 50, "cable badly plugged"), ("bender-cc612", 0x4100, "residual current (RCMB), contactor welded"), ("esp32-evse", 0x11, "pilot, residual current (RCM)")):
            self.control(f"set {number_of[name]} error_code {code}")
            error = self.charge(number_of[name], lambda c: c["errors"])["errors"][0]
            self.assertEqual((error["code"], error["params"]["word"]), ("station.error_word", words))
        self.status(kathrein, "on")
        # A release that can't be read: after a power cut the station charges again, and is told again.
        self.control(f"car {keba} arrive 90000")
        self.setpoint(keba, 0, valid_s=120)
        self.held(keba, 0)
        self.control(f"power {keba} cycle 1")
        self.offers(keba, 32, "what it offers after a power cut")
        self.control("step 15")
        self.offers(keba, 0, "nothing again")
        self.charge(keba, lambda c: c["limit_a"] == 0)

    def switch(self, number, phases):
        since = self.watcher.mark()
        command = f"switch{since}"
        self.person.publish(f"device/{number}/command", {"id": command, "phases": phases}, expiry=5)
        return self.charge(number, lambda c: c.get("command", {}).get("id") == command, after=since)["command"]["ok"]


if __name__ == "__main__":
    harness.main()
