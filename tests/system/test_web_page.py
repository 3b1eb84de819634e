"""The web page as the web service serves it: headers, packing, places that do not exist, clients that misbehave."""

import gzip
import json
import os
import re
import socket
import tempfile
import time
import unittest

import harness
from browser_socket import Closed, connect, header, read_head
from harness import Edgewatt

NOT_THERE = [
    "/nothing", "/nothing.html", "/assets/", "/assets/nothing.js", "/manifest.json", "/index.html.gz", "/index.html/",
    "/../etc/passwd", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd",
    "/assets/../../../../../etc/passwd", "/assets/%2e%2e/manifest.json", "/assets/..%5c..%5cmanifest.json", "//etc/passwd",
    "/./manifest.json", "/.git/config", "/secrets/web.json", "/run/broker.json", "/site.json", "/assets", "/api", "/mqtt",
    "/index.html%00.js", "/%",
]


SOMEBODY = "127.0.0.9"  # where those who misbehave come from


class Memory:
    """What a process has come to need since; nothing under AddressSanitizer, which keeps what was freed."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            self.sanitized = "libasan" in file.read()
        self.pid, self.before = pid, harness.pss_bytes(pid)

    def grown(self):
        return 0 if self.sanitized else harness.pss_bytes(self.pid) - self.before


def exchange(port, data, tls=False, timeout=harness.PATIENCE_S):
    """Sends bytes; status, header lines and body of the first answer, (None, [], b"") when there was none."""
    with connect(port, tls=tls, timeout=timeout) as sock:
        sock.sendall(data)
        try:
            status, lines, body = read_head(sock)
        except (Closed, ConnectionResetError):
            return None, [], b""
        length = int(header(lines, "content-length") or 0)
        while len(body) < length:
            more = sock.recv(65536)
            if not more:
                break
            body += more
        return status, lines, body


def request(path, method="GET", headers=(), body=b"", host="127.0.0.1"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), simulate=False))
        cls.port = cls.edgewatt.read_run_json()["http"]["port"]
        cls.folder = os.path.join(cls.edgewatt.build, "share/edgewatt/web-spa")
        with open(os.path.join(cls.folder, "manifest.json"), encoding="utf-8") as file:
            cls.manifest = json.load(file)

    def get(self, path, **headers):
        return self.edgewatt.http(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def test_every_file_comes_as_it_was_built(self):
        self.assertGreater(len(self.manifest["files"]), 4)
        for entry in self.manifest["files"]:
            with self.subTest(entry["path"]), open(self.folder + entry["path"], "rb") as file:
                content = file.read()
                plain = self.get(entry["path"])
                packed = self.get(entry["path"], Accept_Encoding="br;q=1.0, gzip")
                refused = self.get(entry["path"], Accept_Encoding="gzip;q=0")
                self.assertEqual((plain.status, plain.body), (200, content))
                self.assertEqual(plain.headers["Content-Type"], entry["type"])
                self.assertIsNone(plain.headers["Content-Encoding"])
                self.assertIsNone(refused.headers["Content-Encoding"])
                if entry["gzip_size"] < entry["size"]:
                    self.assertEqual(packed.headers["Content-Encoding"], "gzip")
                    self.assertEqual(len(packed.body), entry["gzip_size"])
                    self.assertEqual(gzip.decompress(packed.body), content)
                    self.assertEqual(plain.headers["Vary"], "Accept-Encoding")
                lasting = "public, max-age=31536000, immutable" if entry["immutable"] else "no-cache"
                self.assertEqual(plain.headers["Cache-Control"], lasting)
        kinds = {entry["path"].rpartition(".")[2]: entry["type"] for entry in self.manifest["files"]}
        self.assertEqual({name: kinds[name] for name in ("js", "css", "html", "svg")},
                         {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
                          "html": "text/html; charset=utf-8", "svg": "image/svg+xml"})

    def test_index_is_asked_for_anew_and_costs_nothing_when_it_is_the_same(self):
        first = self.get("/")
        self.assertEqual(first.status, 200)
        self.assertEqual(first.body, self.get("/index.html").body)
        again = self.get("/", If_None_Match=first.headers["ETag"])
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(self.get("/", If_None_Match='"other"').status, 200)

    def test_places_of_the_page_are_the_page_for_people_only(self):
        typed = self.get("/installation/5", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
        self.assertEqual((typed.status, typed.body), (200, self.get("/").body))
        self.assertEqual(self.get("/installation/5", Accept="*/*").status, 404)

    def test_nothing_is_inline_and_nothing_comes_from_elsewhere(self):
        page = self.get("/").body.decode()
        self.assertNotRegex(page, r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=|javascript:")
        self.assertEqual([link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if not link.startswith("/assets/")],
                         [])

    def test_security_headers_are_on_every_answer(self):
        script = next(entry["path"] for entry in self.manifest["files"] if entry["path"].endswith(".js"))
        for path in ("/", script, "/nothing", "/api/session", "/api/nothing", "/api/health"):
            with self.subTest(path):
                answer = self.get(path)
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(answer.headers["X-Frame-Options"], "DENY")
                self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
                self.assertEqual(answer.headers["Cross-Origin-Opener-Policy"], "same-origin")
                self.assertIn("camera=()", answer.headers["Permissions-Policy"])
                policy = answer.headers["Content-Security-Policy"]
                self.assertRegex(policy, r"^default-src '(self|none)'")
                self.assertIn("frame-ancestors 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertIsNone(answer.headers["Server"])
        policy = self.get("/").headers["Content-Security-Policy"]
        self.assertIn(f"connect-src 'self' ws://127.0.0.1:{self.port} wss://127.0.0.1:{self.port};", policy)

    def test_host_cannot_write_headers(self):
        for host in ('a"; script-src *', "a b", "a;b", "(plain)", "(i", ":80", "a'b"):
            status, lines, _ = exchange(self.port, request("/", host=host, headers=["Connection: close"]))
            with self.subTest(host):
                self.assertEqual(status, 200)
                self.assertIn("connect-src 'self';", header(lines, "content-security-policy"))

    def test_only_named_files_can_be_reached(self):
        for path in NOT_THERE:
            status, _, body = exchange(self.port, request(path, headers=["Connection: close"]))
            with self.subTest(path):
                self.assertIn(status, (None, 400, 403, 404))
                self.assertNotIn(b"root:", body)
                self.assertNotIn(b"password", body)

    def test_methods_that_do_not_fit_are_refused(self):
        self.assertEqual(self.edgewatt.http("/", method="HEAD").status, 200)
        self.assertEqual(self.edgewatt.http("/", method="HEAD").body, b"")
        self.assertEqual(self.edgewatt.http("/", body={}).status, 405)
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = self.edgewatt.http("/api/session", method=method)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)

    def test_health_says_little(self):
        answer = self.get("/api/health")
        self.assertEqual((answer.status, answer.json), (200, {"ok": True, "broker": True}))

    def test_bytes_that_are_no_request_end_the_connection(self):
        for name, data in {
            "noise": bytes(range(256)) * 8,
            "CONNECT": b"CONNECT 127.0.0.1:1883 HTTP/1.1\r\nHost: a\r\n\r\n\x10\x0c\x00\x04MQTT",
            "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
            "a header of 30 kB": request("/", headers=["X: " + "a" * 30000]),
            "an address of 30 kB": request("/" + "a" * 30000),
            "another site's address": request("http://evil/"),
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        }.items():
            with self.subTest(name), connect(self.port) as sock:
                sock.sendall(data)
                answer = b""
                try:
                    while more := sock.recv(65536):
                        answer += more
                except ConnectionResetError:
                    pass
                self.assertNotIn(b" 200 ", answer.split(b"\r\n")[0])
        self.assertEqual(self.get("/").status, 200)

    def test_upgrade_to_http2_is_refused(self):
        status, _, _ = exchange(self.port, request("/", headers=[
            "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]))
        self.assertIn(status, (404, 426))

    def test_requests_one_behind_the_other_are_answered_in_turn(self):
        with connect(self.port) as sock:
            sock.sendall(request("/api/session") * 5 + request("/api/health", headers=["Connection: close"]))
            answer = b""
            while more := sock.recv(65536):
                answer += more
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answer)]
        self.assertEqual(statuses, [401] * 5 + [200])

    def test_who_sends_on_and_on_and_does_not_read_costs_nothing(self):
        large = max(self.manifest["files"], key=lambda entry: entry["size"])["path"]
        memory = Memory(self.edgewatt.pids()["web"])
        clients = []
        for _ in range(20):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind((SOMEBODY, 0))
            sock.connect(("127.0.0.1", self.port))
            sock.setblocking(False)
            clients.append(sock)
        sent, data, begun = 0, request(large) * 2000, time.monotonic()
        busy = self.busy_s()
        while time.monotonic() < begun + 2:
            for sock in clients:
                try:
                    sent += sock.send(data)
                except BlockingIOError:
                    pass
            self.assertEqual(self.get("/api/health").status, 200)
            time.sleep(0.05)
        self.assertGreater(sent, 1 << 20)
        self.assertLess(memory.grown(), 16 << 20)
        self.assertLess(self.busy_s() - busy, 0.5 * (time.monotonic() - begun))

    def busy_s(self):
        """Seconds of a processor that the web service has used."""
        with open(f"/proc/{self.edgewatt.pids()['web']}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def test_slow_senders_are_let_go_and_hold_nobody_up(self):
        """400 connections of one address that send a byte now and then: nobody else waits, and they are all ended."""
        slow = []
        for number in range(400):
            sock = connect(self.port, source=SOMEBODY)
            self.addCleanup(sock.close)
            sock.sendall(b"GET / HTTP/1.1\r\nX-" if number % 2 else
                         b"POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 100\r\n\r\n{")
            sock.setblocking(False)
            slow.append(sock)
        begun, waits = time.monotonic(), []
        while slow and time.monotonic() - begun < harness.PATIENCE_S:
            asked = time.monotonic()
            self.assertEqual(self.get("/api/health").status, 200)
            waits.append(time.monotonic() - asked)
            slow = [sock for sock in slow if self.drip(sock)]
            time.sleep(0.1)  # what makes them slow
        self.assertEqual(len(slow), 0)
        self.assertLess(sorted(waits)[len(waits) // 2], 1.5)
        self.assertGreater(time.monotonic() - begun, 5)

    @staticmethod
    def drip(sock):
        """Sends a byte more; False when the other side has ended it."""
        try:
            sock.send(b"a")
            while sock.recv(4096):
                pass
            return False
        except BlockingIOError:
            return True
        except ConnectionError:
            return False


class NotBuilt(unittest.TestCase):
    def test_a_missing_page_says_how_to_build_it(self):
        build = harness.find_build()
        share = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "edgewatt")
        os.mkdir(share)
        for name in os.listdir(os.path.join(build, "share/edgewatt")):
            if name != "web-spa":
                os.symlink(os.path.realpath(os.path.join(build, "share/edgewatt", name)), os.path.join(share, name))
        with Edgewatt(harness.small_site(devices=1), simulate=False, env={"EDGEWATT_SHARE": share}) as edgewatt:
            answer = edgewatt.http("/")
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (503, "text/plain; charset=utf-8"))
            self.assertIn(b"npm run build", answer.body)
            self.assertEqual(edgewatt.http("/api/session").status, 401)


if __name__ == "__main__":
    harness.main()
