"""SYS-08: a restored site has to prove itself. What was there before is kept until all services run, and comes back by itself when one does not."""
import json
import os
import shutil
import signal
import sqlite3
import tempfile
import unittest

import harness
import money_rig
import test_backup_page
from test_backup_cuts import contents, read, write

MARCH = {"by": "month", "from": "2026-03-01", "spans": 1}
SETTLED_S = 200  # tries, back-off, and starting twice on a slow machine


def spoiled(archive, sql):
    """The same backup, but its history was changed so: whole, of a right version, no database a recorder can run on."""
    def change(files):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.db")
            with open(path, "wb") as file:
                file.write(files["history.db"])
            db = sqlite3.connect(path)
            db.execute(sql)
            db.commit()
            db.close()
            with open(path, "rb") as file:
                files["history.db"] = file.read()
        site = json.loads(files["site.json"])
        site["devices"][0]["name"] = "Of the backup"
        files["site.json"] = json.dumps(site).encode()
        test_backup_page.manifest_again(files)
    return test_backup_page.repacked(archive, change)


class Gateway(money_rig.Gateway):
    waits = True

    def wait_ready(self):
        if self.waits:
            super().wait_ready()


class Trial(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)
        cls.gateway.wait_priced()
        person = test_backup_page.Person(cls.gateway)
        person.end(action="make", history=True)
        cls.whole = cls.gateway.http("/api/backup", cookies=person.login.cookies).body
        cls.broken = spoiled(cls.whole, "DROP TABLE slot")
        cls.unopened = spoiled(cls.whole, "PRAGMA user_version = 1")  # its tables are there already: it can't be migrated

    def names(self):
        return [d["name"] for d in self.gateway.console().call("config", "site")["site"]["devices"]]

    def left_over(self):
        return [n for n in os.listdir(self.gateway.data) if n.startswith("restore.")]

    def archive(self, content):
        path = os.path.join(self.gateway.data, "export", "database.zip")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def wait_told(self):
        """What the page is told once it is over; the services come and go meanwhile."""
        path = os.path.join(self.gateway.data, "run/job/state.json")

        def look():
            try:
                with open(path, encoding="utf-8") as file:
                    state = json.load(file)
            except (OSError, ValueError):
                return None
            run = self.gateway.read_run_json()
            return state if state["done"] and not self.left_over() and run and run["state"] == "running" else None
        state = harness.wait_until(look, timeout=SETTLED_S, what="the end of the trial")
        self.gateway._console = None
        return state

    def judge_back(self, before, asked):
        state = self.wait_told()
        self.assertEqual(state["reason"]["code"], "backup.unproven", state)
        self.assertEqual(state["reason"]["params"]["service"], "recorder")
        self.assertIn("recorder did not run on what was restored", state["reason"]["text"])
        self.assertEqual(self.names(), before)
        self.gateway.wait_priced()
        again = self.gateway.console().call("recorder", "tariffs", MARCH)
        self.assertEqual((again["total"], again["cost"]), asked)
        last = test_backup_page.Person(self.gateway).ask(action="status")
        self.assertEqual((last["running"], last["last"]["reason"]["code"]), (False, "backup.unproven"))

    def asked(self):
        answer = self.gateway.console().call("recorder", "tariffs", MARCH)
        return answer["total"], answer["cost"]

    def test_1_from_the_page_it_goes_back_by_itself(self):
        before, asked = self.names(), self.asked()
        self.archive(self.broken)
        person = test_backup_page.Person(self.gateway)
        seen = person.end(action="check")
        self.assertNotIn("reason", seen)  # nothing is wrong with it that a check could see
        person.ask(action="restore", sum=seen["backup"]["sum"])
        self.gateway.gateway.wait_line("recorder does not run on what was restored")
        self.judge_back(before, asked)

    def test_1_one_that_cant_be_opened_goes_back_too(self):
        """A recorder waits for a history that can't be opened, and says so; not so for one that was just restored."""
        before, asked = self.names(), self.asked()
        self.archive(self.unopened)
        person = test_backup_page.Person(self.gateway)
        seen = person.end(action="check")
        person.ask(action="restore", sum=seen["backup"]["sum"])
        self.judge_back(before, asked)

    def test_2_one_that_runs_is_kept(self):
        before = self.names()
        self.archive(self.whole)
        person = test_backup_page.Person(self.gateway)
        seen = person.end(action="check")
        person.ask(action="restore", sum=seen["backup"]["sum"])
        self.gateway.gateway.wait_line("what was restored is on trial")
        state = self.wait_told()
        self.assertNotIn("reason", state)
        self.assertEqual(self.names(), before)

    def test_3_of_the_command_and_a_power_cut_while_it_is_on_trial(self):
        before, asked = self.names(), self.asked()
        archive = self.archive(self.broken)
        self.gateway.gateway.stop()
        said = self.gateway.edgewatt("restore", "--data", self.gateway.data, "--yes", archive)
        self.assertIn("comes back by itself", said.stdout)
        self.gateway._console = None
        self.gateway.waits = False
        self.gateway.start()
        self.gateway.waits = True
        self.gateway.gateway.wait_line("what was restored is on trial")
        self.gateway.gateway.wait_line("recorder started")
        self.gateway.gateway.send_signal(signal.SIGKILL)
        self.gateway.gateway.stop()
        self.assertEqual(self.left_over(), ["restore.old"])
        self.gateway.start()
        self.judge_back(before, asked)

    def test_4_a_machine_that_dies_each_time_goes_back_at_its_fourth_boot(self):
        self.gateway.gateway.stop()
        program, data = os.path.join(harness.find_build(), "bin", "edgewatt"), self.gateway.data
        before = {n: b for n, b in contents(data).items() if not n.startswith("history.db-")}
        archive = self.archive(self.broken)
        trial = os.path.join(data, "restore.old/trial")
        harness.run([program, "restore", "--data", data, "--yes", archive])
        for boot in (1, 2, 3):
            with open(trial, encoding="utf-8") as file:
                count, own = file.read().split()
            self.assertEqual(int(count), boot)
            with open(trial, "w", encoding="utf-8") as file:
                file.write(f"{count} the-boot-before\n")
            if boot < 3:
                # The same boot may start often: that counts once.
                harness.run([program, "restore", "--recover", "--data", data])
                harness.run([program, "restore", "--recover", "--data", data])
                self.assertTrue(own)
        said = harness.run([program, "restore", "--recover", "--data", data])
        self.assertIn("started 3 times and never ran", said.stdout)
        self.assertEqual({n: b for n, b in contents(data).items() if not n.startswith("history.db-")}, before)
        self.assertEqual(self.left_over(), [])
        self.gateway.start()
        self.gateway._console = None
        last = test_backup_page.Person(self.gateway).ask(action="status")["last"]
        self.assertEqual(last["reason"]["code"], "backup.never_ran")

    def test_5_a_second_restore_over_one_that_is_not_proven(self):
        """What is gone back to is the site that ran, not the one before the last."""
        self.gateway.gateway.stop()
        program, data = os.path.join(harness.find_build(), "bin", "edgewatt"), self.gateway.data
        before = {n: b for n, b in contents(data).items() if not n.startswith("history.db-")}
        archive = self.archive(self.broken)
        for _ in range(2):
            harness.run([program, "restore", "--data", data, "--yes", archive])
        said = harness.run([program, "backup-job", "--back", "poller", "--why", "a test", "--data", data])
        self.assertIn("poller did not run on what was restored (a test)", said.stdout)
        self.assertEqual({n: b for n, b in contents(data).items() if not n.startswith("history.db-")}, before)
        self.gateway.start()


SYSTEMCTL = """#!/usr/bin/python3
# What systemd would say of the units (there is none here): from a file; orders are noted beside it.
import json, sys
folder = {folder!r}
words = sys.argv[1:]
with open(folder + "/units.json", encoding="utf-8") as file:
    units = json.load(file)
if words[0] == "show":
    print(units[words[4]][words[3]])
else:
    with open(folder + "/orders", "a", encoding="utf-8") as file:
        print(*words, file=file)
"""


class Job(harness.TestCase):
    """The script of edgewatt-job.service, over a real folder on trial. Only systemctl is ours."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        with open(os.path.join(self.folder, "systemctl"), "w", encoding="utf-8") as file:
            file.write(SYSTEMCTL.format(folder=self.folder))
        os.chmod(file.name, 0o755)
        os.symlink(program, os.path.join(self.folder, "edgewatt"))
        source = os.path.join(self.folder, "source")
        for folder, name in ((source, "Of the backup"), (self.data, "Mine")):
            tree = money_rig.site()
            tree["site"]["name"] = name
            write(folder, {"site.json": tree, "secrets/config.json": {"users": []}})
        self.before = contents(self.data)
        archive = os.path.join(self.folder, "database.zip")
        harness.run([program, "backup", "--data", source, "--without-history", "--output", archive])
        harness.run([program, "restore", "--data", self.data, "--yes", archive])
        self.units = {"edgewatt.target": {"Wants": "edgewatt-broker.service edgewatt@recorder.service edgewatt-job.path"}}
        for name in ("edgewatt-broker.service", "edgewatt@recorder.service"):
            self.units[name] = {"ActiveState": "active", "InvocationID": f"of {name}", "NRestarts": 0, "Result": "success", "ExecMainStatus": 0}

    def job(self):
        with open(os.path.join(self.folder, "units.json"), "w", encoding="utf-8") as file:
            json.dump(self.units, file)
        script = os.path.join(os.path.dirname(__file__), "../../packaging/systemd/job")
        harness.run(["/bin/sh", script, self.data], env={"PATH": f"{self.folder}:{os.environ['PATH']}"})
        orders = os.path.join(self.folder, "orders")
        self.assertFalse(os.path.exists(os.path.join(self.data, "restore.old")))
        with open(os.path.join(self.data, "run/job/state.json"), encoding="utf-8") as file:
            state = json.load(file)
        self.assertTrue(state["done"])
        return state, read(orders).decode() if os.path.exists(orders) else ""

    def test_all_run_and_it_is_kept(self):
        state, orders = self.job()
        self.assertNotIn("reason", state)
        self.assertIn(b"Of the backup", contents(self.data)["site.json"])
        self.assertEqual(orders, "")

    def test_one_that_starts_again_and_again_makes_it_go_back(self):
        self.units["edgewatt@recorder.service"].update(ActiveState="activating", NRestarts=3, Result="exit-code", ExecMainStatus=1)
        state, orders = self.job()
        self.assertEqual(state["reason"]["params"], {"service": "recorder", "why": "exit-code, status 1"})
        self.assertEqual(contents(self.data), self.before)
        self.assertIn("stop edgewatt.target", orders)


if __name__ == "__main__":
    unittest.main()
