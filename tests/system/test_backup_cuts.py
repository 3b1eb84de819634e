"""SYS-08, SYS-10: a restore cut short at each of its steps, by a kill or by a disk that fails: the old site or the new one, never a mix."""
import concurrent.futures
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import harness
import money_rig
import test_backup_page
from backup_rig import contents, read

STEPS_MAX = 150
SIDE_BY_SIDE = 4


def write(folder, files):
    for name, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))


class Cuts(harness.TestCase):
    def setUp(self):
        # In memory where that is possible: each step syncs.
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        build = harness.find_build()
        self.program, self.cut = (os.path.join(build, "bin", name) for name in ("edgewatt", "edgewatt_cut"))

    def run_one(self, program, *args, cut=None):
        return subprocess.run([program, *args], capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, **({"EDGEWATT_CUT": cut} if cut else {})})

    def staged(self):
        """An old site, and a new one that was checked: what backup-job leaves for its second half."""
        data = os.path.join(self.folder, "staged")
        write(data, {"site.json": "old site", "profiles/a.json": "old a", "profiles/b.json": "old b", "history.db": "old history",
                     "history.db-wal": "old log", "history.db-shm": "old index", "secrets/config.json": "old users", "secrets/web.json": "old web",
                     "run/job/state.json": {"kind": "restore", "done": False, "step": "replacing", "percent": 0, "by": "somebody"},
                     "restore.new/site.json": "new site", "restore.new/profiles/a.json": "new a", "restore.new/profiles/c.json": "new c",
                     "restore.new/history.db": "new history", "restore.new/secrets/config.json": "new users", "restore.new/secrets/fresh.json": "new one"})
        new = {"site.json": b"new site", "profiles/a.json": b"new a", "profiles/c.json": b"new c", "history.db": b"new history",
               "secrets/config.json": b"new users", "secrets/fresh.json": b"new one", "secrets/web.json": b"old web"}
        return data, contents(data), new

    def judge(self, data, old, new, where):
        """Which of the two it is, and that the page is told so."""
        now = contents(data)
        self.assertIn(now, (old, new), f"{where}: a mix: {sorted(now)}")
        self.assertEqual([n for n in os.listdir(data) if n.startswith("restore.")], [], where)
        state = json.loads(read(os.path.join(data, "run/job/state.json")))
        self.assertTrue(state["done"], where)
        self.assertEqual("reason" in state, now == old, f"{where}: {state}")
        return now == new

    def end_trial(self, data, where):
        """The new site is whole, and the old one still there: its services run, so it is kept."""
        if not os.path.exists(os.path.join(data, "restore.old/trial")):
            return
        state = json.loads(read(os.path.join(data, "run/job/state.json")))
        self.assertEqual((contents(data), state["done"], state["step"]), (self.new, False, "proving"), where)
        self.assertEqual(self.run_one(self.program, "backup-job", "--keep", "--data", data).returncode, 0, where)

    def swap(self, cut, where, repeat=False):
        """One swap cut short there, then the start of everything. (cut at all, new site)"""
        data = os.path.join(self.folder, where)
        shutil.copytree(self.master, data)
        said = self.run_one(self.cut, "backup-job", "--swap", "--data", data, cut=cut)
        killed = said.returncode == -signal.SIGKILL
        self.assertIn(said.returncode, (0, 1, -signal.SIGKILL), f"{where}: {said.stderr}")
        if said.returncode == 0 and cut.startswith("kill"):
            self.assertEqual(contents(data), self.new)
        # As before every start, itself killed at each of its steps.
        for step in range(1, STEPS_MAX if repeat else 1):
            if self.run_one(self.cut, "restore", "--recover", "--data", data, cut=f"kill:{step}").returncode == 0:
                break
        again = self.run_one(self.program, "restore", "--recover", "--data", data)
        self.assertEqual(again.returncode, 0, f"{where}: {again.stderr}")
        self.end_trial(data, where)
        came = self.judge(data, self.old, self.new, where)
        shutil.rmtree(data)
        return killed, came

    def verdict(self, cut, where, order):
        """What came of a trial (--keep, --back), cut short there, then the start of everything, told again if it still has to be. Killed at all."""
        data = os.path.join(self.folder, where)
        shutil.copytree(self.master, data)
        said = self.run_one(self.cut, "backup-job", *order, "--data", data, cut=cut)
        self.assertIn(said.returncode, (0, 1, -signal.SIGKILL), f"{where}: {said.stderr}")
        self.assertEqual(self.run_one(self.program, "restore", "--recover", "--data", data).returncode, 0, where)
        if os.path.exists(os.path.join(data, "restore.old/trial")):
            self.assertEqual(contents(data), self.new, f"{where}: a mix is on trial")
            self.assertEqual(self.run_one(self.program, "backup-job", *order, "--data", data).returncode, 0, where)
        self.assertEqual(self.judge(data, self.old, self.new, where), order[0] == "--keep", where)
        shutil.rmtree(data)
        return said.returncode == -signal.SIGKILL

    def side_by_side(self, cases):
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(lambda case: self.swap(*case), cases))

    def test_a_swap_cut_short_at_each_step(self):
        self.master, self.old, self.new = self.staged()
        low, high = 1, STEPS_MAX  # how many steps there are
        while low < high:
            middle = (low + high) // 2
            killed, _ = self.swap(f"kill:{middle}", f"count{middle}")
            low, high = (middle + 1, high) if killed else (low, middle)
        steps = low - 1
        self.assertGreater(steps, 25)
        killed = self.side_by_side([(f"kill:{at}", f"kill{at}", at % 10 == 0) for at in range(1, steps + 1)])
        outcomes = [came for _, came in killed]
        self.assertTrue(all(was for was, _ in killed))
        self.assertEqual(outcomes, sorted(outcomes))  # the old site up to one step, the new one from there on
        self.assertIn(True, outcomes)
        self.assertIn(False, outcomes)
        full = self.side_by_side([(f"{errno.ENOSPC}:{at}:one", f"full{at}") for at in range(1, steps + 1)])
        gone = self.side_by_side([(f"{errno.EROFS}:{at}", f"gone{at}") for at in range(1, steps + 1, 3)])
        for name, cases in (("killed", killed), ("one call failed, disk full", full), ("all calls failed from there, read-only", gone)):
            print(f"{name}: {len(cases)} places, {sum(came for _, came in cases)} ended with the new site, the others with the old one")

    def test_a_trial_cut_short_at_each_step(self):
        """A site on trial is kept, or the one before comes back, wherever the power goes meanwhile."""
        self.master, self.old, self.new = self.staged()
        self.assertEqual(self.run_one(self.program, "backup-job", "--swap", "--data", self.master).returncode, 0)
        self.assertTrue(os.path.exists(os.path.join(self.master, "restore.old/trial")))
        for order in (["--keep"], ["--back", "recorder", "--why", "a test"]):
            name = order[0].strip("-")
            steps = next(at for at in range(1, STEPS_MAX) if not self.verdict(f"kill:{at}", f"{name}{at}", order)) - 1
            self.assertGreater(steps, 8)
            for at in range(1, steps + 1):
                self.verdict(f"{errno.ENOSPC}:{at}:one", f"{name}-full{at}", order)
            for at in range(1, steps + 1, 3):
                self.verdict(f"{errno.EROFS}:{at}", f"{name}-gone{at}", order)
            print(f"{name}: {steps} places, killed and with a full disk")

    def test_the_gateway_goes_on_when_the_swap_is_killed(self):
        """edgewatt run undoes it, starts everything again, and the page says what happened."""
        gateway = money_rig.Gateway(env={"EDGEWATT_CUT": "kill:20", "EDGEWATT_CUT_ONLY": "--swap"})
        gateway.program = self.cut
        with gateway:
            person = test_backup_page.Person(gateway)
            made = person.end(action="make")
            config = gateway.read_run_json()["services"]["config"]["pid"]
            old = {name: content for name, content in contents(gateway.data).items() if name.startswith(("site.json", "profiles/", "secrets/web"))}
            person.ask(action="restore", sum=made["backup"]["sum"])
            gateway.gateway.wait_line("undoing it")
            gateway.wait_pid("config", config)
            harness.wait_until(lambda: gateway.read_run_json()["state"] == "running", what="the services")
            self.assertEqual(old, {name: content for name, content in contents(gateway.data).items() if name in old})
            last = test_backup_page.Person(gateway).ask(action="status")["last"]
            self.assertEqual(last["reason"]["code"], "backup.undone")

    def test_a_command_killed_while_it_checks(self):
        """Before the swap nothing of the site is touched, and what was unpacked is cleared away."""
        source, target = (os.path.join(self.folder, name) for name in ("source", "target"))
        write(source, {"site.json": money_rig.site(), "secrets/config.json": {"users": []}})
        archive = os.path.join(self.folder, "small.zip")
        self.assertEqual(self.run_one(self.program, "backup", "--data", source, "--without-history", "--output", archive).returncode, 0)
        write(target, {"site.json": {"mine": 1}, "secrets/config.json": {"users": []}})
        old = contents(target)
        for at in range(1, 5):
            said = self.run_one(self.cut, "restore", "--data", target, "--yes", archive, cut=f"kill:{at}")
            self.assertEqual(said.returncode, -signal.SIGKILL)
            self.assertEqual(contents(target), old)
        self.assertEqual(self.run_one(self.program, "restore", "--data", target, "--check", archive).returncode, 0)
        self.assertEqual([n for n in os.listdir(target) if n.startswith("restore.")], [])
        self.assertEqual(contents(target), old)

    def test_a_disk_that_is_full_or_read_only(self):
        data = os.path.join(self.folder, "disk")
        os.mkdir(data)
        source, archive = os.path.join(self.folder, "source"), os.path.join(self.folder, "large.zip")
        write(source, {"site.json": money_rig.site(), "secrets/config.json": {"users": []}})
        money_rig.write_history(os.path.join(source, "history.db"))
        db = sqlite3.connect(os.path.join(source, "history.db"))  # 24 MB that no archive can make small
        db.execute("CREATE TABLE ballast (bytes)")
        db.execute("INSERT INTO ballast VALUES (randomblob(25165824))")
        db.commit()
        db.close()
        self.assertEqual(self.run_one(self.program, "backup", "--data", source, "--output", archive).returncode, 0)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=36m,mode=700", "tmpfs", data], capture_output=True, check=False).returncode:
            self.skipTest("mounting needs root: not tried")
        self.addCleanup(subprocess.run, ["umount", "-l", data], check=False)
        write(data, {"site.json": {"mine": 1}, "secrets/config.json": {"users": []}})
        old = contents(data)
        said = self.run_one(self.program, "restore", "--data", data, "--yes", archive)
        self.assertEqual((said.returncode, contents(data)), (1, old))
        self.assertIn("the disk is full", said.stderr)
        # Full in the middle of a backup.
        shutil.copy(os.path.join(source, "history.db"), data)
        write(data, {"site.json": money_rig.site()})
        said = self.run_one(self.program, "backup", "--data", data)
        self.assertEqual(said.returncode, 1)
        self.assertIn("the disk is full", said.stderr)
        self.assertEqual([n for n in os.listdir(data) if n.startswith("backup.")], [])
        old = contents(data)
        subprocess.run(["mount", "-o", "remount,ro", data], check=True)
        for command in (["restore", "--yes", archive], ["backup"]):
            said = self.run_one(self.program, command[0], "--data", data, *command[1:])
            self.assertEqual((said.returncode, contents(data)), (1, old))
            self.assertRegex(said.stderr, "[Rr]ead-only")


if __name__ == "__main__":
    unittest.main()
