"""A data folder with the real broker and config alone: what the tests of config and of accounts stand on."""
import json
import os
import shutil
import signal
import tempfile
import time
import uuid

import harness
from harness import CallError, Client, Process

EDGEWATT = os.path.join(harness.find_build(), "bin", "edgewatt")

SITE = {
    "version": 1,
    "site": {"id": "atelier", "name": "Atelier", "tz": "Europe/Paris", "language": "fr", "currency": "EUR"},
    "panels": [{"id": 40, "name": "TGBT"}],
    "circuits": [{"id": 50, "use": "heating"}, {"id": 51, "name": "Machines"}],
    "zones": [{"id": 60, "name": "Hall"}],
    "buses": [
        {"id": 1, "name": "Local", "type": "rtu", "address": "/dev/ttyUSB0", "local": True, "on": False},
        {"id": 2, "type": "tcp", "address": "192.0.2.1", "panel": 40},
        {"id": 3, "name": "Empty", "type": "tcp", "address": "192.0.2.2"},
    ],
    "devices": [
        {"id": 10, "bus": 2, "name": "General", "profile": "eastron-sdm630", "unit": 1, "circuit": 51, "zones": [60]},
        {"id": 11, "bus": 2, "unit": 2},
        {"id": 12, "bus": 2, "unit": 3, "name": "Generic", "profile": "generic-meter", "params": {"register": "0x0156"}},
    ],
    "sampling": {"interval_min": 10},
}


class Case(harness.TestCase):
    demo = True

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")
        os.mkdir(self.data, 0o700)
        self.mark, self.port = uuid.uuid4().hex, harness.free_port()
        self.site_path = os.path.join(self.data, "site.json")
        if SITE is not None:
            self.write_site(SITE)
        self.broker = self.config = None

    # ---- files
    def write_site(self, site):
        with open(self.site_path, "w", encoding="utf-8") as file:
            file.write(site if isinstance(site, str) else json.dumps(site))

    def read_site(self):
        with open(self.site_path, encoding="utf-8") as file:
            return json.load(file)

    def read_bytes(self):
        with open(self.site_path, "rb") as file:
            return file.read()

    def versions(self):
        folder = os.path.join(self.data, "site.d")
        return sorted(int(name.split(".")[0]) for name in os.listdir(folder) if name.endswith(".json"))

    # ---- processes
    def edgewatt(self, *args, check=True):
        return harness.run([EDGEWATT, *args], check=check)

    def start_broker(self):
        self.edgewatt("broker-files", "--data", self.data, "--mqtt", str(self.port))
        conf = os.path.join(self.data, "run/broker/mosquitto.conf")
        self.broker = self.start_process("mosquitto", [harness.find_mosquitto(), "-c", conf], mark=self.mark)
        harness.wait_port(self.port, alive=self.broker.alive)

    def start_config(self, wait=True, demo=None):
        options = ["--demo"] if (self.demo if demo is None else demo) else []
        self.config = self.start_process("config", [EDGEWATT, "config", "--data", self.data, *options], mark=self.mark)
        if wait:
            self.mqtt("console").wait("service/config/status",
                                      lambda status: status.get("online") and status.get("pid") == self.config.pid)

    def start(self):
        self.start_broker()
        self.start_config()

    def stop_config(self, number=signal.SIGTERM):
        return self.config.stop(number=number)

    # ---- MQTT
    def secret(self, name):
        with open(os.path.join(self.data, "secrets", f"{name}.json"), encoding="utf-8") as file:
            secret = json.load(file)
        return secret["user"], secret["password"]

    def mqtt(self, who=None, user=None, password=None, **more):
        if user is None:
            user, password = self.secret(who)
        client = Client("127.0.0.1", self.port, user, password, "edgewatt/atelier", **more)
        self.addCleanup(client.close)
        return client

    def refused(self, client, method, args, code):
        """The error of a call that must be refused with this code."""
        with self.assertRaises(CallError) as caught:
            client.call("config", method, args)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    def change(self, client, *changes, rev=None):
        rev = client.call("config", "site")["rev"] if rev is None else rev
        return client.call("config", "change", {"rev": rev, "changes": list(changes)})

    def burst(self, client, method, all_args):
        """Calls sent without waiting for the answer of the one before; (answer, seconds until it came) of each."""
        client.subscribe(f"reply/{client.user}/#")
        self.bursts = getattr(self, "bursts", 0) + 1
        topics = [f"reply/{client.user}/burst{self.bursts}/{n}" for n in range(len(all_args))]
        began = time.monotonic()
        for topic, args in zip(topics, all_args):
            client.publish(f"call/{client.user}/config/{method}", args, qos=0, response=topic, correlation=b"b")
        answers = []
        for topic in topics:
            answers.append((client.wait(f"reply/{client.user}/#", lambda _, t=topic: t in client.latest) and
                            client.latest[topic].json, time.monotonic() - began))
        return answers

    # ---- people
    def login(self, web, name, address="192.0.2.9"):
        pin, puk = harness.CODES[name] if isinstance(name, str) else name
        return web.call("config", "login", {"pin": pin, "puk": puk, "address": address})

    def session(self, web, token):
        return web.call("config", "session", {"token": token})

    def person(self, web, name):
        """A connection as this user's browser has it."""
        account = self.session(web, self.login(web, name)["token"])["mqtt"]
        return self.mqtt(user=account["username"], password=account["password"])


__all__ = ["Case", "CallError", "Client", "EDGEWATT", "Process", "SITE", "harness"]
