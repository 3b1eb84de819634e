#!/usr/bin/env python3
"""The paced line: `edgewatt poller` against 32 devices of 20 registers at 19200 8E1, on an RS485 line that takes its time
(line.c) in front of the simulator.

    cmake --build --preset dev --target edgewatt bench_line bench_hasty_edgewatt
    tests/bench/line/paced.py [--cycles 20] [--build build/dev] [--realtime] [--dead 5]

Prints what a cycle takes, divided by what it must take (bytes on the wire and mandatory silences), median of 20 cycles:
1.08 is the target. Then the same with a gateway whose gap is cut to 1 ms, which the line has to refuse. Exit code 1 when
one of the two is not so. Wants a quiet machine, or --realtime: the instrument prints its own error, and where that is more
than 1 ms its word counts for nothing. With --dead N of the 32 devices N do not answer: the mean cycle of the others is held
against that of a line that has only them; 1.10 is the target.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "system"))
import harness

DEVICES, REGISTERS, TARGET, DEAD_TARGET = 32, 20, 1.08, 1.10
WARM_UP = 3  # cycles
METER = {
    "id": "bench-meter", "version": "1.0", "family": "Bench", "model": "20 registers", "kind": "meter",
    "confidence": "none", "limits": {"max_registers": 125},
    "registers": {name: {"fc": 3, "address": 2 * i, "type": "f32", "unit": "V" if "volt" in name else "A", "group": "instant"}
                  for i, name in enumerate((
                      "voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1",
                      "current_l1", "current_l2", "current_l3", "current_n"))},
}
assert len(METER["registers"]) * 2 == REGISTERS


class Rig:
    """A broker, the simulator behind a converter, the paced line before it, a poller on the line's terminal."""

    def __init__(self, build, program, dead=0, missing=0):
        self.dead, self.missing = dead, missing  # devices that do not answer, or are not configured
        self.folder = tempfile.mkdtemp(prefix="edgewatt-bench-")
        self.build, self.mark, self.processes = build, uuid.uuid4().hex, []
        self.data = os.path.join(self.folder, "data")
        self.program = os.path.join(self.folder, "bin", "edgewatt")
        os.makedirs(os.path.dirname(self.program))
        shutil.copy(program, self.program)
        os.symlink(os.path.join(build, "share"), os.path.join(self.folder, "share"))
        for name in ("run", "secrets", "profiles"):
            os.makedirs(os.path.join(self.data, name), mode=0o700)
        self.write("data/profiles/bench-meter.json", METER)
        self.port, self.slave_port = os.path.join(self.folder, "adapter"), harness.free_port()
        self.broker = harness.Broker(self.folder, {"poller": "p", "config": "c"}, self.mark)
        self.write("data/run/broker.json", {"host": "127.0.0.1", "port": self.broker.port, "base": "edgewatt/bench"})
        self.write("data/secrets/poller.json", {"user": "poller", "password": "p"})

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file)

    def start(self, name, *args, first=False):
        """first: before everything else on the machine, where that is permitted."""
        process = harness.Process(name, list(args), mark=self.mark)
        self.processes.append(process)
        if first:
            try:
                os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(10))
            except PermissionError:
                print(f"{name} may not run in real time: on a busy machine the figures are too high")
        return process

    def site(self):
        devices = [{"id": 10 + i, "bus": 1, "name": f"Meter {i}", "profile": "bench-meter", "unit": 1 + i, "on": True}
                   for i in range(DEVICES)]
        bus = {"id": 1, "name": "Line", "on": True, "poll_ms": 100,
               "serial": {"speed": 19200, "parity": "even", "stop_bits": 1, "timeout_ms": 300}}
        return {**harness.small_site(devices=0), "buses": [bus], "devices": devices}

    def publish(self, site):
        config = harness.Client("127.0.0.1", self.broker.port, "config", "c", "edgewatt/bench")
        for bus in site["buses"]:
            config.publish(f"config/bus/{bus['id']}", {**bus, "type": "rtu", "address": self.port, "rev": 1}, retain=True)
        for device in site["devices"]:
            config.publish(f"config/device/{device['id']}", {**device, "rev": 1}, retain=True)
        config.close()

    def measure(self, cycles, realtime):
        """What the line saw in that many cycles."""
        site, living = self.site(), DEVICES - self.dead - self.missing
        devices = site["devices"]
        site["devices"] = devices[:living]
        site["buses"][0].update(type="rtu_tcp", address="127.0.0.1", port=self.slave_port)
        self.write("site.json", site)
        simulator = self.start("simulate", self.program, "simulate", os.path.join(self.folder, "site.json"), "--data",
                               self.data, first=realtime)
        simulator.wait_line("^simulating")
        line = self.start("line", os.path.join(self.build, "tests", "bench", "bench_line"), "--pty", self.port,
                          "--slave", f"127.0.0.1:{self.slave_port}", "--cycle", str(living), first=True)
        line.wait_line("^line ready")
        self.broker.start()
        self.publish({**site, "devices": devices[:DEVICES - self.missing]})
        poller = self.start("poller", self.program, "poller", "--data", self.data, first=realtime)
        # The time that the answers need by rule and a reserve: the line itself counts, nothing is read off a clock here.
        wire_s = DEVICES * (13 + 2 * REGISTERS + 7) * 11 / 19200
        try:
            poller.popen.wait(wire_s * 1.3 * (cycles + WARM_UP + 2))
            raise AssertionError("the poller has ended:\n" + poller.tail())
        except subprocess.TimeoutExpired:
            pass
        line.stop(number=signal.SIGTERM)
        return json.loads(next(text for text in line.lines if text.startswith("{")))

    def close(self):
        for process in reversed(self.processes):
            if process.alive():
                process.stop()
        self.broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(build, program, cycles, realtime, **more):
    rig = Rig(build, program, **more)
    try:
        return rig.measure(cycles, realtime)
    finally:
        rig.close()


def dead_devices(build, options):
    program, settled = os.path.join(build, "bin", "edgewatt"), 40  # cycles, until probes have become seldom
    cycles = max(options.cycles, 60) + settled
    means = []
    for more in ({"missing": options.dead}, {"dead": options.dead}):
        seen = measure(build, program, cycles, options.realtime, **more)["cycles"][settled:]
        means.append(statistics.mean(seen) / 1000)
    ratio = means[1] / means[0]
    print(f"{options.dead} of {DEVICES} devices dead: cycle of the others {means[1]:.3f} of what it must take, {means[0]:.3f} "
          f"without the dead: {ratio:.3f} times; target {DEAD_TARGET}")
    return 0 if ratio <= DEAD_TARGET else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--build", default=None)
    parser.add_argument("--realtime", action="store_true", help="poller and simulator too go before everything else")
    parser.add_argument("--dead", type=int, default=0)
    options = parser.parse_args()
    build = os.path.abspath(options.build) if options.build else harness.find_build()
    good = True
    if options.dead:
        return dead_devices(build, options)
    seen = measure(build, os.path.join(build, "bin", "edgewatt"), options.cycles, options.realtime)
    ratios = [c / 1000 for c in seen["cycles"][WARM_UP:WARM_UP + options.cycles]]
    error = seen["error_us"]
    print(f"line: {seen['requests']} requests, {seen['answers']} answers, {seen['refused']} refused, its own error "
          f"{error['p50']} us (median), {error['p99']} us (99 %), {error['max']} us (most)")
    if len(ratios) < options.cycles:
        print(f"only {len(ratios)} whole cycles of {DEVICES} devices: not measured")
        good = False
    else:
        median = statistics.median(ratios)
        print(f"cycle / (busy + mandatory silences): median {median:.3f} of {len(ratios)} cycles, {min(ratios):.3f} to "
              f"{max(ratios):.3f}; target {TARGET}")
        good = median <= TARGET and seen["refused"] == 0
    hasty = measure(build, os.path.join(build, "tests", "bench", "bench_hasty_edgewatt"), 2, options.realtime)
    print(f"gap cut to 1 ms: {hasty['refused']} of {hasty['requests']} requests refused by the line")
    good = good and hasty["refused"] > hasty["requests"] / 4
    print("passed" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
