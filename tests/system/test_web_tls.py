"""HTTPS: the certificate made on first start, HTTP that only leads there, and all of the page over TLS."""

import datetime
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import stat
import unittest

import harness
from browser_socket import BrowserSocket, MqttReader, Refused, connect_packet
from harness import CODES, Edgewatt


def context(**settings):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    for name, value in settings.items():
        setattr(made, name, value)
    return made


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(
            Edgewatt(harness.small_site(devices=1), demo=False, simulate=False, options=("--https", "0")))
        cls.port = cls.edgewatt.read_run_json()["https"]["port"]
        cls.pem = os.path.join(cls.edgewatt.data, "secrets/web.pem")

    def ask(self, path, body=None, headers=None, tls=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=harness.PATIENCE_S, context=tls or context())
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def login(self):
        pin, puk = CODES["user"]
        answer, _ = self.ask("/api/login", {"pin": pin, "puk": puk})
        self.assertEqual(answer.status, 200)
        return answer.getheader("Set-Cookie")

    def test_plain_http_only_leads_to_https(self):
        for path in ("/", "/index.html", "/installation/5", "/api/session"):
            answer = self.edgewatt.http(path)
            self.assertEqual((answer.status, answer.headers["Location"]), (307, f"https://127.0.0.1:{self.port}{path}"))
        for path in ("/api/login", "/api/logout", "/"):
            self.assertEqual(self.edgewatt.http(path, body={"pin": "99999"}).status, 403)
        odd = self.edgewatt.http("/", headers={"Host": "a b"})
        self.assertEqual((odd.status, odd.headers["Location"]), (403, None))
        with self.assertRaises(Refused):
            BrowserSocket(self.edgewatt.read_run_json()["http"]["port"])

    def test_the_page_comes_over_tls_with_its_headers(self):
        answer, content = self.ask("/")
        with open(os.path.join(self.edgewatt.build, "share/edgewatt/web-spa/index.html"), "rb") as file:
            self.assertEqual((answer.status, content), (200, file.read()))
        self.assertEqual(answer.getheader("X-Frame-Options"), "DENY")
        self.assertIn(f"wss://127.0.0.1:{self.port}", answer.getheader("Content-Security-Policy"))

    def test_only_todays_tls_and_http_1(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = context(minimum_version=version, maximum_version=version)
            old.set_ciphers("DEFAULT:@SECLEVEL=0")  # the client is willing
            with self.assertRaisesRegex(ssl.SSLError, "ALERT_PROTOCOL_VERSION|ALERT PROTOCOL VERSION"):
                self.ask("/", tls=old)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            offer = context(minimum_version=version, maximum_version=version)
            offer.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE_S) as plain, \
                    offer.wrap_socket(plain) as sock:
                self.assertEqual(sock.selected_alpn_protocol(), "http/1.1")

    def test_the_certificate_is_made_for_this_machine_and_kept(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.pem).st_mode), 0o600)
        text = harness.run(["openssl", "x509", "-in", self.pem, "-noout", "-text"]).stdout
        for part in ("NIST CURVE: P-256", "DNS:localhost", "IP Address:127.0.0.1", "CA:FALSE", "TLS Web Server Authentication",
                     f"DNS:{socket.gethostname()}"):
            self.assertIn(part, text)
        until = datetime.datetime.strptime(re.search(r"Not After : (.*) GMT", text)[1], "%b %d %H:%M:%S %Y")
        days = (until - datetime.datetime.utcnow()).days
        self.assertTrue(3600 < days < 3700, days)
        shown = ssl.get_server_certificate(("127.0.0.1", self.port))
        with open(self.pem, encoding="ascii") as file:
            self.assertIn(shown.strip(), file.read())
        pid = self.edgewatt.kill("web")
        self.edgewatt.wait_pid("web", other_than=pid)
        harness.wait_port(self.port)
        harness.wait_until(lambda: self.ask("/api/health")[0].status == 200, what="web and the broker together again")
        self.assertEqual(hashlib.sha256(ssl.get_server_certificate(("127.0.0.1", self.port)).encode()).digest(),
                         hashlib.sha256(shown.encode()).digest())

    def test_the_cookie_stays_on_tls(self):
        flags = self.login().split("; ")[1:]
        self.assertEqual(sorted(flags), ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"])

    def test_mqtt_goes_over_tls_too(self):
        cookie = self.login().split(";")[0]
        opened = BrowserSocket(self.port, cookie=cookie, tls=True)
        user, password = self.edgewatt.secret("supervisor")
        opened.send(connect_packet("over-tls", user, password))
        kind, body = MqttReader(opened).next()
        self.assertEqual((kind, body[1]), (0x20, 0))
        opened.close()
        for origin in (f"http://127.0.0.1:{self.port}", "https://127.0.0.1"):
            with self.assertRaises(Refused) as refused:
                BrowserSocket(self.port, cookie=cookie, tls=True, origin=origin)
            self.assertEqual(refused.exception.status, 403)

    def test_many_half_open_handshakes_hold_nobody_up(self):
        silent = []
        for _ in range(150):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.bind(("127.0.0.9", 0))
            sock.connect(("127.0.0.1", self.port))
            sock.sendall(b"\x16\x03\x01\x02\x00")
            silent.append(sock)
        self.assertEqual(self.ask("/")[0].status, 200)
        for sock in silent:
            sock.settimeout(harness.PATIENCE_S)
            try:
                while sock.recv(100):
                    pass
            except ConnectionError:
                pass


class DamagedCertificate(unittest.TestCase):
    def test_a_file_that_is_no_certificate_is_named_and_left_alone(self):
        with Edgewatt(harness.small_site(devices=1), demo=False, simulate=False, options=("--https", "0")) as edgewatt:
            edgewatt.stop()
            pem = os.path.join(edgewatt.data, "secrets/web.pem")
            with open(pem, encoding="ascii") as file:
                good = file.read()
            key, certificate = good.split("-----BEGIN CERTIFICATE-----")
            for damaged in ("", "junk\n", key, "-----BEGIN CERTIFICATE-----" + certificate, good[:400]):
                with open(pem, "w", encoding="ascii") as file:
                    file.write(damaged)
                done = edgewatt.edgewatt("web", "--data", edgewatt.data, "--http", "0", "--https", "0", check=False)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"secrets/web\.pem: is not a private key and its certificate")
                with open(pem, encoding="ascii") as file:
                    self.assertEqual(file.read(), damaged)


if __name__ == "__main__":
    harness.main()
