"""The poller alone against a broker of the test's own: configuration is published as `config` would, slaves are the
test's. What devices answer is written down here, not taken from our own simulator."""

import json
import os
import shutil
import socket
import socketserver
import struct
import tempfile
import threading
import tty
import uuid

import harness
from harness import Broker, Client, paho

BUILD = harness.find_build()
PROGRAM = os.path.join(BUILD, "bin", "edgewatt")
BASE = "edgewatt/rig"


class Slave(socketserver.ThreadingTCPServer):
    """A Modbus TCP device. registers: {address: word}; an address that is not there is exception 2. `fault(request,
    answer)` may return other bytes, b"" for silence, None to close the connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_size = 12

    def __init__(self, registers=None, fault=None, port=0):
        self.registers, self.fault = dict(registers or {}), fault
        self.requests, self.refused, self.connections, self.open = 0, 0, 0, []
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def put_float(self, address, value):
        self.registers[address], self.registers[address + 1] = struct.unpack(">HH", struct.pack(">f", value))

    def answer_pdu(self, pdu):
        function, address, count = struct.unpack(">BHH", pdu)
        words = [self.registers.get(a) for a in range(address, address + count)]
        if function in (3, 4) and None not in words:
            return bytes([function, 2 * count]) + struct.pack(f">{count}H", *words)
        self.refused += 1
        return bytes([function | 0x80, 2])

    def answer(self, request):
        pdu = self.answer_pdu(request[7:12])
        return request[:4] + struct.pack(">HB", len(pdu) + 1, request[6]) + pdu

    def stop(self):
        """As a device that loses its power: nobody listens, connections are gone."""
        self.shutdown()
        self.server_close()
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        slave = self.server
        slave.connections += 1
        slave.open.append(self.request)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting = b""
        while True:
            try:
                data = self.request.recv(4096)
            except OSError:
                return
            if not data:
                return
            waiting += data
            while len(waiting) >= slave.request_size:
                request, waiting = waiting[:slave.request_size], waiting[slave.request_size:]
                slave.requests += 1
                answer = slave.answer(request)
                if slave.fault and answer:
                    answer = slave.fault(request, answer)
                if answer is None:
                    return
                try:
                    self.request.sendall(answer)
                except OSError:
                    return


def crc(data):
    """CRC-16/MODBUS, low byte first (MODBUS over Serial Line V1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class RtuOverTcp(Slave):
    """The same behind a converter that passes RTU frames on: one unit answers, the others do not exist."""

    request_size = 8
    unit = 1

    def answer(self, request):
        if crc(request[:6]) != request[6:] or request[0] != self.unit:
            return b""
        frame = request[:1] + self.answer_pdu(request[1:6])
        return frame + crc(frame)


class SerialPort:
    """A serial port with devices on it: a pseudo terminal. `path` is what the poller opens."""

    def __init__(self, slave):
        self.slave = slave
        self.line, peer = os.openpty()
        tty.setraw(peer)
        self.path, self.peer = os.ttyname(peer), peer
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        waiting = b""
        while True:
            try:
                waiting += os.read(self.line, 256)
            except OSError:
                return
            while len(waiting) >= 8:
                request, waiting = waiting[:8], waiting[8:]
                answer = self.slave.answer(request)
                if self.slave.fault and answer:
                    answer = self.slave.fault(request, answer)
                self.slave.requests += 1
                try:
                    os.write(self.line, answer)
                except OSError:
                    return

    def close(self):
        os.close(self.peer)
        os.close(self.line)


def fill(slave):
    """What the profile METER reads."""
    slave.registers.update({a: 0 for a in range(0x180)})
    slave.put_float(0x00, 230.5)
    slave.put_float(0x06, 5.25)
    slave.put_float(0x34, -1234.25)
    slave.put_float(0x46, 50.02)
    slave.put_float(0x48, 72.5)
    return slave


def meter():
    return fill(Slave())


METER = {
    "id": "rig-meter", "version": "1.0", "family": "Tests", "model": "A meter that only the tests know",
    "kind": "meter", "confidence": "none", "limits": {"max_registers": 40, "holes": True},
    "registers": {
        "voltage_l1_n": {"fc": 4, "address": 0x00, "type": "f32", "unit": "V", "group": "instant"},
        "current_l1": {"fc": 4, "address": 0x06, "type": "f32", "unit": "A", "group": "instant"},
        "active_power": {"fc": 4, "address": 0x34, "type": "f32", "unit": "W", "group": "instant"},
        "frequency": {"fc": 4, "address": 0x46, "type": "f32", "unit": "Hz", "group": "instant"},
        "active_energy_import": {"fc": 4, "address": 0x48, "type": "f32", "scale": 1000, "unit": "Wh",
                                 "group": "energy"},
    },
}


class Watcher(Client):
    """Sees everything of the poller. Filters that overlap would bring every message twice."""

    def subscribe(self, topic, qos=1):
        if any(paho.topic_matches_sub(known, topic) for known in self._filters):
            return qos
        return super().subscribe(topic, qos)


class PollerCase(harness.TestCase):
    """A broker, a poller, and the two accounts that stand for config and for whoever looks on."""

    accounts = {}  # more of them: name -> password

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data, self.mark = os.path.join(self.folder, "data"), uuid.uuid4().hex
        for name in ("run", "secrets", "profiles"):
            os.makedirs(os.path.join(self.data, name), mode=0o700)
        self.broker = Broker(self.folder, {"poller": "p", "config": "c", "watcher": "w", **self.accounts}, self.mark)
        self.addCleanup(self.broker.stop)
        self.write("run/broker.json", {"host": "127.0.0.1", "port": self.broker.port, "base": BASE})
        self.write("secrets/poller.json", {"user": "poller", "password": "p"})
        self.write("profiles/rig-meter.json", METER)
        self.broker.start()
        self.config, self.watcher = self.client("config", "c"), self.client("watcher", "w", Watcher)
        self.watcher.subscribe("device/#")
        self.watcher.subscribe("bus/#")

    def write(self, name, content):
        with open(os.path.join(self.data, name), "w", encoding="utf-8") as file:
            json.dump(content, file)

    def client(self, user, password, kind=Client):
        client = kind("127.0.0.1", self.broker.port, user, password, BASE)
        self.addCleanup(client.close)
        return client

    def start_poller(self):
        return self.start_process("poller", [PROGRAM, "poller", "--data", self.data], mark=self.mark)

    def slave(self, *args, **more):
        slave = Slave(*args, **more)
        self.addCleanup(slave.stop)
        return slave

    def meter(self, kind=Slave):
        slave = fill(kind())
        self.addCleanup(slave.stop)
        return slave

    def set_bus(self, number, port, **more):
        bus = {"id": number, "name": f"Bus {number}", "type": "tcp", "address": "127.0.0.1", "port": port,
               "poll_ms": 200, "rev": 1, **more}
        self.config.publish(f"config/bus/{number}", bus, retain=True)

    def set_device(self, number, bus, profile="rig-meter", unit=1, **more):
        device = {"id": number, "bus": bus, "name": f"Device {number}", "profile": profile, "unit": unit, "rev": 1,
                  **more}
        self.config.publish(f"config/device/{number}", device, retain=True)

    def delete(self, kind, number):
        self.config.publish(f"config/{kind}/{number}", b"", retain=True)

    def wait_cleared(self, topic):
        """Until the topic's retained message is gone."""
        harness.wait_until(lambda: topic not in self.watcher.latest, what=f"{topic} cleared")

    def status(self, device, state, code=None):
        """The device's status, as soon as it is in that state (for that reason)."""
        return self.watcher.wait(f"device/{device}/status", lambda s: s["state"] == state and (
            s["reason"] is None if code is None else (s["reason"] or {}).get("code") == code)).json
