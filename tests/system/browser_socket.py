"""A WebSocket as a browser opens it, byte by byte: tests send what no library would."""
import base64
import hashlib
import os
import socket
import ssl
import struct

from waiting import PATIENCE_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The upgrade was answered with something else than 101."""

    def __init__(self, status, head, body):
        super().__init__(f"status {status}: {body[:200]!r}")
        self.status, self.head, self.body = status, head, body


class Closed(Exception):
    """The other side closed; code is None when the connection just broke."""

    def __init__(self, code, text):
        super().__init__(f"closed with {code} {text}")
        self.code, self.text = code, text


def connect(port, address="127.0.0.1", source=None, tls=False, timeout=PATIENCE_S, receive_buffer=None):
    sock = socket.socket()
    sock.settimeout(timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    sock.connect((address, port))
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sock = context.wrap_socket(sock, server_hostname=address)
    return sock


def read_head(sock):
    """Status, lines of the header, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(4096)
        if not more:
            raise Closed(None, "before the header was complete: " + repr(data))
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    return int(lines[0].split()[1]), lines[1:], rest


def header(lines, name):
    values = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith(name.lower() + ":")]
    return values[0] if values else None


class BrowserSocket:
    def __init__(self, port, cookie=None, origin="own", path="/mqtt", protocol="mqtt", version="13", source=None,
                 tls=False, host=None, timeout=PATIENCE_S, receive_buffer=None):
        self.sock = connect(port, source=source, tls=tls, timeout=timeout, receive_buffer=receive_buffer)
        host = host or f"127.0.0.1:{port}"
        if origin == "own":
            origin = f"{'https' if tls else 'http'}://{host}"
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Version: {version}"]
        lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
        lines += [f"Origin: {origin}"] if origin else []
        lines += [f"Cookie: {cookie}"] if cookie else []
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        status, head, self.pending = read_head(self.sock)
        if status != 101:
            length = int(header(head, "content-length") or 0)
            while len(self.pending) < length:
                more = self.sock.recv(4096)
                if not more:
                    break
                self.pending += more
            self.sock.close()
            raise Refused(status, head, self.pending)
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert header(head, "sec-websocket-accept") == accept.decode(), head
        assert header(head, "sec-websocket-protocol") == protocol, head

    def send_frame(self, opcode, payload, final=True):
        size = len(payload)
        head = bytes([opcode | (0x80 if final else 0)])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += struct.pack(">BH", 0x80 | 126, size)
        else:
            head += struct.pack(">BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        self.sock.sendall(head + mask + whole.to_bytes(size, "big"))

    def send(self, payload):
        self.send_frame(BINARY, payload)

    def _take(self, size):
        while len(self.pending) < size:
            try:
                more = self.sock.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                raise Closed(None, "the connection broke")
            self.pending += more
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def receive(self):
        """The payload of the next data frame; answers pings; raises Closed."""
        while True:
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack(">H", self._take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._take(8))[0]
            payload = self._take(size)
            opcode = first & 0x0F
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                self.sock.close()
                raise Closed(code, payload[2:].decode())
            elif opcode != PONG:
                return payload

    def close(self):
        self.sock.close()


# ---- MQTT 5, as much as these tests say themselves ------------------------------------------------------------

def _length(size):
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (0x80 if size else 0)])
        if not size:
            return out


def _text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    return bytes([kind]) + _length(len(body)) + body


def connect_packet(client_id, user=None, password=None, keep_alive_s=60):
    flags = 0x02 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = _text("MQTT") + bytes([5, flags]) + struct.pack(">H", keep_alive_s) + b"\0" + _text(client_id)
    body += _text(user) if user is not None else b""
    body += _text(password) if password is not None else b""
    return packet(0x10, body)


def publish_packet(topic, payload):
    return packet(0x30, _text(topic) + b"\0" + payload)


def subscribe_packet(topic_filter, packet_id=1):
    return packet(0x82, struct.pack(">H", packet_id) + b"\0" + _text(topic_filter) + b"\0")


class MqttReader:
    """Cuts what a socket receives into packets, wherever the frames end."""

    def __init__(self, websocket):
        self.websocket, self.data = websocket, b""

    def _need(self, size):
        while len(self.data) < size:
            self.data += self.websocket.receive()

    def next(self):
        """(first byte, body) of the next packet."""
        self._need(2)
        size, shift, at = 0, 0, 1
        while True:
            self._need(at + 1)
            digit = self.data[at]
            size |= (digit & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not digit & 0x80:
                break
        self._need(at + size)
        kind, body = self.data[0], self.data[at:at + size]
        self.data = self.data[at + size:]
        return kind, body
