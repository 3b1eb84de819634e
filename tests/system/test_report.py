"""RPT-01: reportdata.zip, asked for and fetched as the page does: its files, sums and costs; progress, cancel, rights."""
import base64
import csv
import io
import unittest
import zipfile

import harness
import money_rig

WEEK = {"scope": "devices", "by": "minutes", "from": "2026-03-24", "to": "2026-03-31", "cost": True}


def by_rules(local):
    minute = local.hour * 60 + local.minute
    if local.weekday() < 5 and 360 <= minute <= 18 * 60 + 34:
        return 71
    return 72 if minute >= 1320 or minute <= 359 else 0


class Report(harness.TestCase):
    def call(self, gateway, **args):
        return gateway.console().call("recorder", "report", args)

    def start(self, gateway, **question):
        def begun():
            try:
                return self.call(gateway, action="start", **question)
            except harness.CallError as error:
                if error.code not in ("export.busy", "export.starting"):
                    raise
                return None

        harness.wait_until(begun, what="a report begun")

    def fetch(self, gateway, **question):
        """{name: rows} of the archive."""
        self.start(gateway, **question)
        harness.wait_until(lambda: self.call(gateway, action="status")["state"] != "running", what="the report")
        state = self.call(gateway, action="status")
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
        with money_rig.Gateway() as gateway:
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
        with money_rig.Gateway() as gateway:
            for args, path in ((dict(WEEK, action="burn"), "/action"), (dict(WEEK, action="start", scope="x"), "/scope"),
                               (dict(WEEK, action="start", to="2026-03-01"), "/to"), (dict(WEEK, action="start", ids="all"), "/ids"),
                               (dict(WEEK, action="start", ids=[-1]), "/ids"), ({"action": "start"}, "/scope")):
                def refused(args=args, path=path):
                    with self.assertRaises(harness.CallError) as caught:
                        gateway.console().call("recorder", "report", args)
                    return caught.exception.path == path
                harness.wait_until(refused, what=f"refusal at {path}")
            self.fetch(gateway, **dict(WEEK, by="days"))
            # Another account sees that one was made by somebody, and never its contents.
            page = gateway.mqtt_of(gateway.login_as("administrator"))
            state = page.call("recorder", "report", {"action": "status"})
            self.assertEqual((state["state"], state["own"], state["size"]), ("idle", False, 0))
            with self.assertRaises(harness.CallError):
                page.call("recorder", "report", {"action": "read", "offset": 0})
            with self.assertRaises(PermissionError):
                gateway.mqtt("read").call("recorder", "report", {"action": "status"})

    def test_cancel(self):
        with money_rig.Gateway() as gateway:
            self.start(gateway, **dict(WEEK, **{"from": "1990-01-01"}))  # 36 years of nothing take a moment
            self.call(gateway, action="cancel")
            harness.wait_until(lambda: self.call(gateway, action="status")["state"] in ("idle", "ready"), what="the end")
            self.assertEqual(self.call(gateway, action="status")["state"], "idle")


if __name__ == "__main__":
    unittest.main()
