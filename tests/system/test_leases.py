#!/usr/bin/env python3
"""A charge point's limit is a lease: written, read back, refreshed, and ended in the fallback whoever dies. Judged at the
simulated station, not by what the poller says."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from station_rig import ABB, BENDER, BUS, OTHER, StationCase, up_ms

QUICK = {"id": "quick", "extends": "bender-cc612", "confidence": "driver", "references": ["the tests"],
         "watchdog": {"timeout_s": 4}}
CANDIDATE = {"id": "unsure", "extends": "bender-cc612", "confidence": "candidate"}


def rated(profile, **params):
    return {"profile": profile, "params": {"rated_current": 32, **params}}


class Leases(StationCase):
    def test_a_set_point_is_written_read_back_and_shown(self):
        self.greenup()
        self.start_poller()
        for device in (ABB, BENDER):
            self.lease(device, lambda l: l["state"] == "grace" and l["limit_a"] == 32)
            sent = self.setpoint(device, 16)
            shown = self.held(device, 16)
            self.assertEqual(self.true(device)["limit_a"], 16)
            self.assertEqual((shown["writable"], shown["lease"]["run"], shown["lease"]["seq"]), (True, "run1", sent["seq"]))
            self.assertEqual(shown["lease"]["until_up_ms"], sent["up_ms"] + 30000)
            self.charge(device, lambda c: c["limit_a"] == 16)
        self.assertEqual(self.charge(ABB)["watchdog"]["state"], "none")
        # The same again writes nothing; an old number, a dead run and nonsense are passed over.
        writes = self.true(ABB)["writes"]
        self.setpoint(ABB, 16)
        self.setpoint(ABB, 20, seq=1)
        self.setpoint(ABB, 20, up_ms=up_ms() - 40000)
        self.setpoint(ABB, 20, up_ms=up_ms() + 60000)
        for broken in (b"", b"[]", b"{", {"limit_a": -1}, {"limit_a": 20, "valid_s": 30, "run": "run1", "seq": 999}):
            self.controller.publish(f"device/{ABB}/setpoint", broken, qos=1)
        last = self.setpoint(ABB, 16)
        self.lease(ABB, lambda l: l["seq"] == last["seq"])
        self.assertEqual((self.true(ABB)["writes"], self.true(ABB)["limit_a"]), (writes, 16))
        # A new run begins anew, and the numbers of the old one are over.
        self.run, self.seq = "run2", 0
        self.setpoint(ABB, 10.25)
        self.held(ABB, 10.25)
        self.setpoint(BENDER, 10.25)
        self.held(BENDER, 10)  # takes whole amperes
        self.setpoint(BENDER, 5.9)
        self.held(BENDER, 0)
        self.assertEqual((self.true(ABB)["limit_a"], self.true(BENDER)["limit_a"]), (10.25, 0))

    def test_what_runs_out_ends_in_the_fallback(self):
        self.set_device_object({**self.device_of(BENDER), **rated("bender-cc612", fallback_current=6)})
        self.greenup()
        self.start_poller()
        for device in (ABB, BENDER):
            self.setpoint(device, 20, valid_s=2)
            self.held(device, 20)
        for device, fallback in ((ABB, 0), (BENDER, 6)):
            self.lease(device, lambda l: l["state"] == "fallback" and l["written"])
            self.assertEqual(self.true(device)["limit_a"], fallback)
        self.setpoint(ABB, 14)
        self.held(ABB, 14)

    def test_the_controllers_will_ends_it_at_once(self):
        self.greenup()
        self.start_poller()
        self.controller.publish("service/controller/status", {"online": True}, retain=True)
        for device in (ABB, BENDER):
            self.setpoint(device, 20, valid_s=120)
            self.held(device, 20)
        self.controller.publish("service/controller/status", {"online": False}, retain=True)
        for device in (ABB, BENDER):
            self.lease(device, lambda l: l["state"] == "fallback" and l["written"])
            self.assertEqual(self.true(device)["limit_a"], 0)

    def test_without_green_up_nothing_falls(self):
        self.greenup(on=False)
        self.start_poller()
        self.setpoint(ABB, 20, valid_s=1)
        self.held(ABB, 20)
        self.lease(ABB, lambda l: l["state"] == "none")
        self.assertEqual(self.true(ABB)["limit_a"], 20)
        # The list only says who has priority: every station is governed.
        self.greenup(stations=[{"device": ABB, "priority": True}])
        for device in (ABB, BENDER):
            self.lease(device, lambda l: l["state"] == "grace")

    def test_after_a_kill_the_limit_read_back_counts_for_30_s(self):
        self.greenup()
        poller = self.start_poller()
        self.setpoint(ABB, 12, valid_s=120)
        self.held(ABB, 12)
        poller.stop(number=signal.SIGKILL)
        started = up_ms()
        since = self.watcher.mark()
        self.start_poller()
        grace = self.lease(ABB, lambda l: l["state"] == "grace" and l["limit_a"] == 12, after=since)["lease"]
        self.assertTrue(started <= grace["until_up_ms"] - 30000 <= up_ms())
        self.control(f"limit {ABB} 32")  # as after a power cut: nothing is raised in the grace
        harness.wait_until(lambda: self.true(ABB)["limit_a"] == 12, what="12 A again")
        self.lease(ABB, lambda l: l["state"] == "fallback" and l["written"], after=since)
        self.assertGreaterEqual(up_ms(), grace["until_up_ms"])
        self.assertEqual(self.true(ABB)["limit_a"], 0)

    def test_a_bus_that_fails_gets_its_limit_when_it_is_back(self):
        self.greenup()
        self.start_poller()
        self.setpoint(ABB, 16)
        self.held(ABB, 16)
        self.control(f"unplug {BUS}")
        self.status(ABB, "error", "bus.refused")
        self.setpoint(ABB, 8)
        self.control(f"plug {BUS}")
        self.status(ABB, "on")
        self.held(ABB, 8)
        # A limit that fails says why, and is tried until the station takes it.
        self.control(f"fault {ABB} exception 6")
        self.setpoint(ABB, 10)
        self.lease(ABB, lambda l: not l["written"] and l.get("reason", {}).get("code") == "bus.exception")
        self.control(f"fault {ABB} none")
        self.held(ABB, 10)
        self.assertEqual(self.true(ABB)["limit_a"], 10)


class Candidates(StationCase):
    profiles = {"unsure": CANDIDATE}
    devices = {OTHER: rated("unsure")}

    def test_a_candidate_is_not_written_to_until_that_is_accepted(self):
        self.greenup()
        self.start_poller()
        shown = self.charge(OTHER, lambda c: not c["writable"])
        self.assertEqual(shown["not_writable"]["code"], "device.candidate")
        self.setpoint(OTHER, 10)
        self.set_device_object({**self.device_of(OTHER), "accept_candidate": True})
        self.charge(OTHER, lambda c: c["writable"] and c["watchdog"]["state"] == "verified")
        self.assertEqual(self.true(OTHER)["limit_a"], 32)  # what came before was not kept for later
        self.setpoint(OTHER, 10)
        self.held(OTHER, 10)
        self.assertEqual(self.true(OTHER)["limit_a"], 10)


class Watchdogs(StationCase):
    profiles = {"quick": QUICK}
    devices = {OTHER: rated("quick", fallback_current=7)}

    def test_a_watchdog_is_set_verified_fed_and_does_its_work(self):
        self.greenup()
        poller = self.start_poller()
        dog = self.charge(OTHER, lambda c: c["watchdog"]["state"] == "verified")["watchdog"]
        self.assertEqual((dog["timeout_s"], dog["fallback_a"]), (4, 7))
        self.assertEqual((self.true(OTHER)["watchdog_s"], self.true(OTHER)["fallback_a"]), (4, 7))
        self.setpoint(OTHER, 15, valid_s=120)
        self.held(OTHER, 15)
        writes = self.true(OTHER)["writes"]
        harness.wait_until(lambda: self.true(OTHER)["writes"] >= writes + 4, what="four refreshes")
        self.assertEqual(self.true(OTHER)["limit_a"], 15)
        # A hung poller: the station falls by itself.
        os.kill(poller.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, poller.pid, signal.SIGCONT)
        harness.wait_until(lambda: self.true(OTHER)["limit_a"] == 7, what="the station's own fallback")
        os.kill(poller.pid, signal.SIGCONT)
        harness.wait_until(lambda: self.true(OTHER)["limit_a"] == 15, what="the lease, which still holds")

    def test_a_station_that_had_its_power_cut_is_set_up_again(self):
        self.greenup()
        self.start_poller()
        self.setpoint(OTHER, 9, valid_s=120)
        self.held(OTHER, 9)
        self.charge(OTHER, lambda c: c["watchdog"]["state"] == "verified")
        self.control(f"power {OTHER} cycle 3")
        self.assertEqual(self.true(OTHER)["watchdog_s"], 0)
        harness.wait_until(lambda: self.true(OTHER)["limit_a"] == 9, what="its limit again")
        harness.wait_until(lambda: self.true(OTHER)["watchdog_s"] == 4, what="its watchdog again")


if __name__ == "__main__":
    harness.main()
