"""One device of every profile that has a table, on TCP, RTU over TCP and a serial line, polled while faults come and go at
random: whatever a device does wrong, no value is ever published that was not the truth a moment ago. SOAK_S=3600 for an hour."""
import json
import os
import random
import subprocess
import threading
import time

import harness
from harness import Edgewatt

SOAK_S = float(os.environ.get("SOAK_S", "15"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 1 << 30)
BACK_S = 25  # a value may be as old as this: its period, its patience, and a slow machine
FAULTS = ("no_answer", "late", "exception", "wrong_unit", "wrong_transaction", "wrong_function", "short", "garbage", "cut",
          "bytewise", "flood", "close")
KEYS = {"limit_a": "current_limit", "rated_a": "rated_current", "power": "active_power", "session_wh": "session_energy"}
LEFT_OUT = ("state", "ct_ratio", "vt_ratio", "device_code", "serial_number")
PROFILES = os.path.join(harness.SOURCE, "gateway/profiles")


def load(name):
    with open(os.path.join(PROFILES, f"{name}.json"), encoding="utf-8") as file:
        profile = json.load(file)
    if "extends" not in profile:
        return profile
    base = load(profile["extends"])
    own, registers = profile.get("registers", {}), dict(base.get("registers", {}))
    for quantity, register in own.items():
        registers[quantity] = None if register is None else {**(registers.get(quantity) or {}), **register}
    return {**base, **profile, "registers": {q: r for q, r in registers.items() if r is not None}}


def params_of(profile):
    given = {name: param.get("preset", param["min"]) for name, param in profile.get("params", {}).items()}
    if "register" in given:
        given.update(register=100, words=2)
    given.pop("position", None)
    return given


class Truth:
    """What the simulator's devices hold, and held a moment ago."""

    def __init__(self, edgewatt, devices, chance):
        self.edgewatt, self.chance, self.held, self.lock = edgewatt, chance, {}, threading.Lock()
        self.registers = {device["id"]: {q: r for q, r in load(device["profile"])["registers"].items()
                                         if q not in LEFT_OUT and not r.get("hidden") and r["type"] != "string"}
                          for device in devices}
        # What is in force at a station that is not released is nothing, whatever its limit's register holds.
        self.released = {device["id"] for device in devices if "release" in load(device["profile"]).get("commands", {})}
        self.turned = {device["id"] for device in devices if device.get("supply") == "downstream"}
        for device in devices:
            self.change(device["id"])

    def change(self, device):
        for quantity, register in self.registers[device].items():
            scale = register.get("scale", 1)
            value = self.chance.randint(3, 97) * (scale if isinstance(scale, (int, float)) else 1)
            if "scale_from" in register:
                value *= 1000
            if register.get("four_quadrant"):
                value /= 100
            self.edgewatt.control(f"set {device} {quantity} {value:.10g}")
            now = float(self.edgewatt.control(f"get {device} {quantity}"))
            with self.lock:
                self.held.setdefault((device, quantity), []).append((time.monotonic(), now))

    def problem(self, device, quantity, value, at):
        """None, or why this value can't be."""
        if device in self.turned:  # the sensor sits the other way round: what it says is put right (DEV-03)
            if quantity.startswith(("active_power", "reactive_power", "power_factor")):
                value = -value if value is not None else None
            twin = quantity.replace("import", "exp0rt").replace("export", "import").replace("exp0rt", "export")
            quantity = twin if twin in self.registers[device] else quantity
        register = self.registers[device].get(quantity)
        if register is None or value is None or (value == 0 and quantity == "current_limit" and device in self.released):
            return None
        scale = register.get("scale", 1)
        slack = abs(scale if isinstance(scale, (int, float)) else 1) * (10 if "scale_from" in register else 1)
        with self.lock:
            held = list(self.held[device, quantity])
        ends = [begun for begun, _ in held[1:]] + [float("inf")]
        allowed = [v for (_, v), end in zip(held, ends) if end > at - BACK_S]
        if any(abs(value - v) <= slack * 0.51 + abs(v) * 1e-4 for v in allowed):
            return None
        return f"device {device} {quantity}: {value}, the device held {allowed}"


class Soak(harness.TestCase):
    def site(self):
        site = harness.small_site()
        site["buses"] = [{"id": 1 + i, "name": f"Bus {i}", "type": kind, "address": "127.0.0.1", "port": 502, "on": True}
                         for i, kind in enumerate(("tcp", "tcp", "tcp", "rtu_tcp", "tcp", "tcp", "tcp", "tcp"))]
        names = sorted(name[:-5] for name in os.listdir(PROFILES))
        profiles = {name: load(name) for name in names if load(name)["registers"]}
        said = subprocess.run([os.path.join(harness.find_build(), "bin", "edgewatt"), "profiles", "--json"],
                              capture_output=True, text=True, check=True, timeout=60)
        tables = {one["id"] for one in json.loads(said.stdout) if one["quantities"]}
        self.assertEqual(set(profiles), tables, "every profile with a table is served and polled")
        site["devices"] = []
        # Those that want long silences stand together, as they would hold back the others.
        order = sorted(profiles, key=lambda name: -profiles[name].get("limits", {}).get("gap_ms", 0))
        slow = [name for name in order if profiles[name].get("limits", {}).get("gap_ms", 0) >= 100]
        for i, name in enumerate(profiles):
            profile = profiles[name]
            bus = 6 + slow.index(name) % 3 if name in slow else 1 + i % 5
            device = {"id": 100 + i, "bus": bus, "unit": 1 + i, "name": name, "profile": name, "on": True,
                      "params": params_of(profile)}
            if "position" in profile.get("params", {}):
                device["position"] = 2
            if profile["kind"] == "station":
                device["phases"] = [1, 2, 3]
            if i % 7 == 3 and profile["kind"] == "meter":
                device["supply"] = "downstream"
            site["devices"].append(device)
        site["next_id"] = 1000
        return site

    def test_no_wrong_value_is_ever_published(self):
        print(f"seed {SEED}, {SOAK_S:g} s", flush=True)
        chance = random.Random(SEED)
        with Edgewatt(self.site()) as edgewatt:
            devices = edgewatt.site["devices"]
            truth = Truth(edgewatt, devices, chance)
            client = edgewatt.mqtt("console")
            for topic in ("device/+/measures/+", "device/+/charge"):
                self.assertLess(client.subscribe(topic), 128)
            begun = time.monotonic()
            for device in devices:
                client.wait(f"device/{device['id']}/status", lambda p: p["state"] in ("on", "fault"), timeout=60)
            settled = time.monotonic()
            client.mark()
            pid = edgewatt.read_run_json()["services"]["poller"]["pid"] if "services" in edgewatt.run_json else edgewatt.pids()["poller"]
            threads = len(os.listdir(f"/proc/{pid}/task"))
            memory, checked, problems, faulty, seen = harness.pss_bytes(pid), 0, [], {}, len(client.messages)
            mark = seen
            while time.monotonic() < settled + SOAK_S:
                device = chance.choice(devices)["id"]
                if chance.random() < 0.3:
                    truth.change(device)
                elif device in faulty:
                    edgewatt.control(f"fault {device} none")
                    del faulty[device]
                elif len(faulty) < 12:
                    try:
                        edgewatt.control(f"fault {device} {chance.choice(FAULTS)}")
                        faulty[device] = True
                    except AssertionError as refused:  # a fault that can't happen on this kind of bus
                        self.assertIn("can't happen", str(refused))
                if chance.random() < 0.02:
                    bus = chance.choice(edgewatt.site["buses"])["id"]
                    edgewatt.control(f"unplug {bus}")
                    time.sleep(0.3)
                    edgewatt.control(f"plug {bus}")
                time.sleep(0.1)
                for message in client.messages[seen:]:
                    seen += 1
                    checked += self.check(truth, message, problems)
                self.assertEqual(problems[:5], [])
            for device in faulty:
                edgewatt.control(f"fault {device} none")
            after = seen
            for device in devices if SOAK_S > 120 else []:  # everybody comes back; within a minute says another test
                client.wait(f"device/{device['id']}/status", lambda p: p["state"] in ("on", "fault"), timeout=90)
            for message in client.messages[after:]:
                checked += self.check(truth, message, problems)
            self.assertEqual(problems[:5], [])
            print(f"{len(devices)} devices, {checked} values checked in {time.monotonic() - begun:.0f} s, "
                  f"poller {memory >> 10} KB then {harness.pss_bytes(pid) >> 10} KB", flush=True)
            self.assertGreater(checked, 20 * SOAK_S)
            self.assertEqual(edgewatt.pids()["poller"], pid, "the poller was not restarted")
            self.assertEqual(len(os.listdir(f"/proc/{pid}/task")), threads)
            self.assertGreater(after, mark)

    def check(self, truth, message, problems):
        parts = message.topic.split("/")
        if parts[0] != "device" or not message.raw:
            return 0
        device, payload, at, count = int(parts[1]), message.json, message.at, 0
        if parts[2] == "measures":
            values = payload["values"]
        elif parts[2] == "charge":
            values = {KEYS.get(key, key): value for key, value in payload.items() if isinstance(value, (int, float))}
        else:
            return 0
        for quantity, value in values.items():
            if isinstance(value, str):
                continue
            count += 1
            problem = truth.problem(device, quantity, value, at)
            if problem:
                problems.append(f"{message.topic}: {problem}")
        return count


if __name__ == "__main__":
    harness.main()
