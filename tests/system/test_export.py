"""REC-03, REC-04: the CSV files of the export folder, their names, columns and sums, while somebody reads them."""
import contextlib
import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
import zipfile
from datetime import datetime

import harness
import money_rig

with open(os.path.join(harness.SOURCE, "schemas/csv/columns.json"), encoding="utf-8") as _file:
    COLUMNS = json.load(_file)["files"]
TOKENS = {"<id>": "[0-9]+", "<yyyy-mm>": "[0-9]{4}-[0-9]{2}", "<yyyy>": "[0-9]{4}", "<version>": "[0-9]+"}


def pattern(name):
    text = re.escape(name)
    for token, regex in TOKENS.items():
        text = text.replace(re.escape(token), regex)
    return re.compile(text + r"\Z")


def all_files(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


class Table:
    def __init__(self, path, separator=";", decimal=","):
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        assert text.endswith("\n"), path
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
        self.header, self.rows = rows[0], rows[1:]
        self.decimal = decimal

    def column(self, name):
        at = self.header.index(name)
        return [float(row[at].replace(self.decimal, ".")) for row in self.rows if row[at]]

    def sum(self, name):
        return round(sum(self.column(name)), 6)


class Export(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = tempfile.mkdtemp(prefix="edgewatt-office-")  # its profile, made once: that takes it seconds
        cls.addClassCleanup(shutil.rmtree, cls.office, ignore_errors=True)

    def write(self, gateway, **more):
        console = gateway.console()

        def begun():
            try:
                console.call("recorder", "export", {"action": "write", **more})
                return True
            except harness.CallError as error:
                if error.code not in ("export.busy", "export.starting"):
                    raise
                return False

        harness.wait_until(begun, what="an export begun")
        harness.wait_until(lambda: console.call("recorder", "export")["state"] != "running", what="an export ended")
        state = console.call("recorder", "export")
        self.assertEqual(state["state"], "idle", state)
        return os.path.join(gateway.data, "export")

    def write_until(self, gateway, holds, **more):
        """Writes until what was just configured has come to the recorder and shows in the files."""
        harness.wait_until(lambda: holds(self.write(gateway, **more)), what="files by the new configuration")
        return os.path.join(gateway.data, "export")

    def write_separated(self, gateway, decimal, separator):
        gateway.change({"kind": "settings", "id": "csv", "value": {"decimal": decimal, "separator": separator}})

        def holds(folder):
            with open(os.path.join(folder, "overallTotal/overallTotalValues_2026-03.csv"), encoding="utf-8") as file:
                return f"+01:00{separator}1{decimal}25{separator}" in file.read()

        return self.write_until(gateway, holds, **{"from": "2026-03-01"})

    def check_columns(self, folder):
        for name in all_files(folder):
            kinds = [kind for kind in COLUMNS if pattern(kind["file"]).match(name)]
            self.assertEqual(len(kinds), 1, f"{name} is not one of the files that schemas/csv lists")
            if kinds[0].get("free"):
                continue
            table = Table(os.path.join(folder, name))
            self.assertEqual((table.header[:2], table.header[-1]), (["time", "utc_offset"], "flags"), name)
            specs = kinds[0]["columns"]
            for place, label in enumerate(table.header[2:-1]):
                spec = specs[0] if specs[0].get("repeat") else specs[place]
                self.assertRegex(label, r"\A" + spec["name"] + r"\Z", name)
            for row in table.rows:
                self.assertEqual(len(row), len(table.header), name)

    def test_the_tree_of_a_past_month(self):
        with money_rig.Gateway() as gateway:
            folder = self.write(gateway, **{"from": "2026-03-01"})
            self.check_columns(folder)
            names = set(all_files(folder))
            self.assertLessEqual({"energy/devices_2026-03_1.csv", "energy/devices_2026-04_1.csv", "energy/groups_2026-03.csv",
                                  "energy/loads_2026-03.csv", "devices/10/10_energies_2026-03.csv",
                                  "devices/11/11_statistics_2026-03.csv", "overallTotal/overallTotalValues_2026-03.csv",
                                  "overallTotal/overallTotalCosts_2026-03.csv", "settings/General.csv",
                                  "settings/EnergySettings.csv", "settings/GreenUpSettings.csv"}, names)
            days = [f"2026-03-{n}" for n in range(24, 32)]
            want = {d: sum(money_rig.wh_by(lambda _: 0, d, days).values()) for d in money_rig.METERS}
            devices = Table(os.path.join(folder, "energy/devices_2026-03_1.csv"))
            for device, wh in want.items():
                label = f"{device} Meter {device - 9} [Wh]"
                self.assertEqual(devices.sum(label), wh)
                self.assertEqual(Table(os.path.join(folder, f"devices/{device}/{device}_energies_2026-03.csv")).sum(
                    "active_energy_import [Wh]"), wh)
            loads, zones = (Table(os.path.join(folder, f"energy/{n}_2026-03.csv")) for n in ("loads", "groups"))
            self.assertEqual((loads.sum("50 Heating [Wh]"), loads.sum("51 Lighting [Wh]"), loads.column("0 other [Wh]")),
                             (want[10], want[11], []))
            self.assertEqual(zones.sum("60 Hall [Wh]"), want[10])
            values = Table(os.path.join(folder, "overallTotal/overallTotalValues_2026-03.csv"))
            self.assertAlmostEqual(values.sum("electricity [kWh]"), sum(want.values()) / 1000)
            # Costs: the sum of the file is what the question says, to the cent.
            costs = Table(os.path.join(folder, "overallTotal/overallTotalCosts_2026-03.csv")).sum("electricity [EUR]")
            gateway.wait_priced()
            asked = gateway.console().call("recorder", "tariffs", {"by": "month", "from": "2026-03-01", "spans": 1})
            self.assertAlmostEqual(costs, asked["cost"], delta=0.005001)
            # Local time with its offset; the day that summer time begins has no 02:00.
            times = [(row[0], row[1]) for row in devices.rows]
            self.assertEqual(times[0], ("2026-03-24 00:00:00", "+01:00"))
            self.assertIn(("2026-03-29 03:00:00", "+02:00"), times)
            self.assertFalse([t for t, _ in times if t.startswith("2026-03-29 02")])
            self.assertEqual(len(set(times)), len(times))
            statistics = Table(os.path.join(folder, "devices/11/11_statistics_2026-03.csv"))
            self.assertEqual([statistics.column(f"active_power{x} [W]")[0] for x in ("", " min", " max")], [5500, 5000, 6000])
            self.versions(gateway)
            self.separators(gateway)

    def versions(self, gateway):
        """A device renamed: the columns change, a new version begins; what was written stays as it was."""
        folder = os.path.join(gateway.data, "export")
        before = {n: os.stat(os.path.join(folder, n)).st_mtime_ns for n in all_files(folder)}
        self.write(gateway)
        unchanged = [n for n in before if "2026-03" in n]
        self.assertEqual([before[n] for n in unchanged], [os.stat(os.path.join(folder, n)).st_mtime_ns for n in unchanged])
        device = dict(gateway.console().call("config", "site")["site"]["devices"][0], name="Été; \"=1+1\"")
        gateway.change({"kind": "device", "id": 10, "value": device})
        state = os.path.join(gateway.data, "export.spare/state.json")

        def version(_):
            with open(state, encoding="utf-8") as file:
                return json.load(file)["energy/devices"]["version"] == 2

        self.write_until(gateway, version)
        self.check_columns(folder)

    def separators(self, gateway):
        """REC-04: other separators; LibreOffice finds the same columns and sums for all of them."""
        self.assertTrue(shutil.which("soffice"), "libreoffice-calc-nogui is not installed")
        with self.assertRaises(harness.CallError) as caught:
            gateway.change({"kind": "settings", "id": "csv", "value": {"decimal": ",", "separator": ","}})
        self.assertEqual(caught.exception.code, "site.csv_commas")
        for decimal, separator in ((",", ";"), (".", ";"), (".", ",")):
            folder = self.write_separated(gateway, decimal, separator)
            path = os.path.join(folder, "overallTotal/overallTotalValues_2026-03.csv")
            table = Table(path, separator, decimal)
            rows = self.spreadsheet(path, separator, decimal)
            self.assertEqual(rows[0][:6], table.header)
            self.assertFalse([row for row in rows[1:] if not isinstance(row[2], float)])
            total = sum(row[2] for row in rows[1:])
            self.assertAlmostEqual(total, table.sum("electricity [kWh]"), places=6)
            self.assertEqual(len(rows), len(table.rows) + 1)

    def spreadsheet(self, path, separator, decimal):
        """The table as LibreOffice reads it where decimals are written so: numbers are numbers, times are times."""
        language = {",": 1031, ".": 1033}[decimal]  # German, English
        with tempfile.TemporaryDirectory() as folder:
            made = os.path.join(folder, os.path.basename(path))
            subprocess.run(["soffice", f"-env:UserInstallation=file://{self.office}", "--headless",
                            f"--infilter=CSV:{ord(separator)},34,76,1,,{language},false,true", "--convert-to",
                            "ods", "--outdir", folder, path], check=True, capture_output=True, timeout=120,
                           env={"PATH": os.environ["PATH"], "HOME": folder})
            with zipfile.ZipFile(made.replace(".csv", ".ods")) as archive:
                text = archive.read("content.xml").decode()
        rows = []
        for row in re.findall(r"<table:table-row.*?</table:table-row>", text, re.S):
            cells = []
            for cell, body in re.findall(r"<table:table-cell([^>]*?)(?:/>|>(.*?)</table:table-cell>)", row, re.S):
                value = re.search(r'office:value="([^"]*)"', cell)
                words = "".join(re.findall(r"<text:p>(.*?)</text:p>", body))
                repeat = re.search(r'number-columns-repeated="(\d+)"', cell)
                cells += [float(value.group(1)) if value else words] * min(int(repeat.group(1)) if repeat else 1, 8)
            if any(cell != "" for cell in cells):
                rows.append(cells)
        return rows

    def test_states_and_charges(self):
        """What began and ended, by the month it began in; what ends later is put in; LibreOffice reads it."""
        def at(text):
            return int(datetime.fromisoformat(text).timestamp() * 1000)

        class WithEvents(money_rig.Gateway):
            def start(self):
                path = os.path.join(self.data, "history.db")
                money_rig.write_history(path)
                with contextlib.closing(sqlite3.connect(path)) as db, db:
                    db.executemany("INSERT INTO alarm (at, until, subject, source, device, name, address, code, params, text) VALUES (?, ?, ?, 'poller', ?, '', '', ?, '{}', ?)",
                                   [(at("2026-03-24T10:00:00+01:00"), at("2026-03-24T10:01:30.500+01:00"), "device/10/status", 10, "device.timeout", "Unit 1; silent."),
                                    (at("2026-03-31T23:59:00+02:00"), at("2026-04-01T00:01:00+02:00"), "device/10/status", 10, "alarm.fault", "=1+1"),
                                    (at("2026-04-01T09:00:00+02:00"), None, "device/11/breaker", 11, "alarm.tripped", "The breaker has tripped."),
                                    (at("2026-03-25T09:00:00+01:00"), at("2026-03-25T09:00:00+01:00"), "recorder/x/0", None, "x", "not of a device")])
                    db.executemany("INSERT INTO charge (session, station, plugged, started, ended, over, wh, ah, peak_a, interruptions) VALUES (?, 11, ?, ?, ?, ?, ?, ?, ?, ?)",
                                   [("a", at("2026-03-26T18:00:00+01:00"), at("2026-03-26T18:05:00+01:00"), at("2026-03-26T20:00:00+01:00"), 0, 7400.5, 32.25, 16.1, "[{},{}]"),
                                    ("b", at("2026-03-27T18:00:00+01:00"), None, None, 1, None, 0, 0, "[]")])
                super().start()

        with WithEvents() as gateway:
            folder = self.write(gateway, **{"from": "2026-03-01"})
            self.check_columns(folder)
            state = Table(os.path.join(folder, "devices/10/10_state_2026-03.csv")).rows
            self.assertEqual(state, [["2026-03-24 10:00:00", "+01:00", "2026-03-24 10:01:30", "90,5", "device.timeout", "Unit 1; silent.", ""],
                                     ["2026-03-31 23:59:00", "+02:00", "2026-04-01 00:01:00", "120", "alarm.fault", "'=1+1", ""]])
            self.assertFalse(os.path.exists(os.path.join(folder, "devices/10/10_state_2026-04.csv")))
            self.assertEqual(Table(os.path.join(folder, "devices/11/11_state_2026-04.csv")).rows[0][2:4], ["", ""])  # goes on
            path = os.path.join(folder, "devices/11/11_charges_2026-03.csv")
            self.assertEqual(Table(path).rows, [["2026-03-26 18:00:00", "+01:00", "2026-03-26 18:05:00", "2026-03-26 20:00:00", "7200", "7400,5", "32,25", "16,1", "2", ""],
                                                ["2026-03-27 18:00:00", "+01:00", "", "", "", "", "0", "0", "0", "gap"]])
            rows = self.spreadsheet(path, ";", ",")
            self.assertEqual(rows[1][4:8], [7200.0, 7400.5, 32.25, 16.1])
            # What goes on ends in another month: its file of long ago is made anew, others are left alone.
            before = os.stat(path).st_mtime_ns
            with contextlib.closing(sqlite3.connect(os.path.join(gateway.data, "history.db"), timeout=30)) as db, db:
                db.execute("UPDATE alarm SET until = ? WHERE code = 'alarm.tripped'", (int(time.time() * 1000),))
            self.write(gateway)
            self.assertNotEqual(Table(os.path.join(folder, "devices/11/11_state_2026-04.csv")).rows[0][2], "")
            self.assertEqual(os.stat(path).st_mtime_ns, before)
            state, charges = self.write_separated(gateway, ".", ","), "devices/11/11_charges_2026-03.csv"
            self.assertEqual(Table(os.path.join(state, charges), ",", ".").column("energy [Wh]"), [7400.5])

    def test_a_reader_never_sees_half_a_line(self):
        """Readers in a loop while months are written anew again and again, and grow."""
        with money_rig.Gateway() as gateway:
            self.bad_questions(gateway)
            folder = self.write(gateway, **{"from": "2026-03-01"})
            path, stop, problems, reads = os.path.join(folder, "energy/devices_2026-03_1.csv"), threading.Event(), [], []

            def read():
                while not stop.is_set():
                    with open(path, "rb") as file:
                        text = file.read()
                    reads.append(len(text))
                    if not text.endswith(b"\n") or text.count(b"\n") < 2:
                        problems.append(text[-80:])

            thread = threading.Thread(target=read)
            thread.start()
            try:
                for decimal in (".", ",", "."):
                    self.write_separated(gateway, decimal, ";")
            finally:
                stop.set()
                thread.join()
            self.assertFalse(problems)
            self.assertGreater(len(reads), 50)
            self.assertEqual(datetime.fromisoformat(Table(path, decimal=".").rows[0][0]), datetime(2026, 3, 24))

    def bad_questions(self, gateway):
        """Are answered in words."""
        for args, path in (({"action": "burn"}, "/action"), ({"from": "2026-02-30"}, "/from"), ({"x": 1}, "/x")):
            with self.assertRaises(harness.CallError) as caught:
                gateway.console().call("recorder", "export", args)
            self.assertEqual(caught.exception.path, path)


if __name__ == "__main__":
    unittest.main()
