"""The poller against a real broker and devices that behave and misbehave."""

import json
import os
import re
import signal
import time

import harness
from poller_rig import METER, PROGRAM, PollerCase, RtuOverTcp, SerialPort, crc, meter

TS = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")


def instants(client, device, since):
    topic = f"device/{device}/measures/instant"
    return [m.json for m in client.messages[since:] if m.topic == topic and m.raw and not m.retain]


class Poller(PollerCase):
    # -- what is read is what is published
    def test_values_states_and_figures_are_published(self):
        slave = self.meter()
        self.set_device(3, 1, unit=5)
        self.set_bus(1, slave.port)
        self.start_poller()
        instant = self.watcher.wait("device/3/measures/instant").json
        self.assertEqual(instant["values"], {"voltage_l1_n": 230.5, "current_l1": 5.25, "active_power": -1234.25,
                                             "frequency": 50.02})
        self.assertRegex(instant["ts"], TS)
        self.assertEqual(instant["period_ms"], 200)
        self.assertLess(abs(instant["up_ms"] / 1000 - time.clock_gettime(time.CLOCK_BOOTTIME)), 10)
        energy = self.watcher.wait("device/3/measures/energy").json
        self.assertEqual(energy["values"], {"active_energy_import": 72500})
        self.assertEqual(energy["period_ms"], 10000)
        self.status(3, "on")
        bus = self.watcher.wait("bus/1/status", lambda b: b["polls"] > 20).json
        self.assertEqual((bus["state"], bus["reason"], bus["errors"]), ("on", None, 0))
        self.assertTrue(0 < bus["load_pct"] < 100 and 0 < bus["cycle_ms"] < 1000, bus)
        slave.put_float(0, 231.5)
        self.watcher.wait("device/3/measures/instant", lambda m: m["values"]["voltage_l1_n"] == 231.5)
        for topic in ("device/3/measures/instant", "device/3/status", "bus/1/status"):
            late = self.client("watcher", "w")
            self.assertTrue(late.wait(topic).retain, topic)
        health = self.watcher.wait("service/poller/status", lambda s: s["polls"] > 0).json
        self.assertEqual((health["devices"], health["buses"]), (1, 1))

    # -- bad devices
    def test_bad_devices_are_named_and_the_others_feel_nothing(self):
        faults = {
            "garbage": (lambda q, a: b"HTTP/1.1 400 Bad Request\r\n\r\n", "bus.garbage",
                        "What came back from unit 1 is not Modbus."),
            "other unit": (lambda q, a: a[:6] + bytes([9]) + a[7:], "bus.wrong_unit",
                           "Unit 9 answered although unit 1 was asked. Do two devices have the same address?"),
            "silent": (lambda q, a: b"", "bus.timeout", "Unit 1 did not answer within 300 ms."),
            "wrong transaction": (lambda q, a: bytes([a[0] ^ 1]) + a[1:], "bus.wrong_transaction", None),
            "short": (lambda q, a: a[:-3], "bus.cut_short", None),
            "wrong length": (lambda q, a: a[:5] + bytes([a[5] + 2]) + a[6:8] + bytes([a[8] + 2]) + a[9:] + b"\0\0",
                             "bus.wrong_length", None),
            "exception": (lambda q, a: a[:5] + bytes([3]) + a[6:7] + bytes([a[7] | 0x80, 4]), "bus.exception",
                          "Unit 1 refuses function 4 at address 0: exception 4, device failure."),
            "converter": (lambda q, a: a[:5] + bytes([3]) + a[6:7] + bytes([a[7] | 0x80, 11]), "bus.gateway_silent",
                          None),
            "closing": (lambda q, a: None, "bus.closed", None),
        }
        good = self.meter()
        self.set_bus(1, good.port)
        self.set_device(1, 1)
        slaves = {}
        for number, (name, (fault, _, _)) in enumerate(faults.items(), start=2):
            slaves[name] = self.slave({a: a for a in range(0x180)}, fault)
            self.set_bus(number, slaves[name].port, serial={"timeout_ms": 300})
            self.set_device(number, number)
        self.set_bus(50, harness.free_port())
        self.set_device(50, 50)
        self.start_poller()
        for number, (name, (_, code, text)) in enumerate(faults.items(), start=2):
            with self.subTest(name):
                reason = self.status(number, "error", code)["reason"]
                if text:
                    self.assertEqual(reason["text"], text)
                # Never a value, and nothing is made up: null, once the patience of three periods is over.
                values = self.watcher.wait(f"device/{number}/measures/instant").json["values"]
                self.assertEqual(set(values.values()), {None})
        self.assertIn("refuses the connection", self.status(50, "error", "bus.refused")["reason"]["text"])
        self.assertEqual(self.watcher.wait("bus/50/status", lambda b: b["state"] == "error").json["reason"]["code"],
                         "bus.refused")
        # The good one keeps its step of 200 ms through all that.
        since = self.watcher.mark()
        self.watcher.wait("device/1/measures/instant", after=since)
        harness.wait_until(lambda: len(instants(self.watcher, 1, since)) > 25, what="25 messages")
        steps = instants(self.watcher, 1, since)
        span = steps[-1]["up_ms"] - steps[0]["up_ms"]
        self.assertLess(abs(span / (len(steps) - 1) - 200), 20)
        self.status(1, "on")
        # And the bad ones are well again when they are.
        for name, slave in slaves.items():
            slave.fault = None
        for number in range(2, 2 + len(faults)):
            self.status(number, "on")
            self.watcher.wait(f"device/{number}/measures/instant", lambda m: None not in m["values"].values())

    def test_one_dead_device_of_a_converter_costs_the_others_little(self):
        converter = self.slave({a: a for a in range(0x180)}, lambda q, a: b"" if q[6] == 66 else a)
        self.set_bus(1, converter.port, serial={"timeout_ms": 500})
        for unit in (1, 2, 3, 66):
            self.set_device(unit, 1, unit=unit)
        self.start_poller()
        self.status(66, "error", "bus.timeout")
        since = self.watcher.mark()
        harness.wait_until(lambda: len(instants(self.watcher, 1, since)) > 60, what="60 messages")
        steps = [m["up_ms"] for m in instants(self.watcher, 1, since)]
        gaps = sorted(b - a for a, b in zip(steps, steps[1:]))
        # A probe may hold up a pass; they are rare: the median knows nothing of it.
        self.assertLess(abs(gaps[len(gaps) // 2] - 200), 20)
        self.assertLess(sum(gap > 400 for gap in gaps), len(gaps) // 10)
        for unit in (1, 2, 3):
            self.status(unit, "on")

    def test_values_of_a_device_that_falls_silent_become_null_once(self):
        slave = self.meter()
        self.set_bus(1, slave.port, serial={"timeout_ms": 100})
        self.set_device(1, 1)
        self.start_poller()
        self.watcher.wait("device/1/measures/instant")
        slave.fault = lambda q, a: b""
        self.watcher.wait("device/1/measures/instant", lambda m: m["values"]["frequency"] is None)
        since = self.watcher.mark()
        slave.fault = None
        self.watcher.wait("device/1/measures/instant", lambda m: m["values"]["frequency"] == 50.02, after=since)
        nulls = [m for m in self.watcher.messages if m.topic == "device/1/measures/instant"
                 and m.json["values"].get("frequency") is None]
        self.assertEqual(len(nulls), 1)
        last_good = [m for m in self.watcher.messages[:nulls[0].order] if m.topic == nulls[0].topic][-1]
        self.assertGreaterEqual(nulls[0].json["up_ms"] - last_good.json["up_ms"], 600)

    def test_a_lost_connection_comes_back(self):
        slave = self.meter()
        self.set_bus(1, slave.port)
        self.set_device(1, 1)
        self.start_poller()
        self.status(1, "on")
        slave.stop()
        self.status(1, "error", "bus.refused")
        self.watcher.wait("bus/1/status", lambda b: b["state"] == "error")
        again = self.slave(slave.registers, port=slave.port)
        self.status(1, "on")
        self.watcher.wait("bus/1/status", lambda b: b["state"] == "on" and b["reason"] is None)
        self.assertGreater(again.requests, 0)

    # -- serial lines
    def test_serial_lines_are_read_directly_and_over_tcp(self):
        converter, port = self.meter(RtuOverTcp), SerialPort(self.meter(RtuOverTcp))
        self.addCleanup(port.close)
        serial = {"speed": 115200, "parity": "E", "stop_bits": 1, "timeout_ms": 200}
        self.set_bus(1, converter.port, type="rtu_tcp", serial=serial)
        self.set_bus(2, 502, type="rtu", address=port.path, serial=serial)
        for number in (1, 2):
            self.set_device(number, number, unit=1)
            self.set_device(10 + number, number, unit=9)
        self.start_poller()
        for number in (1, 2):
            values = self.watcher.wait(f"device/{number}/measures/instant").json["values"]
            self.assertEqual(values["active_power"], -1234.25)
            self.status(number, "on")
            self.status(10 + number, "error", "bus.timeout")
        # Damage on the wire, a stranger's answer; each has its sentence, and nothing of it becomes a value.
        for fault, code in ((lambda q, a: a[:-1] + bytes([a[-1] ^ 1]), "bus.bad_crc"),
                            (lambda q, a: b"\x05" + a[1:-2] + crc(b"\x05" + a[1:-2]), "bus.wrong_unit")):
            converter.fault = port.slave.fault = fault
            self.status(1, "error", code)
            self.status(2, "error", code)
            converter.fault = port.slave.fault = None
            self.status(1, "on")
            self.status(2, "on")
        self.assertEqual(converter.connections, 1)

    def test_an_adapter_that_is_not_there_says_so_and_is_found_when_it_is(self):
        path = os.path.join(self.folder, "ttyRS485")
        self.set_bus(1, 502, type="rtu", address=path)
        self.set_device(1, 1)
        self.start_poller()
        self.assertIn("Is the adapter plugged in?", self.status(1, "error", "bus.port_missing")["reason"]["text"])
        port = SerialPort(self.meter(RtuOverTcp))
        os.symlink(port.path, path)
        self.status(1, "on")
        os.remove(path)
        port.close()
        self.status(1, "error", "bus.port_missing")
        again = SerialPort(self.meter(RtuOverTcp))
        self.addCleanup(again.close)
        os.symlink(again.path, path)
        self.status(1, "on")

    # -- kinds of devices
    def test_a_charge_point_shows_its_charge_and_its_fault(self):
        station = self.slave({a: 0 for a in range(0x4000, 0x4040)})

        def put(address, value):
            station.registers[address], station.registers[address + 1] = value >> 16, value & 0xFFFF

        for address, value in ((0x4006, 32000), (0x400C, 4 << 8), (0x400E, 16000), (0x4010, 15500), (0x401C, 10634),
                               (0x401E, 4200)):
            put(address, value)
        self.set_bus(1, station.port)
        self.set_device(1, 1, profile="abb-terra-ac")
        self.start_poller()
        charge = self.watcher.wait("device/1/charge").json
        expected = {"state": "C", "limit_a": 16, "rated_a": 32, "current_l1": 15.5, "power": 10634, "session_wh": 4200,
                    "errors": []}
        self.assertEqual({key: charge[key] for key in expected}, expected)
        self.assertRegex(charge["ts"], TS)
        self.status(1, "on")
        put(0x4008, 1)  # no bit of ABB's list
        self.assertIn("error 1.", self.status(1, "fault", "station.error_code")["reason"]["text"])
        self.watcher.wait("device/1/charge", lambda c: [e["code"] for e in c["errors"]] == ["station.error_code"])
        put(0x4008, 0x10)
        self.assertIn("error 16: undervoltage", self.status(1, "fault", "station.error_word")["reason"]["text"])
        self.watcher.wait("device/1/charge", lambda c: [e["code"] for e in c["errors"]] == ["station.error_word"])
        put(0x4008, 0)
        self.status(1, "on")
        self.watcher.wait("device/1/charge", lambda c: c["errors"] == [])

    def test_a_rating_that_no_register_tells_is_the_parameters(self):
        station = self.slave({a: 0 for a in [*range(100, 104), 122, *range(200, 230), *range(710, 720), 1000]})
        station.registers[122], station.registers[1000] = 3, 10
        self.set_bus(1, station.port)
        self.set_device(1, 1, profile="bender-cc612", params={"rated_current": 20})
        self.start_poller()
        charge = self.watcher.wait("device/1/charge").json
        expected = {"state": "C", "limit_a": 10, "rated_a": 20}
        self.assertEqual({key: charge[key] for key in expected}, expected)

    def test_a_generic_meter_is_read_where_its_parameters_say(self):
        slave = self.slave({0x1234: 0x0001, 0x1235: 0xE240})
        self.set_bus(1, slave.port)
        self.set_device(1, 1, profile="generic-meter", params={"register": "0x1234", "words": 2, "factor": 10})
        self.start_poller()
        energy = self.watcher.wait("device/1/measures/energy").json
        self.assertEqual(energy["values"], {"active_energy_import": 1234560})
        self.set_device(1, 1, profile="generic-meter", params={"register": "0x1235", "words": 1, "factor": 1, "fc": 4})
        self.watcher.wait("device/1/measures/energy", lambda m: m["values"]["active_energy_import"] == 57920)

    # -- configuration
    def test_a_change_touches_only_what_changed(self):
        one, two = self.meter(), self.meter()
        self.set_bus(1, one.port)
        self.set_bus(2, two.port)
        for number, bus in ((1, 1), (2, 1), (3, 2)):
            self.set_device(number, bus, unit=number)
        self.start_poller()
        for number in (1, 2, 3):
            self.watcher.wait(f"device/{number}/measures/energy")
        since = self.watcher.mark()
        for unit in (20, 21, 22):
            self.set_device(2, 1, unit=unit)
            self.watcher.wait("device/2/measures/energy", after=self.watcher.mark())  # it alone begins anew
        self.set_bus(2, two.port, location="Cellar")
        self.set_device(3, 2, unit=3, name="New name", circuit=4)
        self.set_bus(1, two.port)
        self.watcher.wait("device/1/measures/energy", after=since)  # its bus went elsewhere
        energies = [m for m in self.watcher.messages[since:] if m.topic == "device/3/measures/energy"]
        self.assertLessEqual(len(energies), 1)  # of its own period of 10 s, if that was up
        harness.wait_until(lambda: two.connections == 2, what="the bus that went elsewhere")
        self.assertEqual(one.connections, 1)

    def test_off_and_deleted_leave_no_measures(self):
        slave = self.meter()
        self.set_bus(1, slave.port)
        self.set_device(1, 1)
        self.set_device(2, 1, unit=2)
        self.start_poller()
        for number in (1, 2):
            self.watcher.wait(f"device/{number}/measures/energy")
        self.set_device(1, 1, on=False)
        self.status(1, "off")
        self.wait_cleared("device/1/measures/instant")
        self.wait_cleared("device/1/measures/energy")
        self.set_bus(1, slave.port, on=False)
        self.status(2, "off")
        self.watcher.wait("bus/1/status", lambda b: b["state"] == "off")
        self.wait_cleared("device/2/measures/instant")
        asked = slave.requests
        self.delete("device", 2)
        self.wait_cleared("device/2/status")
        self.delete("bus", 1)
        self.wait_cleared("bus/1/status")
        self.assertEqual(self.status(1, "off")["reason"], None)
        self.assertEqual(slave.requests, asked)

    def test_what_can_not_be_read_says_why(self):
        self.set_bus(1, harness.free_port())
        self.set_device(1, 1, profile="")
        self.set_device(2, 1, profile="nobodys-meter")
        self.set_device(3, 1, profile="generic-meter")
        self.set_device(4, 77)
        self.config.publish("config/device/5", b'{"id":5,"bus":1,"nam', retain=True)
        self.config.publish("config/device/6", b"x" * 1000, retain=True)
        self.set_device(7, 1, profile="")
        self.start_poller()
        for number, code in ((1, "device.no_profile"), (2, "device.profile_unknown"), (3, "profile.param_missing"),
                             (4, "device.no_bus"), (5, "json.syntax"), (6, "json.syntax")):
            self.status(number, "unconfigured", code)
        slave = self.meter()
        self.set_bus(1, slave.port)
        self.set_device(7, 1)
        self.status(7, "on")
        self.config.publish("config/device/7", b"{", retain=True)  # what runs goes on
        self.watcher.wait("device/7/measures/instant", after=self.watcher.mark())
        self.status(7, "on")

    def test_a_profile_of_the_user_is_read_again(self):
        slave = self.meter()
        self.set_bus(1, slave.port)
        self.set_device(1, 1, profile="own")
        poller = self.start_poller()
        self.status(1, "unconfigured", "device.profile_unknown")
        self.write("profiles/own.json", {**METER, "id": "own"})
        poller.send_signal(signal.SIGHUP)
        self.status(1, "on")
        own = {**METER, "id": "own", "registers": {"frequency": METER["registers"]["frequency"]}}
        self.write("profiles/own.json", own)
        self.config.publish("config/profile/own", {"id": "own", "rev": 1}, retain=True)
        self.config.publish("config/profile/own", {"id": "own", "rev": 2}, retain=True)
        self.watcher.wait("device/1/measures/instant", lambda m: list(m["values"]) == ["frequency"])
        self.wait_cleared("device/1/measures/energy")

    # -- broker and process
    def test_what_an_earlier_run_left_is_cleared(self):
        slave = self.meter()
        left = ["device/9/status", "device/9/measures/instant", "device/9/charge", "device/9/state", "bus/9/status",
                "device/1/measures/harmonics", "device/0x/status"]
        for topic in left:
            self.config.publish(topic, {"stale": True}, retain=True)
        self.set_bus(1, slave.port)
        self.set_device(1, 1)
        for topic in left:
            self.watcher.wait(topic)
        self.start_poller()
        for topic in left:
            self.wait_cleared(topic)
        self.watcher.wait("device/1/measures/instant", after=self.watcher.mark())

    def test_a_new_broker_gets_everything_again(self):
        slave = self.meter()
        self.set_bus(1, slave.port)
        self.set_device(1, 1)
        self.set_device(2, 1, unit=2)
        self.start_poller()
        for number in (1, 2):
            self.watcher.wait(f"device/{number}/measures/energy")
        asked = slave.requests
        self.broker.kill()
        harness.wait_until(lambda: slave.requests > asked + 10, what="polling without a broker")
        self.broker.start()
        late = self.client("watcher", "w")
        for topic in ("bus/1/status", "device/1/status", "device/1/measures/instant", "device/1/measures/energy"):
            late.wait(topic)
        # While it was away device 2 was deleted: the configuration that comes now does not have it.
        config = self.client("config", "c")
        self.config = config
        self.set_bus(1, slave.port)
        self.set_device(1, 1)
        late.wait("device/2/status")
        harness.wait_until(lambda: "device/2/status" not in late.latest, what="device 2 forgotten")
        harness.wait_until(lambda: "device/2/measures/energy" not in late.latest, what="its measures cleared")
        self.assertEqual(slave.connections, 1)

    def test_it_stops_within_a_second_while_reads_block(self):
        silent = [self.slave({}, lambda q, a: b""), self.slave({}, lambda q, a: a[:4])]
        for number, slave in enumerate(silent, start=1):
            self.set_bus(number, slave.port, serial={"timeout_ms": 10000})
            self.set_device(number, number)
        self.set_bus(8, 502, address="192.0.2.1")  # nobody is there
        self.set_device(8, 8)
        self.set_bus(9, 502, address="nobody.invalid")
        self.set_device(9, 9)
        poller = self.start_poller()
        harness.wait_until(lambda: all(s.requests for s in silent), what="both are being read")
        watch = harness.Stopwatch(poller.pid)
        poller.send_signal(signal.SIGTERM)
        poller.wait_end()
        self.assertLess(watch.seconds(), 1.9)  # 1 s, and what a sanitizer looks for at the end
        self.assertEqual(poller.stop(), 0)
        self.watcher.wait("service/poller/status", lambda s: not s["online"])


class Read(harness.TestCase):
    """edgewatt read, alone."""

    def read(self, slave, *args, code=0):
        done = harness.run([PROGRAM, "read", "--tcp", f"127.0.0.1:{slave.port}", *args], check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def setUp(self):
        self.slave = meter()
        self.addCleanup(self.slave.stop)

    def test_says_what_was_read(self):
        said = self.read(self.slave, "--unit", "5", "--fc", "4", "--address", "0x34", "--count", "4", "--type", "f32")
        self.assertRegex(said, r"Unit 5 answered in [\d.]+ ms\.\n0x0034  C49A 4800  -1234\.25\n0x0036  0000 0000  0\n")
        said = json.loads(self.read(self.slave, "--unit", "5", "--fc", "4", "--address", "0", "--count", "2",
                                    "--type", "f32", "--json"))
        self.assertEqual((said["ok"], said["registers"], said["values"]), (True, [17254, 32768], [230.5]))

    def test_says_why_not(self):
        said = self.read(self.slave, "--unit", "5", "--address", "0x1000", code=1)
        self.assertEqual(said, "Unit 5 refuses function 3 at address 4096: exception 2, illegal data address.\n")
        self.slave.fault = lambda q, a: b""
        said = json.loads(self.read(self.slave, "--unit", "5", "--address", "0", "--timeout", "100", "--json", code=1))
        self.assertEqual((said["ok"], said["reason"]["code"]), (False, "bus.timeout"))
        self.slave.stop()
        self.assertIn("refuses the connection", self.read(self.slave, "--unit", "5", "--address", "0", code=1))

    def test_refuses_what_it_does_not_understand(self):
        for args in (["--unit", "256", "--address", "0"], ["--unit", "1"], ["--unit", "1", "--address", "0", "--fc", "5"],
                     ["--unit", "1", "--address", "0", "--count", "126"], ["--unit", "1", "--address", "70000"],
                     ["--unit", "1", "--address", "0", "--nonsense", "1"], ["--unit"]):
            self.assertIn("edgewatt read: ", self.read(self.slave, *args, code=2), args)


if __name__ == "__main__":
    harness.main()
