"""The box as a converter (NET-03): other masters reach the devices of its RS485 port through the Modbus TCP server. Reads come back
word for word, what fails says why as Modbus says it, writes are refused unless the owner allows them, and however much others
ask, the polling of the port keeps its rhythm."""
import os
import socket
import struct
import tempfile
import threading
import time

import harness
from harness import Edgewatt

METER, RELAYS, STATION = 20, 21, 22
IO = {"id": "relays", "version": "1.0", "family": "Tests", "model": "Relays", "kind": "io", "confidence": "driver", "references": ["the tests"],
      "registers": {"output_1": {"fc": 1, "address": 1, "type": "bool", "group": "state"}},
      "commands": {"output_1": {"fc": 5, "address": 1, "type": "bool"}}}


class Master:
    """Another master: one connection to the server."""

    def __init__(self, port):
        self.socket, self.transaction = socket.create_connection(("127.0.0.1", port), timeout=20), 0

    def ask(self, unit, pdu):
        self.transaction = self.transaction % 65535 + 1
        self.socket.sendall(struct.pack(">HHHB", self.transaction, 0, len(pdu) + 1, unit) + pdu)
        transaction, _, length, got = struct.unpack(">HHHB", self.socket.recv(7, socket.MSG_WAITALL))
        answer = self.socket.recv(length - 1, socket.MSG_WAITALL)
        assert (transaction, got) == (self.transaction, unit)
        return -answer[1] if answer[0] & 0x80 else answer[1:]

    def read(self, unit, function, address, count):
        answer = self.ask(unit, struct.pack(">BHH", function, address, count))
        return answer if isinstance(answer, int) else answer[1:]

    def close(self):
        self.socket.close()


class Converter(harness.TestCase):
    def site(self, folder):
        site = harness.small_site(0)
        site["buses"] = [{"id": 1, "name": "Local", "type": "rtu", "local": True, "address": os.path.join(folder, "adapter"), "on": True,
                          "poll_ms": 500, "serial": {"speed": 19200, "parity": "even", "stop_bits": 1, "timeout_ms": 300}}]
        device = lambda number, unit, profile, **more: {"id": number, "bus": 1, "unit": unit, "name": f"Unit {unit}", "profile": profile, "on": True, **more}
        site["devices"] = [device(METER, 5, "eastron-sdm120"), device(RELAYS, 6, "relays"), device(STATION, 7, "bender-cc612", params={"rated_current": 32}),
                           *(device(30 + i, 30 + i, "orno-we-504") for i in range(6))]
        return site

    def setting(self, client, **value):
        rev = client.call("config", "site")["rev"]
        client.call("config", "change", {"rev": rev, "changes": [{"kind": "settings", "id": "modbus_server", "value": value}]})

    def test_other_masters_reach_the_local_port(self):
        with tempfile.TemporaryDirectory() as folder, Edgewatt(self.site(folder), profiles=[IO], options=["--modbus", "0"]) as edgewatt:
            client = edgewatt.mqtt("console")
            for device in (METER, RELAYS, STATION):
                client.wait(f"device/{device}/status", lambda p: p["state"] == "on")
            master = Master(edgewatt.read_run_json()["modbus"]["port"])
            self.reads(edgewatt, master)
            self.writes(edgewatt, client, master)
            self.rhythm(edgewatt, client)
            master.close()
            # The port is switched off: there is no way any more.
            answer = client.call("config", "site")
            bus = {**answer["site"]["buses"][0], "on": False}
            client.call("config", "change", {"rev": answer["rev"], "changes": [{"kind": "bus", "id": 1, "value": bus}]})
            master = Master(edgewatt.read_run_json()["modbus"]["port"])
            harness.wait_until(lambda: master.read(5, 4, 0, 2) == -10, what="no path")
            master.close()

    def reads(self, edgewatt, master):
        edgewatt.control(f"set {METER} voltage_l1_n 231.5")
        edgewatt.control(f"set {RELAYS} output_1 1")
        harness.wait_until(lambda: master.read(5, 4, 0, 2) == struct.pack(">f", 231.5), what="the voltage")
        harness.wait_until(lambda: master.read(6, 1, 1, 1) == b"\x01", what="the output")
        self.assertEqual(master.read(6, 3, 0, 1), -1, "the device's own exception")
        self.assertEqual(master.read(99, 3, 0, 1), -11, "nobody answers")
        self.assertEqual(master.read(0, 3, 0, 1), -10, "no broadcasts")
        self.assertEqual(master.read(5, 4, 0, 126), -3)
        self.assertEqual(master.ask(5, b"\x2b\x0e\x01\x00"), -1)

    def writes(self, edgewatt, client, master):
        switch = lambda on: struct.pack(">BHH", 5, 1, 0xFF00 if on else 0)
        limit = struct.pack(">BHHBH", 16, 1000, 1, 2, 16)
        self.assertEqual(master.ask(6, switch(False)), -1, "not allowed")
        self.assertEqual(float(edgewatt.control(f"get {RELAYS} output_1")), 1)
        self.setting(client, on=False, writes=True)
        harness.wait_until(lambda: master.ask(6, switch(False)) == switch(False)[1:], what="the write")
        harness.wait_until(lambda: float(edgewatt.control(f"get {RELAYS} output_1")) == 0, what="the output")
        # A charge point in use is the charging control's alone, allowed or not.
        self.assertEqual(master.ask(7, limit), -1)
        self.setting(client, on=False, writes=False)
        harness.wait_until(lambda: master.ask(6, switch(True)) == -1, what="the end of that")

    def rhythm(self, edgewatt, client):
        """Six masters ask without a pause; the values of every device come as before."""
        topics = [f"device/{30 + i}/measures/instant" for i in range(6)]
        for topic in topics:
            client.subscribe(topic)

        def passes(seconds):
            mark = client.mark()
            time.sleep(seconds)  # counted, not waited for
            return sum(m.topic in topics for m in client.messages[mark:]) / seconds

        before, ending, answers = passes(4), threading.Event(), []
        master, alone = Master(edgewatt.read_run_json()["modbus"]["port"]), []
        while len(alone) < 10:
            began = time.monotonic()
            self.assertIsInstance(master.read(5, 4, 0, 40), bytes)
            alone.append(time.monotonic() - began)
        master.close()

        def hammer():
            master = Master(edgewatt.read_run_json()["modbus"]["port"])
            while not ending.is_set():
                answers.append(master.read(5, 4, 0, 40))
            master.close()

        threads = [threading.Thread(target=hammer) for _ in range(6)]
        for thread in threads:
            thread.start()
        during = passes(4)
        ending.set()
        for thread in threads:
            thread.join()
        served = sum(not isinstance(answer, int) for answer in answers)
        print(f"one master alone waits {1000 * sum(alone) / len(alone):.0f} ms, at most {1000 * max(alone):.0f}; "
              f"passes/s before {before:.1f}, with six masters {during:.1f}; {served} of {len(answers)} requests were served", flush=True)
        self.assertGreater(served, 5)
        self.assertGreater(during, 0.75 * before)
        self.assertEqual({answer for answer in answers if isinstance(answer, int)} - {-6}, set(), "the others are told: busy")


if __name__ == "__main__":
    harness.main()
