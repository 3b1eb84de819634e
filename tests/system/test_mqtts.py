#!/usr/bin/python3
"""MQTT over TLS for accounts of other programs, spoken by Mosquitto's own clients."""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import unittest

import harness
from harness import Edgewatt

NOT_AUTHORISED = re.compile(r"not authori[sz]ed", re.IGNORECASE)


def program(name):
    return shutil.which(name) or harness.skip(f"{name} is not installed (package mosquitto-clients)")


class OverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sub, cls.pub = program("mosquitto_sub"), program("mosquitto_pub")
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), demo=False, simulate=False,
                                                      options=["--https", "0", "--mqtts", "0"]))
        cls.port = cls.edgewatt.run_json["mqtts"]["port"]
        cls.certificate = os.path.join(cls.edgewatt.data, "run/certificate.pem")

    def arguments(self, name, password, *more, host="localhost", secure=True):
        tls = ["--cafile", self.certificate] if secure else []
        return ["-V", "mqttv5", "-h", host, "-p", str(self.port), *tls, "-u", name, "-P", password, *more]

    def read(self, name, password, topic, within_s=harness.PATIENCE_S, **more):
        return subprocess.run([self.sub, *self.arguments(name, password, "-t", f"{self.edgewatt.base}/{topic}", "-C", "1",
                                                         "-W", str(int(within_s)), **more)],
                              capture_output=True, text=True, check=False)

    def send(self, name, password, topic, text):
        return subprocess.run([self.pub, *self.arguments(name, password, "-q", "1", "-d", "-t", f"{self.edgewatt.base}/{topic}",
                                                         "-m", text)], capture_output=True, text=True, check=False)

    def test_both_roles_read_and_only_one_commands(self):
        for role in ("read", "command"):
            with self.subTest(role):
                name, password = self.edgewatt.account(role)
                read = self.read(name, password, "service/poller/status")
                self.assertEqual((read.returncode, json.loads(read.stdout)["online"]), (0, True), read.stderr)
                # The address that the certificate names too.
                self.assertEqual(self.read(name, password, "service/web/status", host="127.0.0.1").returncode, 0)
                sent = self.send(name, password, "device/10/command", '{"id":"1","output":1,"on":true}')
                refused = NOT_AUTHORISED.search(sent.stdout + sent.stderr) is not None
                self.assertEqual(refused, role == "read", sent.stdout + sent.stderr)
                # A set-point is nobody's but the controller's.
                sent = self.send(name, password, "device/10/setpoint", "{}")
                self.assertRegex(sent.stdout + sent.stderr, NOT_AUTHORISED)

    def test_a_command_that_came_over_tls_arrives(self):
        name, password = self.edgewatt.account("command")
        poller = self.edgewatt.mqtt("controller")
        self.assertLess(poller.subscribe("device/+/command"), 128)
        self.send(name, password, "device/10/command", '{"id":"77","output":1,"on":true}')
        self.assertEqual(poller.wait("device/+/command", lambda p: p and p["id"] == "77").topic, "device/10/command")

    def test_nobody_without_account_or_certificate(self):
        name, password = self.edgewatt.account("read")
        self.assertNotEqual(self.read(name, "x" * 43, "service/+/status").returncode, 0)
        self.assertNotEqual(self.read("nobody", password, "service/+/status").returncode, 0)
        anonymous = subprocess.run([self.sub, "-h", "localhost", "-p", str(self.port), "--cafile", self.certificate, "-t", "#", "-C",
                                    "1", "-W", "20"], capture_output=True, text=True, check=False)
        self.assertRegex(anonymous.stdout + anonymous.stderr, NOT_AUTHORISED)
        # Without TLS nothing is understood, and what is older than TLS 1.2 is refused.
        self.assertNotEqual(self.read(name, password, "service/+/status", within_s=4, secure=False).returncode, 0)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE_S) as plain, self.assertRaises((ssl.SSLError, OSError)):
            old.wrap_socket(plain).close()

    def test_the_certificate_is_the_pages_own_and_only_its_public_part_is_shown(self):
        https = self.edgewatt.run_json["https"]["port"]
        with open(self.certificate, encoding="ascii") as file:
            shown = file.read()
        self.assertNotIn("KEY", shown)
        certificates = [ssl.get_server_certificate(("127.0.0.1", port)) for port in (https, self.port)]
        self.assertEqual([one.strip() for one in certificates], 2 * [shown.strip()])
        for path in ("secrets/web.pem", "run/broker/tls.pem"):
            self.assertEqual(os.stat(os.path.join(self.edgewatt.data, path)).st_mode & 0o777, 0o600, path)

    def test_the_account_command_says_how_to_connect_and_it_works(self):
        said = self.edgewatt.edgewatt("account", "add", "reader", "--role", "read", "--data", self.edgewatt.data).stdout
        password = said.split()[-1]
        lines = [line.strip() for line in said.splitlines() if line.strip().startswith("mosquitto_sub")]
        self.assertEqual(len(lines), 2)
        for line in lines:
            words = [word.strip("'") for word in line.split()]
            typed = {"PASSWORD": password, "THIS_MACHINE": "localhost", "certificate.pem": self.certificate}
            words = [typed.get(word, word) for word in words]
            words[words.index("-t") + 1] = f"{self.edgewatt.base}/service/web/status"
            done = subprocess.run([self.sub, *words[1:], "-C", "1", "-W", "20"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('"online":true', done.stdout)

    def test_the_plain_port_stays_on_loopback(self):
        found = []
        for line in subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.splitlines():
            address, _, port = line.split()[3].rpartition(":")
            if int(port) == self.edgewatt.run_json["mqtt"]["port"]:
                found.append(address)
        self.assertEqual(found, ["127.0.0.1"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
