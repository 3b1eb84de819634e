"""The controller as a service: leases, freshness, red samples, ceilings, choices, live settings, and what a killed one
goes on from."""
import json
import os
import signal

import harness
import parallel
from controller_rig import METER, OTHER, STATION, TIMING, ControllerCase, up_ms


class Leases(ControllerCase):
    def test_a_limit_is_a_lease_that_is_renewed_before_half_of_it(self):
        self.site()
        self.start()
        first = self.charging()
        self.assertEqual(first.json["valid_s"], 6)
        self.assertLessEqual(first.properties.MessageExpiryInterval, 6)
        self.assertEqual(first.json["reason"]["code"], "greenup.full")
        self.assertLess(abs(up_ms() - first.json["up_ms"]), 3000)
        drive = lambda: (self.meter(52), self.charge(state="C", amperes=32))
        second = self.setpoint(lambda p: p["seq"] > first.json["seq"], while_=drive)
        self.assertEqual(second.json["run"], first.json["run"])
        self.assertLess(second.json["up_ms"] - first.json["up_ms"], 3000, "half of the lease")

    def test_a_red_sample_is_met_between_two_control_periods(self):
        self.site(timing={"tick_s": 10, "up_s": 1, "settle_s": 1, "min_off_s": 0, "meter_s": 30, "stn_s": 30,
                          "sample_s": 10})
        self.start()
        self.charge()
        self.meter(20)
        self.status(lambda s: s["mode"] in ("init", "run"))
        start = self.setpoint(lambda p: p["limit_a"] == 32, while_=lambda: (
            self.meter(20), self.charge(state="B", limit=0)), timeout=100)
        self.charge(state="C", amperes=32)
        begun = up_ms()
        lower = self.setpoint(lambda p: p["limit_a"] < 32, after=start.order, while_=lambda: self.meter(101)).json
        self.assertLess(lower["up_ms"] - begun, 2000, "at most one a second")
        self.assertEqual(lower["reason"]["code"], "greenup.red")
        self.assertEqual(lower["reason"]["params"]["max"], "100")

    def test_nothing_is_decided_from_a_value_that_is_not_fresh(self):
        self.site()
        self.start()
        self.charging()
        mark = self.watcher.mark()
        self.charge(state="C", amperes=32)
        self.meter(300, age_ms=-60000)  # of the future: of another boot
        self.meter(300, age_ms=60000)
        lost = self.status(lambda s: s["mode"] == "failsafe", after=mark,
                           while_=lambda: (self.charge(state="C", amperes=32), self.meter(300, age_ms=60000)))
        self.assertFalse(lost["meter"]["ok"])
        self.assertEqual(lost["alarms"][0]["code"], "greenup.alarm_meter")
        self.assertEqual(self.station(lost)["limit_a"], 0)
        self.assertEqual(self.station(lost)["reason"]["code"], "greenup.failsafe")
        # Never because of what it said: nobody was reduced for 300 A.
        codes = {m.json["reason"]["code"] for m in self.watcher.messages[mark:] if m.topic.endswith("/setpoint")}
        self.assertLessEqual(codes, {"greenup.full", "greenup.failsafe"})

    def test_a_meter_that_is_back_counts_what_flows_either_way(self):
        self.site(failsafe_a=10, timing={**TIMING, "up_s": 60})
        self.start()
        self.charging()
        held = self.status(lambda s: s["mode"] == "failsafe", while_=lambda: self.charge(state="C", amperes=32))
        self.assertEqual((self.station(held)["limit_a"], self.station(held)["reason"]["code"]), (6, "greenup.failsafe"))
        # An export, or a current transformer the wrong way round: the phase carries it all the same.
        back = self.status(lambda s: s["mode"] == "run" and s["meter"]["ok"], after=self.watcher.mark(),
                           while_=lambda: (self.meter(-50), self.charge(state="C", amperes=6, limit=6)))
        self.assertEqual([phase["current_a"] for phase in back["phases"]], [50, 50, 50])
        self.assertEqual((self.station(back)["limit_a"], self.station(back)["reason"]["code"]), (6, "greenup.returned"))

    def test_a_station_that_says_nothing_stays_booked(self):
        self.site((STATION, OTHER))
        self.start()
        self.charging()
        self.charge(OTHER)
        drive = lambda: (self.meter(52), self.charge(OTHER))
        status = self.status(lambda s: self.station(s)["lost"] and not self.station(s, OTHER)["lost"], while_=drive)
        self.assertEqual(self.station(status)["reason"]["code"], "greenup.lost")
        self.assertIn("greenup.alarm_lost", [a["code"] for a in status["alarms"]])

    def test_the_poller_gone_all_stations_are_lost(self):
        self.site()
        self.start()
        self.charging()
        mark = self.watcher.mark()
        self.poller.publish("service/poller/status", {"online": False}, retain=True)
        self.status(lambda s: self.station(s)["lost"], after=mark, while_=lambda: self.meter(52))
        self.poller.publish("service/poller/status", {"online": True}, retain=True)
        self.status(lambda s: not self.station(s)["lost"], after=self.watcher.mark(),
                    while_=lambda: (self.meter(52), self.charge(state="C", amperes=32)))


class People(ControllerCase):
    def test_a_ceiling_is_obeyed_until_it_is_taken_away_and_over_a_restart(self):
        self.site()
        self.start()
        self.charging()
        drive = lambda: (self.meter(20), self.charge(state="B"))
        self.config.publish(f"device/{STATION}/command", {"id": "1", "cap_a": 10})
        self.setpoint(lambda p: p["limit_a"] == 10, while_=drive)
        self.status(lambda s: self.station(s)["cap_a"] == 10)
        self.controller.stop(number=signal.SIGKILL)
        self.start()
        mark = self.watcher.mark()
        self.setpoint(lambda p: p["limit_a"] == 10, after=mark, while_=drive)
        self.config.publish(f"device/{STATION}/command", {"id": "2", "cap_a": 3})
        self.setpoint(lambda p: p["limit_a"] == 0 and p["reason"]["code"] == "greenup.user", while_=drive)
        self.config.publish(f"device/{STATION}/command", {"id": "3", "cap_a": None})
        self.setpoint(lambda p: p["limit_a"] == 32, while_=self.follow)

    def test_wait_and_start_and_priority_for_one_charge(self):
        self.site()
        self.start()
        self.status(lambda s: s["stations"])
        with self.assertRaises(harness.CallError) as refused:
            self.watcher.call("controller", "override", {"device": STATION, "hold": True})
        self.assertEqual((refused.exception.code, refused.exception.path), ("greenup.no_vehicle", "/device"))
        self.charging()
        drive = lambda: (self.meter(20), self.charge(state="B"))
        answer = self.watcher.call("controller", "override", {"device": STATION, "hold": True, "priority": True})
        self.assertEqual(answer, {"device": STATION, "priority": True, "hold": True, "forced": False})
        self.setpoint(lambda p: p["limit_a"] == 0 and p["reason"]["code"] == "greenup.user", while_=drive)
        answer = self.watcher.call("controller", "override", {"device": STATION, "forced": True, "priority": None})
        self.assertEqual(answer, {"device": STATION, "priority": False, "hold": False, "forced": True})
        self.setpoint(lambda p: p["limit_a"] > 0, while_=drive)
        with self.assertRaises(harness.CallError) as refused:
            self.watcher.call("controller", "override", {"device": STATION, "hold": 1})
        self.assertEqual(refused.exception.path, "/hold")

    def test_what_stands_against_switching_on(self):
        self.set_device(METER, "m")
        self.set_device(STATION, "s", phases=None)
        self.settings(on=False)
        self.start()
        self.status(lambda s: s["stations"])
        check = self.watcher.call("controller", "check")
        self.assertEqual([(a["device"], a["reason"]["code"]) for a in check["against"]],
                         [(None, "greenup.meter_silent"), (STATION, "greenup.phase_unset")])
        self.assertEqual([(a["device"], a["code"], a["accepted"]) for a in check["accept"]],
                         [(STATION, "greenup.no_watchdog", False)])
        with self.assertRaises(harness.CallError) as refused:
            self.watcher.call("controller", "switch", {"on": True})
        self.assertEqual(refused.exception.code, "greenup.not_ready")
        self.set_device(STATION, "s")
        self.meter(10)
        # Everybody falls back to more than there is.
        self.charge(watchdog={"state": "verified", "timeout_s": 30, "fallback_a": 101})
        self.status(lambda s: s["meter"]["ok"] and self.station(s)["watchdog"] == "verified",
                    while_=lambda: (self.meter(10), self.charge(watchdog={
                        "state": "verified", "timeout_s": 30, "fallback_a": 101})))
        check = self.watcher.call("controller", "check")
        self.assertEqual({a["reason"]["code"] for a in check["against"]}, {"greenup.fallback_sum"})
        self.assertEqual(check["against"][0]["reason"]["params"], {"phase": "L1", "sum": "101", "max": "100"})

    def test_a_site_that_never_used_it_is_left_alone(self):
        self.site(on=False)
        self.start()
        self.status(lambda s: s["mode"] == "off" and not self.station(s)["lost"],
                    while_=lambda: (self.meter(10), self.charge()))
        for _ in range(3):
            self.status(lambda s: True, after=self.watcher.mark())
        self.assertEqual([m for m in self.watcher.messages if m.topic.endswith("/setpoint")], [])


class Live(ControllerCase):
    def test_settings_and_stations_change_under_a_charge_that_goes_on(self):
        self.site()
        self.start()
        self.charging()
        drive = lambda: (self.meter(52), self.charge(state="C", amperes=32))
        self.status(lambda s: self.station(s)["session_ah"] > 0, while_=drive)
        before = self.watcher.wait(f"session/{STATION}", lambda p: p["started"])
        mark = self.watcher.mark()
        self.settings(i_max_a=50, i_chg_a=45)  # the same current is red now
        lower = self.setpoint(lambda p: p["limit_a"] < 32, after=mark, while_=drive)
        self.assertEqual(lower.json["reason"]["params"]["max"], "50")
        self.set_device(OTHER, "s")
        both = self.status(lambda s: len(s["stations"]) == 2, while_=drive)
        self.assertEqual(self.station(both)["state"], "charge")
        self.settings(i_max_a="many")
        wrong = self.status(lambda s: s["alarms"] and s["alarms"][0]["code"] == "greenup.alarm_settings", while_=drive)
        self.assertEqual(wrong["phases"][0]["maximum_a"], 50)
        self.assertEqual(self.watcher.latest[f"session/{STATION}"].json["session"], before.json["session"])
        self.config.publish(f"config/device/{OTHER}", b"", retain=True)
        self.status(lambda s: len(s["stations"]) == 1, after=self.watcher.mark(), while_=drive)


class Restart(ControllerCase):
    def test_a_killed_controller_goes_on_from_what_it_knew(self):
        self.site()
        self.start()
        first = self.charging()
        # Of 90 A for charging 85 are used: neither less nor more than 24 is due, however long it lasts.
        drive = lambda: (self.meter(85), self.charge(state="C", amperes=24, limit=24, session_wh=1500))
        # The vehicle draws what it may before the others take more; else all of its limit would count as still to come.
        self.status(lambda s: self.station(s)["current_a"][0] == 32 and self.station(s)["session_ah"] > 0, while_=lambda: (
            self.meter(60), self.charge(state="C", amperes=32, session_wh=1400)))
        self.setpoint(lambda p: p["limit_a"] == 24, while_=lambda: (self.meter(101), self.charge(
            state="C", amperes=32, session_wh=1400)))
        self.status(lambda s: self.station(s)["session_ah"] > 0, while_=drive)
        session = self.watcher.wait(f"session/{STATION}", lambda p: p["started"]).json
        # It is told first and kept then: what a kill in between costs is a second at the limit before.
        harness.wait_until(lambda: '"limit_ma":24000' in self.saved().replace(" ", "") and "charge" in self.saved(),
                           what="the state on disk")
        self.controller.stop(number=signal.SIGKILL)
        mark = self.watcher.mark()
        self.start()
        again = self.setpoint(lambda p: p["run"] != first.json["run"], after=mark, while_=drive).json
        self.assertEqual(again["seq"], 1)
        self.assertLessEqual(again["limit_a"], 24)
        status = self.status(lambda s: self.station(s)["state"] == "charge", after=mark, while_=drive)
        self.assertEqual(self.station(status)["plugged_at"], session["plugged_at"])
        # Nothing grows before it is quiet, and what is published is the same charge.
        self.assertEqual(self.watcher.latest[f"session/{STATION}"].json["session"], session["session"])
        self.setpoint(lambda p: p["limit_a"] == 32, after=mark, while_=lambda: (
            self.meter(20), self.charge(state="C", amperes=24, limit=24)))

    def saved(self):
        path = os.path.join(self.data, "controller.json")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_a_file_of_a_newer_version_is_left_alone_and_a_broken_one_replaced(self):
        for content, kept in (({"version": 99, "more": 1}, True), ({"version": 1, "boot": 5}, False)):
            with self.subTest(content):
                self.write("controller.json", content)
                self.site()
                self.start()
                self.charging()
                self.assertEqual(self.controller.stop(), 0)
                self.assertEqual(json.loads(self.saved()) == content, kept)

    def test_an_end_and_a_new_vehicle_are_two_charges(self):
        self.site()
        self.start()
        self.charging()
        drive = lambda: (self.meter(52), self.charge(state="C", amperes=32, session_wh=500))
        one = self.status(lambda s: self.station(s)["session_ah"] > 0, while_=drive) and self.watcher.wait(
            f"session/{STATION}", lambda p: p["started"]).json
        self.assertIsNone(one["ended"])
        self.meter(52)
        self.charge(state="C", amperes=32, session_wh=900)
        self.status(lambda s: True, after=self.watcher.mark())
        self.charge(state="A", session_wh=900)
        ended = self.watcher.wait(f"session/{STATION}", lambda p: p["ended"]).json
        self.assertEqual(ended["session"], one["session"])
        self.assertEqual(ended["peak_a"], 32)
        self.assertEqual(ended["wh"], 400)
        self.charge(state="B", session_wh=0)
        two = self.watcher.wait(f"session/{STATION}", lambda p: p["session"] != one["session"]).json
        self.assertIsNone(two["ended"])


if __name__ == "__main__":
    parallel.main()
