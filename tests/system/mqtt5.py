"""A small MQTT 5 client for tests that care about every reason code: packets out, packets in, nothing hidden.
Sections are those of the MQTT 5.0 standard."""
import socket
import struct
import time

from waiting import PATIENCE_S

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14)
NOT_AUTHORIZED = 0x87
BATCH = 15  # less than any receive maximum


def varint(n):
    out = b""
    while True:
        out += bytes([n % 128 | (128 if n > 127 else 0)])
        n //= 128
        if n == 0:
            return out


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


class Refused(Exception):
    """The CONNACK said no; args[0] is its reason code."""


class Client:
    def __init__(self, port, user, password, client_id=None, timeout=PATIENCE_S, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.next_id = 1
        self.messages = []  # (topic, payload, retained, properties)
        self.disconnected = None
        ident = client_id if client_id is not None else ""
        self.send(CONNECT, 0, text("MQTT") + bytes([5, 0xC2, 0, 60, 0]) + text(ident) + text(user) + text(password))
        kind, body = self.packet()
        if kind != CONNACK or body[1] != 0:
            self.sock.close()
            raise Refused(body[1] if kind == CONNACK else None)

    # ---- packets
    def send(self, kind, flags, body):
        self.sock.sendall(bytes([kind << 4 | flags]) + varint(len(body)) + body)

    def need(self, count):
        while len(self.buffer) < count:
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError("the broker closed the connection")
            self.buffer += got

    def packet(self):
        self.need(2)
        length, shift, at = 0, 0, 1
        while True:
            self.need(at + 1)
            byte = self.buffer[at]
            length |= (byte & 127) << shift
            shift += 7
            at += 1
            if byte < 128:
                break
        self.need(at + length)
        kind, flags = self.buffer[0] >> 4, self.buffer[0] & 15
        body = self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        if kind == PUBLISH:
            self.take(flags, body)
            return self.packet()
        if kind == DISCONNECT:
            self.disconnected = body[0] if body else 0
        return kind, body

    def take(self, flags, body):
        size = struct.unpack(">H", body[:2])[0]
        topic, at = body[2:2 + size].decode(), 2 + size
        if flags >> 1 & 3:
            ident = body[at:at + 2]
            at += 2
            self.send(PUBACK, 0, ident)
        length, shift = 0, 0
        while True:
            byte = body[at]
            length |= (byte & 127) << shift
            shift += 7
            at += 1
            if byte < 128:
                break
        self.messages.append((topic, body[at + length:], bool(flags & 1), body[at:at + length]))

    def ident(self):
        self.next_id = self.next_id % 65000 + 1
        return self.next_id

    # ---- what tests do
    def publish(self, topics, payload=b"x", retain=False, properties=b""):
        """QoS 1; the PUBACK's reason code of each topic."""
        codes = {}
        topics = list(topics)
        for start in range(0, len(topics), BATCH):
            waiting = {}
            for topic in topics[start:start + BATCH]:
                ident = self.ident()
                waiting[ident] = topic
                self.send(PUBLISH, 2 | retain,
                          text(topic) + struct.pack(">H", ident) + varint(len(properties)) + properties + payload)
            while waiting:
                kind, body = self.packet()
                if kind == DISCONNECT:
                    raise ConnectionError(f"disconnected, reason {self.disconnected:#x}")
                if kind == PUBACK:
                    code = body[2] if len(body) > 2 else 0
                    codes[waiting.pop(struct.unpack(">H", body[:2])[0])] = code
        return codes

    def subscribe(self, filters, qos=1):
        codes = {}
        for one in filters:
            ident = self.ident()
            self.send(SUBSCRIBE, 2, struct.pack(">H", ident) + b"\0" + text(one) + bytes([qos]))
            kind = None
            while kind != SUBACK:
                kind, body = self.packet()
                if kind == DISCONNECT:
                    raise ConnectionError(f"disconnected, reason {self.disconnected:#x}")
            codes[one] = body[3]
        return codes

    def unsubscribe(self, one):
        ident = self.ident()
        self.send(UNSUBSCRIBE, 2, struct.pack(">H", ident) + b"\0" + text(one))
        kind = None
        while kind != UNSUBACK:
            kind, body = self.packet()
        return body[3]

    def flush(self):
        """Everything that the broker had sent before is in `messages` afterwards."""
        self.send(PINGREQ, 0, b"")
        while self.packet()[0] != PINGRESP:
            pass

    def wait(self, wanted, timeout=PATIENCE_S):
        """The first message (kept or new) for which wanted(topic, payload) is true."""
        end = time.monotonic() + timeout
        seen = 0
        while True:
            for message in self.messages[seen:]:
                seen += 1
                if wanted(message[0], message[1]):
                    return message
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no such message within %g s" % timeout)
            self.sock.settimeout(left)
            before = len(self.messages)
            try:
                self.send(PINGREQ, 0, b"")
                while len(self.messages) == before and self.packet()[0] != PINGRESP:
                    pass
                if len(self.messages) == before:
                    self.need(1)
                    kind = self.buffer[0] >> 4
                    if kind == PUBLISH:
                        continue
            except socket.timeout:
                pass
            finally:
                self.sock.settimeout(PATIENCE_S)

    def until_closed(self, timeout=PATIENCE_S):
        """Waits until the broker ends the connection; its DISCONNECT reason, None without one."""
        self.sock.settimeout(timeout)
        try:
            while True:
                self.packet()
        except ConnectionError:
            return self.disconnected

    def close(self):
        try:
            self.send(DISCONNECT, 0, b"")
        except OSError:
            pass
        self.sock.close()
