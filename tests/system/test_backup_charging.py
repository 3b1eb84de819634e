"""SYS-08: what charging remembers for good is in a backup, and the charge under way is not: a fresh machine becomes the same site, and where a car
charges while a backup is put back, its charge goes on."""
import json
import os
import shutil
import tempfile
import unittest
import zipfile

import harness
from test_backup_cuts import read, write
from test_backup_page import manifest_again, repacked
from test_greenup import quick_site, ready, ticks
from test_safety import BARE, DOG

CEILING_A = 10


class Charging(harness.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.archive = os.path.join(self.folder, "database.zip")

    def look(self, edgewatt):
        console = edgewatt.mqtt("console")
        status = console.wait("greenup/status", lambda s: s["on"] and s["mode"] == "run" and len(s["stations"]) == 4).json
        return console, {s["id"]: s for s in status["stations"]}

    def judge(self, stations, accepted):
        self.assertEqual(stations[DOG[1]]["cap_a"], CEILING_A)
        self.assertEqual({number: stations[number]["accepted"] for number in BARE}, accepted)

    def test_a_fresh_machine_and_one_where_a_car_charges(self):
        with harness.Edgewatt(quick_site()) as edgewatt:
            console = edgewatt.mqtt("console")
            ready(console)
            console.call("controller", "switch", {"on": True, "accept": ticks(console)})
            person = edgewatt.mqtt("command")
            person.publish(f"device/{DOG[1]}/command", {"id": "ceiling", "cap_a": CEILING_A}, expiry=5)
            edgewatt.control(f"car {DOG[0]} arrive 90000")
            session = console.wait(f"session/{DOG[0]}", lambda p: p["started"]).json["session"]
            memory = os.path.join(edgewatt.data, "controller.json")
            harness.wait_until(lambda: os.path.exists(memory) and f'"cap_ma":{CEILING_A}000' in read(memory).decode(), what="the memory to be written")
            console, stations = self.look(edgewatt)
            accepted = {number: stations[number]["accepted"] for number in BARE}
            self.assertTrue(all(accepted.values()))
            edgewatt.edgewatt("backup", "--data", edgewatt.data, "--output", self.archive)
            with zipfile.ZipFile(self.archive) as zipped:
                kept = json.loads(zipped.read("controller.json"))
            self.assertTrue(kept["ever_on"])
            for station in kept["stations"]:
                self.assertEqual((station["state"], station["limit_ma"], station["conn_age_ms"], "charge" in station["more"]), ("free", 0, -1, False))
            # Over this very machine, after the ceiling was taken away: it is back, and the charge is still the same.
            person.publish(f"device/{DOG[1]}/command", {"id": "no ceiling", "cap_a": None}, expiry=5)
            console.wait("greenup/status", lambda s: all(x.get("cap_a") is None for x in s["stations"]))
            self.assertEqual(edgewatt.stop(), 0)
            edgewatt.edgewatt("restore", "--data", edgewatt.data, "--yes", self.archive)
            edgewatt.start()
            console, stations = self.look(edgewatt)
            self.judge(stations, accepted)
            self.assertEqual(console.wait(f"session/{DOG[0]}", lambda p: p["started"]).json["session"], session)
            # A machine that never knew of anything.
            self.assertEqual(edgewatt.stop(), 0)
            shutil.rmtree(edgewatt.data)
            os.mkdir(edgewatt.data, 0o700)
            edgewatt.edgewatt("restore", "--data", edgewatt.data, "--yes", self.archive)
            edgewatt.start()
            _, stations = self.look(edgewatt)
            self.judge(stations, accepted)

    def test_a_backup_of_format_1_and_one_of_another_site(self):
        """An older one holds no such memory: that of this machine stays, unless it is of other stations."""
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        mine = {"version": 1, "boot": "b", "up_ms": 1, "at": "2026-03-01T00:00:00.000Z", "ever_on": True, "lost": 0, "stations": []}
        for site, stays in (("test-site", True), ("another", False)):
            source, target = (os.path.join(self.folder, f"{name}-{site}") for name in ("source", "target"))
            tree = harness.small_site()
            tree["site"]["id"] = "test-site"
            write(source, {"site.json": tree, "controller.json": mine})
            write(target, {"site.json": {**tree, "site": {**tree["site"], "id": site}}, "controller.json": mine})
            harness.run([program, "backup", "--data", source, "--output", self.archive, "--without-history"])

            def older(files):
                del files["controller.json"]
                manifest = json.loads(files["manifest.json"])
                manifest.update(format=1, files=[f for f in manifest["files"] if f["name"] != "controller.json"])
                files["manifest.json"] = json.dumps(manifest).encode()
                manifest_again(files)
            made = repacked(read(self.archive), older)
            with open(self.archive, "wb") as file:
                file.write(made)
            harness.run([program, "restore", "--data", target, "--yes", self.archive])
            self.assertEqual(os.path.exists(os.path.join(target, "controller.json")), stays)

    def test_a_memory_that_can_t_be_is_refused(self):
        program = os.path.join(harness.find_build(), "bin", "edgewatt")
        source = os.path.join(self.folder, "source")
        write(source, {"site.json": harness.small_site(), "controller.json": {"version": 1, "ever_on": True, "stations": []}})
        harness.run([program, "backup", "--data", source, "--output", self.archive, "--without-history"])
        for content, sentence in ((b"{}", "what charging remembers"), (b'{"version":1,"stations":7}', "what charging remembers"), (b"no JSON", "what charging remembers"),
                                  (b'{"version":2,"stations":[]}', "newer version")):
            changed = os.path.join(self.folder, "changed.zip")
            with open(changed, "wb") as file:
                def change(files, content=content):
                    files["controller.json"] = content
                    manifest_again(files)
                file.write(repacked(read(self.archive), change))
            said = harness.run([program, "restore", "--data", os.path.join(self.folder, "target"), "--yes", changed], check=False)
            self.assertEqual(said.returncode, 1, sentence)
            self.assertIn(sentence, said.stderr)
        # One of a newer program is not backed up: this one does not know what of it is of the moment.
        write(source, {"controller.json": {"version": 2, "stations": []}})
        harness.run([program, "backup", "--data", source, "--output", self.archive, "--without-history"])
        with zipfile.ZipFile(self.archive) as zipped:
            self.assertNotIn("controller.json", zipped.namelist())


if __name__ == "__main__":
    unittest.main()
