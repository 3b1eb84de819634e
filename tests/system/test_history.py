#!/usr/bin/python3
"""VIEW-02 to VIEW-05, VIEW-08, DEV-09: what the pages ask of a gateway that has a past: nine days around the change to
summer time, with gas and water, a meter that was moved, a gap and an hour without a meter."""
import json
import os
import sys
import unittest
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import history_file

PARIS = ZoneInfo("Europe/Paris")
FIRST, LAST = datetime(2026, 3, 24, tzinfo=PARIS), datetime(2026, 4, 2, tzinfo=PARIS)
MOVED = datetime(2026, 3, 26, 15, 20, tzinfo=PARIS)  # device 12 goes from circuit 50 to 51
GAP = datetime(2026, 3, 27, 8, 0, tzinfo=PARIS), datetime(2026, 3, 27, 10, 30, tzinfo=PARIS)  # device 12, then recovered
SERIES = {1: (11, "active_energy_import", 100), 2: (12, "active_energy_import", 200), 3: (13, "active_energy_import", 50),
          4: (14, "volume", 30), 5: (15, "volume", 7.5), 6: (16, "active_energy_import", 1000)}
EXCLUDED, OLD_DEVICE = 16, 7000


def site():
    tree = harness.small_site(devices=1)
    meter = {"bus": 1, "profile": "legrand-emdx3-412045"}
    pulse = {"bus": 1, "unit": 9}
    tree["devices"] = [
        {"id": 11, "unit": 1, "circuit": 50, "zones": [60], **meter},
        {"id": 12, "unit": 2, "circuit": 51, "zones": [60, 61], **meter},
        {"id": 13, "unit": 3, **meter},
        {"id": 14, "position": 1, "profile": "pulse-gas-generic", "params": {"position": 1, "register": 0}, **pulse},
        {"id": 15, "position": 2, "profile": "pulse-water-generic", "params": {"position": 2, "register": 2}, **pulse},
        {"id": EXCLUDED, "unit": 4, "circuit": 50, "exclude_totals": True, **meter},
    ]
    tree["circuits"] = [{"id": 50, "use": "heating"}, {"id": 51, "use": "lighting"}]
    tree["zones"] = [{"id": 60, "name": "Hall"}, {"id": 61, "name": "Attic"}]
    tree["gas"] = {"kwh_per_m3": 10.5}
    tree["tariffs"] = [{"id": 71, "service": "electricity", "name": "All day", "prices": [{"price": 0.2}]},
                       {"id": 72, "service": "gas", "name": "Gas", "prices": [{"price": 1.5}]}]
    tree["cost_rules"] = [{"id": 81, "service": "electricity", "tariff": 71}, {"id": 82, "service": "gas", "tariff": 72}]
    return tree


def slots():
    at = FIRST.astimezone(timezone.utc)
    while at < LAST.astimezone(timezone.utc):
        yield at
        at += timedelta(minutes=10)


def amount(series, at):
    """Step of a series in a slot, None in the gap; what the gap held comes after it."""
    step = SERIES[series][2]
    if series == 2 and GAP[0] <= at < GAP[1]:
        return None
    if series == 2 and at == GAP[1]:
        return step * (1 + int((GAP[1] - GAP[0]).total_seconds()) // 600)
    return step


def write(path):
    db = history_file.create(path)
    for series, (device, quantity, _) in SERIES.items():
        db.execute("INSERT INTO series VALUES (?, ?, ?, 1)", (series, device, quantity))
        db.execute("INSERT INTO series VALUES (?, ?, 'active_power', 0)", (series + 10, device))
    db.execute("INSERT INTO series VALUES (99, ?, 'active_energy_import', 1)", (OLD_DEVICE,))
    since = int(MOVED.timestamp())
    for row in ((11, 0, 50, 0, "60", 0, 0), (12, 0, 50, 0, "60,61", 0, 0), (12, since, 51, 0, "60,61", 0, 0),
                (13, 0, 0, 0, "", 0, 0), (14, 0, 0, 0, "", 0, 1), (15, 0, 0, 0, "", 0, 2), (EXCLUDED, 0, 50, 0, "", 1, 0)):
        db.execute("INSERT INTO membership VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO total VALUES ('site', 0, 0, 1234567)")
    for number, at in enumerate(slots()):
        start = int(at.timestamp())
        steps = {s: amount(s, at) for s in SERIES}
        flags = {2: 1} if at == GAP[1] else {}
        history_file.add_slot(db, start, 600, {s: (v, number) for s, v in steps.items() if v is not None},
                              {s + 10: (1000 + number % 144, 900, 2000 + number % 10) for s in SERIES}, flags)
    db.commit()
    db.close()


class Gateway(harness.Edgewatt):
    def start(self):
        write(os.path.join(self.data, "history.db"))
        super().start()


def expected(of, unit, device_filter):
    """{span start (local): sum} worked out slot by slot."""
    sums = {}
    for at in slots():
        local = at.astimezone(PARIS)
        start = {"hour": local.replace(minute=0), "day": local.replace(hour=0, minute=0),
                 "month": local.replace(day=1, hour=0, minute=0)}[unit].astimezone(timezone.utc)
        for series, (device, _, _) in SERIES.items():
            if device_filter(device, at) and amount(series, at) is not None:
                sums[start] = sums.get(start, 0) + amount(series, at) * of
    return sums


class History(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(site(), simulate=False)
        cls.gateway.__enter__()
        cls.client = cls.gateway.mqtt("command")
        cls.client.wait("service/recorder/status", lambda p: p.get("online") and p.get("last_sample"), 60)
        cls.client.wait("service/recorder/status", lambda p: p.get("tariffs", {}).get("state") == "ready", 60)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.__exit__(None, None, None)

    def ask(self, method, **args):
        answer = self.client.call("recorder", method, args)
        try:
            import jsonschema
        except ImportError:
            return answer
        with open(os.path.join(harness.SOURCE, f"schemas/calls/{method}.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(answer, json.load(file))
        return answer

    def refused(self, method, code, **args):
        with self.assertRaises(harness.CallError) as caught:
            self.client.call("recorder", method, args)
        self.assertEqual(caught.exception.code, code)

    def check(self, answer, row_id, sums, service="electricity"):
        row = next(r for r in answer["rows"] if (r["id"], r["service"]) == (row_id, service))
        got = {datetime.fromisoformat(s["start"].replace("Z", "+00:00")): v
               for s, v in zip(answer["spans"], row["values"]) if v is not None}
        self.assertEqual(got, {k: v for k, v in sums.items() if k in got})
        self.assertEqual(len(got), sum(1 for s in answer["spans"] if datetime.fromisoformat(s["start"].replace("Z", "+00:00")) in sums))
        self.assertAlmostEqual(row["total"], sum(got.values()))

    def test_by_circuit_each_part_where_the_device_was(self):
        in_50 = lambda d, at: d == 11 or (d == 12 and at < MOVED)
        in_51 = lambda d, at: d == 12 and at >= MOVED
        for unit, first, spans in (("hour", "2026-03-26", 24), ("day", "2026-03-24", 9), ("month", "2026-03-01", 2)):
            answer = self.ask("history", by=unit, **{"from": first}, spans=spans)
            self.assertEqual([r["id"] for r in answer["rows"]], [0, 50, 51])
            self.check(answer, 50, expected(1, unit, in_50))
            self.check(answer, 51, expected(1, unit, in_51))
            self.check(answer, 0, expected(1, unit, lambda d, at: d == 13))  # the excluded one counts nowhere
        year = self.ask("history", by="year", **{"from": "2026-01-01"}, spans=1)
        self.assertEqual(sum(r["total"] for r in year["rows"]),
                         sum(expected(1, "month", lambda d, at: d in (11, 12, 13)).values()))

    def test_the_day_of_23_hours(self):
        answer = self.ask("history", by="hour", **{"from": "2026-03-29"}, spans=23, previous=True)
        self.assertEqual(answer["spans"][-1]["end"], "2026-03-29T22:00:00.000Z")
        self.assertEqual(answer["previous"][0]["start"], "2026-03-27T23:00:00.000Z")
        row = next(r for r in answer["rows"] if r["id"] == 0)
        self.assertEqual((row["total"], row["previous"]["total"]), (23 * 300, 23 * 300))

    def test_by_zone_a_device_of_two_zones_counts_in_both(self):
        answer = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=1, group="zone")
        totals = {r["id"]: r["total"] for r in answer["rows"]}
        self.assertEqual(totals, {0: 144 * 50, 60: 144 * 300, 61: 144 * 200})
        one = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=1, group="device", zone=60)
        self.assertEqual({r["id"]: r["total"] for r in one["rows"]}, {11: 144 * 100, 12: 144 * 200})

    def test_services_side_by_side_in_units_and_money(self):
        answer = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=1, group="service", cost=True)
        rows = {r["service"]: r for r in answer["rows"]}
        self.assertEqual({s: (r["unit"], r["total"]) for s, r in rows.items()},
                         {"electricity": ("Wh", 144 * 350), "gas": ("dm3", 144 * 30), "water": ("dm3", 144 * 7.5)})
        self.assertEqual(rows["electricity"]["cost"], round(144 * 350 / 1000 * 0.2, 2))
        self.assertEqual(rows["gas"]["cost"], round(144 * 30 / 1000 * 1.5, 2))
        self.assertEqual((rows["water"]["cost"], answer["currency"]), (None, "EUR"))
        gas = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=1, group="service", equivalent=True)["rows"][1]
        self.assertEqual((gas["service"], gas["unit"], gas["total"]), ("gas", "Wh", 144 * 30 * 10.5))

    def test_costs_by_circuit_and_zone_make_up_the_whole(self):
        for unit, first, spans, kwh in (("hour", "2026-03-25", 24, 144 * 350), ("day", "2026-03-25", 2, 288 * 350)):
            for group in ("circuit", "device"):
                answer = self.ask("history", by=unit, **{"from": first}, spans=spans, group=group, service="electricity", cost=True)
                self.assertAlmostEqual(sum(r["cost"] for r in answer["rows"]), kwh / 1000 * 0.2, places=6)
        zones = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=1, group="zone", cost=True)
        self.assertEqual({r["id"]: r["cost"] for r in zones["rows"]}, {0: 1.44, 60: 8.64, 61: 5.76})

    def test_gaps_are_gaps_and_what_comes_back_says_so(self):
        answer = self.ask("history", by="hour", **{"from": "2026-03-27"}, spans=24, group="device", device=12)
        row = answer["rows"][0]
        self.assertEqual(row["values"][7:12], [1200, None, None, 200 * 15 + 200 * 3, 1200])
        self.assertEqual(row["flags"][7:12], [0, 64, 64, 65, 0])  # 1 recovered, 64 not all of it recorded
        self.assertEqual(row["total"], 144 * 200)

    def test_details_show_an_excluded_device(self):
        answer = self.ask("history", by="day", **{"from": "2026-03-25"}, spans=2, group="device", device=EXCLUDED)
        self.assertEqual([(r["id"], r["values"]) for r in answer["rows"]], [(EXCLUDED, [144000, 144000])])

    def test_compare(self):
        two = self.ask("compare", by="day", **{"from": "2026-03-25"}, spans=2, devices=[11, EXCLUDED])
        self.assertEqual((two["unit"], two["only_cost"]), ("Wh", False))
        self.assertEqual([r["values"] for r in two["rows"]], [[14400, 14400], [144000, 144000]])
        unlike = self.ask("compare", by="day", **{"from": "2026-03-25"}, spans=1, devices=[11, 14])
        self.assertEqual((unlike["unit"], unlike["only_cost"], [r["values"] for r in unlike["rows"]]), (None, True, [None, None]))
        self.assertEqual([r["cost"] for r in unlike["rows"]], [2.88, 6.48])
        self.refused("compare", "query.compare_equivalent", by="day", **{"from": "2026-03-25"}, spans=1, devices=[11, 14],
                     equivalent=True)
        self.refused("compare", "query.two_devices", by="day", **{"from": "2026-03-25"}, spans=1, devices=[11, 11])
        self.refused("compare", "query.no_device", by="day", **{"from": "2026-03-25"}, spans=1, devices=[11, 4711])

    def test_series_keep_extremes_within_the_points_asked_for(self):
        raw = self.ask("series", device=11, quantity="active_power", points=200,
                       **{"from": "2026-03-25T00:00:00+01:00", "to": "2026-03-26T00:00:00+01:00"})
        self.assertEqual((raw["step_s"], raw["count"], raw["unit"], raw["kind"]), (600, 144, "W", "gauge"))
        self.assertEqual(raw["mean"][:3], [1000, 1001, 1002])
        few = self.ask("series", device=11, quantity="active_power", points=30,
                       **{"from": "2026-03-25T00:00:00+01:00", "to": "2026-03-26T00:00:00+01:00"})
        self.assertEqual((few["step_s"], few["count"], few["mean"][0]), (3600, 24, 1002.5))
        self.assertEqual((set(few["min"]), set(few["max"])), ({900}, {2009, 2007, 2005}))
        counter = self.ask("series", device=12, quantity="active_energy_import",
                           **{"from": "2026-03-27T06:00:00Z", "to": "2026-03-27T10:00:00Z"})
        self.assertEqual(counter["kind"], "counter")
        self.assertEqual(sum(v for v in counter["sum"] if v is not None), 24 * 200)
        self.refused("series", "query.no_series", device=11, quantity="frequency", **{"from": "2026-03-25T00:00:00Z", "to": "2026-03-26T00:00:00Z"})

    def test_bad_questions_name_the_place(self):
        good = {"by": "day", "from": "2026-03-25", "spans": 1}
        for args, code in ((dict(good, group="panels"), "json.choice"), (dict(good, group="service", service="gas"), "query.service_group"),
                           (dict(good, device=11, group="device", quantity="active_energy_export", cost=True), "query.cost_quantity"), (dict(good, quantity="volume"), "query.quantity_device"),
                           (dict(good, device=11, group="device", quantity="voltage_l1_n"), "query.no_counter")):
            self.refused("history", code, **args)

    def test_totals_go_on_from_what_the_database_says(self):
        total = self.client.wait("total/site/0")
        self.assertEqual(total.json["values"], {"active_energy_import": 1234.567})

    def test_ids_of_history_are_not_given_again(self):
        console = self.gateway.mqtt("console")

        console.subscribe("config/zone/+")

        def given():
            """The highest id of a zone, after one more was made."""
            rev, mark = console.call("config", "site")["rev"], console.mark()
            console.call("config", "change", {"rev": rev, "changes": [{"kind": "zone", "value": {"name": f"Zone {rev}"}}]})
            return console.wait("config/zone/+", lambda p: p["name"] == f"Zone {rev}", after=mark).json["id"]

        harness.wait_until(lambda: given() > OLD_DEVICE, what="an id above every id in history")


if __name__ == "__main__":
    unittest.main()
