"""The export folder over FTP (REC-05): ProFTPD behind the gateway's own door, with curl, lftp and by hand."""
import ftplib
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile

import harness
from harness import Edgewatt

PASSWORD, NEXT = "Kastanje-7-oak", "Wilg/.8=birch/..x"


def curl(port, password, path="", *more, user="wsmeasure", data=None, tls=False):
    """(exit code, what came). The password goes in on standard input, as a person would keep it off the process list."""
    args = ["curl", "-sS", "--max-time", "20", "--disable-eprt", "-K", "-", *(["-k", "--ssl-reqd"] if tls else []), *more,
            f"ftp://127.0.0.1:{port}/{path}"]
    with tempfile.NamedTemporaryFile() as file:
        if data is not None:
            file.write(data)
            file.flush()
            args[1:1] = ["-T", file.name]
        done = subprocess.run(args, input=f'user = "{user}:{password}"\n'.encode(), capture_output=True, timeout=harness.PATIENCE_S, check=False)
    return done.returncode, done.stdout.decode()


class Talk:
    """One control connection, byte for byte."""

    def __init__(self, port, password=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=harness.PATIENCE_S)
        self.file = self.socket.makefile("rb")
        self.hello = self.answer()
        if password:
            self.say(b"USER wsmeasure")
            self.login = self.say(b"PASS " + password.encode())

    def answer(self):
        first = self.file.readline().decode("utf-8", "replace")
        line = first
        while line[3:4] == "-" or (line and not line[:3].isdigit()):
            line = self.file.readline().decode("utf-8", "replace")
        return first

    def say(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.answer()

    def data(self, line, payload=None):
        """The final answer, and what came over the data connection."""
        port = int(re.search(r"\|\|\|(\d+)\|", self.say(b"EPSV")).group(1))
        assert 49200 <= port <= 49231, port
        with socket.create_connection(("127.0.0.1", port), timeout=harness.PATIENCE_S) as data:
            first = self.say(line)
            if first[:1] != "1":
                return first, b""
            if payload is not None:
                data.sendall(payload)
                data.shutdown(socket.SHUT_WR)
            got = b"" if payload is not None else data.makefile("rb").read()
        return self.answer(), got

    def close(self):
        self.socket.close()
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def put(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode, encoding=None if "b" in mode else "utf-8") as file:
        file.write(text)


MADE_BY_THE_RECORDER = ("energy", "eqcheck", "gas", "overallTotal", "settings", "water")


def tree(folder):
    names = sorted(os.path.relpath(os.path.join(at, name), folder) for at, folders, files in os.walk(folder) for name in folders + files)
    return [name for name in names if name.split("/")[0] not in MADE_BY_THE_RECORDER]


class Ftp(harness.TestCase):
    def refused(self, client, code, **args):
        with self.assertRaises(harness.CallError) as caught:
            client.call("config", "ftp_change", args)
        self.assertEqual(caught.exception.code, code)

    def state(self, client, state, code=None):
        return client.wait("service/ftp/status", lambda p: p.get("ftp", {}).get("state") == state
                           and p["ftp"].get("reason", {}).get("code") == code).json["ftp"]

    def test_everything_that_a_person_does(self):
        with Edgewatt(harness.small_site(), demo=False, simulate=False) as edgewatt:
            client = edgewatt.mqtt("console")
            self.off_until_the_password_is_changed(edgewatt, client)
            port = self.state(client, "on")["port"]
            self.assertEqual(port, edgewatt.read_run_json()["ftp"]["port"])
            export = self.plant(edgewatt)
            self.reads(port, export)
            self.drops_only_a_backup(port, export)
            self.stays_in_its_folder(port, export)
            self.ends_with_its_password(edgewatt, client, port)
            self.is_slowed_down(client, port)
            self.comes_back(edgewatt, client, port)
            client.call("config", "ftp_change", {"on": False})
            self.state(client, "off", "ftp.off")
            with self.assertRaises(OSError):
                Talk(port)

    def off_until_the_password_is_changed(self, edgewatt, client):
        self.state(client, "off", "ftp.default_password")
        with self.assertRaises(OSError):
            Talk(edgewatt.read_run_json()["ftp"]["port"])
        for password, code in (("", "length"), ("short7!", "length"), ("x" * 65, "length"), ("wsmeasure", "weak"), ("My-WsMeasure-1", "weak"),
                               ("aabbaabbaabb", "weak"), ("12345678", "weak"), ("hgfedcba", "weak"), ("naïve-résumé", "characters"),
                               ("two words here", "characters")):
            if code:
                self.refused(client, f"ftp.password_{code}", password=password)
        self.refused(client, "json.unknown_key", user="root")
        client.subscribe("audit/event")
        answer = client.call("config", "ftp_change", {"password": PASSWORD})
        self.assertEqual(answer, {"on": True, "plain": True, "changed": True})
        event = client.wait("audit/event", lambda p: p["what"] == "ftp_change").json
        self.assertEqual(event["changes"][0]["new"], {"on": True, "plain": True, "password_changed": True})
        for at, _, names in os.walk(edgewatt.data):  # no clear password on the disk, and hashes are their owner's alone
            for name in names:
                path = os.path.join(at, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        self.assertNotIn(PASSWORD.encode(), file.read(), path)
        self.state(client, "on")
        for name in ("passwd", "proftpd.conf", "tls.pem"):
            self.assertEqual(os.stat(os.path.join(edgewatt.data, "run/ftp", name)).st_mode & 0o777, 0o600)
        with open(os.path.join(edgewatt.data, "run/ftp/passwd"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"^wsmeasure:\$y\$")

    def plant(self, edgewatt):
        export = os.path.join(edgewatt.data, "export")
        put(os.path.join(export, "devices/10/2026_11.csv"), "time;energy\n1;2\n")
        put(os.path.join(export, "secret/.hidden/inner"), "hidden")
        put(os.path.join(export, ".secret"), "hidden")
        put(os.path.join(export, "database.zip"), "old")
        for name, target in (("outside", "/etc"), ("passwd", "/etc/passwd"), ("site", "../site.json"), ("secrets", "../secrets"),
                             ("devices/up", "../../run")):
            os.symlink(target, os.path.join(export, name))
        return export

    def reads(self, port, export):
        code, got = curl(port, PASSWORD)
        self.assertEqual(code, 0)
        self.assertIn("database.zip", got)
        self.assertNotIn(".secret", got)
        self.assertEqual(curl(port, PASSWORD, "devices/10/2026_11.csv"), (0, "time;energy\n1;2\n"))
        self.assertEqual(curl(port, PASSWORD, "devices/10/2026_11.csv", tls=True), (0, "time;energy\n1;2\n"))
        # The whole folder at once, as the manual's reader does it, over FTPS.
        with tempfile.TemporaryDirectory() as copy:
            script = (f"set ssl:verify-certificate no; set ftp:ssl-force true; set ftp:ssl-protect-data true; set net:max-retries 1; set net:timeout 60;"
                      f" open -u wsmeasure,{PASSWORD} -p {port} 127.0.0.1; mirror / {copy}; bye\n")
            done = subprocess.run(["lftp", "-f", "/dev/stdin"], input=script.encode(), capture_output=True, timeout=harness.PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([name for name in tree(copy) if name.endswith(("csv", "zip"))], ["database.zip", "devices/10/2026_11.csv"])
            self.assertFalse([name for name in tree(copy) if "hidden" in name or "passwd" in name or "site" in name])
        # It shows the gateway's own certificate, and no old TLS.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        with ftplib.FTP_TLS(context=tls, timeout=harness.PATIENCE_S) as ftp:
            ftp.connect("127.0.0.1", port)
            ftp.auth()
            shown = ssl.DER_cert_to_PEM_cert(ftp.sock.getpeercert(True))
            with open(os.path.join(export, "../run/certificate.pem"), encoding="utf-8") as file:
                self.assertEqual(shown.split(), file.read().split())

    def drops_only_a_backup(self, port, export):
        target = os.path.join(export, "database.zip")
        self.assertEqual(curl(port, PASSWORD, "database.zip", data=b"PK new")[0], 0)
        self.assertEqual(curl(port, PASSWORD, "database.zip", data=b"PK newer", tls=True)[0], 0)
        before = tree(export)
        with Talk(port, PASSWORD) as talk:
            self.assertEqual(talk.login[:3], "230")
            talk.say(b"TYPE I")
            for name in (b"other.zip", b"database.zip.exe", b"DATABASE.ZIP", b"devices/database.zip", b"devices/10/2026_11.csv", b".database.zip",
                         b".in.1.database.zip.", b"/devices/../devices/database.zip", b"outside/database.zip", b"secrets/web.pem", b"site",
                         b"database.zip\x00.csv", b"x" * 400, b"d\xffx", b"database.zip/x"):
                self.assertNotEqual(talk.data(b"STOR " + name, b"bad")[0][:1], "2" if b"\x00" not in name else "0", name)
            for line in (b"APPE database.zip", b"STOU", b"STOU database.zip"):
                self.assertEqual(talk.data(line, b"bad")[0][:1], "5", line)
            for line in (b"DELE database.zip", b"DELE devices/10/2026_11.csv", b"RNFR database.zip", b"RNTO x", b"MKD x", b"XMKD x", b"RMD devices",
                         b"SITE CHMOD 777 database.zip", b"SITE CHGRP 0 database.zip", b"SITE SYMLINK /etc x", b"SITE CPFR database.zip",
                         b"SITE EXEC id", b"SITE UTIME database.zip 20200101000000 20200101000000 20200101000000 UTC",
                         b"MFMT 20200101000000 database.zip", b"MFF modify=20200101000000; database.zip", b"CWD outside", b"CWD secrets", b"CWD secret/.hidden", b"CWD secret/.hidden/..", b"XCWD .secret"):
                self.assertEqual(talk.say(line)[:1], "5", line)
            # No part of an upload is ever seen, whether it is resumed, cut off or still under way.
            put(target, "whole")
            talk.say(b"REST 2")
            talk.data(b"STOR database.zip", b"XX")
            with open(target, encoding="utf-8") as file:
                self.assertIn(file.read(), ("whole", "XX"))
            put(target, "whole")
            passive = int(re.search(r"\|\|\|(\d+)\|", talk.say(b"EPSV")).group(1))
            with socket.create_connection(("127.0.0.1", passive), timeout=harness.PATIENCE_S) as data:
                self.assertEqual(talk.say(b"STOR database.zip")[:1], "1")
                data.sendall(b"half of it" * 1000)
                harness.wait_until(lambda: [name for name in os.listdir(export) if name.startswith(".in.")], what="an upload under way")
                with open(target, encoding="utf-8") as file:
                    self.assertEqual(file.read(), "whole")
                self.assertNotIn(".in.", curl(port, PASSWORD)[1])
                data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # the cable is pulled
                data.close()
                harness.wait_until(lambda: not [name for name in os.listdir(export) if name.startswith(".in.")], what="its end")
            with open(target, encoding="utf-8") as file:
                self.assertEqual(file.read(), "whole")
        self.assertEqual(tree(export), before)

    def stays_in_its_folder(self, port, export):
        with Talk(port, PASSWORD) as talk:
            talk.say(b"TYPE I")
            for path in (b"/etc/passwd", b"//etc/passwd", b"../site.json", b"../../../../etc/passwd", b"..%2fsite.json", b"%2e%2e/site.json",
                         b"devices/../../site.json", b"..\\site.json", b"passwd", b"site", b"outside/passwd", b"secrets/config.json", b"devices/up/run.json",
                         b".secret", b"secret/.hidden/inner", b"./.secret", b"~root/.bashrc", b"/proc/self/environ", b"\x00/etc/passwd", b"site\x00",
                         b"A" * 500, b"../" * 100 + b"etc/passwd", b"\xc3\x28", b"...", b"..x/../site.json"):
                with self.subTest(path[:30]):
                    for verb in (b"RETR ", b"SIZE ", b"MDTM ", b"MLST ")[:1 if path[0] == 0 else 4]:
                        answer, got = talk.data(verb + path) if verb == b"RETR " else (talk.say(verb + path), b"")
                        self.assertEqual((answer[:1], got), ("5", b""), verb)
            for line in (b"LIST", b"LIST -laR", b"LIST ..", b"LIST /../..", b"NLST -a", b"MLSD", b"LIST .secret", b"LIST outside/", b"LIST devices/up/", b"LIST ~root"):
                answer, got = talk.data(line)
                for word in (b".secret", b".hidden", b"root:", b"site.json", b"web.pem", b"hosts"):
                    self.assertNotIn(word, got, line)
            self.assertEqual(talk.say(b"PORT 127,0,0,1,0,22")[:1], "5")
            self.assertEqual(talk.say(b"PORT 192,0,2,1,200,200")[:1], "5")
        with Talk(port) as talk:  # a line without an end, and words that are none
            talk.socket.sendall(b"U" * 100000 + b"\r\n\x00\x01\xff\r\n")
            try:
                self.assertIn(talk.answer()[:1], ("5", ""))
            except ConnectionResetError:
                pass

    def ends_with_its_password(self, edgewatt, client, port):
        with Talk(port, PASSWORD) as talk:
            client.call("config", "ftp_change", {"password": NEXT, "plain": False})
            self.assertEqual(talk.file.read(), b"", "who is in goes out")
        client.wait("service/ftp/status", lambda p: p.get("ftp", {}).get("state") == "on" and p["ftp"]["plain"] is False)
        self.assertEqual(curl(port, NEXT)[0], 67, "without TLS")
        self.assertEqual(curl(port, NEXT, "devices/10/2026_11.csv", tls=True), (0, "time;energy\n1;2\n"))
        client.call("config", "ftp_change", {"plain": True})
        client.wait("service/ftp/status", lambda p: p.get("ftp", {}).get("state") == "on" and p["ftp"]["plain"] is True)
        self.assertEqual(curl(port, NEXT)[0], 0)
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        for password in (PASSWORD, NEXT):
            self.assertNotIn(password, commands)

    def is_slowed_down(self, client, port):
        self.assertEqual(curl(port, PASSWORD)[0], 67, "the old password")
        with Talk(port) as talk:
            self.assertRegex(talk.hello, r"^421 Too many wrong passwords; try again in \d+ s\.")
        client.wait("service/ftp/status", lambda p: p["ftp"]["wrong"] >= 1 and p["ftp"]["logins"] >= 5 and p["ftp"]["uploads"] >= 2)
        harness.wait_until(lambda: curl(port, NEXT)[0] == 0, what="forgiveness")
        talks = [Talk(port) for _ in range(9)]  # eight from one address
        self.assertEqual([talk.hello[:3] for talk in talks].count("421"), 1)
        for talk in talks:
            talk.close()

    def comes_back(self, edgewatt, client, port):
        harness.wait_until(lambda: curl(port, NEXT)[0] == 0, what="room")
        with Talk(port, NEXT) as talk:
            pid = edgewatt.kill("ftp", signal.SIGKILL)
            self.assertEqual(talk.file.read(), b"", "its children die with it")
            client.wait("service/ftp/status", lambda p: p["online"] and p.get("pid") != pid and p.get("ftp", {}).get("state") == "on")
        self.assertEqual(curl(port, NEXT, "devices/10/2026_11.csv"), (0, "time;energy\n1;2\n"))

    def test_a_demo_keeps_the_manuals_password(self):
        with Edgewatt(harness.small_site(), simulate=False) as edgewatt:
            client = edgewatt.mqtt("console")
            told = self.state(client, "on")
            self.assertEqual((told["changed"], told["plain"]), (False, True))
            self.assertEqual(curl(told["port"], "wsmeasure")[0], 0)
            # Administrators change it, others neither do nor see the hash.
            user = edgewatt.mqtt_of(edgewatt.login_as("user"))
            with self.assertRaises((PermissionError, harness.CallError)):
                user.call("config", "ftp_change", {"on": False})
            for who in (user, client, edgewatt.mqtt("read"), edgewatt.mqtt_of(edgewatt.login_as("administrator"))):
                mark = len(who.messages)
                try:
                    who.subscribe("ftp/account")
                except AssertionError:
                    pass
                self.assertFalse([m for m in who.messages[mark:] if "hash" in m.raw.decode("utf-8", "replace")])
            administrator = edgewatt.mqtt_of(edgewatt.login_as("administrator"))
            administrator.call("config", "ftp_change", {"password": PASSWORD})
            client.wait("service/ftp/status", lambda p: p["ftp"]["state"] == "on" and p["ftp"]["changed"])
            self.assertEqual((curl(told["port"], PASSWORD)[0]), 0)

    def test_without_proftpd_all_else_goes_on(self):
        with Edgewatt(harness.small_site(), simulate=False, env={"EDGEWATT_PROFTPD": "/nonexistent/proftpd"}) as edgewatt:
            client = edgewatt.mqtt("console")
            told = self.state(client, "off", "ftp.not_installed")
            self.assertIn("proftpd-core", told["reason"]["text"])
            self.assertEqual(edgewatt.read_run_json()["state"], "running")


if __name__ == "__main__":
    harness.main()
