#!/usr/bin/env python3
"""Commands to devices: carried out once, in time or not at all, answered; impulses, blinking outputs, contacts that open.
Judged at the simulated device."""

import json
import os
import signal
import sys
import threading
import time
import uuid
from datetime import datetime

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import station_rig
from station_rig import BUS, StationCase, up_ms

RELAYS, WALLBOX, UNSURE = 50, 51, 52
station_rig.UNITS.update({RELAYS: 10, WALLBOX: 11, UNSURE: 12})

IO = {"id": "relays", "version": "1.0", "family": "Tests", "model": "Relays", "kind": "io", "confidence": "driver",
      "references": ["the tests"], "limits": {"holes": True},
      "registers": {f"output_{n}": {"fc": 1, "address": n, "type": "bool", "group": "state"} for n in (1, 2, 3, 4)},
      "commands": {**{f"output_{n}": {"fc": 5, "address": n, "type": "bool"} for n in (1, 2, 3, 4)},
                   "reset_partial_energy": {"fc": 6, "address": 100, "type": "u16", "value": 7}}}
STATION = {"id": "wallbox", "extends": "bender-cc612", "confidence": "driver", "references": ["the tests"],
           "registers": {"plug": {"fc": 3, "address": 2000, "type": "u16", "group": "charge"}},
           "commands": {"plug": {"fc": 6, "address": 2000, "type": "u16", "on": 1, "off": 2},
                        "socket": {"fc": 16, "address": 2001, "type": "u16", "on": "0xFF", "off": 0},
                        "phases": {"fc": 6, "address": 2002, "type": "u16", "one": 1, "three": 3, "pause_s": 1, "min_interval_s": 2}}}
DOUBTFUL = {**IO, "id": "doubtful", "confidence": "candidate"}


class Commands(StationCase):
    profiles = {"relays": IO, "wallbox": STATION, "doubtful": DOUBTFUL}
    devices = {RELAYS: {"profile": "relays", "outputs": {"2": {"on_s": 1}, "3": {"contact": "nc"},
                                                         "4": {"form": "blinking", "on_s": 0.5, "off_s": 0.7}}},
               WALLBOX: {"profile": "wallbox", "params": {"rated_current": 32}},
               UNSURE: {"profile": "doubtful"}}

    def setUp(self):
        super().setUp()
        self.person = self.client("person", "h")
        self.person.subscribe("reply/person/#")

    def start_poller(self):
        since = self.watcher.mark()
        poller = super(StationCase, self).start_poller()
        self.charge(WALLBOX, after=since)
        for device in (RELAYS, UNSURE):
            self.watcher.wait(f"device/{device}/state", after=since)
        return poller

    def send(self, device, expiry=5, **command):
        """Id, where the answer will come, what the broker said."""
        command.setdefault("id", uuid.uuid4().hex)
        reply = f"reply/person/command/{uuid.uuid4().hex}"
        code = self.person.publish(f"device/{device}/command", command, expiry=expiry, response=reply, correlation=b"c")
        return command["id"], reply, code

    def wait_answer(self, reply):
        return self.person.wait(reply).json

    def do(self, device, **command):
        _, reply, _ = self.send(device, **command)
        return self.wait_answer(reply)

    def output(self, number):
        return float(self.control(f"get {RELAYS} output_{number}"))

    def writes(self, device=RELAYS):
        return next(d for d in json.loads(self.control("dump"))["devices"] if d["id"] == device)["writes"]

    def test_outputs_do_what_their_settings_say(self):
        self.start_poller()
        done = self.do(RELAYS, output=1, on=True)
        self.assertTrue(done["result"]["ok"])
        self.assertEqual(self.output(1), 1)
        shown = self.watcher.wait(f"device/{RELAYS}/state", lambda s: s.get("command", {}).get("ok") and s["outputs"]["1"]).json
        self.assertEqual(shown["command"]["id"], done["result"]["id"])
        self.assertIn("result", self.do(RELAYS, output=1, on=False))
        self.assertEqual(self.output(1), 0)
        # An impulse of a second.
        self.assertIn("result", self.do(RELAYS, output=2, on=True))
        began = time.monotonic()
        self.assertEqual(self.output(2), 1)
        harness.wait_until(lambda: self.output(2) == 0, what="the end of the impulse")
        self.assertGreater(time.monotonic() - began, 0.8)
        # A contact that opens when it is switched on.
        self.assertIn("result", self.do(RELAYS, output=3, on=True))
        self.assertEqual(self.output(3), 0)
        self.assertIn("result", self.do(RELAYS, output=3, on=False))
        self.assertEqual(self.output(3), 1)
        # Blinking until it is switched off.
        before = self.writes()
        self.assertIn("result", self.do(RELAYS, output=4, on=True))
        harness.wait_until(lambda: self.writes() >= before + 5, what="four changes")
        self.assertIn("result", self.do(RELAYS, output=4, on=False))
        self.assertEqual(self.output(4), 0)
        writes = self.writes()
        # Resets, plugs, sockets.
        self.assertIn("result", self.do(RELAYS, reset="partial_energy"))
        self.assertEqual(self.writes(), writes + 1)
        for command in ({"plug": True}, {"socket": True}, {"socket": False}, {"phases": 1}):
            self.assertIn("result", self.do(WALLBOX, **command))
        self.assertIn(self.writes(WALLBOX), (5, 6))  # its limit is put to nothing first, and back later
        self.charge(WALLBOX, lambda c: c.get("command", {}).get("ok"))

    def test_a_plug_is_told_as_the_station_reads_it_back_a_socket_that_is_not_read_as_it_was_told(self):
        self.start_poller()
        first = self.charge(WALLBOX)
        self.assertEqual((first["plug"], "socket" in first, "told" in first), (False, False, False))
        began = time.time()
        self.assertIn("result", self.do(WALLBOX, plug=True))
        self.charge(WALLBOX, lambda c: c["plug"] is True and c["told"]["plug"]["on"])
        self.control(f"set {WALLBOX} plug 2")  # what is written for off, and not 0
        self.charge(WALLBOX, lambda c: c["plug"] is False and c["told"]["plug"]["on"])
        self.assertIn("result", self.do(WALLBOX, socket=True))
        said = self.charge(WALLBOX, lambda c: "socket" in c.get("told", {}))
        self.assertNotIn("socket", said)
        self.assertTrue(said["told"]["socket"]["on"])
        self.assertGreaterEqual(datetime.fromisoformat(said["told"]["socket"]["ts"].replace("Z", "+00:00")).timestamp(), began - 0.001)
        since = self.watcher.mark()
        self.control(f"unplug {BUS}")
        self.charge(WALLBOX, lambda c: c.get("plug", 0) is None, after=since)  # not known any more

    def test_what_can_not_be_done_is_said_in_words(self):
        self.start_poller()
        for device, command, code in ((RELAYS, {"output": 9, "on": True}, "command.unknown"),
                                      (RELAYS, {"plug": True}, "command.unknown"),
                                      (99, {"plug": True}, "command.no_device"),
                                      (UNSURE, {"output": 1, "on": True}, "device.candidate"),
                                      (RELAYS, {"open": True}, "command.what"),
                                      (RELAYS, {"output": 1, "on": True, "expiry": 3600}, "command.expiry"),
                                      (RELAYS, {"output": 1, "on": True, "up_ms": up_ms() - 6000}, "command.late")):
            self.assertEqual(self.do(device, **command)["error"]["code"], code)
        self.assertEqual((self.writes(), self.writes(UNSURE)), (0, 0))
        # Where calls are answered no command is: that would let a sender answer for others.
        self.person.publish(f"device/{RELAYS}/command", {"id": "sly", "output": 1, "on": True}, expiry=5,
                            response="reply/person/call", correlation=b"x")
        self.watcher.wait(f"device/{RELAYS}/state", lambda s: s.get("command", {}).get("id") == "sly")
        self.assertFalse([m for m in self.person.messages if m.topic == "reply/person/call"])

    def test_a_command_that_comes_twice_runs_once(self):
        self.start_poller()
        first, reply, _ = self.send(RELAYS, output=2, on=True)  # an impulse: twice would be seen
        done = self.wait_answer(reply)
        harness.wait_until(lambda: self.output(2) == 0, what="the end of the impulse")
        writes = self.writes()
        again = self.do(RELAYS, id=first, output=2, on=True)
        self.assertEqual(again, done)
        self.assertEqual((self.writes(), self.output(2)), (writes, 0))
        # Twice while the first is still under way: one write, two answers alike.
        self.control(f"fault {RELAYS} late 300")
        both = [self.send(RELAYS, id="double", output=1, on=True)[1] for _ in range(2)]
        answers = [self.wait_answer(reply) for reply in both]
        self.assertEqual(answers[0], answers[1])
        self.assertIn("result", answers[0])
        self.assertEqual(self.writes(), writes + 1)

    def test_during_a_bus_fault_it_fails_and_is_not_done_later(self):
        self.start_poller()
        self.control(f"unplug {BUS}")
        refused = self.do(RELAYS, output=1, on=True)
        self.assertIn(refused["error"]["code"], ("bus.closed", "bus.refused", "bus.connect_timeout"))
        self.control(f"plug {BUS}")
        self.status(RELAYS, "on")
        self.assertIn("result", self.do(RELAYS, output=3, on=True))  # what comes after it is done
        self.assertEqual((self.output(1), self.writes()), (0, 1))
        self.control(f"fault {RELAYS} exception 4")
        self.assertEqual(self.do(RELAYS, output=1, on=True)["error"]["code"], "bus.exception")
        self.control(f"fault {RELAYS} none")
        self.status(RELAYS, "on")
        self.assertEqual(self.output(1), 0)

    def test_what_was_sent_while_the_poller_stood_still_comes_too_late(self):
        poller = self.start_poller()
        os.kill(poller.pid, signal.SIGSTOP)
        timer = threading.Timer(6, os.kill, (poller.pid, signal.SIGCONT))
        timer.start()
        self.addCleanup(timer.join)
        _, reply, _ = self.send(RELAYS, output=1, on=True)
        timer.join()

        def answered():  # by one that says when it was sent; the poller may have to connect anew first
            _, later, _ = self.send(RELAYS, output=3, on=True, up_ms=up_ms())
            try:
                return self.person.wait(later, timeout=3).json
            except AssertionError:
                return None
        self.assertIn("result", harness.wait_until(answered, what="an answer of the poller"))
        # Whatever was before that one has been looked at: it was not carried out, and said so if it arrived at all.
        self.assertEqual(self.output(1), 0)
        for early in [m.json for m in self.person.messages if m.topic == reply]:
            self.assertEqual(early["error"]["code"], "command.late")

    def test_while_the_poller_restarts_nothing_is_kept_for_later(self):
        poller = self.start_poller()
        self.assertIn("result", self.do(RELAYS, output=2, on=True))
        poller.stop(number=signal.SIGKILL)  # in the middle of the impulse
        self.assertEqual(self.output(2), 1)
        self.send(RELAYS, output=1, on=True)
        self.start_poller()
        harness.wait_until(lambda: self.output(2) == 0, what="the impulse ended by the new poller")
        self.assertIn("result", self.do(RELAYS, output=3, on=True))
        self.assertEqual(self.output(1), 0)

    def test_a_plain_client_needs_no_expiry(self):
        self.start_poller()
        self.person.publish(f"device/{RELAYS}/command", {"id": "plain", "output": 1, "on": True})
        self.watcher.wait(f"device/{RELAYS}/state", lambda s: s.get("command", {}).get("id") == "plain" and s["command"]["ok"])
        self.assertEqual(self.output(1), 1)


if __name__ == "__main__":
    harness.main()
