#!/usr/bin/env python3
"""What people see when devices and lines misbehave: the whole gateway on three lines of simulated devices - Modbus TCP,
RTU frames over TCP, and a serial port - one fault after the other, and what comes back by itself."""

import contextlib
import json
import os
import re
import socket
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from harness import Edgewatt

TCP, RTU_TCP, RTU = 1, 2, 3
LINES = (TCP, RTU_TCP, RTU)
POLL_MS, TIMEOUT_MS = 500, 300

METER = {
    "id": "rig-meter", "version": "1.0", "family": "Tests", "model": "A meter that only the tests know",
    "kind": "meter", "confidence": "none", "limits": {"max_registers": 40},
    "registers": {
        name: {"fc": 3, "address": 2 * i, "type": "f32", "unit": unit, "group": "instant"}
        for i, (name, unit) in enumerate((("voltage_l1_n", "V"), ("current_l1", "A"), ("active_power", "W"),
                                          ("frequency", "Hz")))
    },
}

SILENT = ("bus.timeout", r"Unit {unit} did not answer within 300 ms\.")
DAMAGED = ("bus.bad_crc", r"The answer of unit {unit} is damaged \(checksum\)\. Check the wiring, the termination and "
                          r"the parity\.")
NO_MODBUS = ("bus.garbage", r"What came back from unit {unit} is not Modbus\.")


def refused(code, name):
    return "bus.exception", rf"Unit {{unit}} refuses function 3 at address 0: exception {code}, {name}\."


def converter(code, name):
    return "bus.gateway_silent", rf"The converter says that unit {{unit}} does not answer \(exception {code}, {name}\)\."


# Fault -> code and sentence, by line where they differ. What is not here is not possible there.
FAULTS = {
    "no_answer": dict.fromkeys(LINES, SILENT),
    "late 2000": dict.fromkeys(LINES, SILENT),
    "wrong_unit": dict.fromkeys(LINES, (
        "bus.wrong_unit", r"Unit {next} answered although unit {unit} was asked\. Do two devices have the same address\?")),
    "wrong_transaction": {TCP: ("bus.wrong_transaction", r"Unit {unit} answered an earlier request \(number .*\)\.")},
    "wrong_function": dict.fromkeys(LINES, (
        "bus.wrong_function", r"Unit {unit} answered with function 2 instead of 3\.")),
    # Serial lines ask again in another shape, so that a late answer is not taken for it.
    "short": dict.fromkeys(LINES, (
        "bus.wrong_length", r"Unit {unit} answered with (14 bytes of data instead of 16|12 bytes of data instead of 14)\.")),
    "cut": dict.fromkeys(LINES, (
        "bus.cut_short", r"Unit {unit} began to answer but did not finish within 300 ms\.")),
    "bad_crc": dict.fromkeys((RTU_TCP, RTU), DAMAGED),
    "garbage": {TCP: NO_MODBUS, RTU_TCP: DAMAGED, RTU: DAMAGED},
    "flood": {TCP: NO_MODBUS, RTU_TCP: DAMAGED, RTU: DAMAGED},
    "close": dict.fromkeys((TCP, RTU_TCP), (
        "bus.closed", r"127\.0\.0\.1 closed the connection instead of answering\. Does another program use it\? Some "
                      r"converters take one connection only\.")),
    "bytewise 1": dict.fromkeys(LINES, None),  # slow, but no fault at all
    "exception 1": {TCP: refused(1, "illegal function")},
    "exception 2": dict.fromkeys(LINES, refused(2, "illegal data address")),
    "exception 3": {TCP: refused(3, "illegal data value")},
    "exception 4": {TCP: refused(4, "device failure")},
    "exception 5": {TCP: refused(5, "acknowledge")},
    "exception 6": dict.fromkeys(LINES, refused(6, "device busy")),
    "exception 7": {TCP: refused(7, "negative acknowledge")},
    "exception 8": {TCP: refused(8, "memory parity error")},
    "exception 9": {TCP: refused(9, "unknown exception")},
    "exception 10": {TCP: converter(10, "gateway path unavailable")},
    "exception 11": dict.fromkeys(LINES, converter(11, "gateway target device failed to respond")),
}


class Device:
    def __init__(self, line, number, fault):
        self.line, self.fault = line, fault
        self.id, self.unit = 100 * line + number, 2 * number + 1  # the unit above is nobody's
        self.status, self.instant = f"device/{self.id}/status", f"device/{self.id}/measures/instant"
        self.faulted = 0  # the watcher's count of messages when its fault began

    def expected(self):
        return FAULTS[self.fault][self.line]


class Gateway(Edgewatt):
    """Three lines; the first device of each stays well."""

    def __init__(self, folder):
        self.port = os.path.join(folder, "adapter")
        self.devices = [Device(line, 0, None) for line in LINES]
        for line in LINES:
            possible = [fault for fault in FAULTS if line in FAULTS[fault]]
            self.devices += [Device(line, 1 + i, fault) for i, fault in enumerate(possible)]
        site = harness.small_site(devices=0)
        serial = {"speed": 19200, "parity": "even", "stop_bits": 1, "timeout_ms": TIMEOUT_MS}
        site["buses"] = [
            {"id": TCP, "name": "Network", "type": "tcp", "address": "127.0.0.1", "port": 502},
            {"id": RTU_TCP, "name": "Converter", "type": "rtu_tcp", "address": "127.0.0.1", "port": 502},
            {"id": RTU, "name": "Adapter", "type": "rtu", "address": self.port},
        ]
        for bus in site["buses"]:
            bus.update({"on": True, "poll_ms": POLL_MS, "serial": serial})
        site["devices"] = [
            {"id": d.id, "bus": d.line, "name": f"{d.id}", "profile": METER["id"], "unit": d.unit, "on": True}
            for d in self.devices]
        site["next_id"] = 1000
        super().__init__(site)

    def start_simulator(self):
        os.makedirs(os.path.join(self.data, "profiles"), mode=0o700, exist_ok=True)
        with open(os.path.join(self.data, "profiles", "rig-meter.json"), "w", encoding="utf-8") as file:
            json.dump(METER, file)
        self.simulate_options = ["--data", self.data]
        super().start_simulator()

    def well(self):
        return [d for d in self.devices if d.fault is None]

    def ill(self, fault=None):
        return [d for d in self.devices if d.fault and fault in (None, d.fault)]

    def of(self, line):
        return [d for d in self.devices if d.line == line]

    @contextlib.contextmanager
    def take_the_seat(self, line):
        """Another master holds the converter's only connection."""
        bus = next(b for b in self.site["buses"] if b["id"] == line)
        request = bytes.fromhex("0001 0000 0006 01 03 0000 0001" if line == TCP else "01 03 0000 0001 840a")
        while True:
            self.control(f"forget {line}")
            with socket.create_connection((bus["address"], bus["port"]), harness.PATIENCE_S) as s:
                s.sendall(request)
                try:
                    answered = s.recv(64)
                except ConnectionResetError:
                    answered = b""
                if answered:  # else the gateway was faster
                    yield
                    return

    def asked(self, device):
        """How often the simulator was asked for it, and when last (ms)."""
        dump = json.loads(self.control("dump"))
        return next((d["asked"], d["asked_ms"]) for d in dump["devices"] if d["id"] == device.id)


def all_null(payload):
    return all(value is None for value in payload["values"].values())


def no_null(payload):
    return payload["values"] and None not in payload["values"].values()


class Faults(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.gateway = cls.enterClassContext(Gateway(cls.folder))
        cls.client = cls.gateway.mqtt("read")
        for topic in ("device/+/status", "device/+/measures/instant", "bus/+/status"):
            cls.client.subscribe(topic)
        cls.client.subscribe = lambda topic, qos=1: qos  # filters that overlap would bring every message twice
        cls.templates = {}
        for language in ("en", "fr"):
            with open(os.path.join(harness.SOURCE, "schemas", "messages", f"{language}.json"), encoding="utf-8") as file:
                cls.templates[language] = json.load(file)

    def setUp(self):
        self.assert_all_well(0)

    def assert_all_well(self, after):
        for device in self.gateway.devices:
            self.client.wait(device.status, lambda s: s["state"] == "on" and s["reason"] is None)
            self.client.wait(device.instant, no_null, after=after)
        for line in LINES:
            self.client.wait(f"bus/{line}/status", lambda s: s["state"] == "on")

    def since(self, topic, mark, until=None):
        return [m for m in self.client.messages[mark:until] if m.topic == topic]

    def assert_said(self, reason, code, sentence):
        """Code and English sentence; and the page has words for it in every language, with nothing missing."""
        self.assertEqual(reason["code"], code, reason)
        self.assertRegex(reason["text"], f"^{sentence}$")
        for language, messages in self.templates.items():
            template = messages.get(f"reason.{code}")
            self.assertTrue(template, f"{language}: no words for {code}")
            self.assertLessEqual(set(re.findall(r"{(\w+)}", template)), set(reason["params"]), f"{language}: {code}")

    def assert_cadence(self, mark):
        """Devices that are well were read in their step all the time since the mark, and never said to be otherwise."""
        for device in self.gateway.well():
            self.assertEqual([m.json for m in self.since(device.status, mark) if m.json["state"] != "on"], [])
            messages = self.since(device.instant, mark)
            self.assertEqual([m.json for m in messages if not no_null(m.json)], [])
            times = [m.json["up_ms"] for m in messages]
            gaps = [b - a for a, b in zip(times, times[1:])]
            self.assertGreater(len(gaps), 20)
            self.assertLessEqual(statistics.median(gaps), 1.2 * POLL_MS, device.id)

    def assert_null_once(self, device, until):
        """Once its values had gone stale they were said to be unknown, one time; nothing was said after that."""
        messages = self.since(device.instant, device.faulted, until)
        first = next((i for i, m in enumerate(messages) if not no_null(m.json)), None)
        self.assertIsNotNone(first, f"{device.id} ({device.fault}): never null")
        self.assertLessEqual(first, 2, f"{device.id} ({device.fault}): fresh values while it was ill")
        self.assertTrue(all_null(messages[first].json), messages[first])
        self.assertEqual(len(messages), first + 1, f"{device.id} ({device.fault}): {messages[first:]}")

    def test_each_fault_has_its_sentence_and_harms_nobody_else(self):
        gateway, client, start = self.gateway, self.client, self.client.mark()
        for fault in FAULTS:
            for device in gateway.ill(fault):
                device.faulted = client.mark()
                gateway.control(f"fault {device.id} {fault}")
            for device in gateway.ill(fault):
                if not device.expected():
                    client.wait(device.instant, no_null, after=client.mark() + 1)
                    continue
                status = client.wait(device.status, lambda s: s["state"] == "error", after=device.faulted).json
                code, sentence = device.expected()
                with self.subTest(fault=fault, line=device.line):
                    self.assert_said(status["reason"], code, sentence.format(unit=device.unit, next=device.unit + 1))
        for device in gateway.ill():
            if device.expected():
                client.wait(device.instant, all_null, after=device.faulted)
        self.probes_are_cheap()
        end = client.mark()
        self.assert_cadence(start)
        for device in gateway.ill():
            with self.subTest(fault=device.fault, line=device.line):
                if device.expected():
                    self.assert_null_once(device, end)
                else:
                    self.assertEqual([m for m in self.since(device.instant, start, end) if not no_null(m.json)], [])
        for device in gateway.ill():
            gateway.control(f"fault {device.id} none")
        for device in gateway.ill():
            client.wait(device.status, lambda s: s["state"] == "on" and s["reason"] is None, timeout=60)
        self.assert_all_well(end)
        self.assert_cadence(start)

    def probes_are_cheap(self):
        """The time between two questions to a silent device, against what one of them costs: 1.5 % at most."""
        silent = self.gateway.ill("no_answer")
        before = {d.id: self.gateway.asked(d) for d in silent}
        for device in silent:
            count, last_ms = before[device.id]

            def again(device=device, count=count):
                now = self.gateway.asked(device)
                return now if now[0] > count else None

            now_count, now_ms = harness.wait_until(again, 60, f"another question to device {device.id}")
            self.assertEqual(now_count, count + 1)
            self.assertLessEqual(TIMEOUT_MS / (now_ms - last_ms), 0.015, device.id)

    def line_in_error(self, line, code, sentence):
        """The line and all of its devices say so; values become unknown, once."""
        mark = self.client.mark()
        self.assert_said(self.client.wait(f"bus/{line}/status", lambda s: s["state"] == "error").json["reason"],
                         code, sentence)
        for device in self.gateway.of(line):
            self.client.wait(device.status, lambda s: s["state"] == "error" and s["reason"]["code"] == code)
            self.client.wait(device.instant, all_null)
        return mark

    def assert_others_felt_nothing(self, line, mark):
        for device in self.gateway.devices:
            if device.line == line:
                continue
            self.assertEqual([m.json for m in self.since(device.status, mark) if m.json["state"] != "on"], [])
            self.assertEqual([m.json for m in self.since(device.instant, mark) if not no_null(m.json)], [])

    def test_a_pulled_cable_and_an_unplugged_adapter_come_back_by_themselves(self):
        refused_ = (r"127\.0\.0\.1 refuses the connection on port \d+\. Is Modbus TCP switched on there, and the port "
                    r"right\?")
        said = {TCP: ("bus.refused", refused_), RTU_TCP: ("bus.refused", refused_),
                RTU: ("bus.port_missing", r"There is no serial port \S+/adapter\. Is the adapter plugged in\?")}
        for line, (code, sentence) in said.items():
            for _ in range(2):
                mark = self.client.mark()
                self.gateway.control(f"unplug {line}")
                self.line_in_error(line, code, sentence)
                for device in self.gateway.of(line):
                    nulls = [m for m in self.since(device.instant, mark) if not no_null(m.json)]
                    self.assertEqual(len(nulls), 1, nulls)
                again = self.client.mark()
                self.gateway.control(f"plug {line}")
                self.assert_line_well(line, again)
                self.assert_others_felt_nothing(line, mark)

    def test_a_converter_that_takes_one_connection_only(self):
        for line in (TCP, RTU_TCP):
            mark = self.client.mark()
            self.gateway.control(f"alone {line} on")
            with self.gateway.take_the_seat(line):
                self.line_in_error(line, "bus.closed", r"127\.0\.0\.1 closed the connection instead of answering\. Does "
                                   r"another program use it\? Some converters take one connection only\.")
                again = self.client.mark()
            self.assert_line_well(line, again)
            self.gateway.control(f"alone {line} off")
            self.assert_others_felt_nothing(line, mark)

    def test_a_half_open_connection_is_given_up(self):
        """As after a converter's power cut: it knows nothing of the connection, and nothing tells the gateway so."""
        for line in (TCP, RTU_TCP):
            mark = self.client.mark()
            self.gateway.control(f"forget {line}")
            self.assert_line_well(line, mark)
            self.assert_others_felt_nothing(line, mark)

    def assert_line_well(self, line, after):
        for device in self.gateway.of(line):
            self.client.wait(device.instant, no_null, timeout=60, after=after)
            self.client.wait(device.status, lambda s: s["state"] == "on" and s["reason"] is None)
        self.client.wait(f"bus/{line}/status", lambda s: s["state"] == "on")


if __name__ == "__main__":
    harness.main()
