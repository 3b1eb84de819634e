"""Charge points for tests of the write path: the poller alone against a broker, `edgewatt simulate` as the stations. The
test stands for config and for the controller."""

import json
import os
import socket
import time

import harness
import poller_rig
from poller_rig import PROGRAM

METER, ABB, BENDER, OTHER = 30, 38, 39, 40  # ids of devices
UNITS = {ABB: 1, BENDER: 2, OTHER: 3}
BUS = 4


def up_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


class StationCase(poller_rig.PollerCase):
    """A bus with an ABB (no watchdog), a Bender (one of its own) and more, simulated."""

    profiles = {}
    devices = {ABB: {"profile": "abb-terra-ac", "params": {"rated_current": 32}},
               BENDER: {"profile": "bender-cc612", "params": {"rated_current": 32}}}
    accounts = {"controller": "k", "person": "h"}

    def setUp(self):
        super().setUp()
        for name, profile in self.profiles.items():
            self.write(f"profiles/{name}.json", profile)
        self.port = harness.free_port()
        self.control_path = os.path.join(self.folder, "control")
        site = {"version": 1, "rev": 1, "next_id": 100,
                "site": {"id": "rig", "name": "Rig", "tz": "Europe/Paris", "language": "en", "nominal_voltage": 230, "currency": "EUR"},
                "buses": [{"id": BUS, "name": "Cars", "type": "tcp", "address": "127.0.0.1", "port": self.port, "on": True}],
                "devices": [self.device_of(number) for number in self.devices]}
        path = os.path.join(self.folder, "simulated.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(site, file)
        self.simulator = self.start_process("simulate", [PROGRAM, "simulate", path, "--control", self.control_path,
                                                         "--data", self.data], mark=self.mark)
        self.simulator.wait_line("^simulating")
        self.controller = self.client("controller", "k")
        self.run, self.seq = "run1", 0
        self.set_bus(BUS, self.port)
        for number in self.devices:
            self.set_device_object(self.device_of(number))

    def device_of(self, number):
        return {"id": number, "bus": BUS, "name": f"Station {number}", "unit": UNITS[number], "on": True, **self.devices[number]}

    def set_device_object(self, device):
        self.config.publish(f"config/device/{device['id']}", {**device, "rev": 1}, retain=True)

    def greenup(self, on=True, **more):
        self.config.publish("config/settings/greenup",
                            {"on": on, "meter": METER, "i_max_a": 63, "i_chg_a": 40, "rev": 1, **more}, retain=True)

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.PATIENCE_S)
            s.connect(self.control_path)
            s.sendall(line.encode() + b"\n")
            answer = s.makefile(encoding="utf-8").readline().rstrip("\n")
        self.assertTrue(answer.startswith("ok"), f"{line}: {answer}")
        return answer[2:].strip()

    def true(self, device):
        """What is so at the station, not what it says."""
        return next(s for s in json.loads(self.control("currents"))["stations"] if s["id"] == device)

    def start_poller(self):
        """Ready: every station was read, and so the poller hears the controller."""
        since = self.watcher.mark()
        poller = super().start_poller()
        for number in self.devices:
            self.charge(number, lambda c: "lease" in c, after=since)
        return poller

    def setpoint(self, device, limit_a, valid_s=30, **more):
        self.seq += 1
        payload = {"limit_a": limit_a, "valid_s": valid_s, "run": self.run, "seq": self.seq, "up_ms": up_ms(), **more}
        self.controller.publish(f"device/{device}/setpoint", payload, qos=1)
        return payload

    def charge(self, device, test=None, after=None):
        return self.watcher.wait(f"device/{device}/charge", test or (lambda c: True), after=after).json

    def lease(self, device, test, after=None):
        return self.charge(device, lambda c: "lease" in c and test(c["lease"]), after)

    def held(self, device, limit_a, after=None):
        return self.lease(device, lambda l: l["state"] == "held" and l["limit_a"] == limit_a and l["written"], after)
