#!/usr/bin/env python3
"""Charge points that are limited in watts or per cent: whatever vehicle comes, no phase carries more than the set-point."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import station_rig
from station_rig import StationCase

THREE, ONE, CAREFUL, GUARDED, SHARE, UNRATED = 51, 52, 53, 54, 55, 56
station_rig.UNITS.update({number: number for number in (THREE, ONE, CAREFUL, GUARDED, SHARE, UNRATED)})
CHARGE = {"group": "charge"}
PERCENT = {"id": "percent", "version": "1", "family": "Acme", "model": "Share", "kind": "station", "confidence": "driver",
           "references": ["the tests"], "states": {"A": [0], "B": [1], "C": [2]},
           "registers": {"state": {"fc": 3, "address": 1, "type": "u16", **CHARGE},
                         "percent_limit": {"fc": 3, "address": 10, "type": "u16", "unit": "%", **CHARGE}},
           "commands": {"limit": {"fc": 6, "address": 10, "type": "u16", "unit": "%"}}}
LOWEST_V, HIGHEST_V = 207, 253


class PowerLimits(StationCase):
    profiles = {"percent": PERCENT, "quick-delta": {"id": "quick-delta", "extends": "delta-ac-max", "confidence": "driver",
                                                    "references": ["the tests"], "watchdog": {"timeout_s": 5}}}
    devices = {THREE: {"profile": "compleo-solo", "params": {"rated_current": 32, "vehicle_phases": 3}},
               ONE: {"profile": "compleo-solo", "phases": [2], "params": {"rated_current": 32, "vehicle_phases": 3}},
               CAREFUL: {"profile": "compleo-solo", "params": {"rated_current": 32}},
               GUARDED: {"profile": "quick-delta", "params": {"rated_current": 32, "fallback_current": 8}},
               SHARE: {"profile": "percent", "params": {"rated_current": 32}},
               UNRATED: {"profile": "percent"}}

    def most_a(self, number):
        return max(self.true(number)["current"])

    def told_w(self, number, watts):
        harness.wait_until(lambda: self.true(number)["told_w"] == watts, what=f"{number} told {watts} W, not {self.true(number)}")

    def charging(self, number):
        """A car draws, and the poller has seen it."""
        self.control(f"car {number} arrive 90000")

        def drawing():
            self.control("step 5")
            return self.true(number)["state"] == "C" and self.most_a(number) > 6
        harness.wait_until(drawing, what=f"{number} charges")

    def test_a_power_is_told_by_the_phases_that_are_drawn_on(self):
        self.greenup()
        self.start_poller()
        # Nothing is drawn yet: what the installer says, and by itself one.
        for number, phases in ((THREE, 3), (ONE, 3), (CAREFUL, 1)):
            self.setpoint(number, 16, valid_s=120)
            self.told_w(number, 16 * phases * LOWEST_V // 100 * 100)
            self.held(number, 16)
            told = self.true(number)["told_w"]
            shown = self.charge(number, lambda c: c["limit_w"] == told)
            self.assertTrue(15.8 < shown["limit_a"] <= 16, shown)
        # One that draws on one phase only, where three were promised: as soon as that is seen it gets a third.
        self.charging(ONE)
        self.told_w(ONE, 16 * LOWEST_V // 100 * 100)
        self.control("step 10")
        self.assertLessEqual(self.most_a(ONE), 16)
        self.charge(ONE, lambda c: c["state"] == "C" and 15.9 < c["limit_a"] <= 16)
        # 24 A on one phase is enough for a vehicle on three; then it gets the same on each.
        self.setpoint(CAREFUL, 24, valid_s=120)
        self.told_w(CAREFUL, 24 * LOWEST_V // 100 * 100)
        self.charging(CAREFUL)
        phases = sum(a > 1 for a in self.true(CAREFUL)["current"])
        self.told_w(CAREFUL, 24 * phases * LOWEST_V // 100 * 100)
        self.control("step 10")
        self.assertLessEqual(self.most_a(CAREFUL), 24)
        # Down with it: a pause, and less than the station could offer is one too.
        for limit in (0, 7):
            self.setpoint(CAREFUL, limit, valid_s=120)
            self.told_w(CAREFUL, 0)
            self.held(CAREFUL, 0)

    def test_a_fallback_in_watts_is_set_verified_and_taken(self):
        self.greenup()
        poller = self.start_poller()
        self.setpoint(GUARDED, 16, valid_s=120)
        self.told_w(GUARDED, 16 * LOWEST_V)
        dog = self.charge(GUARDED, lambda c: c["watchdog"]["state"] == "verified")["watchdog"]
        self.assertEqual((dog["timeout_s"], dog["fallback_a"]), (5, 8))
        os.kill(poller.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, poller.pid, signal.SIGCONT)
        self.told_w(GUARDED, 8 * LOWEST_V)

    def test_a_share_of_the_rated_current_wants_a_rating(self):
        self.greenup()
        self.start_poller()
        self.setpoint(SHARE, 13, valid_s=120)
        harness.wait_until(lambda: self.true(SHARE)["limit_a"] == 12.8, what="40 % of 32 A")  # not 41
        self.charge(SHARE, lambda c: c["lease"].get("written") and (c["limit_pct"], c["limit_a"]) == (40, 12.8))
        refused = self.charge(UNRATED, lambda c: c.get("writable") is False)
        self.assertEqual(refused["not_writable"]["code"], "station.no_rating")

    def test_the_voltage_is_the_sites(self):
        self.config.publish("config/settings/site", {"id": "rig", "tz": "Asia/Tokyo", "nominal_voltage": 100, "rev": 1}, retain=True)
        self.greenup()
        self.start_poller()
        self.setpoint(GUARDED, 16, valid_s=120)
        self.told_w(GUARDED, 16 * 90)


if __name__ == "__main__":
    harness.main()
