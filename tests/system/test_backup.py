"""SYS-08: a backup made while the gateway runs, put back on a fresh machine; archives that were changed or damaged."""
import fcntl
import hashlib
import json
import os
import pty
import random
import shutil
import sqlite3
import tempfile
import unittest
import zipfile

import harness
import money_rig
from backup_rig import contents, read

PASSPHRASE = "correct horse battery"
MARCH = {"by": "month", "from": "2026-03-01", "spans": 1}
PROFILE = {"id": "own-m1", "version": "1.0", "family": "Own", "model": "M1", "kind": "meter", "confidence": "none",
           "references": ["a test"], "limits": {"max_registers": 50, "gap_ms": 20},
           "registers": {"voltage_l1_n": {"fc": 4, "address": "0x0000", "type": "u16", "scale": 0.1, "unit": "V", "group": "instant"}}}


def change_site(files, old, new):
    """Cleverly: the manifest and its sum agree with it again."""
    files["site.json"] = files["site.json"].replace(old, new)
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        if entry["name"] == "site.json":
            entry.update(size=len(files["site.json"]), sha256=hashlib.sha256(files["site.json"]).hexdigest())
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sum"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()


class Backup(harness.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.passphrase = os.path.join(self.folder, "passphrase")
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write(PASSPHRASE + "\n")
        self.program = os.path.join(harness.find_build(), "bin", "edgewatt")

    def edgewatt(self, *args, **more):
        return harness.run([self.program, *args], check=False, **more)

    def small_folder(self, name="one"):
        """A data folder without a history, as `edgewatt run` leaves it."""
        data = os.path.join(self.folder, name)
        os.makedirs(os.path.join(data, "secrets"))
        os.makedirs(os.path.join(data, "profiles"))
        for path, tree in (("site.json", money_rig.site()), ("profiles/own-m1.json", PROFILE),
                           ("secrets/config.json", {"users": [{"name": "a"}, {"name": "b"}]}), ("secrets/web.pem", "key")):
            with open(os.path.join(data, path), "w", encoding="utf-8") as file:
                json.dump(tree, file)
        return data

    def small_backup(self, *options):
        data = self.small_folder()
        archive = os.path.join(self.folder, "small.zip")
        said = self.edgewatt("backup", "--data", data, "--no-history", "--output", archive, *options)
        self.assertEqual(said.returncode, 0, said.stderr)
        return data, archive

    def test_a_fresh_machine_becomes_the_same_site(self):
        with money_rig.Gateway() as gateway:
            gateway.wait_priced()
            asked = gateway.console().call("recorder", "tariffs", MARCH)
            os.makedirs(os.path.join(gateway.data, "profiles"), exist_ok=True)
            with open(os.path.join(gateway.data, "profiles/own-m1.json"), "w", encoding="utf-8") as file:
                json.dump(PROFILE, file)
            settings = os.path.join(gateway.data, "export", "settings", "General.csv")
            if os.path.exists(settings):
                os.unlink(settings)
            said = self.edgewatt("backup", "--data", gateway.data, "--passphrase-file", self.passphrase)
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertTrue(os.path.exists(settings), "REC-03: the files are written before a backup")
            archive = os.path.join(gateway.data, "export", "database.zip")
            self.assertEqual(said.stdout.strip(), archive)
            kept = os.path.join(self.folder, "database.zip")
            shutil.copy(archive, kept)
            with zipfile.ZipFile(kept) as zipped:  # nothing secret in the clear
                self.assertNotIn(b"pin", b"".join(zipped.read(n) for n in zipped.namelist() if n != "history.db"))
            # It runs: nothing is touched.
            refused = self.edgewatt("restore", "--data", gateway.data, "--yes")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("stop it first", refused.stderr)
            self.assertEqual(gateway.stop(), 0)
            secrets = contents(gateway.data)

            # A fresh machine: an empty folder in the place of the old one.
            shutil.rmtree(gateway.data)
            os.mkdir(gateway.data, 0o700)
            said = self.edgewatt("restore", "--data", gateway.data, "--passphrase-file", self.passphrase, kept, stdin="yes\n")
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertIn("Restored", said.stdout)
            now = contents(gateway.data)
            for name in ("site.json", "profiles/own-m1.json", "secrets/config.json"):
                self.assertEqual(now[name], secrets[name], name)
            gateway.start()
            gateway._console = None
            gateway.wait_priced()
            again = gateway.console().call("recorder", "tariffs", MARCH)
            self.assertEqual((again["total"], again["cost"]), (asked["total"], asked["cost"]))
            self.assertEqual(len(gateway.console().call("config", "site")["site"]["devices"]), 2)
            gateway.login_as("administrator")

    def test_every_changed_byte_is_refused_or_harmless(self):
        data, archive = self.small_backup("--passphrase-file", self.passphrase)
        whole, wanted = read(archive), contents(data)
        chosen = random.Random(8)
        places = sorted(chosen.sample(range(len(whole)), min(len(whole), 350)))
        sealed = set(places[::12])  # the passphrase costs time on purpose
        broken, target = os.path.join(self.folder, "broken.zip"), os.path.join(self.folder, "target")
        refused = 0
        for place in places:
            with open(broken, "wb") as file:
                file.write(whole[:place] + bytes([whole[place] ^ (1 << chosen.randrange(8))]) + whole[place + 1:])
            shutil.rmtree(target, ignore_errors=True)
            os.mkdir(target)
            options = ["--passphrase-file", self.passphrase] if place in sealed else []
            said = self.edgewatt("restore", "--data", target, "--yes", *options, broken)
            now = contents(target)
            if said.returncode == 1:
                refused += 1
                self.assertTrue(said.stderr.strip(), place)
                self.assertEqual(now, {}, f"byte {place}: refused, but something was written")
            else:
                self.assertEqual(said.returncode, 0, said.stderr)
                same = {n: b for n, b in wanted.items() if options or not n.startswith("secrets/")}
                self.assertEqual(now, same, f"byte {place}: taken, and other than it was")
        print(f"{len(places)} of {len(whole)} bytes changed, {len(sealed)} of them read with the passphrase: {refused} refused, "
              f"{len(places) - refused} taken and the same as before")
        self.assertGreater(refused, len(places) // 2)

    def test_an_archive_whose_end_is_missing_is_refused_whole(self):
        """What an upload leaves that ended too early: FTP takes the end of a connection for the end of the file."""
        data, archive = self.small_backup("--passphrase-file", self.passphrase)
        whole = read(archive)
        target = self.small_folder("two")
        wanted = os.path.join(target, "export", "database.zip")  # where a client puts it
        os.makedirs(os.path.dirname(wanted))
        with open(os.path.join(target, "site.json"), "w", encoding="utf-8") as file:
            json.dump({**money_rig.site(), "rev": 7}, file)
        before = contents(target)
        places = sorted({0, 1, 22, 100, len(whole) - 22, len(whole) - 21, len(whole) - 1, *range(0, len(whole), len(whole) // 8)})
        for place in places:
            with open(wanted, "wb") as file:
                file.write(whole[:place])
            options = ["--passphrase-file", self.passphrase] if place == len(whole) - 1 else []
            said = self.edgewatt("restore", "--data", target, "--yes", *options)
            self.assertEqual(said.returncode, 1, f"{place} of {len(whole)} bytes")
            self.assertIn("database.zip", said.stderr)
            self.assertEqual((contents(target), set(os.listdir(target)) - {"run"}), (before, {"export", "profiles", "secrets", "site.json"}), f"{place} bytes")
        with open(wanted, "wb") as file:
            file.write(whole)
        said = self.edgewatt("restore", "--data", target, "--yes")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(contents(target)["site.json"], contents(data)["site.json"])

    def repack(self, archive, change):
        files = {}
        with zipfile.ZipFile(archive) as zipped:
            files = {name: zipped.read(name) for name in zipped.namelist()}
        change(files)
        made = os.path.join(self.folder, "repacked.zip")
        with zipfile.ZipFile(made, "w") as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        return made

    def test_archives_that_mean_harm(self):
        data, archive = self.small_backup("--passphrase-file", self.passphrase)
        before = contents(data)

        def forge(files):
            change_site(files, b"Heating", b"Cooling")

        def climb(name):
            def change(files):
                manifest = json.loads(files["manifest.json"])
                files[name] = b"x"
                manifest["files"].append({"name": name, "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()})
                files["manifest.json"] = json.dumps(manifest).encode()
                files["manifest.sum"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()
            return change

        def newer(files):
            files["manifest.json"] = files["manifest.json"].replace(b'"format":2', b'"format":3')
            files["manifest.sum"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()

        cases = [(forge, True, "passphrase is wrong, or the backup was changed"),
                 (climb("../evil"), False, "has no place in a backup"), (climb("/etc/evil"), False, "has no place"),
                 (climb("profiles/../../evil.json"), False, "has no place"), (climb("secrets/web.pem"), False, "has no place"),
                 (lambda files: files.update({"extra": b"x"}), False, "other files than it says"),
                 (lambda files: files.pop("site.json"), False, "other files than it says"),
                 (newer, False, "newer version")]
        for change, with_passphrase, sentence in cases:
            made = self.repack(archive, change)
            options = ["--passphrase-file", self.passphrase] if with_passphrase else []
            said = self.edgewatt("restore", "--data", data, "--yes", *options, made)
            self.assertEqual(said.returncode, 1, sentence)
            self.assertIn(sentence, said.stderr)
            self.assertEqual(contents(data), before)
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write("another passphrase\n")
        said = self.edgewatt("restore", "--data", data, "--yes", "--passphrase-file", self.passphrase, archive)
        self.assertIn("passphrase is wrong", said.stderr)
        for path in ("/nonexistent.zip", __file__):
            self.assertEqual(self.edgewatt("restore", "--data", data, "--yes", path).returncode, 1)
        self.assertEqual(contents(data), before)

    def test_a_site_that_no_gateway_would_take_is_not_put_back(self):
        data, archive = self.small_backup()
        before = contents(data)

        longer = self.repack(archive, lambda files: change_site(files, b"Heating", b"H" * 200))
        said = self.edgewatt("restore", "--data", data, "--yes", longer)
        self.assertEqual(said.returncode, 1, said)
        self.assertRegex(said.stderr, r"/devices/\d+/name: must be 1 to 63 bytes long|/circuits/\d+/name: must be 1 to 63 bytes long")
        self.assertEqual(contents(data), before)

    def test_without_a_passphrase_users_stay(self):
        data, archive = self.small_backup()
        other = self.small_folder("two")
        with open(os.path.join(other, "secrets/config.json"), "w", encoding="utf-8") as file:
            json.dump({"users": [{"name": "mine"}]}, file)
        mine = contents(other)
        no = self.edgewatt("restore", "--data", other, archive, stdin="no\n")
        self.assertEqual((no.returncode, contents(other)), (1, mine))
        self.assertRegex(no.stdout, r"devices +2 +2")
        self.assertIn("stay as they are", no.stdout)
        self.assertEqual(self.edgewatt("restore", "--data", other, "--yes", archive).returncode, 0)
        self.assertEqual(contents(other)["secrets/config.json"], mine["secrets/config.json"])
        with zipfile.ZipFile(archive) as zipped:
            self.assertNotIn("secrets.bin", zipped.namelist())
        short = os.path.join(self.folder, "short")
        with open(short, "w", encoding="utf-8") as file:
            file.write("1234567\n")
        said = self.edgewatt("backup", "--data", data, "--no-history", "--passphrase-file", short)
        self.assertEqual(said.returncode, 1)
        self.assertIn("at least 8", said.stderr)

    def test_a_restore_that_was_cut_off_is_undone(self):
        """As a power cut leaves it: the list is written, the first file was replaced, the second moved away."""
        data = self.small_folder()
        before = contents(data)
        old = os.path.join(data, "restore.old")
        os.mkdir(old)
        with open(os.path.join(old, "list"), "w", encoding="utf-8") as file:
            file.write("+ site.json\n+ profiles\n- history.db\n")
        os.rename(os.path.join(data, "site.json"), os.path.join(old, "0"))
        os.rename(os.path.join(data, "profiles"), os.path.join(old, "1"))
        for name in ("site.json", "history.db"):
            with open(os.path.join(data, name), "w", encoding="utf-8") as file:
                file.write("new")
        said = self.edgewatt("restore", "--recover", "--data", data)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(contents(data), before)
        self.assertFalse(os.path.exists(old))

    def at_terminal(self, args, answers):
        """The command at a terminal: each question is waited for and answered. (exit code, what the screen shows)"""
        pid, screen = pty.fork()
        if pid == 0:
            os.execv(self.program, [self.program, *args])
        shown = ""
        try:
            for question, answer in answers:
                while question not in shown:
                    shown += os.read(screen, 4096).decode()
                head, _, shown = shown.partition(question)
                os.write(screen, answer.encode() + b"\n")
                self.shown += head + question
            while True:
                shown += os.read(screen, 4096).decode()
        except OSError:  # the terminal is closed
            pass
        finally:
            os.close(screen)
        self.shown += shown
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_the_passphrase_is_asked_for_at_a_terminal(self):
        data = self.small_folder()
        first, again, of = "without secrets): ", "once more: ", "as they are): "
        make, archive = ["backup", "--data", data, "--without-history"], os.path.join(data, "export/database.zip")
        self.shown = ""
        self.assertEqual(self.at_terminal(make, [(first, PASSPHRASE), (again, PASSPHRASE + "!")]), 1)
        self.assertIn("differ", self.shown)
        self.assertFalse(os.path.exists(archive))
        self.assertEqual(self.at_terminal(make, [(first, PASSPHRASE), (again, PASSPHRASE)]), 0)
        with zipfile.ZipFile(archive) as zipped:
            self.assertIn("secrets.bin", zipped.namelist())
        self.assertEqual(self.at_terminal(["restore", "--data", data], [(of, PASSPHRASE), ("Type yes: ", "no")]), 1)
        self.assertIn("The passphrase proves", self.shown)
        self.assertEqual(self.at_terminal(["restore", "--data", data, "--check"], [(of, "")]), 0)
        self.assertIn("checked for damage only", self.shown)
        self.assertEqual(self.at_terminal(make, [(first, "")]), 0)
        with zipfile.ZipFile(archive) as zipped:
            self.assertNotIn("secrets.bin", zipped.namelist())
        # One without secrets is not asked for any; nothing that was typed was shown.
        self.assertEqual(self.at_terminal(["restore", "--data", data, "--check"], []), 0)
        self.assertEqual(self.at_terminal([*make, "--without-secrets"], []), 0)
        self.assertNotIn(PASSPHRASE, self.shown)
        both = self.edgewatt(*make, "--without-secrets", "--passphrase-file", self.passphrase)
        self.assertEqual(both.returncode, 2)

    def test_one_at_a_time(self):
        data = self.small_folder()
        os.makedirs(os.path.join(data, "run"))
        with open(os.path.join(data, "run/backup.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for command in (["backup"], ["restore", "--yes"]):
                said = self.edgewatt(command[0], "--data", data, *command[1:])
                self.assertEqual(said.returncode, 1)
                self.assertIn("another backup or restore is under way", said.stderr)

    def test_a_history_that_would_do_something_is_refused(self):
        """Triggers and views have no place in it: they would be run by whoever opens it."""
        data = self.small_folder()
        money_rig.write_history(os.path.join(data, "history.db"))
        db = sqlite3.connect(os.path.join(data, "history.db"))
        db.execute("CREATE TRIGGER evil AFTER INSERT ON series BEGIN DELETE FROM series; END")
        db.commit()
        db.close()
        self.assertEqual(self.edgewatt("backup", "--data", data).returncode, 0)
        said = self.edgewatt("restore", "--data", data, "--check")
        self.assertEqual(said.returncode, 1)
        self.assertIn("history", said.stderr)

    def test_a_history_is_of_one_moment(self):
        """The copy is a whole database though the recorder goes on writing."""
        with money_rig.Gateway() as gateway:
            archive = os.path.join(self.folder, "h.zip")
            said = self.edgewatt("backup", "--data", gateway.data, "--output", archive)
            self.assertEqual(said.returncode, 0, said.stderr)
            with zipfile.ZipFile(archive) as zipped:
                zipped.extract("history.db", self.folder)
            db = sqlite3.connect(os.path.join(self.folder, "history.db"))
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertGreater(db.execute("SELECT count(*) FROM series").fetchone()[0], 3)
            db.close()
            self.assertEqual([n for n in os.listdir(gateway.data) if n.startswith(("backup.", "restore."))], [])


if __name__ == "__main__":
    unittest.main()
