"""The controller alone against a broker of the test's own: the configuration is published as `config` would, meter and
stations as the poller would. Vehicles are written down here, not taken from our own simulator."""

import json
import os
import shutil
import tempfile
import time
import uuid

import harness
from harness import Broker, Client

BUILD = harness.find_build()
PROGRAM = os.path.join(BUILD, "bin", "edgewatt")
BASE = "edgewatt/rig"
METER, STATION, OTHER = 5, 11, 12
TIMING = {"tick_s": 1, "settle_s": 1, "up_s": 1, "min_off_s": 1, "meter_s": 3, "stn_s": 6, "sample_s": 2}


def up_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


class ControllerCase(harness.TestCase):
    """A broker, a controller, and the accounts that stand for config, for the poller and for whoever looks on."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data, self.mark = os.path.join(self.folder, "data"), uuid.uuid4().hex
        for name in ("run", "secrets"):
            os.makedirs(os.path.join(self.data, name), mode=0o700)
        self.broker = Broker(self.folder, {"controller": "p", "config": "c", "poller": "l", "watcher": "w"}, self.mark)
        self.addCleanup(self.broker.stop)
        self.write("run/broker.json", {"host": "127.0.0.1", "port": self.broker.port, "base": BASE})
        self.write("secrets/controller.json", {"user": "controller", "password": "p"})
        self.broker.start()
        self.config, self.poller = self.client("config", "c"), self.client("poller", "l")
        self.watcher = self.client("watcher", "w")
        for topic in ("device/+/setpoint", "greenup/status", "session/+", "alarm/event", "service/controller/status"):
            self.watcher.subscribe(topic)
        self.rev = 1
        self.publish_profiles()

    def write(self, name, content):
        with open(os.path.join(self.data, name), "w", encoding="utf-8") as file:
            json.dump(content, file)

    def client(self, user, password):
        client = Client("127.0.0.1", self.broker.port, user, password, BASE)
        self.addCleanup(client.close)
        return client

    def start(self):
        self.controller = self.start_process("controller", [PROGRAM, "controller", "--data", self.data],
                                             mark=self.mark)
        return self.controller

    # ---- as config
    def publish_profiles(self):
        for name, kind in (("m", "meter"), ("s", "station")):
            self.config.publish(f"config/profile/{name}", {
                "id": name, "kind": kind, "confidence": "driver", "rev": 1,
                "quantities": ["current_l1", "current_l2", "current_l3"]}, retain=True)

    def set_device(self, number, profile, **more):
        device = {"id": number, "bus": 1, "name": f"Device {number}", "profile": profile, "unit": 1, "rev": self.rev,
                  "phases": [1, 2, 3], **more}
        self.config.publish(f"config/device/{number}", {k: v for k, v in device.items() if v is not None}, retain=True)

    def settings(self, **more):
        self.rev += 1
        self.config.publish("config/settings/greenup", {
            "on": True, "meter": METER, "i_max_a": 100, "i_chg_a": 90, "timing": TIMING, "rev": self.rev, **more},
            retain=True)

    def site(self, stations=(STATION,), **settings):
        self.set_device(METER, "m")
        for number in stations:
            self.set_device(number, "s")
        self.settings(**settings)

    # ---- as the poller
    def meter(self, amperes, age_ms=0, **more):
        values = {f"current_l{p}": amperes for p in (1, 2, 3)}
        self.poller.publish(f"device/{METER}/measures/instant", {
            "ts": "2026-01-01T00:00:00.000Z", "up_ms": up_ms() - age_ms, "period_ms": 1000,
            "values": {**values, **more}}, retain=True)

    def charge(self, number=STATION, state="A", amperes=0.0, limit=32, **more):
        self.poller.publish(f"device/{number}/charge", {
            "ts": "2026-01-01T00:00:00.000Z", "up_ms": up_ms(), "state": state, "current_l1": amperes,
            "current_l2": amperes, "current_l3": amperes, "limit_a": limit, "rated_a": 32, "errors": [],
            "writable": True, "watchdog": {"state": "verified", "timeout_s": 30, "fallback_a": 6}, **more},
            retain=True)

    def follow(self, base=20, number=STATION):
        """A vehicle that draws what it may."""
        said = self.watcher.latest.get(f"device/{number}/setpoint")
        amperes = said.json["limit_a"] if said else 0
        self.meter(base + amperes)
        self.charge(number, "C" if amperes else "B", amperes, amperes)

    # ---- what comes of it
    def setpoint(self, fits, number=STATION, after=None, while_=None, timeout=None):
        """The first set-point that fits; while_() is called again and again meanwhile, as a poller polls."""
        begun = time.monotonic()
        mark = self.watcher.mark() if after is None else after
        while True:
            if while_:
                while_()
            with_ = None
            try:
                with_ = self.watcher.wait(f"device/{number}/setpoint", fits, timeout=0.2, after=mark)
            except AssertionError:
                if time.monotonic() - begun > (timeout or harness.PATIENCE_S):
                    raise
            if with_:
                return with_

    def status(self, fits, after=None, while_=None):
        begun = time.monotonic()
        while True:
            if while_:
                while_()
            try:
                return self.watcher.wait("greenup/status", fits, timeout=0.2, after=after).json
            except AssertionError:
                if time.monotonic() - begun > harness.PATIENCE_S:
                    raise

    def station(self, status, number=STATION):
        return next(s for s in status["stations"] if s["id"] == number)

    def charging(self, base=20, number=STATION):
        """Starts a charge at the full current and returns the set-point."""
        self.charge(number)
        self.meter(base)
        self.status(lambda s: any(x["id"] == number and not x["lost"] for x in s["stations"]),
                    while_=lambda: (self.meter(base), self.charge(number)))
        return self.setpoint(lambda p: p["limit_a"] == 32, number,
                             while_=lambda: (self.meter(base), self.charge(number, "B", limit=0)))
