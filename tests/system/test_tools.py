#!/usr/bin/env python3
"""The field tools, as an electrician meets them: test, read, write and scan through the running gateway and alone from the
command line, on a network bus, behind a converter and on a serial port of simulated devices."""

import json
import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from harness import CallError, Edgewatt

TCP, RTU_TCP, RTU, DEAD = 1, 2, 3, 4
TIMEOUT_MS = 300
UNITS = (5, 9, 40)
PROFILES = ("eastron-sdm630", "carlo-gavazzi-em340", "schneider-iem3155")
CANDIDATE = {
    "id": "rig-candidate", "version": "1.0", "family": "Tests", "model": "Inferred", "kind": "meter", "confidence": "candidate",
    "registers": {"frequency": {"fc": 3, "address": 0, "type": "f32", "unit": "Hz", "group": "instant"}},
}


class Site(Edgewatt):
    def __init__(self, folder):
        site = harness.small_site(devices=0)
        serial = {"speed": 19200, "parity": "even", "stop_bits": 1, "timeout_ms": TIMEOUT_MS}
        site["buses"] = [
            {"id": TCP, "name": "Network", "type": "tcp", "address": "127.0.0.1", "port": 502},
            {"id": RTU_TCP, "name": "Converter", "type": "rtu_tcp", "address": "127.0.0.1", "port": 502},
            {"id": RTU, "name": "Adapter", "type": "rtu", "address": os.path.join(folder, "adapter")},
        ]
        for bus in site["buses"]:
            bus.update({"on": True, "poll_ms": 5000, "serial": serial})
        self.devices = {(bus, unit): 100 * bus + i for bus in (TCP, RTU_TCP, RTU) for i, unit in enumerate(UNITS)}
        site["devices"] = [
            {"id": number, "bus": bus, "name": f"{number}", "profile": PROFILES[UNITS.index(unit)], "unit": unit, "on": True}
            for (bus, unit), number in self.devices.items()]
        site["devices"].append({"id": 900, "bus": TCP, "name": "900", "profile": CANDIDATE["id"], "unit": 77, "on": True})
        site["devices"].append({"id": 901, "bus": TCP, "name": "901", "profile": "abb-terra-ac", "unit": 78, "on": True})
        site["next_id"] = 1000
        super().__init__(site)

    def start_simulator(self):
        os.makedirs(os.path.join(self.data, "profiles"), mode=0o700, exist_ok=True)
        with open(os.path.join(self.data, "profiles", "rig.json"), "w", encoding="utf-8") as file:
            json.dump(CANDIDATE, file)
        self.simulate_options = ["--data", self.data]
        super().start_simulator()


class Tools(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.site = cls.enterClassContext(Site(cls.folder))
        cls.console = cls.site.mqtt("console")
        for topic in ("bus/+/scan", "device/+/status"):
            cls.console.subscribe(topic)
        cls.texts = {}
        for language in ("en", "fr"):
            with open(os.path.join(harness.SOURCE, "schemas", "messages", f"{language}.json"), encoding="utf-8") as file:
                cls.texts[language] = json.load(file)

    def call(self, method, **args):
        return self.console.call("poller", method, args)

    def refused(self, method, **args):
        with self.assertRaises(CallError) as caught:
            self.call(method, **args)
        return {"code": caught.exception.code, "path": caught.exception.path or ""}

    def assert_words(self, *reasons):
        for reason in reasons:
            for language, texts in self.texts.items():
                self.assertIn(f"reason.{reason['code']}", texts, language)

    def port(self, bus):
        return next(b["port"] for b in self.site.site["buses"] if b["id"] == bus)

    # -- test (BUS-05)
    def test_a_device_that_is_well_shows_a_value(self):
        for (bus, unit), device in self.site.devices.items():
            said = self.call("test", device=device)
            self.assertTrue(said["ok"], said)
            self.assertEqual((said["bus"], said["reason"]["code"]), (bus, "test.value"))
            self.assertRegex(said["reason"]["text"], rf"^Unit {unit} answered in \d+ ms: voltage_l1_n = 2[0-9.]+ V\.$")
            self.assert_words(said["reason"])

    def test_each_trouble_has_its_word_and_its_advice(self):
        cases = [
            (TCP, "no_answer", "bus.timeout", "test.advice.silent_tcp"),
            (RTU_TCP, "no_answer", "bus.timeout", "test.advice.silent_serial"),
            (RTU, "no_answer", "bus.timeout", "test.advice.silent_serial"),
            (TCP, "exception 11", "bus.gateway_silent", "test.advice.behind"),
            (TCP, "wrong_unit", "bus.wrong_unit", "test.advice.twice"),
            (RTU, "wrong_unit", "bus.wrong_unit", "test.advice.twice"),
            (RTU, "bad_crc", "bus.bad_crc", "test.advice.damaged"),
            (RTU, "cut", "bus.cut_short", "test.advice.damaged"),
            (TCP, "garbage", "bus.garbage", "test.advice.framing"),
            (TCP, "exception 2", "bus.exception", "test.advice.model"),
            (RTU, "exception 4", "bus.exception", "test.advice.failure"),
            (RTU_TCP, "exception 6", "bus.exception", "test.advice.busy"),
        ]
        for bus, fault, code, advice in cases:
            device = self.site.devices[bus, 40]  # 41 was never scanned: its answers are nobody's late ones
            self.site.control(f"fault {device} {fault}")
            try:
                said = self.call("test", device=device)
            finally:
                self.site.control(f"fault {device} none")
            with self.subTest(bus=bus, fault=fault):
                self.assertEqual((said["ok"], said["reason"]["code"], said["advice"]["code"]), (False, code, advice), said)
                self.assert_words(said["reason"], said["advice"])

    # -- a register table under test (DEV-12)
    def preview(self, bus, unit, registers, **more):
        head = {"id": "trial", "version": "1", "family": "Trial", "model": "T", "kind": "meter", "confidence": "candidate"}
        said = self.call("preview", bus=bus, unit=unit, profile={**head, "registers": registers, **more})
        return said, {row["quantity"]: row for row in said["values"]}

    def test_a_table_is_tried_on_the_device_by_the_decoder_that_polls(self):
        """The tables of shipped profiles give on each kind of line what polling publishes; a wrong one, what would mend it."""
        place = {"fc": 4, "type": "f32", "group": "instant"}
        sdm = {"voltage_l1_n": {**place, "address": 0, "unit": "V"}, "frequency": {**place, "address": 70, "unit": "Hz"},
               "active_energy_import": {**place, "address": 72, "scale": 1000, "unit": "Wh", "group": "energy"}}
        for bus in (TCP, RTU_TCP, RTU):
            said, rows = self.preview(bus, 5, sdm)
            self.assertEqual((said["total"], said.get("next")), (3, None))
            self.assertEqual([row["looks"] for row in rows.values()], ["good"] * 3, rows)
            now = self.console.call("poller", "read", {"bus": bus, "unit": 5, "fc": 4, "address": 72, "count": 2, "type": "f32"})
            self.assertAlmostEqual(rows["active_energy_import"]["value"], 1000 * now["values"][0], delta=50)
            self.assertEqual((rows["frequency"]["fc"], rows["frequency"]["address"]), (4, 70))
        _, rows = self.preview(TCP, 5, {"voltage_l1_n": {**sdm["voltage_l1_n"], "type": "u32"}, "frequency": {**sdm["frequency"], "order": "lsw"},
                                        "voltage_l2_n": {**place, "address": 2, "scale": 10, "unit": "V"},
                                        "current_l1": {**place, "address": 5000, "unit": "A"}})
        self.assertEqual([(name, rows[name]["looks"], [fix["do"] for fix in rows[name]["fixes"]]) for name in ("voltage_l1_n", "frequency", "voltage_l2_n")],
                         [("voltage_l1_n", "odd", ["type"]), ("frequency", "odd", ["order"]), ("voltage_l2_n", "odd", ["scale"])])
        fix = rows["voltage_l1_n"]["fixes"][0]
        self.assertTrue(fix["type"] == "f32" and 200 < fix["value"] < 260, fix)
        self.assertEqual(rows["voltage_l2_n"]["fixes"][0]["scale"], 1)
        self.assertEqual((rows["current_l1"]["reason"]["code"], "value" in rows["current_l1"]), ("bus.exception", False))

    def test_a_long_table_comes_in_parts_and_a_silent_device_ends_it(self):
        place = {"fc": 4, "type": "f32", "group": "harmonics", "unit": "%"}
        long = {f"harmonic_voltage_l1_{n}": {**place, "address": 2 * n} for n in range(1, 21)}
        said, rows = self.preview(TCP, 5, long)
        self.assertEqual((said["total"], said["next"], len(rows)), (20, 8, 8))
        profile = {"id": "trial", "version": "1", "family": "Trial", "model": "T", "kind": "meter", "confidence": "candidate", "registers": long}
        last = self.call("preview", bus=TCP, unit=5, profile=profile, **{"from": 16})
        self.assertEqual((len(last["values"]), last.get("next")), (4, None))
        for bus, code in ((TCP, "bus.gateway_silent"), (RTU, "bus.timeout")):
            said, rows = self.preview(bus, 99, long)
            self.assertEqual(([row["reason"]["code"] for row in said["values"]], said.get("next")), ([code], None))

    def test_what_a_value_hangs_on_is_read_with_it(self):
        registers = {"active_power": {"fc": 4, "address": 0, "type": "s32", "order": "lsw", "scale": 0.1, "unit": "W", "group": "instant",  # a voltage
                                      "scale_from": {"registers": ["ct_ratio"]}},
                     "ct_ratio": {"fc": 4, "address": 51, "type": "u16", "scale": 0.02, "group": "info"},  # the frequency: 500, so about 10
                     "voltage_l1_n": {"fc": "$function", "address": 0, "type": "s32", "order": "lsw", "scale": 0.1, "unit": "V", "group": "instant"}}
        _, rows = self.preview(TCP, 9, registers, params={"function": {"min": 3, "max": 4, "required": True}})
        self.assertTrue(9.9 < rows["ct_ratio"]["value"] < 10.1 and 2000 < rows["active_power"]["value"] < 2600, rows)
        self.assertEqual(rows["voltage_l1_n"]["reason"]["code"], "profile.param_missing")

    def test_what_is_no_table_is_told(self):
        self.assertEqual(self.refused("preview", bus=TCP, unit=5, profile={"id": "x"})["code"], "json.missing")
        bad = {"voltage_l1_n": {"fc": 4, "address": 0, "type": "u17", "group": "instant"}}
        head = {"id": "trial", "version": "1", "family": "T", "model": "T", "kind": "meter", "confidence": "candidate"}
        self.assertEqual(self.refused("preview", bus=TCP, unit=5, profile={**head, "registers": bad})["path"], "/registers/voltage_l1_n/type")
        self.assertEqual(self.refused("preview", bus=999, unit=5, profile={**head, "registers": {
            "frequency": {"fc": 4, "address": 0, "type": "u16", "group": "instant"}}})["code"], "inlet.no_bus")
        self.assertEqual(self.refused("preview", bus=TCP, profile=head)["path"], "/unit")

    def test_a_bus(self):
        for bus in (TCP, RTU_TCP, RTU):
            said = self.call("test", bus=bus)
            self.assertEqual((said["ok"], said["reason"]["code"]), (True, "test.value"), said)
        config = self.site.mqtt("console")
        rev = config.call("config", "site")["rev"]
        new = lambda kind, value: {"kind": kind, "id": None, "value": value}
        made = config.call("config", "change", {"rev": rev, "changes": [
            new("bus", {"name": "Closed", "type": "tcp", "address": "127.0.0.1", "port": harness.free_port()}),
            new("bus", {"name": "Empty", "type": "tcp", "address": "localhost", "port": self.port(TCP)}),
            new("bus", {"name": "No such port", "type": "rtu", "address": "/dev/no-such-port"}),
            new("bus", {"name": "Off", "type": "tcp", "address": "127.0.0.2", "on": False})]})
        closed, empty, missing, off = made["ids"]
        for bus in (closed, empty, missing):
            config.wait(f"bus/{bus}/status")
        config.wait(f"bus/{off}/status", lambda s: s["state"] == "off")
        for bus, ok, code in ((closed, False, "bus.refused"), (empty, True, "test.reached"),
                              (missing, False, "bus.port_missing"), (off, False, "inlet.no_bus"), (999, False, "inlet.no_bus")):
            said = self.call("test", bus=bus)
            self.assertEqual((said["ok"], said["reason"]["code"]), (ok, code), said)
            self.assert_words(said["reason"])
        config.call("config", "undo", {"rev": made["rev"]})
        self.assertEqual(self.refused("test", device=4711)["code"], "tool.no_device")

    # -- raw read and write
    def test_read(self):
        said = self.call("read", bus=TCP, unit=5, fc=4, address="0x0000", count=4, type="f32")
        self.assertTrue(said["ok"])
        self.assertEqual((len(said["registers"]), len(said["values"])), (4, 2))
        self.assertTrue(200 < said["values"][0] < 260, said)
        said = self.call("read", bus=RTU, unit=5, fc=4, address=40000)
        self.assertEqual((said["ok"], said["reason"]["code"]), (False, "bus.exception"))
        for bad, path in (({"fc": 6}, "/fc"), ({"count": 126}, ""), ({"type": "u17"}, "/type"), ({"unit": 256}, "/unit"),
                          ({"nonsense": 1}, "/nonsense")):
            error = self.refused("read", **{"bus": TCP, "unit": 5, "address": 0, **bad})
            self.assertEqual(error.get("path", ""), path, error)

    def test_write(self):
        # The simulated meters have nothing to write: that it reached them shows in their refusal.
        said = self.call("write", bus=TCP, unit=5, fc=16, address=10, type="f32", values=[1.5])
        self.assertEqual((said["ok"], said["reason"]["code"]), (False, "bus.exception"), said)
        self.assertEqual(self.refused("write", bus=TCP, unit=77, address=0, value=1)["code"], "tool.candidate")
        self.assertEqual(self.refused("write", bus=TCP, unit=78, address=0x4100, value=6)["code"], "tool.station")
        # Unit 0 is everybody on a serial line, 0 and 255 often the device itself on the network: nobody is got at that way.
        for unit in (0, 255):
            self.assertIn(self.refused("write", bus=TCP, unit=unit, address=0x4100, value=6)["code"], ("tool.station", "tool.candidate"))
        self.assertEqual(self.refused("write", bus=TCP, unit=5, address=0, value=65536)["code"], "tool.value_range")
        self.assertEqual(self.refused("write", bus=TCP, unit=5, address=0)["code"], "json.missing")

    # -- scan (BUS-07)
    def wait_scan(self, bus, predicate, after):
        return self.console.wait(f"bus/{bus}/scan", predicate, after=after).json

    def test_a_scan_finds_all_and_tells_each_at_once(self):
        for bus, to in ((TCP, 60), (RTU, 12)):  # silence costs time on the serial line only
            mark = self.console.mark()
            first = self.call("scan", bus=bus, action="start", **{"from": 1, "to": to})
            self.assertEqual((first["state"], first["finds"]), ("running", []))
            self.assertEqual(self.refused("scan", bus=bus, action="start")["code"], "tool.scan_runs")
            # The first find is told while the others are still to be asked.
            early = self.wait_scan(bus, lambda s: s["finds"], mark)
            self.assertEqual([f["unit"] for f in early["finds"]], [5])
            self.assertEqual((early["state"], early["pass"]), ("running", "quick"))
            self.assertLess(early["done"], 10)
            last = self.wait_scan(bus, lambda s: s["state"] != "running", mark)
            self.assertEqual((last["state"], last["done"]), ("done", last["total"]))
            self.assertEqual([f["unit"] for f in last["finds"]], [unit for unit in UNITS if unit <= to])
            for find, profile in zip(last["finds"], PROFILES):
                self.assertTrue(find["guessed"])
                self.assertIn(profile, [g["profile"] for g in find["guesses"]], find)
                self.assertEqual(find["device"], self.site.devices[bus, find["unit"]])
            self.assertEqual(self.call("scan", bus=bus, action="status")["state"], "done")

    def test_a_scan_stops_at_once(self):
        mark = self.console.mark()
        self.call("scan", bus=RTU_TCP, action="start")
        self.wait_scan(RTU_TCP, lambda s: s["finds"], mark)
        watch = harness.Stopwatch(self.site.pids()["poller"])
        self.call("scan", bus=RTU_TCP, action="stop")
        last = self.wait_scan(RTU_TCP, lambda s: s["state"] == "stopped", mark)
        self.assertLess(watch.seconds(), 10)
        self.assertLess(last["done"], 247)
        self.assertEqual(self.refused("scan", bus=999, action="stop")["code"], "tool.no_scan")
        self.assertEqual(self.refused("scan", bus=999, action="start")["code"], "inlet.no_bus")

    def test_a_scan_ends_in_words_when_the_bus_goes(self):
        config = self.site.mqtt("console")
        site = config.call("config", "site")
        bus = {**next(b for b in site["site"]["buses"] if b["id"] == RTU_TCP)}
        mark = self.console.mark()
        self.call("scan", bus=RTU_TCP, action="start")
        self.wait_scan(RTU_TCP, lambda s: s["state"] == "running" and s["done"] > 0, mark)
        made = config.call("config", "change", {"rev": site["rev"], "changes": [
            {"kind": "bus", "id": RTU_TCP, "value": {**bus, "on": False}}]})
        last = self.wait_scan(RTU_TCP, lambda s: s["state"] == "failed", mark)
        self.assert_words(last["reason"])
        made = config.call("config", "change", {"rev": made["rev"], "changes": [{"kind": "bus", "id": RTU_TCP, "value": bus}]})
        config.wait(f"device/{self.site.devices[RTU_TCP, 5]}/status", lambda s: s["state"] == "on")

    # -- who may
    def test_rights(self):
        installer = self.site.mqtt_of(self.site.login_as("installer"))
        self.assertTrue(installer.call("poller", "test", {"device": self.site.devices[TCP, 5]})["ok"])
        self.assertTrue(installer.call("poller", "read", {"bus": TCP, "unit": 5, "fc": 4, "address": 0})["ok"])
        user = self.site.mqtt_of(self.site.login_as("user"))
        for method in ("test", "read", "write", "scan"):
            with self.assertRaises(PermissionError, msg=method):
                user.call("poller", method, {"bus": TCP})
        reader = self.site.mqtt("read")
        with self.assertRaises(PermissionError):
            reader.wait("bus/+/scan", timeout=1)

    # -- the command line
    def edgewatt(self, *args, code=0):
        done = self.site.edgewatt(*args, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_commands_through_the_gateway(self):
        through = ("--data", self.site.data, "--bus", str(RTU))
        said = self.edgewatt("read", *through, "--unit", "5", "--fc", "4", "--address", "0", "--count", "2", "--type", "f32")
        self.assertRegex(said.stdout, r"^Unit 5 answered in [\d.]+ ms\.\n0x0000  [0-9A-F]{4} [0-9A-F]{4}  2\d\d\.")
        said = json.loads(self.edgewatt("read", *through, "--unit", "6", "--address", "0", "--json", code=1).stdout)
        self.assertEqual((said["ok"], said["reason"]["code"]), (False, "bus.timeout"))
        said = self.edgewatt("scan", *through, "--from", "4", "--to", "10")
        self.assertRegex(said.stdout, r"(?s)^Unit 5 answers.*Unit 9 answers.*Unit 5: .*eastron-sdm630.*\n2 found\.\n$")
        self.assertRegex(said.stderr, r"quick pass: \d+ %")
        said = json.loads(self.edgewatt("scan", *through, "--from", "5", "--to", "5", "--json").stdout)
        self.assertEqual([f["device"] for f in said["finds"]], [self.site.devices[RTU, 5]])
        write = ("write", "--data", self.site.data, "--bus", str(TCP), "--address", "0", "--value", "1")
        self.assertIn("inferred", self.edgewatt(*write, "--unit", "77", "--yes", code=1).stderr)
        self.assertIn("--yes", self.edgewatt(*write, "--unit", "5", code=1).stderr)
        self.assertIn("exception 1", self.edgewatt(*write, "--unit", "5", "--yes", code=1).stderr)
        self.assertIn("not there", self.edgewatt("scan", "--data", self.site.data, "--bus", "999", code=1).stderr)

    def test_ctrl_c_stops_the_scan_of_the_gateway(self):
        mark = self.console.mark()
        process = self.start_process("scan", [self.site.program, "scan", "--data", self.site.data, "--bus", str(RTU)])
        process.wait_line("^Unit 5 answers")
        process.send_signal(signal.SIGINT)
        process.wait_line("stopped before the end")
        self.assertEqual(process.popen.wait(harness.STOP_S), 1)
        self.assertEqual(self.wait_scan(RTU, lambda s: s["state"] != "running", mark)["state"], "stopped")

    def test_commands_alone(self):
        line = ("--tcp", f"127.0.0.1:{self.port(TCP)}")
        said = json.loads(self.edgewatt("scan", *line, "--to", "12", "--timeout", "100", "--json").stdout)
        self.assertEqual((said["state"], [f["unit"] for f in said["finds"]]), ("done", [5, 9]))
        self.assertIn("refuses the connection", self.edgewatt("scan", "--tcp", f"127.0.0.1:{harness.free_port()}", code=1).stderr)
        for args in (["scan"], ["scan", *line, "--to", "248"], ["scan", *line, "--unit", "1"], ["write", *line, "--unit", "1"],
                     ["write", *line, "--unit", "1", "--address", "0", "--value", "x"], ["read", "--data", "/tmp"],
                     ["write", *line, "--unit", "1", "--address", "0", "--fc", "7", "--value", "1"],
                     ["write", *line, "--unit", "1", "--address", "0", "--value", "70000", "--yes"]):
            self.edgewatt(*args, code=2)
        for command in ("read", "write", "scan"):
            self.assertIn("Exit codes:", self.edgewatt(command, "--help").stdout)


class Stopped(harness.TestCase):
    """A data folder whose gateway does not run: the tools take the line from its site file."""

    def test_alone_on_the_bus_of_a_site_file(self):
        with tempfile.TemporaryDirectory() as folder, Site(folder) as site:
            site.stop()
            done = site.edgewatt("scan", "--data", site.data, "--bus", str(TCP), "--from", "5", "--to", "6", "--json")
            self.assertEqual([f["device"] for f in json.loads(done.stdout)["finds"]], [site.devices[TCP, 5]])
            done = site.edgewatt("write", "--data", site.data, "--bus", str(TCP), "--unit", "77", "--address", "0",
                                 "--value", "1", "--yes", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("inferred", done.stderr)


if __name__ == "__main__":
    harness.main()
