#!/usr/bin/env python3
"""`edgewatt simulate` as other people's software sees it: pymodbus reads the demo site at addresses that are written down
here from the makers' tables, not taken from our profiles."""

import json
import os
import select
import socket
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

try:
    from pymodbus.client import ModbusSerialClient, ModbusTcpClient
    from pymodbus.framer.rtu_framer import ModbusRtuFramer
except ImportError:
    harness.skip("python3-pymodbus or python3-serial-asyncio is not installed")

# Device of the demo site: table 3 or 4, address, format, factor to SI, quantity, tolerance.
# Formats: ">" high word first, "<" low word first; then as struct has them (I u32, i s32, H u16, f f32, q s64).
PUBLISHED = {
    30: [  # Legrand EMDX3 4 120 45, Legrand ModbusTable 412045; ratio 1: 0.01 W and 10 Wh a count
        (3, 0x1000, ">I", 0.001, "voltage_l1_n", 0.001), (3, 0x1006, ">I", 0.001, "current_l1", 0.001),
        (3, 0x1014, ">I", 0.01, "active_power", 0.01), (3, 0x101C, ">I", 10, "active_energy_import", 10),
        (3, 0x1026, ">H", 0.1, "frequency", 0.1), (3, 0x102E, ">I", 0.01, "active_power_l2", 0.01)],
    31: [  # Schneider iEM3000, DOCA0005
        (3, 3027, ">f", 1, "voltage_l1_n", 0.01), (3, 3059, ">f", 1000, "active_power", 0.1),
        (3, 3203, ">q", 1, "active_energy_import", 1), (3, 3109, ">f", 1, "frequency", 0.001)],
    32: [  # Carlo Gavazzi EM340
        (4, 0x00, "<i", 0.1, "voltage_l1_n", 0.1), (4, 0x0C, "<i", 0.001, "current_l1", 0.001),
        (4, 0x28, "<i", 0.1, "active_power", 0.1), (4, 0x34, "<i", 100, "active_energy_import", 100),
        (4, 0x33, ">H", 0.1, "frequency", 0.1)],
    33: [  # Eastron SDM630
        (4, 0x00, ">f", 1, "voltage_l1_n", 0.01), (4, 0x34, ">f", 1, "active_power", 0.1),
        (4, 0x48, ">f", 1000, "active_energy_import", 1)],
    36: [(3, 0x0100, ">I", 10, "active_energy_import", 10)],  # generic, as its site file says
    38: [  # ABB Terra AC
        (3, 0x400E, ">I", 0.001, "current_limit", 0.001), (3, 0x4010, ">I", 0.001, "current_l1", 0.001),
        (3, 0x401C, ">I", 1, "active_power", 1)],
    39: [  # Bender CC612
        (3, 1000, ">H", 1, "current_limit", 0.5), (3, 212, ">I", 0.001, "current_l1", 0.001),
        (3, 220, ">I", 1, "active_power", 1)],
}


def decode(registers, form):
    words = registers if form[0] == ">" else registers[::-1]
    return struct.unpack(">" + form[1], b"".join(struct.pack(">H", word) for word in words))[0]


class Simulator(harness.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(harness.SOURCE, "packaging", "demo-site.json"), encoding="utf-8") as file:
            self.site = json.load(file)
        for bus in self.site["buses"]:
            bus["port"] = harness.free_port()
        self.ports = {bus["id"]: bus["port"] for bus in self.site["buses"]}
        self.units = {device["id"]: (device["bus"], device["unit"]) for device in self.site["devices"]}
        self.socket_path = os.path.join(self.folder.name, "control")
        self.process = self.start("--speed", "0.01")  # time stands still while registers are compared

    def start(self, *options, site=None):
        path = os.path.join(self.folder.name, "site.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(site or self.site, file)
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        process = self.start_process("simulate", [program, "simulate", path, "--control", self.socket_path, *options])
        process.wait_line(r"^simulating 12 devices on 2 buses$")
        return process

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.PATIENCE_S)
            s.connect(self.socket_path)
            s.sendall(line.encode() + b"\n")
            return s.makefile(encoding="utf-8").readline().rstrip("\n")

    def ok(self, line):
        answer = self.control(line)
        self.assertTrue(answer.startswith("ok"), f"{line}: {answer}")
        return answer[2:].strip()

    def client(self, bus):
        client = ModbusTcpClient("127.0.0.1", port=self.ports[bus], timeout=harness.PATIENCE_S)
        self.assertTrue(client.connect())
        self.addCleanup(client.close)
        return client

    def read(self, client, device, table, address, form):
        read = client.read_holding_registers if table == 3 else client.read_input_registers
        answer = read(address, struct.calcsize(">" + form[1]) // 2, slave=self.units[device][1])
        self.assertFalse(answer.isError(), f"device {device}, {address}: {answer}")
        return decode(answer.registers, form)

    def dump(self):
        """The plant's second, and id -> what it says of each device."""
        dump = json.loads(self.ok("dump"))
        return dump["second"], {device["id"]: device for device in dump["devices"]}

    def test_registers_are_where_the_makers_say(self):
        clients = {bus: self.client(bus) for bus in self.ports}
        self.ok("load 32 -3210")  # exported: signs are seen too
        self.ok("car 39 arrive")
        self.ok("step 60")
        compared = 0
        for device, rows in PUBLISHED.items():
            for table, address, form, factor, quantity, tolerance in rows:
                value = self.read(clients[self.units[device][0]], device, table, address, form) * factor
                expected = float(self.ok(f"get {device} {quantity}"))
                self.assertAlmostEqual(value, expected, delta=tolerance * 1.01, msg=f"device {device} {quantity}")
                compared += 1
        self.assertGreater(compared, 20)
        self.assertEqual(float(self.ok("get 39 current_limit")), 32)

    def test_the_main_meter_is_the_sum_on_the_wire(self):
        client = self.client(3)
        for kitchen, sign in ((4000, 0), (-90000, 1)):  # the second gives more than all others take
            self.ok(f"load 35 {kitchen}")
            self.ok("step 5")
            devices = self.dump()[1]
            for phase in range(3):
                total = sum(device["phases_w"][phase] for i, device in devices.items() if i != 30)
                magnitude = self.read(client, 30, 3, 0x102C + 2 * phase, ">I") * 0.01
                self.assertEqual(self.read(client, 30, 3, 0x1032 + phase, ">H"), sign)
                self.assertAlmostEqual(-magnitude if sign else magnitude, total, delta=0.01)
            total = sum(sum(device["phases_w"]) for i, device in devices.items() if i != 30)
            self.assertAlmostEqual(self.read(client, 30, 3, 0x1014, ">I") * 0.01, abs(total), delta=0.01)
            self.assertEqual(self.read(client, 30, 3, 0x101A, ">H"), sign)
        for watts, sign in ((-4000, 1), (4000, 0)):  # what was ordered has its own sign
            self.ok(f"set 30 active_power {watts}")
            self.assertEqual(self.read(client, 30, 3, 0x101A, ">H"), sign)
        self.ok("set 30 active_power auto")

    def test_energy_is_the_integral_of_power(self):
        client = self.client(3)
        self.ok("load 31 7200")  # 2 Wh a second
        self.ok("step 1")
        before = self.read(client, 31, 3, 3203, ">q")
        self.ok("step 1800")
        self.assertAlmostEqual(self.read(client, 31, 3, 3203, ">q") - before, 3600, delta=1)

    def test_time_passes_by_itself(self):
        self.process.stop()
        self.process = self.start("--speed", "1000")
        first = self.dump()[0]
        harness.wait_until(lambda: self.dump()[0] >= first + 1000, what="1000 simulated seconds")

    def test_a_seed_is_the_same_day(self):
        dumps = []
        for seed in ("5", "5", "6"):
            self.process.stop()
            self.process = self.start("--speed", "0.01", "--seed", seed, "--start", "12:30")
            self.ok("step 600")
            second, devices = self.dump()
            self.assertEqual(second, 45601)
            dumps.append(devices)
        self.assertEqual(dumps[0], dumps[1])
        self.assertNotEqual(dumps[0], dumps[2])

    def test_faults_reach_the_wire(self):
        client = self.client(4)
        request = bytes.fromhex("0001 0000 0006 02 03 400e 0002")
        good = bytes.fromhex("0001 0000 0007 02 03 04 0000 7d00")  # 32 000 mA
        cases = {"none": good, "exception 6": bytes.fromhex("0001 0000 0003 02 83 06"),
                 "wrong_unit": bytes.fromhex("0001 0000 0007 03 03 04 0000 7d00"),
                 "wrong_transaction": bytes.fromhex("03e9 0000 0007 02 03 04 0000 7d00"),
                 "short": bytes.fromhex("0001 0000 0005 02 03 02 0000"), "cut": good[:7], "late 100": good}
        for fault, expected in cases.items():
            self.ok(f"fault 38 {fault}")
            with socket.create_connection(("127.0.0.1", self.ports[4]), harness.PATIENCE_S) as s:
                s.sendall(request)
                got = b""
                while len(got) < len(expected):
                    piece = s.recv(len(expected) - len(got))
                    self.assertTrue(piece, f"{fault}: closed after {got.hex()}")
                    got += piece
                self.assertEqual(got, expected, fault)
        with socket.create_connection(("127.0.0.1", self.ports[4]), harness.PATIENCE_S) as s:
            self.ok("fault 38 garbage")
            s.sendall(request)
            self.assertNotEqual(s.recv(64)[2:4], b"\0\0")
            self.ok("fault 38 no_answer")  # silence, then the neighbour's answer
            s.sendall(request + bytes.fromhex("0009 0000 0006 ff 03 007a 0001"))
            self.assertEqual(s.recv(64)[:2], b"\0\x09")
            self.ok("fault 38 close")
            s.sendall(request)
            self.assertEqual(s.recv(64), b"")
        # The others feel nothing.
        self.assertFalse(client.read_holding_registers(122, 1, slave=255).isError())

    def serial_site(self):
        """The demo site with its buses as RTU over TCP and as a serial port."""
        site = json.loads(json.dumps(self.site))
        site["buses"][0]["type"] = "rtu_tcp"
        site["buses"][1].update(type="rtu", address=os.path.join(self.folder.name, "port"))
        site["devices"][-1]["unit"] = 3  # 255 is no address of a serial line
        return site

    def test_serial_framing_on_tcp_and_on_a_terminal(self):
        self.process.stop()
        site = self.serial_site()
        port = site["buses"][1]["address"]
        os.symlink("/dev/pts/12345", port)  # left by a run that was killed
        self.process = self.start("--speed", "0.01", site=site)
        clients = [(30, ModbusTcpClient("127.0.0.1", port=self.ports[3], framer=ModbusRtuFramer,
                                        timeout=harness.PATIENCE_S)),
                   (38, ModbusSerialClient(port, baudrate=19200, timeout=harness.PATIENCE_S))]  # no parity on a pty
        for device, client in clients:
            self.assertTrue(client.connect(), device)
            self.addCleanup(client.close)
            for table, address, form, factor, quantity, tolerance in PUBLISHED[device]:
                value = self.read(client, device, table, address, form) * factor
                self.assertAlmostEqual(value, float(self.ok(f"get {device} {quantity}")), delta=tolerance * 1.01)
        target = os.readlink(port)
        self.assertTrue(target.startswith("/dev/pts/"), target)
        self.ok("unplug 4")
        self.assertFalse(os.path.lexists(port))
        self.ok("plug 4")
        again = ModbusSerialClient(port, baudrate=19200, parity="N", timeout=harness.PATIENCE_S)
        self.addCleanup(again.close)
        self.assertEqual(again.read_holding_registers(0x400E, 2, slave=2).registers, [0, 32000])
        self.process.stop()
        self.assertFalse(os.path.lexists(port))

    def test_faults_of_serial_framing_reach_the_wire(self):
        self.process.stop()
        site = self.serial_site()
        self.process = self.start("--speed", "0.01", site=site)
        request, good = bytes.fromhex("02 03 400e 0002 b03b"), bytes.fromhex("02 03 04 0000 7d00 e863")
        terminal = os.open(site["buses"][1]["address"], os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, terminal)

        def receive(count):
            got = b""
            while len(got) < count:
                self.assertTrue(select.select([terminal], [], [], harness.PATIENCE_S)[0], got.hex())
                got += os.read(terminal, count - len(got))
            return got

        cases = {"none": good, "exception 6": bytes.fromhex("02 83 06 3132"), "bad_crc": good[:-1] + b"6",
                 "wrong_unit": bytes.fromhex("03 03 04 0000 7d00 f8a3"), "short": bytes.fromhex("02 03 02 0000 fc44"),
                 "cut": good[:5], "late 50": good, "bytewise 1": good}
        for fault, expected in cases.items():
            self.ok(f"fault 38 {fault}")
            os.write(terminal, request)
            self.assertEqual(receive(len(expected)).hex(), expected.hex(), fault)
        self.ok("fault 38 flood 300")
        os.write(terminal, request)
        self.assertNotIn(good, receive(300))
        # Silence: for a fault, for nobody's unit, for a damaged request. What comes is the next answer.
        self.ok("fault 38 no_answer")
        os.write(terminal, request + bytes.fromhex("63 03 400e 0002 b84a"))
        harness.wait_until(lambda: '"asked":10' in self.ok("dump"), what="the request is in")
        self.ok("fault 38 none")
        os.write(terminal, request[:-1] + b"\0")
        os.write(terminal, request)
        self.assertEqual(receive(len(good)), good)
        self.assertIn("can't happen on this kind of bus", self.control("fault 38 wrong_transaction"))
        self.assertIn("takes no connections", self.control("alone 4 on"))
        self.assertIn("takes no connections", self.control("forget 4"))

    def test_it_replaces_no_file_of_others(self):
        self.process.stop()
        site = self.serial_site()
        port, program = site["buses"][1]["address"], os.path.join(harness.find_build(), "bin", "edgewatt")
        path = os.path.join(self.folder.name, "mine.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(site, file)
        for make in (lambda: open(port, "w", encoding="utf-8").close(), lambda: os.symlink("/dev/null", port)):
            make()
            done = harness.run([program, "simulate", path], check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{port} is there already and is not replaced", done.stderr)
            self.assertTrue(os.path.lexists(port))
            os.unlink(port)

    def test_a_converter_with_one_connection_and_one_that_forgets(self):
        request = bytes.fromhex("0001 0000 0006 ff 03 007a 0001")

        def connect():
            s = socket.create_connection(("127.0.0.1", self.ports[4]), harness.PATIENCE_S)
            self.addCleanup(s.close)
            return s

        self.ok("alone 4 on")
        first = connect()
        first.sendall(request)
        self.assertEqual(first.recv(64)[:2], b"\0\x01")
        self.assertEqual(connect().recv(1), b"")  # the second is shown the door
        self.ok("forget 4")
        first.sendall(request)
        second = connect()  # it does not remember the first
        second.sendall(request)
        self.assertEqual(second.recv(64)[:2], b"\0\x01")
        self.assertEqual(select.select([first], [], [], 0)[0], [])
        self.assertIn("neither on nor off", self.control("alone 4 perhaps"))

    def test_states_follow_cars(self):
        client = self.client(4)

        def abb():
            return self.read(client, 38, 3, 0x400C, ">I") >> 8 & 0x7F

        def bender():
            return self.read(client, 39, 3, 122, ">H")

        steps = (("car 38 leave", "car 39 leave", 1, (0,), (1,)),
                 ("car 38 arrive 20000", "car 39 arrive 20000", 2, (1, 2, 3, 5), (2,)),  # plugged in, thinks
                 ("step 1", "step 1", 20, (4,), (3, 4)),
                 ("limit 38 0", "limit 39 5.9", 20, (1, 2, 3, 5), (2,)),  # below 6 A nothing may be drawn
                 ("limit 38 10", "limit 39 6", 20, (4,), (3, 4)),
                 ("set 38 state A", "set 39 state A", 1, (0,), (1,)),
                 ("set 38 state auto", "set 39 state auto", 1, (4,), (3, 4)))
        for first, second, seconds, abb_expected, bender_expected in steps:
            self.ok(first)
            self.ok(second)
            self.ok(f"step {seconds}")
            self.assertIn(abb(), abb_expected, first)
            self.assertIn(bender(), bender_expected, second)
        most = max(self.read(client, 38, 3, 0x4010 + 2 * phase, ">I") for phase in range(3))
        self.assertAlmostEqual(most, 10000, delta=100)
        self.assertIn("no charge point", self.control("limit 30 10"))

    def test_a_cable_can_be_pulled(self):
        held = socket.create_connection(("127.0.0.1", self.ports[3]), harness.PATIENCE_S)
        self.addCleanup(held.close)
        self.ok("unplug 3")
        self.assertEqual(held.recv(1), b"")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.ports[3]), 5)
        self.assertFalse(self.client(4).read_holding_registers(122, 1, slave=255).isError())
        self.ok("plug 3")
        self.assertFalse(self.client(3).read_holding_registers(0x1000, 2, slave=1).isError())

    def test_strangers_do_no_harm(self):
        port = self.ports[3]
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5, b"\xff" * 4096, bytes.fromhex("0001 0000 0000")):
            with socket.create_connection(("127.0.0.1", port), harness.PATIENCE_S) as s:
                s.sendall(noise)
        held = [socket.create_connection(("127.0.0.1", port), harness.PATIENCE_S) for _ in range(64)]
        for s in held:
            self.addCleanup(s.close)
        request = bytes.fromhex("0001 0000 0006 01 03 1000 0002")
        for s in held:
            s.sendall(request)
            self.assertEqual(len(s.recv(64)), 13)
        with socket.create_connection(("127.0.0.1", port), harness.PATIENCE_S) as extra:
            self.assertEqual(extra.recv(1), b"")  # number 65 is shown the door
        # A unit that nobody has, a write, a function that is none.
        s = held[0]
        for asked, answered in (("0002 0000 0006 63 03 1000 0002", "0002 0000 0003 63 83 0b"),
                                ("0003 0000 0006 01 06 1000 0002", "0003 0000 0003 01 86 02"),
                                ("0004 0000 0002 01 2b", "0004 0000 0003 01 ab 01"),
                                ("0005 0000 0006 01 03 1000 0000", "0005 0000 0003 01 83 03"),
                                ("0006 0000 0006 01 03 0000 0001", "0006 0000 0003 01 83 02")):
            s.sendall(bytes.fromhex(asked))
            self.assertEqual(s.recv(64).hex(), bytes.fromhex(answered).hex())

    def test_control_lines_are_answered_in_words(self):
        for line, answer in (("nonsense", "error: there is no command (help lists them) \"nonsense\""),
                             ("fault", "error: words are missing after \"fault\""),
                             ("fault 99 none", "error: there is no device \"99\""),
                             ("fault 30 tired", "error: there is no fault \"tired\""),
                             ("set 30 colour 7", "error: the device has no quantity \"colour\""),
                             ("set 30 frequency fast", "error: is no value: \"fast\""),
                             ("unplug 77", "error: there is no bus \"77\"")):
            self.assertEqual(self.control(line), answer)
        self.assertIn("garbage", self.ok("help"))
        self.ok("set 30 frequency 49.5")
        self.assertAlmostEqual(self.read(self.client(3), 30, 3, 0x1026, ">H") * 0.1, 49.5)

    def test_help_at_a_terminal_names_the_site(self):
        site = json.loads(json.dumps(self.site))
        for bus in site["buses"]:
            bus["port"] = harness.free_port()
        path = os.path.join(self.folder.name, "terminal.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(site, file)
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        # A shell in between: the harness speaks to its processes through a pipe.
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        process = self.start_process("terminal", ["sh", "-c", f"exec '{program}' simulate '{path}' < {os.ttyname(theirs)}"])
        process.wait_line("^simulating")
        os.write(ours, b"help\n")
        process.wait_line("unplug BUS, plug BUS")
        process.wait_line("Charge points: 38 Borne 1, 39 Borne 2")
        os.write(ours, b"unplug 3\n")
        process.wait_line("^ok$")
        os.close(theirs)

    def test_what_cannot_be_simulated_is_said(self):
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        broken = {"profile": lambda site: site["devices"][0].update(profile="nonesuch"),
                  "parameter": lambda site: site["devices"][6].pop("params"),
                  "address": lambda site: site["buses"][0].update(address="192.0.2.1")}
        said = {"profile": "there is no profile \"nonesuch\"", "parameter": "needs the parameter \"register\"",
                "address": "can't be served at 192.0.2.1"}
        for name, change in broken.items():
            site = json.loads(json.dumps(self.site))
            for bus in site["buses"]:
                bus["port"] = harness.free_port()
            change(site)
            path = os.path.join(self.folder.name, "broken.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(site, file)
            done = harness.run([program, "simulate", path], check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(said[name], done.stderr)
        self.assertEqual(harness.run([program, "simulate"], check=False).returncode, 2)
        self.assertEqual(harness.run([program, "simulate", "a", "--speed", "0"], check=False).returncode, 2)
        self.assertIn("--speed", harness.run([program, "simulate", "--help"]).stdout)


if __name__ == "__main__":
    harness.main()
