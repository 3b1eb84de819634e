#!/usr/bin/env python3
"""Simulated charge points obey what pymodbus writes to them at the makers' addresses: IEC 61851-1 states, 5 s, 6 A, their
own watchdog, a power cut."""

import json
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

try:
    from pymodbus.client import ModbusTcpClient
except ImportError:
    harness.skip("python3-pymodbus is not installed")

ABB, BENDER = 38, 39  # of the demo site
MENNEKES, KEBA = 60, 61  # beside it: with a release and a sign of life; with a watchdog read elsewhere than written


class Stations(harness.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(harness.SOURCE, "packaging", "demo-site.json"), encoding="utf-8") as file:
            site = json.load(file)
        bender = next(device for device in site["devices"] if device["id"] == BENDER)
        for number, profile in ((MENNEKES, "mennekes-amtron-compact"), (KEBA, "keba-p30")):
            site["devices"].append({**bender, "id": number, "unit": number, "name": profile, "profile": profile})
        site["next_id"] = max(site["next_id"], KEBA + 1)
        for bus in site["buses"]:
            bus["port"] = harness.free_port()
        ports = {bus["id"]: bus["port"] for bus in site["buses"]}
        self.units = {device["id"]: device["unit"] for device in site["devices"]}
        path = os.path.join(self.folder.name, "site.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(site, file)
        self.socket_path = os.path.join(self.folder.name, "control")
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        process = self.start_process("simulate", [program, "simulate", path, "--control", self.socket_path])
        process.wait_line(r"^simulating 14 devices on 2 buses$")
        self.modbus = ModbusTcpClient("127.0.0.1", port=ports[4], timeout=harness.PATIENCE_S)
        self.assertTrue(self.modbus.connect())
        self.addCleanup(self.modbus.close)

    def ok(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.PATIENCE_S)
            s.connect(self.socket_path)
            s.sendall(line.encode() + b"\n")
            answer = s.makefile(encoding="utf-8").readline().rstrip("\n")
        self.assertTrue(answer.startswith("ok"), f"{line}: {answer}")
        return answer[2:].strip()

    def write(self, device, address, *words):
        answer = self.modbus.write_registers(address, list(words), slave=self.units[device])
        self.assertFalse(answer.isError(), f"device {device}, {address}: {answer}")

    def read(self, device, address, count=1):
        answer = self.modbus.read_holding_registers(address, count, slave=self.units[device])
        self.assertFalse(answer.isError(), f"device {device}, {address}: {answer}")
        return answer.registers

    def now(self, device):
        return next(s for s in json.loads(self.ok("currents"))["stations"] if s["id"] == device)

    def charging(self, device):
        self.ok(f"car {device} arrive 90000")
        self.ok("step 30")
        self.assertEqual(self.now(device)["state"], "C")

    def test_a_written_limit_is_followed_within_5_s(self):
        self.charging(BENDER)
        self.charging(ABB)
        for limit, state in ((16, "C"), (6, "C"), (5, "B"), (12, "C"), (0, "B")):
            self.write(BENDER, 1000, limit)
            self.write(ABB, 0x4100, 0, limit * 1000)
            self.assertEqual(self.read(BENDER, 1000), [limit])
            self.assertEqual(self.read(ABB, 0x400E, 2), [0, limit * 1000])
            self.ok("step 6")
            for device in (BENDER, ABB):
                station = self.now(device)
                self.assertAlmostEqual(max(station["current"]), limit if limit >= 6 else 0, delta=0.2)
                self.assertEqual(station["state"], state)
        # The course has every second of it: never above the limit for longer than 5 s.
        course = json.loads(self.ok("course"))
        for rows in course["stations"].values():
            above = worst = 0
            for *phases, limit in rows:
                above = above + 1 if max(phases) > max(limit, 0 if limit < 6 else limit) + 0.2 else 0
                worst = max(worst, above)
            self.assertLessEqual(worst, 5)
        self.assertEqual(len(course["site"]), len(course["stations"]["39"]))

    def test_without_a_sign_of_life_it_falls_back_by_itself(self):
        self.charging(BENDER)
        self.assertEqual((self.now(BENDER)["watchdog_s"], self.now(BENDER)["fallback_a"]), (0, 32))
        self.write(BENDER, 132, 20)
        self.write(BENDER, 131, 8)
        self.assertEqual(self.read(BENDER, 131, 2), [8, 20])
        self.write(BENDER, 1000, 14)
        for _ in range(4):
            self.ok("step 10")
            self.write(BENDER, 1000, 14)
        self.assertEqual(self.now(BENDER)["limit_a"], 14)
        self.ok("step 25")
        self.assertEqual(self.read(BENDER, 1000), [8])
        self.assertAlmostEqual(max(self.now(BENDER)["current"]), 8, delta=0.2)
        self.write(BENDER, 1000, 10)
        self.ok("step 5")
        self.assertEqual(self.now(BENDER)["limit_a"], 10)

    def test_after_a_power_cut_it_offers_its_rated_current(self):
        self.charging(BENDER)
        self.write(BENDER, 132, 20)
        self.write(BENDER, 1000, 8)
        self.ok("power 39 cycle 60")
        self.assertFalse(self.now(BENDER)["power"])
        self.ok("step 61")
        self.assertEqual(self.read(BENDER, 1000), [32])
        self.assertEqual(self.read(BENDER, 132), [0])
        self.ok("step 20")
        self.assertGreater(max(self.now(BENDER)["current"]), 15)

    def write_one(self, device, address, word):
        answer = self.modbus.write_register(address, word, slave=self.units[device])
        self.assertFalse(answer.isError(), f"device {device}, {address}: {answer}")

    def test_without_a_sign_of_life_and_a_release_a_limit_counts_for_nothing(self):
        self.charging(MENNEKES)
        eight, ten = (0x4100, 0), (0x4120, 0)  # 32-bit floats
        self.write(MENNEKES, 0x0302, *eight)
        self.assertEqual(self.now(MENNEKES)["limit_a"], 32)  # nobody lives there
        self.write_one(MENNEKES, 0x0D00, 0x55AA)
        self.write(MENNEKES, 0x0302, *eight)
        self.assertEqual((self.now(MENNEKES)["limit_a"], self.now(MENNEKES)["lives"]), (8, True))
        self.write_one(MENNEKES, 0x0D05, 0)
        self.assertEqual((self.now(MENNEKES)["limit_a"], self.now(MENNEKES)["told_a"]), (0, 8))
        self.ok("step 4")
        self.write_one(MENNEKES, 0x0D00, 0x55AA)
        self.write(MENNEKES, 0x0302, *ten)
        self.assertEqual(self.now(MENNEKES)["limit_a"], 0)  # a limit alone releases nothing
        self.write_one(MENNEKES, 0x0D05, 1)
        self.ok("step 6")
        self.assertAlmostEqual(max(self.now(MENNEKES)["current"]), 10, delta=0.2)
        self.ok("step 4")
        self.assertEqual((self.now(MENNEKES)["limit_a"], self.now(MENNEKES)["lives"]), (32, False))

    def test_a_watchdog_is_read_where_the_maker_has_it(self):
        self.write_one(KEBA, 5016, 6000)
        self.write_one(KEBA, 5018, 20)
        self.assertEqual(self.read(KEBA, 1600, 2) + self.read(KEBA, 1602, 2), [0, 6000, 0, 20])
        self.assertTrue(self.modbus.read_holding_registers(5018, 1, slave=self.units[KEBA]).isError())
        self.write_one(KEBA, 5004, 16000)
        self.write_one(KEBA, 5014, 0)
        self.assertEqual(self.now(KEBA)["limit_a"], 0)
        self.write_one(KEBA, 5014, 1)
        self.assertEqual(self.now(KEBA)["limit_a"], 16)
        self.ok("step 21")
        self.assertEqual(self.now(KEBA)["limit_a"], 6)

    def test_one_disobeys_and_one_is_lost(self):
        self.charging(BENDER)
        self.ok("disobey 39 on")
        self.write(BENDER, 1000, 6)
        self.ok("step 10")
        self.assertEqual(self.read(BENDER, 1000), [6])
        self.assertGreater(max(self.now(BENDER)["current"]), 15)
        self.ok("disobey 39 off")
        self.ok("step 6")
        self.assertAlmostEqual(max(self.now(BENDER)["current"]), 6, delta=0.2)
        self.ok("fault 39 exception 6")  # refused is not carried out
        self.assertTrue(self.modbus.write_registers(1000, [20], slave=self.units[BENDER]).isError())
        self.ok("fault 39 none")
        self.assertEqual(self.read(BENDER, 1000), [6])
        self.assertTrue(self.modbus.write_registers(999, [20], slave=self.units[BENDER]).isError())
        self.assertTrue(self.modbus.write_registers(1000, [20], slave=1).isError())  # a meter takes no writes
        before = self.now(BENDER)["writes"]
        self.ok("lost 39 on")
        self.assertEqual(self.ok("dump").count('"fault":"no_answer"'), 1)
        self.ok("lost 39 off")
        self.write(BENDER, 1000, 9)
        self.assertEqual(self.now(BENDER)["writes"], before + 1)


if __name__ == "__main__":
    harness.main()
