#!/usr/bin/python3
"""PQ-01, VIEW-05: the weekly check of EN 50160 of a gateway that has a past: sound weeks, one with too many marks out, the
weeks of 1002 and 1014 marks, one that was hardly recorded, one at an interval of a quarter of an hour."""
import csv
import json
import os
import re
import shutil
import sys
import unittest
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import history_file

PARIS = ZoneInfo("Europe/Paris")
DEVICE, OTHER = 10, 11
SERIES = {1: "voltage_l1_n", 2: "voltage_l2_n", 3: "voltage_l3_n", 4: "frequency", 5: "thd_voltage_l1", 6: "thd_voltage_l2",
          7: "thd_voltage_l3"}
SOUND = {1: (231, 228, 234), 2: (232, 229, 235), 3: (230, 226, 233), 4: (50, 49.95, 50.04), 5: (2, 1, 3), 6: (2, 1, 3), 7: (2, 1, 3)}
# Besides, the last week that is over is sound and the one before is as that of 2026-03-02.
MARKS = {"2025-10-20": 1014, "2026-02-23": 1008, "2026-03-02": 1008, "2026-03-09": 1008, "2026-03-16": 1008, "2026-03-23": 1002}


def monday(date):
    return datetime.fromisoformat(date).replace(tzinfo=PARIS)


def last_week():
    today = datetime.now(PARIS).date()
    return today - timedelta(days=today.weekday() + 7)


def week_before():
    return last_week() - timedelta(days=7)


def values(date, number):
    """What is recorded in a slot of a week; None: nothing."""
    if date in ("2026-03-02", week_before().isoformat()) and number < 51:
        return {**SOUND, 2: (206.9, 200, 212)}  # a phase low in one mark too many
    if date == "2026-03-09" and number < 101:
        return None
    if date == "2026-03-23" and number < 50:
        return {**SOUND, 6: (8.1, 7, 9)}  # as many as the short week allows
    return SOUND


def write(path, device=DEVICE):
    db = history_file.create(path)
    for series, quantity in SERIES.items():
        db.execute("INSERT INTO series VALUES (?, ?, ?, 0)", (series, device, quantity))
    db.execute("INSERT INTO series VALUES (50, ?, 'active_energy_import', 1)", (device,))
    for date in [*MARKS, week_before().isoformat(), last_week().isoformat()]:
        start, end = (int(datetime.combine(monday(date).date() + timedelta(days=d), datetime.min.time(), PARIS).timestamp()) for d in (0, 7))
        length = 900 if date == "2026-03-16" else 600
        for number, at in enumerate(range(start, end, length)):
            gauges = values(date, number)
            if gauges is not None:
                history_file.add_slot(db, at, length, {}, gauges)
    db.commit()
    db.close()


class Gateway(harness.Edgewatt):
    def start(self):
        write(os.path.join(self.data, "history.db"))
        super().start()


class Quality(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        tree = harness.small_site(devices=2)
        tree["buses"][0]["quality_device"] = DEVICE
        cls.gateway = Gateway(tree, simulate=False)
        cls.gateway.__enter__()
        cls.client = cls.gateway.mqtt("console")
        cls.client.wait("service/recorder/status", lambda p: p.get("online") and p.get("last_sample"), 60)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.__exit__(None, None, None)

    def ask(self, device=DEVICE, **args):
        answer = self.client.call("recorder", "quality", {"device": device, **args})
        try:
            import jsonschema
        except ImportError:
            return answer
        with open(os.path.join(harness.SOURCE, "schemas/calls/quality.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(answer, json.load(file))
        return answer

    def week(self, date):
        week = self.ask(**{"from": date}, weeks=1)["weeks"][0]
        self.assertEqual((week["monday"], week["marks"]), (date, MARKS[date]))
        return week, {one["criterion"]: one for one in week["criteria"]}

    def test_a_sound_week_is_ok_and_says_what_was_not_measured(self):
        week, found = self.week("2026-02-23")
        self.assertEqual(week["verdict"], "ok")
        self.assertEqual({name for name, one in found.items() if one["reason"] == "not_measured"}, {"unbalance", "harmonics", "flicker"})
        self.assertEqual({one["known"] for one in found.values() if one["verdict"] == "ok"}, {1008})

    def test_one_mark_too_many_is_ko_with_its_phase(self):
        week, found = self.week("2026-03-02")
        self.assertEqual((week["verdict"], found["voltage"]["verdict"], found["voltage"]["conductor"]), ("ko", "ko", "l2"))
        self.assertEqual((found["voltage"]["beyond"], found["voltage"]["allowed"], found["voltage_all"]["verdict"]), (51, 50, "ok"))

    def test_weeks_in_which_the_clock_changes(self):
        week, found = self.week("2026-03-23")
        self.assertEqual((week["verdict"], found["thd"]["beyond"], found["thd"]["allowed"], found["thd"]["conductor"]), ("ok", 50, 50, "l2"))
        week, found = self.week("2025-10-20")
        self.assertEqual((week["verdict"], found["voltage"]["known"]), ("ok", 1014))

    def test_too_little_is_no_verdict(self):
        week, found = self.week("2026-03-09")
        self.assertEqual((week["verdict"], found["voltage"]["reason"], found["voltage"]["known"]), ("none", "few", 907))
        week, found = self.week("2026-03-16")
        self.assertEqual((week["verdict"], found["voltage"]["reason"]), ("none", "coarse"))

    def test_without_a_date_the_last_week_that_is_over_and_the_one_before(self):
        weeks = self.ask()["weeks"]
        self.assertEqual([week["monday"] for week in weeks], [last_week().isoformat(), week_before().isoformat()])
        self.assertEqual([week["verdict"] for week in weeks], ["ok", "ko"])

    def test_a_device_of_which_nothing_is_recorded_has_no_verdict(self):
        self.assertEqual([week["verdict"] for week in self.ask(OTHER)["weeks"]], ["none", "none"])

    def test_who_asks_something_else_meanwhile_does_not_wait(self):
        """It is answered bit by bit: a quick question asked after several of these is answered before the last of them."""
        answers = f"reply/{self.client.user}/meanwhile"
        self.client.subscribe(f"reply/{self.client.user}/#")
        mark = self.client.mark()
        asked = [("quality", {"device": DEVICE, "weeks": 5})] * 6 + [("consumption", {"by": "day", "from": "2026-03-02", "spans": 1})]
        for number, (method, args) in enumerate(asked):
            self.client.publish(f"call/{self.client.user}/recorder/{method}", args, qos=0, response=answers, correlation=str(number).encode())
        harness.wait_until(lambda: len(self.replies(answers, mark)) == len(asked), what="all answers")
        replies = self.replies(answers, mark)
        self.assertEqual([len(r["result"]["weeks"]) for r in replies if "weeks" in r["result"]], [5] * 6)
        self.assertIn("weeks", replies[-1]["result"])

    def verdicts(self, folder):
        """(line's time, {column of the check: field}) of the lines that tell of a week, in all years; and the header."""
        found, headers = [], set()
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                rows = csv.reader(file, delimiter=";")
                header = next(rows)
                headers.add(tuple(header))
                for row in rows:
                    self.assertEqual(len(row), len(header))
                    told = {key.split(" ", 1)[1]: field for key, field in zip(header, row) if key.startswith(f"{DEVICE} en50160")}
                    if any(told.values()):
                        found.append((row[0], told))
        return found, headers

    def test_the_csv_file_of_the_year_tells_each_week(self):
        self.write(**{"from": "2025-10-01"})
        folder = os.path.join(self.gateway.data, "export", "eqcheck")
        found, headers = self.verdicts(folder)
        with open(os.path.join(harness.SOURCE, "schemas/csv/columns.json"), encoding="utf-8") as file:
            spec = next(f for f in json.load(file)["files"] if f["file"].startswith("eqcheck"))["columns"][0]["name"]
        for header in headers:
            self.assertTrue(all(re.fullmatch(spec, label) for label in header[2:-1]), header)
        self.assertEqual([(time, told["en50160 week"], told["en50160"], told["en50160 voltage"], told["en50160 thd"]) for time, told in found], [
            ("2026-03-02 00:00:00", "2026-02-23", "OK", "OK", "OK"),
            ("2026-03-09 16:50:00", "2026-03-02", "KO", "KO", "OK"),  # the first line of that week
            ("2026-03-16 00:00:00", "2026-03-09", "", "", ""),
            ("2026-03-23 00:00:00", "2026-03-16", "", "", ""),
            (f"{week_before()} 00:00:00", "2026-03-23", "OK", "OK", "OK"),  # nothing was recorded in between
            (f"{last_week()} 00:00:00", week_before().isoformat(), "KO", "KO", "OK")])
        self.assertEqual({told["en50160 flicker"] for _, told in found}, {""})  # is not measured
        # Written once more: nothing stands twice, and made anew it is the same.
        self.write()
        self.assertEqual(self.verdicts(folder)[0], found)
        shutil.rmtree(folder)
        self.write(**{"from": "2025-10-01"})
        self.assertEqual(self.verdicts(folder)[0], found)
        # Another separator: the file of the year is made anew, with all of the year.
        rev = self.client.call("config", "site")["rev"]
        self.client.call("config", "change", {"rev": rev, "changes": [{"kind": "settings", "id": "csv", "value": {"decimal": ".", "separator": ";"}}]})
        harness.wait_until(self.rewritten, what="files with a decimal point")
        self.assertEqual(self.verdicts(folder)[0], found)

    def rewritten(self):
        self.write()
        path = os.path.join(self.gateway.data, "export", "eqcheck", f"eqcheck_{last_week().year}_1.csv")
        with open(path, encoding="utf-8") as file:
            return ";49.95;" in file.read()

    def write(self, **more):
        def begun():
            try:
                return self.client.call("recorder", "export", {"action": "write", **more})
            except harness.CallError as error:
                if error.code not in ("export.busy", "export.starting"):
                    raise
                return None
        harness.wait_until(begun, what="an export begun")
        state = harness.wait_until(lambda: (lambda s: s if s["state"] != "running" else None)(self.client.call("recorder", "export")), what="its end")
        self.assertEqual(state["state"], "idle", state)

    def replies(self, topic, mark):
        return [m.json for m in self.client.messages if m.order >= mark and m.topic == topic]

    def test_bad_questions_are_refused(self):
        for args, code in (({"from": "2026-13-01"}, "json.date"), ({"weeks": 6}, "json.range"), ({"from": "2090-01-02"}, "query.week_running")):
            with self.assertRaises(harness.CallError) as caught:
                self.ask(**args)
            self.assertEqual(caught.exception.code, code)


if __name__ == "__main__":
    unittest.main()
