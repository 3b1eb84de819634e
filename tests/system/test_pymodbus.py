"""A dump of a real Schneider PM3200, served by Debian's python3-pymodbus, read by our poller, compared on MQTT with
values that were written down where the dump comes from. Nothing between device and topic is ours but the poller."""

import json
import math
import os
import sys

import harness
from poller_rig import PollerCase

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("EDGEWATT_DATA", os.path.join(os.path.dirname(harness.SOURCE), "shared", "data"))
FILE = "schneider_pm3200_1phase_holding.txt"
VECTORS = os.path.join(DATA, "modbus_vectors")

try:
    import pymodbus.server  # noqa: F401
except ImportError:
    harness.skip("python3-pymodbus or python3-serial is not installed, or this is not Debian's /usr/bin/python3")
if not os.path.exists(os.path.join(VECTORS, FILE)):
    harness.skip(f"the captured registers are not at {VECTORS} (EDGEWATT_DATA says where they are)")


class Pymodbus(PollerCase):
    def test_a_dump_of_a_real_meter_arrives_on_mqtt(self):
        server = self.start_process("pymodbus", [sys.executable, os.path.join(HERE, "pymodbus_server.py"),
                                                 os.path.join(VECTORS, FILE), "7"])
        port = int(server.wait_line(r"serving on (\d+)")[1])
        harness.wait_port(port, alive=server.alive)
        self.start_poller()
        self.set_bus(1, port, poll_ms=500)
        self.set_device(1, 1, "schneider-pm3200", unit=7)
        instant = self.watcher.wait("device/1/measures/instant", lambda m: "voltage_l1_n" in m["values"]).json
        energy = self.watcher.wait("device/1/measures/energy", lambda m: "active_energy_import" in m["values"]).json

        with open(os.path.join(VECTORS, "expected.json"), encoding="utf-8") as file:
            raw = json.load(file)[FILE]["float32_be"]
        values = {**instant["values"], **energy["values"]}
        # Asserted upstream (PM3200DataTests), and the exact floats of expected.json.
        expected = {
            "current_l1": (raw["2999"], 0), "voltage_l1_n": (raw["3027"], 0), "power_factor": (0.77941227, 1e-6),
            "power_factor_l1": (2 - raw["3077"], 1e-6), "active_power": (541, 1), "apparent_power": (694, 1),
            "active_energy_import": (490245, 0), "active_energy_export": (0, 0),
            "reactive_energy_import": (6526, 0), "reactive_energy_export": (262513, 0),
        }
        for quantity, (value, tolerance) in expected.items():
            got = values[quantity]
            self.assertLessEqual(abs(got - value), max(tolerance, abs(value) * 1e-9), f"{quantity}: {got}")
        # One phase: the meter says NaN for the others, which is not 0.
        for quantity in ("current_l2", "current_l3", "voltage_l2_n", "voltage_l1_l2", "power_factor_l3"):
            self.assertIsNone(values[quantity], quantity)
        # An identity that needs no oracle.
        self.assertLess(abs(math.hypot(values["active_power"], values["reactive_power"]) - values["apparent_power"]), 1)
        # What the dump does not have is refused by pymodbus: those registers are told and no longer asked for, the device stays on.
        status = self.watcher.wait("device/1/status", lambda s: s["state"] == "on" and len(s.get("refused", [])) == 3).json
        self.assertEqual(sorted(status["refused"]), [f"active_energy_import_l{phase}" for phase in (1, 2, 3)])


if __name__ == "__main__":
    harness.main()
