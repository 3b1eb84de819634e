#!/usr/bin/env python3
"""A scan on a serial line that takes its time (tests/bench/line: 19200 8E1 in front of the simulator): how fast finds come
when nobody else wants the line, and that polling keeps four fifths of it when it is full."""

import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

DEVICES, TIMEOUT_MS = 12, 300
QUICK_S = 45  # promised for 247 addresses
TRIES, SILENT_FROM, QUESTION_S = 3, 100, 0.15
METER = {
    "id": "line-meter", "version": "1.0", "family": "Tests", "model": "Twenty registers", "kind": "meter",
    "confidence": "none", "registers": {
        f"harmonic_voltage_l1_{i + 2}": {"fc": 3, "address": i, "type": "u16", "scale": 0.1, "unit": "%", "group": "instant"}
        for i in range(20)},
}


class Line(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.build = harness.find_build()
        self.program = os.path.join(self.build, "bin", "edgewatt")
        self.data = os.path.join(self.folder, "data")
        self.adapter, port = os.path.join(self.folder, "adapter"), harness.free_port()
        for name in ("run", "secrets", "profiles"):
            os.makedirs(os.path.join(self.data, name), mode=0o700)
        self.write("data/profiles/line-meter.json", METER)
        serial = {"speed": 19200, "parity": "even", "stop_bits": 1, "timeout_ms": TIMEOUT_MS}
        self.bus = {"id": 1, "name": "Line", "on": True, "poll_ms": 100, "serial": serial}
        self.devices = [{"id": 10 + i, "bus": 1, "name": f"{i}", "profile": METER["id"], "unit": 3 * i + 2, "on": True}
                        for i in range(DEVICES)]
        self.write("site.json", {**harness.small_site(devices=0), "devices": self.devices, "buses": [
            {**self.bus, "type": "rtu_tcp", "address": "127.0.0.1", "port": port}]})
        simulator = self.start_process("simulate", [self.program, "simulate", os.path.join(self.folder, "site.json"),
                                                    "--data", self.data])
        simulator.wait_line("^simulating")
        line = self.start_process("line", [os.path.join(self.build, "tests", "bench", "bench_line"), "--pty", self.adapter,
                                           "--slave", f"127.0.0.1:{port}"])
        line.wait_line("^line ready")

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file)

    def test_an_idle_line_is_scanned_in_time(self):
        last_unit = int(os.environ.get("EDGEWATT_SCAN_UNITS", "40"))  # 247: all of them, as it is promised
        process = self.start_process("scan", [self.program, "scan", "--rtu", self.adapter, "--to", str(last_unit), "--quick",
                                              "--timeout", str(TIMEOUT_MS)])
        watch = harness.Stopwatch(process.pid)
        process.wait_line("^Unit 2 answers")
        self.assertLess(watch.seconds(), 2)
        # The pass is over when the first guess comes; what a sanitized start takes is not the line's.
        process.wait_line("^Unit 2: ")
        took = watch.seconds()
        print(f"quick pass over {last_unit} addresses, {DEVICES} of them answering: {took:.1f} s")
        self.assertLess(took, QUICK_S * last_unit / 247 + 2)
        self.assertEqual(process.popen.wait(harness.PATIENCE_S), 0)
        found = [line for line in process.lines if line.endswith(" answers.")]
        self.assertEqual(len(found), DEVICES)

    def polls(self, client, seconds):
        """Requests of the polling a second, over that many seconds, as the poller counts them."""
        first = client.wait("bus/1/status", after=client.mark()).json
        began = time.monotonic()
        client.wait("bus/1/status", lambda s: time.monotonic() - began >= seconds, after=client.mark())
        last = client.latest["bus/1/status"].json
        return (last["polls"] - first["polls"]) / (time.monotonic() - began)

    def test_polling_keeps_four_fifths_of_a_full_line(self):
        broker = harness.Broker(self.folder, {"poller": "p", "config": "c", "console": "k"})
        self.addCleanup(broker.stop)
        self.write("data/run/broker.json", {"host": "127.0.0.1", "port": broker.port, "base": "edgewatt/line"})
        self.write("data/secrets/poller.json", {"user": "poller", "password": "p"})
        broker.start()
        config = harness.Client("127.0.0.1", broker.port, "config", "c", "edgewatt/line")
        self.addCleanup(config.close)
        config.publish("config/bus/1", {**self.bus, "type": "rtu", "address": self.adapter, "rev": 1}, retain=True)
        for device in self.devices:
            config.publish(f"config/device/{device['id']}", {**device, "rev": 1}, retain=True)
        self.start_process("poller", [self.program, "poller", "--data", self.data])
        client = harness.Client("127.0.0.1", broker.port, "console", "k", "edgewatt/line")
        self.addCleanup(client.close)
        for device in self.devices:
            client.wait(f"device/{device['id']}/status", lambda s: s["state"] == "on")
        # Other work on the machine slows the line itself: then another pair of windows tells.
        for _ in range(TRIES):
            before = self.polls(client, 5)
            client.call("poller", "scan", {"bus": 1, "action": "start", "from": SILENT_FROM})
            began = time.monotonic()
            during = self.polls(client, 8)
            scan = client.call("poller", "scan", {"bus": 1, "action": "status"})
            took = time.monotonic() - began
            client.call("poller", "scan", {"bus": 1, "action": "stop"})
            print(f"polls a second: {before:.1f} alone, {during:.1f} beside a scan ({scan['done']} questions in {took:.0f} s)")
            self.assertEqual((scan["pass"], scan["finds"]), ("quick", []))
            self.assertGreater(scan["done"], 2)
            # Each question is silence of QUESTION_S: a fifth of the time at most, whatever the machine does.
            self.assertLess(scan["done"] * QUESTION_S, took / 5 + QUESTION_S)
            if during > before / 1.25:
                return
        self.fail(f"polling slowed by more than a quarter, {TRIES} times")


if __name__ == "__main__":
    harness.main()
