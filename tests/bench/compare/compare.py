#!/usr/bin/env python3
"""What the poller costs, against other programs that read the same and publish the same, one after the other in one run.

    compare.py [--build build/bench] [--seconds 20] [--rounds 3] [--only NAME,...]

    bare      10 000 values/s over 16 TCP connections: 96 messages of 104 values a second, against a loop of libmodbus and
              Paho that does nothing else (bare.c): at most twice its processor time
    small     the same as 500 messages of 20 values: less than 4 % of a core and 15 MB
    many      1 000 devices on 100 TCP buses at 10 s: nothing is late
    nodered   32 devices x 20 values at 1 s, against Node-RED 4 with node-red-contrib-modbus 5.23.3: an eighth of its
              processor time a value (npm ci in tests/bench/nodered first)

Wants a build with optimisation: cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release, targets edgewatt,
bench_slaves, bench_bare. Exit code 1 when a promise is broken.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "system"))
import harness  # noqa: E402

BASE, MB = "edgewatt/bench", 1 << 20
NAMES = [f"harmonic_voltage_l{phase}_{order}" for phase in (1, 2, 3) for order in range(2, 40)]
NODE_RED = os.path.join(HERE, "..", "nodered")


def profile(values):
    return {"id": "bench", "version": "1.0", "family": "Bench", "model": f"{values} values", "kind": "meter",
            "confidence": "none", "registers": {name: {
                "fc": 3, "address": i, "type": "u16", "scale": 0.1, "unit": "%", "group": "instant"}
                for i, name in enumerate(NAMES[:values])}}


def cpu_seconds(pid):
    """User and system time of all threads; ticks of 10 ms would be too coarse for what is measured here."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


class Rig:
    """A broker, devices on so many ports, and one program after the other that reads them."""

    def __init__(self, build, ports):
        self.build, self.ports, self.mark, self.processes = build, ports, uuid.uuid4().hex, []
        self.folder = tempfile.mkdtemp(prefix="edgewatt-bench-")
        self.broker = harness.Broker(self.folder, {"poller": "p", "config": "c", "watcher": "w"}, self.mark)
        with open(self.broker.config, "a", encoding="utf-8") as file:
            file.write("max_queued_messages 0\n")  # as the product's broker has room for 4 096 devices
        self.broker.start()
        slaves = self.start("slaves", [os.path.join(build, "tests", "bench", "bench_slaves"), str(ports)])
        self.first = int(slaves.wait_line(r"^slaves from port (\d+)").group(1))

    def start(self, name, args, **more):
        process = harness.Process(name, args, mark=self.mark, **more)
        self.processes.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.alive():
                process.stop()
        self.broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, user="watcher", password="w"):
        return harness.Client("127.0.0.1", self.broker.port, user, password, BASE)

    def count(self, seconds, pid):
        """Messages of measures and seconds of processor time in that time."""
        watcher = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.broker.port), "-u", "watcher", "-P", "w", "-R", "-t",
             f"{BASE}/device/+/measures/instant", "-F", "%l"], stdout=subprocess.PIPE)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(watcher.stdout), daemon=True)
        reader.start()
        before, seen = cpu_seconds(pid), len(lines)
        threading.Event().wait(seconds)
        spent, seen = cpu_seconds(pid) - before, len(lines) - seen
        watcher.kill()
        watcher.wait()
        reader.join()
        return seen, spent

    def wait_for(self, devices):
        """Until every device was published since now: what is retained may be another program's."""
        client = self.client()
        mark = client.mark()
        client.subscribe("device/+/measures/instant")
        harness.wait_until(lambda: len({m.topic for m in client.messages[mark:] if not m.retain}) >= devices, 90,
                           f"{devices} devices published")
        client.close()

    def poller(self, devices, values, poll_ms=1000):
        data = os.path.join(self.folder, uuid.uuid4().hex)
        for name in ("run", "secrets", "profiles"):
            os.makedirs(os.path.join(data, name), mode=0o700)
        for name, content in (("profiles/bench.json", profile(values)), ("secrets/poller.json", {
                "user": "poller", "password": "p"}), ("run/broker.json", {
                    "host": "127.0.0.1", "port": self.broker.port, "base": BASE})):
            with open(os.path.join(data, name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        config = self.client("config", "c")
        for bus in range(self.ports):
            config.publish(f"config/bus/{1 + bus}", {
                "id": 1 + bus, "name": f"Bus {bus}", "type": "tcp", "address": "127.0.0.1", "port": self.first + bus,
                "poll_ms": poll_ms, "rev": 1}, retain=True)
        for i in range(devices):
            config.publish(f"config/device/{i + 1}", {
                "id": i + 1, "bus": 1 + i % self.ports, "name": f"Meter {i}", "profile": "bench",
                "unit": 1 + i // self.ports, "rev": 1}, retain=True)
        config.close()
        process = self.start("poller", [os.path.join(self.build, "bin", "edgewatt"), "poller", "--data", data])
        self.wait_for(devices)
        return process

    def bare(self, devices, values):
        names = os.path.join(self.folder, "names")
        with open(names, "w", encoding="utf-8") as file:
            file.write("\n".join(NAMES[:values]) + "\n")
        arguments = [str(self.broker.port), "watcher", "w", BASE, str(self.first), str(self.ports),
                     str(devices // self.ports)]
        process = self.start("bare", ["/bin/sh", "-c", 'exec "$@" < ' + names, "sh",
                                      os.path.join(self.build, "tests", "bench", "bench_bare"), *arguments])
        process.wait_line("^bare ready")
        return process

    def nodered(self, devices, values):
        user = os.path.join(self.folder, "nodered")
        os.makedirs(user, exist_ok=True)
        os.symlink(os.path.join(NODE_RED, "node_modules"), os.path.join(user, "node_modules"))
        with open(os.path.join(user, "flows.json"), "w", encoding="utf-8") as file:
            json.dump(self.flow(devices, values), file)
        with open(os.path.join(user, "flows_cred.json"), "w", encoding="utf-8") as file:
            json.dump({"broker": {"user": "watcher", "password": "w"}}, file)
        with open(os.path.join(user, "settings.js"), "w", encoding="utf-8") as file:
            file.write("module.exports = { uiPort: %d, uiHost: '127.0.0.1', flowFile: 'flows.json', httpAdminRoot: false,"
                       " credentialSecret: false, logging: { console: { level: 'info' } } };\n" % harness.free_port())
        process = self.start("nodered", ["node", os.path.join(NODE_RED, "node_modules", "node-red", "red.js"), "-u", user,
                                         "-s", os.path.join(user, "settings.js")])
        process.wait_line("Started flows", timeout=120)
        self.wait_for(devices)
        return process

    def flow(self, devices, values):
        nodes = [
            {"id": "tab", "type": "tab", "label": "bench"},
            {"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(self.broker.port), "clientid": "",
             "autoConnect": True, "protocolVersion": "5", "keepalive": "60", "cleansession": True},
            {"id": "line", "type": "modbus-client", "name": "", "clienttype": "tcp", "bufferCommands": True,
             "queueLogEnabled": False, "tcpHost": "127.0.0.1", "tcpPort": str(self.first), "tcpType": "DEFAULT",
             "unit_id": "1", "commandDelay": "1", "clientTimeout": "1000", "reconnectOnTimeout": True,
             "reconnectTimeout": "2000", "parallelUnitIdsAllowed": True, "showErrors": True, "showWarnings": True,
             "showLogs": False},
            {"id": "out", "type": "mqtt out", "z": "tab", "topic": "", "qos": "0", "retain": "true", "broker": "broker",
             "wires": []}]
        for i in range(devices):
            names = json.dumps(NAMES[:values])
            code = (f"const names = {names}, values = {{}};\n"
                    "for (let i = 0; i < names.length; i++) values[names[i]] = Math.round(msg.payload[i]) / 10;\n"
                    "return {topic: '%s/device/%d/measures/instant', payload: JSON.stringify({ts: new Date().toISOString(),"
                    " up_ms: Date.now(), period_ms: 1000, values})};" % (BASE, i + 1))
            nodes.append({"id": f"read{i}", "type": "modbus-read", "z": "tab", "name": "", "topic": "", "showStatusActivities": False,
                          "logIOActivities": False, "showErrors": False, "showWarnings": False, "unitid": str(1 + i),
                          "dataType": "HoldingRegister", "adr": "0", "quantity": str(values), "rate": "1", "rateUnit": "s",
                          "delayOnStart": False, "startDelayTime": "", "server": "line", "useIOFile": False, "ioFile": "",
                          "useIOForPayload": False, "emptyMsgOnFail": False, "wires": [[f"f{i}"], []]})
            nodes.append({"id": f"f{i}", "type": "function", "z": "tab", "func": code, "outputs": 1, "noerr": 0,
                          "initialize": "", "finalize": "", "libs": [], "wires": [["out"]]})
        return nodes


def against(rig, seconds, rounds, values, ours, other):
    """Processor time a value of both, median of so many rounds one after the other."""
    costs = {"ours": [], "other": []}
    for _ in range(rounds):
        for name, start in (("ours", ours), ("other", other)):
            process = start()
            messages, spent = rig.count(seconds, process.pid)
            process.stop()
            costs[name].append(spent / max(1, messages * values) * 1e6)
            print(f"  {name}: {messages / seconds:.0f} messages/s, {100 * spent / seconds:.2f} % of a core, "
                  f"{costs[name][-1]:.2f} us a value", flush=True)
    return statistics.median(costs["ours"]), statistics.median(costs["other"])


def bench_bare(options):
    with Rig(options.build, 16) as rig:
        ours, other = against(rig, options.seconds, options.rounds, 104, lambda: rig.poller(96, 104),
                              lambda: rig.bare(96, 104))
    print(f"bare: {ours / other:.2f} times the processor time of libmodbus and Paho (promised: 2)")
    return ours <= 2 * other


def bench_small(options):
    with Rig(options.build, 16) as rig:
        process = rig.poller(500, 20)
        messages, spent = rig.count(options.seconds, process.pid)
        pss = harness.pss_bytes(process.pid)
    share = 100 * spent / options.seconds
    print(f"small: {messages * 20 / options.seconds:.0f} values/s in {messages / options.seconds:.0f} messages/s: {share:.2f} % "
          f"of a core, {pss / MB:.1f} MB (promised: 4 %, 15 MB)")
    return share < 4 and pss < 15 * MB


def bench_many(options):
    with Rig(options.build, 100) as rig:
        process = rig.poller(1000, 20, poll_ms=10000)
        client = rig.client()
        client.subscribe("bus/+/status")
        mark = client.mark()
        threading.Event().wait(max(30, options.seconds))
        late = [m.json["late_ms"] for m in client.messages[mark:] if m.topic.startswith("bus/") and not m.retain]
        spent = cpu_seconds(process.pid)
    print(f"many: {len(late)} reports of 100 buses, latest pass {max(late):.0f} ms after it was due, median "
          f"{statistics.median(late):.1f} ms; {spent:.1f} s of processor time in all")
    return statistics.quantiles(late, n=100)[98] < 100


def bench_nodered(options):
    if not os.path.isdir(os.path.join(NODE_RED, "node_modules")):
        print("nodered: npm ci in tests/bench/nodered first")
        return False
    with Rig(options.build, 1) as rig:
        def other():
            shutil.rmtree(os.path.join(rig.folder, "nodered"), ignore_errors=True)
            return rig.nodered(32, 20)
        ours, theirs = against(rig, options.seconds, options.rounds, 20, lambda: rig.poller(32, 20), other)
    print(f"nodered: {theirs / ours:.1f} times our processor time a value (promised: 8)")
    return theirs >= 8 * ours


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="bare,small,many,nodered")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    good = True
    for name in options.only.split(","):
        good &= globals()[f"bench_{name}"](options)
    print("passed" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
