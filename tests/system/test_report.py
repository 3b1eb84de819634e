"""RPT-01: reportdata.zip, asked for and fetched as the page does: its files, sums and costs; progress, cancel, its address."""
import base64
import csv
import http.client
import io
import os
import signal
import unittest
import zipfile

import harness
import history_file
import money_rig

WEEK = {"scope": "devices", "by": "minutes", "from": "2026-03-24", "to": "2026-03-31", "cost": True}


def by_rules(local):
    minute = local.hour * 60 + local.minute
    if local.weekday() < 5 and 360 <= minute <= 18 * 60 + 34:
        return 71
    return 72 if minute >= 1320 or minute <= 359 else 0


class Report(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = money_rig.Gateway()
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def call(self, gateway, **args):
        return gateway.console().call("recorder", "report", args)

    def start(self, gateway, **question):
        def begun():
            try:
                return self.call(gateway, action="start", **question)
            except harness.CallError as error:
                if error.code != "export.starting":
                    raise
                return None

        harness.wait_until(begun, what="a report begun")

    def kept(self):
        return set(os.listdir(os.path.join(self.gateway.data, "reports")))

    def forget(self, name):
        """A file of the export folder that an earlier test may have written."""
        path = os.path.join(self.gateway.data, "export", name)
        if os.path.exists(path):
            os.unlink(path)
        return path

    def wait_over(self, client):
        harness.wait_until(lambda: client.call("recorder", "report", {"action": "status"})["state"] not in ("waiting", "running"),
                           what="the report")
        return client.call("recorder", "report", {"action": "status"})

    def fetch(self, gateway, **question):
        """{name: rows} of the archive."""
        self.start(gateway, **question)
        state = self.wait_over(gateway.console())
        self.assertEqual(state["state"], "ready", state)
        whole = b""
        while len(whole) < state["size"]:
            whole += base64.b64decode(self.call(gateway, action="read", offset=len(whole))["data"])
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            self.assertIsNone(archive.testzip())
            return {name: list(csv.reader(io.StringIO(archive.read(name).decode()), delimiter=";")) for name in archive.namelist()}

    def sums(self, rows):
        numbers = [[float(cell.replace(",", ".")) if cell else 0 for cell in row[2:-1]] for row in rows[1:]]
        return [round(sum(column), 6) for column in zip(*numbers)]

    def test_devices_circuits_and_zones(self):
        days = [f"2026-03-{n}" for n in range(24, 32)]
        want = {d: sum(money_rig.wh_by(lambda _: 0, d, days).values()) for d in money_rig.METERS}
        gateway = self.gateway
        gateway.wait_priced()
        costs = [gateway.console().call("recorder", "tariffs", {"by": "month", "from": "2026-03-01", "spans": 1, "device": d})["cost"]
                 for d in money_rig.METERS]
        for by, lines in (("minutes", 8 * 144 - 6), ("hours", 8 * 24 - 1), ("days", 8)):
            files = self.fetch(gateway, **dict(WEEK, by=by))
            self.assertEqual(set(files), {"report_energy_devices_electricity.csv", "report_energy_devices_electricity_cost.csv"})
            values, cost = (files[f"report_energy_devices_electricity{end}.csv"] for end in ("", "_cost"))
            self.assertEqual(values[0], ["time", "utc_offset", "10 Meter 1 [Wh]", "11 Meter 2 [Wh]", "flags"])
            self.assertEqual(cost[0][2:4], ["10 Meter 1 [EUR]", "11 Meter 2 [EUR]"])
            self.assertEqual(len(values) - 1, lines)
            self.assertEqual(self.sums(values), [want[10], want[11]])
            for found, asked in zip(self.sums(cost), costs):  # each line rounded to millionths, the question to cents
                self.assertAlmostEqual(found, asked, delta=0.006)
        one = self.fetch(gateway, **dict(WEEK, ids=[11], cost=False, by="days"))
        self.assertEqual(list(one), ["report_energy_devices_electricity.csv"])
        self.assertEqual(self.sums(one["report_energy_devices_electricity.csv"]), [want[11]])
        self.assertEqual(one["report_energy_devices_electricity.csv"][6][:2], ["2026-03-29 00:00:00", "+01:00"])
        loads = self.fetch(gateway, **dict(WEEK, scope="circuits", ids=[50, 51]))
        self.assertEqual(set(loads), {"report_energy_loads.csv", "report_energy_loads_cost.csv"})
        self.assertEqual(self.sums(loads["report_energy_loads.csv"]), [want[10], want[11]])
        zones = self.fetch(gateway, **dict(WEEK, scope="zones"))
        self.assertEqual(set(zones), {"report_energy_groups_electricity.csv", "report_energy_groups_electricity_cost.csv"})
        self.assertEqual(self.sums(zones["report_energy_groups_electricity.csv"]), [want[10]])
        # Nothing recorded: said in words; the one before is no longer given out.
        self.start(gateway, **dict(WEEK, scope="stations"))
        harness.wait_until(lambda: self.call(gateway, action="status")["state"] == "failed", what="an empty report")
        self.assertEqual(self.call(gateway, action="status")["reason"]["code"], "report.empty")
        with self.assertRaises(harness.CallError):
            self.call(gateway, action="read", offset=0)

    def test_rights_and_bad_questions(self):
        gateway = self.gateway
        for args, path in ((dict(WEEK, action="burn"), "/action"), (dict(WEEK, action="start", scope="x"), "/scope"),
                           (dict(WEEK, action="start", to="2026-03-01"), "/to"), (dict(WEEK, action="start", ids="all"), "/ids"),
                           (dict(WEEK, action="start", ids=[-1]), "/ids"), ({"action": "start"}, "/scope")):
            def refused(args=args, path=path):
                with self.assertRaises(harness.CallError) as caught:
                    gateway.console().call("recorder", "report", args)
                return caught.exception.path == path
            harness.wait_until(refused, what=f"refusal at {path}")
        with self.assertRaises(PermissionError):
            gateway.mqtt("read").call("recorder", "report", {"action": "status"})

    def test_cancel(self):
        gateway = self.gateway
        self.call(gateway, action="cancel")  # what an earlier test left
        kept = self.kept()
        self.start(gateway, **WEEK)
        self.assertEqual(self.call(gateway, action="cancel")["state"] in ("running", "waiting", "idle"), True)
        self.assertEqual(self.wait_over(gateway.console())["state"], "idle")
        with self.assertRaises(harness.CallError) as caught:
            self.call(gateway, action="read", offset=0)
        self.assertEqual(caught.exception.code, "report.none")
        self.assertEqual([n for n in os.listdir(os.path.join(gateway.data, "export.spare")) if n.startswith("report")], [])
        self.assertEqual(self.kept(), kept)

    def test_address(self):
        """GET /api/report: each session its own report, for who has the page; parts; the export folder is new with it."""
        gateway = self.gateway
        self.assertEqual(gateway.http("/api/report").status, 401)
        self.assertEqual(gateway.http("/api/report", cookies={"edgewatt": "A" * 43}).status, 401)
        self.assertEqual(gateway.http("/api/report", body={}).status, 405)
        logins = {name: gateway.login_as(name) for name in harness.CODES}
        may = {name: "reports" in login.session["pages"] for name, login in logins.items()}
        self.assertEqual(set(may.values()), {True, False})
        for name, login in logins.items():
            answer = gateway.http("/api/report", cookies=login.cookies)
            self.assertEqual((answer.status, answer.json["error"]["code"]), (404, "report.none") if may[name] else (403, "access.denied"))
            if not may[name]:
                with self.assertRaises(PermissionError):
                    gateway.mqtt_of(login).call("recorder", "report", {"action": "start", **WEEK})
        settings = self.forget("settings/General.csv")
        # Two at once: one waits for the other, and each gets its own.
        clients = {name: gateway.mqtt_of(login) for name, login in logins.items() if may[name]}
        self.assertGreater(len(clients), 1)
        for number, client in enumerate(clients.values()):
            harness.wait_until(lambda c=client, n=number: self.begun(c, **dict(WEEK, ids=[10 + n % 2], by="days", cost=False)),
                               what="a report begun")
        for number, (name, client) in enumerate(clients.items()):
            state = self.wait_over(client)
            self.assertEqual(state["state"], "ready", state)
            answer = gateway.http("/api/report", cookies=logins[name].cookies)
            self.check_whole(answer, state["size"], f"{10 + number % 2} Meter {1 + number % 2} [Wh]")
        self.assertTrue(os.path.exists(settings))
        name = next(iter(clients))
        # Another session of the same user has none; nor have guesses at names.
        again = gateway.login_as(name)
        self.assertEqual(gateway.http("/api/report", cookies=again.cookies).status, 404)
        own = logins[name].session["mqtt"]["username"]
        for path in (f"/api/report/{own}", f"/reports/{own}.zip", f"/api/report?account={own}", f"/api/report?file=../{own}.zip",
                     "/api/report/..%2f..%2fsite.json", "/api/report/../../site.json", "/api//report", "/api/report%00"):
            try:
                answer = gateway.http(path, cookies=again.cookies)
            except http.client.RemoteDisconnected:
                continue  # nothing that HTTP allows
            self.assertIn(answer.status, (400, 403, 404), path)
            self.assertNotIn(b"PK", answer.body[:2], path)
        self.parts(gateway, logins[name].cookies)
        # A link in its place is not followed.
        path = os.path.join(gateway.data, f"reports/{own}.zip")
        os.unlink(path)
        os.symlink(os.path.join(gateway.data, "site.json"), path)
        self.assertEqual(gateway.http("/api/report", cookies=logins[name].cookies).status, 404)
        gateway.http("/api/logout", body={}, cookies=logins[name].cookies)
        self.assertEqual(gateway.http("/api/report", cookies=logins[name].cookies).status, 401)

    def test_gas_and_water_of_zones(self):
        """A zone's gas and water meters are in files of their own; circuits are electricity."""
        class WithGas(money_rig.Gateway):
            def start(self):
                db = history_file.create(os.path.join(self.data, "history.db"))
                db.executemany("INSERT INTO series VALUES (?, ?, ?, 1)", [(1, 10, "active_energy_import"), (2, 12, "volume"), (3, 13, "volume")])
                db.executemany("INSERT INTO membership (device, since, circuit, panel, excluded, service, zones) VALUES (?, 0, ?, 0, 0, ?, ?)",
                               [(10, 50, 0, "60"), (12, 0, 1, "60"), (13, 0, 2, "")])
                for slot in list(money_rig.slots())[:6]:
                    start = int(slot.timestamp())
                    history_file.add_slot(db, start, money_rig.SLOT_S, {1: (100, start), 2: (7, start), 3: (3, start)}, {})
                db.commit()
                db.close()
                super().start()

        with WithGas() as gateway:
            day = dict(WEEK, to=WEEK["from"], by="days", cost=False)
            zones = self.fetch(gateway, **dict(day, scope="zones"))
            self.assertEqual({name: self.sums(rows) for name, rows in zones.items()},
                             {"report_energy_groups_electricity.csv": [600], "report_energy_groups_gas.csv": [42]})
            self.assertEqual(zones["report_energy_groups_gas.csv"][0][2], "60 Hall [dm3]")
            devices = self.fetch(gateway, **day)
            self.assertEqual({name: self.sums(rows) for name, rows in devices.items()},
                             {"report_energy_devices_electricity.csv": [600], "report_energy_devices_gas.csv": [42], "report_energy_devices_water.csv": [18]})
            self.assertEqual(list(self.fetch(gateway, **dict(day, scope="circuits"))), ["report_energy_loads.csv"])

    def test_command_line(self):
        """edgewatt report and edgewatt export: files, exit codes, Ctrl-C."""
        gateway = self.gateway
        self.call(gateway, action="cancel")  # what an earlier test left
        kept, month = self.kept(), self.forget("energy/devices_2026-03_1.csv")
        out = os.path.join(gateway.folder, "week.zip")
        week = ("--data", gateway.data, "--from", WEEK["from"], "--to", WEEK["to"], "--output", out)
        harness.wait_until(lambda: gateway.edgewatt("report", *week, "--by", "days", "--id", "11", "--cost", check=False).returncode == 0,
                           what="edgewatt report")
        with zipfile.ZipFile(out) as archive:
            self.assertEqual(archive.namelist(), ["report_energy_devices_electricity.csv", "report_energy_devices_electricity_cost.csv"])
            rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode()), delimiter=";"))
        self.assertEqual((rows[0][2:3], len(rows)), (["11 Meter 2 [Wh]"], 9))
        self.assertEqual(self.kept(), kept)
        done = gateway.edgewatt("export", "--data", gateway.data, "--from", "2026-03-01")
        self.assertRegex(done.stdout, r"export holds everything until 20\d\d-")
        self.assertTrue(os.path.exists(month))
        for args, code, words in ((("report", "--help"), 0, "Ctrl-C"), (("export", "--help"), 0, "Ctrl-C"), (("report", *week, "--by", "weeks"), 1, "/by"),
                                  (("report", *week, "--id", "x"), 2, "--id"), (("report", "--data", gateway.data), 2, "--from"), (("export",), 2, "--data"),
                                  (("report", *week, "--scope", "stations"), 1, "nothing was recorded"),
                                  (("report", *week[:6], "--output", "/nowhere/x.zip"), 1, "/nowhere/x.zip.part"),
                                  (("export", "--data", gateway.folder), 1, "No gateway runs")):
            answer = gateway.edgewatt(*args, check=False)
            self.assertEqual((answer.returncode, words in answer.stdout + answer.stderr), (code, True), (args, answer.stdout, answer.stderr))
        os.unlink(out)
        # Ctrl-C before it is over, whenever that is.
        process = gateway._process("report", [gateway.program, "report", *week])
        process.send_signal(signal.SIGINT)
        self.assertNotEqual(process.popen.wait(harness.PATIENCE_S), 0)
        self.assertFalse(os.path.exists(out))
        harness.wait_until(lambda: self.call(gateway, action="status")["state"] == "idle", what="nothing left")

    def begun(self, client, **question):
        try:
            return client.call("recorder", "report", {"action": "start", **question})
        except harness.CallError as error:
            if error.code != "export.starting":
                raise
            return None

    def check_whole(self, answer, size, column):
        self.assertEqual((answer.status, len(answer.body), int(answer.headers["Content-Length"])), (200, size, size))
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="reportdata.zip"')
        self.assertEqual((answer.headers["Content-Type"], answer.headers["Cache-Control"]), ("application/zip", "no-store"))
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            rows = list(csv.reader(io.StringIO(archive.read("report_energy_devices_electricity.csv").decode()), delimiter=";"))
        self.assertEqual(rows[0], ["time", "utc_offset", column, "flags"])

    def parts(self, gateway, cookies):
        def get(**headers):
            return gateway.http("/api/report", cookies=cookies, headers={name.replace("_", "-"): value for name, value in headers.items()})

        whole = get()
        size, tag = len(whole.body), whole.headers["ETag"]
        part = get(Range="bytes=10-19")
        self.assertEqual((part.status, part.body, part.headers["Content-Range"]), (206, whole.body[10:20], f"bytes 10-19/{size}"))
        self.assertEqual(get(Range="bytes=-5").body, whole.body[-5:])
        self.assertEqual(get(Range="bytes=7-", If_Range=tag).body, whole.body[7:])
        for headers in ({"Range": "bytes=7-", "If_Range": '"another"'}, {"Range": "bytes=7-", "If_Range": '"' + "x" * 400 + '"'},
                        {"Range": "bytes=0-1,4-5"}, {"Range": "bytes=" + "1" * 300 + "-"}, {"Range": "x"}):
            answer = get(**headers)
            self.assertEqual((answer.status, answer.body), (200, whole.body), headers)
        outside = get(Range=f"bytes={size}-")
        self.assertEqual((outside.status, outside.headers["Content-Range"], outside.body), (416, f"bytes */{size}", b""))
        head = gateway.http("/api/report", method="HEAD", cookies=cookies)
        self.assertEqual((head.status, int(head.headers["Content-Length"]), head.body), (200, size, b""))


if __name__ == "__main__":
    unittest.main()
