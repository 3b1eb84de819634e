"""SYS-08: backup and restore as the page does them: calls to config, download and upload over HTTP, while the gateway runs."""
import hashlib
import http.client
import io
import json
import os
import signal
import subprocess
import threading
import unittest
import zipfile

import harness
import money_rig

PASSPHRASE = "correct horse battery"
ZIP = {"Content-Type": "application/zip"}


def manifest_again(files):
    """Manifest and sum of what is in the archive now."""
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        if entry["name"] in files:
            entry.update(size=len(files[entry["name"]]), sha256=hashlib.sha256(files[entry["name"]]).hexdigest())
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sum"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()


def repacked(archive, change):
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    change(files)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return made.getvalue()


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


class Person:
    """Somebody logged in, with the one call the page uses."""

    def __init__(self, gateway, name="administrator"):
        self.gateway, self.name = gateway, name
        self.enter()

    def enter(self):
        self.login = self.gateway.login_as(self.name)
        self.mqtt = self.gateway.mqtt_of(self.login)

    def ask(self, **args):
        return self.mqtt.call("config", "backup", args)

    def end(self, **args):
        """Asks, waits for the end; what came of it."""
        self.ask(**args)
        return self.wait_end()

    def wait_end(self):
        return harness.wait_until(lambda: (lambda s: None if s["running"] else s["last"])(self.ask(action="status")), what="its end")

    def upload(self, body, **headers):
        return self.gateway.http("/api/upload", method="POST", body=body, cookies=self.login.cookies, headers={**ZIP, **headers})


class BackupPage(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = money_rig.Gateway()
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)
        cls.gateway.wait_priced()

    def site_names(self):
        return [d["name"] for d in self.gateway.console().call("config", "site")["site"]["devices"]]

    def rename(self, name):
        device = dict(self.gateway.console().call("config", "site")["site"]["devices"][0])
        device["name"] = name
        self.gateway.change({"kind": "device", "id": device["id"], "value": {k: v for k, v in device.items() if k not in ("id", "rev")}})

    def restore(self, person, logged_out=False, **args):
        """The services go and come back; what came of it."""
        old = self.gateway.read_run_json()["services"]["config"]["pid"]
        person.ask(action="restore", **args)
        harness.wait_until(lambda: (lambda r: r and r["state"] == "running" and r["services"]["config"]["pid"] not in (None, old))(
            self.gateway.read_run_json()), what="the services to be back")
        self.gateway._console = None
        gone = self.gateway.http("/api/session", cookies=person.login.cookies).status
        self.assertEqual(gone, 401 if logged_out else 200)
        if logged_out:
            person.enter()
        else:
            person.mqtt = self.gateway.mqtt_of(person.login)
        return person.wait_end()

    def wait_clean(self):
        """The site of before is there until what was restored has proven itself; then nothing is left lying."""
        harness.wait_until(lambda: not [n for n in os.listdir(self.gateway.data) if n.startswith(("backup.", "restore."))],
                           what="nothing left lying")

    def test_1_made_downloaded_changed_restored(self):
        person = Person(self.gateway)
        before = self.site_names()
        made = person.end(action="make", history=True, passphrase=PASSPHRASE)
        self.assertNotIn("reason", made)
        self.assertEqual((made["kind"], made["by"]), ("make", "administrator"))
        self.assertEqual((made["backup"]["history"], made["backup"]["secrets"], made["backup"]["users"]), (True, True, 4))
        # The export tree was written first.
        self.assertTrue(os.path.isdir(os.path.join(self.gateway.data, "export")))
        got = self.gateway.http("/api/backup", cookies=person.login.cookies)
        self.assertEqual((got.status, got.headers["Content-Type"], len(got.body)), (200, "application/zip", made["backup"]["bytes"]))
        self.assertIn('filename="database.zip"', got.headers["Content-Disposition"])
        type(self).archive = got.body
        self.rename("Another name")
        self.assertNotEqual(self.site_names(), before)
        # The passphrase that is wrong changes nothing, the right one says what would change.
        wrong = person.end(action="check", passphrase="not the passphrase")
        self.assertEqual(wrong["reason"]["code"], "backup.passphrase")
        seen = person.end(action="check", passphrase=PASSPHRASE)
        self.assertTrue(seen["changes"]["users_replaced"])
        self.assertEqual({row["what"]: (row["now"], row["then"]) for row in seen["changes"]["rows"]}["users"], (4, 4))
        # Another archive than the one that was shown is not taken.
        other = person.end(action="restore", passphrase=PASSPHRASE, sum="0" * 64)
        self.assertEqual(other["reason"]["code"], "backup.other")
        last = self.restore(person, passphrase=PASSPHRASE, sum=seen["backup"]["sum"])
        self.assertEqual((last["kind"], last["done"], last.get("reason")), ("restore", True, None))
        self.assertEqual(self.site_names(), before)
        self.gateway.wait_priced()
        self.wait_clean()
        self.assertEqual(os.listdir(os.path.join(self.gateway.data, "run/job")), ["state.json"])

    def test_2_upload_without_secrets(self):
        """Users and sessions stay; the history of the box stays too."""
        person = Person(self.gateway)
        person.end(action="make", history=False)
        plain = self.gateway.http("/api/backup", cookies=person.login.cookies).body
        self.rename("Changed again")
        said = person.upload(plain)
        self.assertEqual((said.status, said.json), (200, {"ok": True, "bytes": len(plain)}))
        seen = person.end(action="check", upload=True)
        self.assertEqual((seen["changes"]["users_replaced"], seen["backup"]["history"], seen["backup"]["upload"]), (False, False, True))
        self.assertNotIn("reason", self.restore(person, upload=True, sum=seen["backup"]["sum"]))
        self.assertNotIn("Changed again", self.site_names())
        self.assertIsNone(person.ask(action="status")["upload"])

    def test_3_uploads_that_mean_harm(self):
        person = Person(self.gateway)
        before = self.site_names()

        def climb(files):
            manifest = json.loads(files["manifest.json"])
            files["../../evil"] = b"x"
            manifest["files"].append({"name": "../../evil", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()})
            files["manifest.json"] = json.dumps(manifest).encode()
            manifest_again(files)

        def bomb(files):  # a megabyte that becomes a gigabyte, and says so
            manifest = json.loads(files["manifest.json"])
            for entry in manifest["files"]:
                if entry["name"] == "history.db":
                    entry["size"] = 1 << 49
            files["manifest.json"] = json.dumps(manifest).encode()
            files["manifest.sum"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()

        def large_site(files):  # small on the wire, large on the disk
            files["site.json"] = b" " * (64 << 20)
            manifest_again(files)

        cases = [(b"this is no archive", "backup.damaged"), (b"", "backup.damaged"), (self.archive[:len(self.archive) // 2], "backup.damaged"),
                 (repacked(self.archive, climb), "backup.file"), (repacked(self.archive, bomb), "backup.full"),
                 (repacked(self.archive, large_site), "backup.file")]
        for body, code in cases:
            self.assertEqual(person.upload(body).status, 200)
            seen = person.end(action="check", upload=True)
            self.assertEqual(seen["reason"]["code"], code, seen["reason"])
            self.assertEqual([n for n in os.listdir(self.gateway.data) if n.startswith("restore.")], [])
        self.assertEqual(self.site_names(), before)
        self.assertFalse(os.path.exists(os.path.join(os.path.dirname(self.gateway.data), "evil")))

    def test_3_a_disk_that_fills_while_a_file_arrives(self):
        person = Person(self.gateway)
        folder = os.path.join(self.gateway.data, "upload")
        os.makedirs(folder, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False).returncode:
            self.skipTest("mounting needs root: not tried")
        try:
            said = person.upload(b"x" * (1 << 20))
            self.assertEqual((said.status, said.json["error"]["code"]), (507, "backup.full"))
            harness.wait_until(lambda: os.listdir(folder) == [], what="the part file to go")
        finally:
            subprocess.run(["umount", "-l", folder], check=True)

    def test_4_who_may(self):
        for name in ("installer", "user"):
            person = Person(self.gateway, name)
            self.assertEqual(person.upload(self.archive).status, 403)
            self.assertEqual(self.gateway.http("/api/backup", cookies=person.login.cookies).status, 403)
            with self.assertRaises(PermissionError):
                person.ask(action="status")
        self.assertEqual(self.gateway.http("/api/backup").status, 401)
        self.assertEqual(self.gateway.http("/api/upload", method="POST", body=b"x", headers=ZIP).status, 401)
        person = Person(self.gateway)
        self.assertEqual(person.upload(b"x", Origin="https://evil.example").status, 403)
        self.assertEqual(person.upload(b"x", **{"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(person.upload(b"", **{"Content-Length": str(1 << 40)}).status, 413)
        for words in ({"action": "make", "passphrase": "short"}, {"action": "make", "passphrase": "two\nlines of it"}, {"action": "restore"},
                      {"action": "burn"}):
            with self.assertRaises(harness.CallError):
                person.ask(**words)

    def test_5_two_at_once(self):
        person, other = Person(self.gateway), Person(self.gateway, "greenUp")
        # One upload waits for its end; another is refused in words, and the first goes on.
        first = http.client.HTTPConnection("127.0.0.1", self.gateway.read_run_json()["http"]["port"], timeout=30)
        first.putrequest("POST", "/api/upload")
        for key, value in {**ZIP, "Content-Length": str(len(self.archive)),
                           "Cookie": "; ".join(f"{k}={v}" for k, v in person.login.cookies.items())}.items():
            first.putheader(key, value)
        first.endheaders()
        first.send(self.archive[:1000])
        part = os.path.join(self.gateway.data, "upload", "database.zip.part")
        harness.wait_until(lambda: os.path.exists(part), what="the first upload")
        refused = other.upload(self.archive)
        self.assertEqual((refused.status, refused.json["error"]["code"]), (409, "upload.busy"))
        first.send(self.archive[1000:])
        self.assertEqual(first.getresponse().status, 200)
        first.close()
        # One that is cut off leaves nothing.
        cut = http.client.HTTPConnection("127.0.0.1", self.gateway.read_run_json()["http"]["port"], timeout=30)
        cut.putrequest("POST", "/api/upload")
        for key, value in {**ZIP, "Content-Length": "100000", "Cookie": "; ".join(f"{k}={v}" for k, v in person.login.cookies.items())}.items():
            cut.putheader(key, value)
        cut.endheaders()
        cut.send(b"x" * 100)
        harness.wait_until(lambda: os.path.exists(part), what="the part file")
        cut.close()
        harness.wait_until(lambda: not os.path.exists(part), what="the part file to go")
        # Two jobs.
        person.ask(action="make")
        with self.assertRaises(harness.CallError) as refused:
            other.ask(action="make")
        self.assertEqual(refused.exception.code, "backup.busy")
        harness.wait_until(lambda: not person.ask(action="status")["running"], what="the first one")

    def test_6_secrets_show_nowhere(self):
        """No passphrase in a command line, a log, a file, a topic."""
        person = Person(self.gateway)
        watcher = self.gateway.mqtt("console")
        watcher.subscribe("#")
        word = "sesame opens nothing"
        lines = set()
        stop = threading.Event()

        def look():
            while not stop.is_set():
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    try:
                        lines.add(command_line(pid))
                    except OSError:
                        pass
        watching = threading.Thread(target=look)
        watching.start()
        try:
            person.end(action="make", passphrase=word)
            self.assertEqual(person.end(action="check", passphrase=word + "!")["reason"]["code"], "backup.passphrase")
        finally:
            stop.set()
            watching.join()
        self.assertTrue(any(b"backup-job" in line for line in lines))
        self.assertFalse(any(word.encode() in line for line in lines))
        self.assertFalse(any(word in line for process in self.gateway.processes for line in process.lines))
        self.assertFalse(any(word in str(m.raw) for m in watcher.messages))
        for at, _, names in os.walk(self.gateway.data):
            for name in names:
                if not os.path.isfile(os.path.join(at, name)):
                    continue
                with open(os.path.join(at, name), "rb") as file:
                    self.assertNotIn(word.encode(), file.read(), name)

    def test_7_a_job_that_is_killed_is_said(self):
        person = Person(self.gateway)
        person.ask(action="make", passphrase=PASSPHRASE)  # which takes a moment
        harness.wait_until(lambda: person.ask(action="status")["last"]["step"] == "history", what="the job to work")
        job = next(p for p in harness.marked_processes(self.gateway.mark) if b"backup-job" in command_line(p))
        os.kill(job, signal.SIGKILL)
        last = harness.wait_until(lambda: (lambda s: None if s["running"] else s["last"])(person.ask(action="status")), what="its end")
        self.assertEqual(last["reason"]["code"], "backup.cut_off")
        self.assertNotIn("reason", person.end(action="make", passphrase=PASSPHRASE))

    def test_8_the_gateway_is_killed_while_it_restores(self):
        """edgewatt run itself: what stands after the next start is one of the two, and the page says which."""
        person = Person(self.gateway)
        self.rename("Before the kill")
        seen = person.end(action="check", passphrase=PASSPHRASE)
        backup = seen.get("backup") or self.fail(seen)
        person.ask(action="restore", passphrase=PASSPHRASE, sum=backup["sum"])
        self.gateway.gateway.wait_line("stopping the services for a restore")
        self.gateway.gateway.send_signal(signal.SIGKILL)
        self.gateway.gateway.stop()
        self.gateway.start()
        self.gateway._console = None
        person = Person(self.gateway)
        last = person.wait_end()
        self.assertTrue(last["done"])
        self.assertEqual("Before the kill" in self.site_names(), "reason" in last, last)
        self.wait_clean()
        self.assertNotIn("reason", person.end(action="make", history=False))


if __name__ == "__main__":
    unittest.main()
