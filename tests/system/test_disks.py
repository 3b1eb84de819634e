#!/usr/bin/python3
"""REC-06, SYS-07, SYS-10: disks that are full, read-only or damaged: said in words while measuring goes on, and mended by
itself. All mounts are the test's own; a disk that turns read-only under the gateway needs root (a loop device)."""
import glob
import os
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import history_file
import private_mounts
import test_history
import virtual_time
from private_mounts import mount


class Mounted(harness.Edgewatt):
    """A gateway on whose data folder something is mounted; it is taken away at the end."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.mounts = []

    def mount(self, path, *options):
        if not mount(*options, path):
            raise unittest.SkipTest("this machine lets no such thing be mounted: not tried")
        self.mounts.append(path)

    def unmount(self, path):
        self.mounts.remove(path)
        subprocess.run(["umount", "-l", path], check=True)

    def __exit__(self, kind, error, trace):
        folder = self.folder
        try:
            super().__exit__(kind, error, trace)
        finally:
            for path in reversed(self.mounts.copy()):
                self.unmount(path)
            subprocess.run(["rm", "-rf", folder], check=False)


class Full(Mounted, virtual_time.Gateway):
    def start(self):
        self.mount(self.data, "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs")
        super().start()

    def fill(self):
        path = os.path.join(self.data, "filler")
        self.fill_up(path)
        # The database's log may have room in itself: it is emptied, and what that gave is taken too.
        db = sqlite3.connect(os.path.join(self.data, "history.db"))
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError:
            pass
        db.close()
        self.fill_up(path)
        return path

    @staticmethod
    def fill_up(path):
        for size in (65536, 4096):
            with open(path, "ab", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass


class ReadOnly(Mounted):
    def start(self):
        path = os.path.join(self.data, "history.db")
        test_history.write(path)
        self.mount(path, "--bind", path)
        if not mount("-o", "remount,ro,bind", path):
            raise unittest.SkipTest("this machine lets no such thing be mounted: not tried")
        super().start()


class Failing(Mounted, virtual_time.Gateway):
    """On an ext4 of its own, that the kernel makes read-only when it meets an error: with all files open, as a worn card."""

    def start(self):
        self.image = os.path.join(self.folder, "disk.img")
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        harness.run(["mkfs.ext4", "-q", self.image])
        self.mount_disk()
        super().start()

    def mount_disk(self):
        self.mount(self.data, "-o", "loop,errors=remount-ro", self.image)
        os.chmod(self.data, 0o700)
        os.makedirs(os.path.join(self.data, "run"), mode=0o700, exist_ok=True)
        self.mount(os.path.join(self.data, "run"), "-t", "tmpfs", "-o", "mode=700", "tmpfs")  # as where run/ is on none

    def fail(self):
        device = harness.run(["findmnt", "-no", "SOURCE", self.data]).stdout.strip()
        try:
            with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="utf-8") as file:
                file.write("1")
        except OSError as error:
            raise unittest.SkipTest(f"no error can be made on a disk here: {error}") from error

    def mend(self):
        for path in (os.path.join(self.data, "run"), self.data):
            self.unmount(path)
        harness.wait_until(lambda: self.image not in harness.run(["losetup", "-a"]).stdout, what="the disk to be let go")
        repaired = harness.run(["e2fsck", "-fy", self.image], check=False)
        if repaired.returncode > 1:
            raise AssertionError(repaired.stdout)
        self.mount_disk()


def measures_go_on(case, client):
    mark = client.mark()
    client.wait("device/11/measures/instant", after=mark)
    status = client.wait("service/poller/status", lambda p: p.get("online"), after=mark, timeout=60)
    case.assertTrue(status.json["online"])


def damage(path):
    """Half of the pages behind the first become noise."""
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        for at in range(8192, size, 8192):
            file.seek(at)
            file.write(b"\xa5" * 4096)


def add_charges(path):
    db = sqlite3.connect(path)
    with db:
        db.executemany("INSERT INTO charge (session, station, plugged, ended, ah, peak_a, interruptions) VALUES (?, 1, ?, ?, 1, 1, '[]')",
                       ((f"old-{i}", i * 1000, i * 1000 + 1) for i in range(40000)))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()


class Disks(harness.TestCase):
    def trouble(self, client, code, after=0, timeout=150):
        message = client.wait("service/recorder/status", lambda p: (p.get("reason") or {}).get("code") == code, timeout, after=after)
        self.assertTrue(message.json["reason"]["text"])

    def no_trouble(self, client, timeout=60):
        mark = client.mark()
        return client.wait("service/recorder/status", lambda p: p.get("online") and not p.get("reason") and p.get("clock"),
                           timeout, after=mark).json

    def test_a_full_disk_costs_no_energy(self):
        tree = harness.small_site(devices=2)
        tree["sampling"] = {"interval_min": 1}
        with Full(tree, speed=20, simulate_options=("--speed", "20")) as gateway:
            client = gateway.mqtt("console")
            client.wait("service/recorder/status", lambda p: p.get("last_sample"), 150)
            client.subscribe("alarm/event")
            filler = gateway.fill()
            self.trouble(client, "store.full")
            client.wait("alarm/event", lambda p: p["reason"]["code"] == "store.full", after=0)
            measures_go_on(self, client)
            session = {"session": "late", "station": 38, "plugged_at": "2026-10-25T00:00:00Z", "started": None, "ended": "2026-10-25T01:00:00Z",
                       "wh": 7000, "ah": 30, "peak_a": 16, "interruptions": []}
            gateway.mqtt("controller").publish("session/38", session, retain=True, qos=1)
            gateway.gateway.wait_line("session/38: .*, retrying")
            os.unlink(filler)
            client.wait("alarm/event", lambda p: p["reason"]["code"] == "store.full" and p.get("active") is False, after=0)
            self.no_trouble(client)
            harness.wait_until(lambda: client.call("recorder", "charges", {})["total"] == 1, what="the charge that ended meanwhile")
            self.check_whole(gateway)

    def check_whole(self, gateway):
        steps, first, last = {}, {}, {}
        db = history_file.open_read(os.path.join(gateway.data, "history.db"))
        for (data,) in db.execute("SELECT data FROM slot ORDER BY start").fetchall():
            for series, (step, reading) in history_file.read_counters(data).items():
                first.setdefault(series, reading - (step or 0))
                steps[series] = steps.get(series, 0) + (step or 0)
                last[series] = reading
        db.close()
        self.assertTrue(steps)
        self.assertEqual(steps, {s: last[s] - first[s] for s in steps})

    def test_a_disk_that_turns_read_only_while_it_runs_costs_no_energy(self):
        tree = harness.small_site(devices=2)
        tree["sampling"] = {"interval_min": 1}
        with Failing(tree, speed=20, simulate_options=("--speed", "20")) as gateway:
            client = gateway.mqtt("console")
            counted = harness.wait_until(lambda: self.counted_s(gateway), 150, "a slot with energy")
            client.subscribe("alarm/event")
            gateway.fail()
            with self.assertRaises(OSError):
                with open(os.path.join(gateway.data, "trial"), "wb") as file:
                    file.write(b"x")
            self.trouble(client, "store.read_only")
            client.wait("alarm/event", lambda p: p["reason"]["code"] == "store.read_only", after=0)
            measures_go_on(self, client)
            # Its pages and its devices stay; after a repair it goes on where it stood.
            self.assertEqual(gateway.http("/").status, 200)
            gateway.stop()
            gateway.mend()
            harness.Edgewatt.start(gateway)
            self.no_trouble(gateway.mqtt("console"))
            harness.wait_until(lambda: self.counted_s(gateway) > counted, 150, "another one")
            self.check_whole(gateway)

    @staticmethod
    def counted_s(gateway):
        """Start of the newest slot that holds what was counted; 0: none."""
        db = history_file.open_read(os.path.join(gateway.data, "history.db"))
        rows = db.execute("SELECT start, data FROM slot ORDER BY start DESC").fetchall()
        db.close()
        return next((start for start, data in rows if any(step for step, _ in history_file.read_counters(data).values())), 0)

    def test_a_read_only_database_is_said_and_taken_up_later(self):
        with ReadOnly(test_history.site(), simulate=False) as gateway:
            client = gateway.mqtt("console")
            self.trouble(client, "store.read_only")
            client.wait("device/11/status", lambda p: p.get("state"))  # polling goes on: its devices are told
            gateway.unmount(os.path.join(gateway.data, "history.db"))
            self.no_trouble(client)
            answer = client.call("recorder", "history", {"by": "day", "from": "2026-03-25", "spans": 1})
            self.assertEqual(sum(r["total"] for r in answer["rows"]), 144 * 350)

    def test_a_damaged_database_is_put_beside_and_its_backup_goes_on(self):
        with test_history.Gateway(test_history.site(), simulate=False) as gateway:
            path, backup = (os.path.join(gateway.data, name) for name in ("history.db", "backup/history.db"))
            console = gateway.mqtt("console")
            console.wait("service/recorder/status", lambda p: p.get("backup", {}).get("state") == "done", 120)
            self.assertEqual(gateway.stop(), 0)
            damage(path)
            self.start_again(gateway)
            client = gateway.mqtt("console")
            client.subscribe("alarm/event")
            self.no_trouble(client)
            answer = client.call("recorder", "history", {"by": "day", "from": "2026-03-25", "spans": 1})
            self.assertEqual(sum(r["total"] for r in answer["rows"]), 144 * 350)
            self.assertTrue(os.path.exists(path + ".damaged"))
            gateway.gateway.wait_line("its backup of .* goes on")
            self.assertEqual(gateway.stop(), 0)
            damage(path)
            damage(backup)
            self.start_again(gateway)
            client = gateway.mqtt("console")
            self.no_trouble(client)
            gateway.gateway.wait_line("a new one is begun")
            self.assertEqual(client.call("recorder", "history", {"by": "day", "from": "2026-03-25", "spans": 1})["rows"], [])

    def test_damage_found_while_running_is_put_beside_too(self):
        with test_history.Gateway(test_history.site(), simulate=False) as gateway:
            path = os.path.join(gateway.data, "history.db")
            console = gateway.mqtt("console")
            console.wait("service/recorder/status", lambda p: p.get("backup", {}).get("state") == "done", 120)
            self.assertEqual(gateway.stop(), 0)
            add_charges(path)  # more than the database keeps in memory
            self.start_again(gateway)
            client = gateway.mqtt("console")
            self.no_trouble(client)
            damage(path)
            with self.assertRaises(harness.CallError) as caught:  # met by a question, not by a row
                client.call("recorder", "charges", {"offset": 35000, "limit": 200})
            self.assertEqual(caught.exception.code, "store.damaged")
            gateway.gateway.wait_line("its backup of .* goes on")
            self.no_trouble(client)
            self.assertTrue(os.path.exists(path + ".damaged"))
            answer = client.call("recorder", "history", {"by": "day", "from": "2026-03-25", "spans": 1})
            self.assertEqual(sum(r["total"] for r in answer["rows"]), 144 * 350)

    def start_again(self, gateway):
        for leftover in glob.glob(os.path.join(gateway.data, "history.db-*")):
            os.unlink(leftover)  # an orderly end leaves no log; be sure that none mends the damage
        harness.Edgewatt.start(gateway)


if __name__ == "__main__":
    private_mounts.enter()
    unittest.main()
