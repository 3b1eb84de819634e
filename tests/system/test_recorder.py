"""REC-01, REC-02, SYS-10: what the recorder stores of a simulated site, and answers, over kills and restarts. The wall clock
runs twenty times as fast, as the simulated loads do."""
import os
import sqlite3
import time
import unittest

import harness
import history_file
import virtual_time


def site():
    tree = harness.small_site(devices=3)
    tree["sampling"] = {"interval_min": 1}
    tree["circuits"] = [{"id": 50, "use": "heating", "name": "Heating"}, {"id": 51, "use": "lighting", "name": "Lighting"}]
    tree["devices"][0]["exclude_totals"] = True  # the main meter: a second total
    tree["devices"][1]["circuit"] = 50
    tree["devices"][2]["circuit"] = 51
    return tree


def today():
    """Today and the days around, so that midnight may come while the test runs."""
    return {"by": "hour", "from": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400)), "spans": 72}


def totals(answer):
    return {c["circuit"]: sum(v for v in c["values"] if v is not None) for c in answer["circuits"]}


class Recorder(harness.TestCase):
    def wait_total(self, client, above, timeout=200):
        answers = []

        def asked():
            answers.append(totals(client.call("recorder", "consumption", today())))
            return answers[-1].keys() == {50, 51} and all(answers[-1][c] > above.get(c, 0) for c in (50, 51))

        harness.wait_until(asked, timeout, "consumption of both circuits")
        return answers[-1]

    def test_consumption_by_circuit_survives_kill_and_restart(self):
        with virtual_time.Gateway(site(), speed=20, simulate_options=("--speed", "20")) as edgewatt:
            client = edgewatt.mqtt("command")
            client.subscribe("service/recorder/status")
            client.subscribe("total/+/+")
            client.wait("service/recorder/status", lambda p: p.get("online") and p.get("clock") == "trusted", 60)
            first = self.wait_total(client, {})
            self.assertNotIn(0, first)  # the excluded main meter is not "other"
            status = client.wait("service/recorder/status", lambda p: p.get("last_sample"), 60)
            self.assertGreater(status.json["database_bytes"], 0)

            self.move(edgewatt, device=11, circuit=51)
            old = edgewatt.read_run_json()["services"]["recorder"]["pid"]
            edgewatt.kill("recorder")
            edgewatt.wait_pid("recorder", old)
            client.wait("service/recorder/status", lambda p: p.get("online") and p.get("pid") != old, 60)
            second = self.wait_total(client, {51: first[51]})
            self.check_database(edgewatt)
            self.assertGreaterEqual(second[50], first[50])  # its meter is in 51 now; what it had stays
            self.check_totals(client)

    def move(self, edgewatt, device, circuit):
        console = edgewatt.mqtt("console")
        moved = dict(next(d for d in edgewatt.site["devices"] if d["id"] == device), circuit=circuit)
        rev = console.call("config", "site")["rev"]
        console.call("config", "change", {"rev": rev, "changes": [{"kind": "device", "id": device, "value": moved}]})

    def check_totals(self, client):
        """Over a kill and a meter that was moved no total ever fell, and those of the circuits make up the site's."""
        said = {}
        for message in list(client.messages):
            if message.topic.startswith("total/") and message.raw:
                wh = message.json["values"]["active_energy_import"]
                self.assertGreaterEqual(wh, said.get(message.topic, 0), message.topic)
                said[message.topic] = wh
        self.assertAlmostEqual(said["total/site/0"], said["total/circuit/50"] + said["total/circuit/51"], places=6)

    def check_database(self, edgewatt):
        """The steps that are stored add up to what the counters moved: nothing invented, nothing lost over the kill."""
        db = sqlite3.connect(f"file:{os.path.join(edgewatt.data, 'history.db')}?mode=ro", uri=True)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        names = dict(db.execute("SELECT id, quantity FROM series"))
        steps, first, last = {}, {}, {}
        for (data,) in db.execute("SELECT data FROM slot ORDER BY start").fetchall():
            for series, (step, reading) in history_file.read_counters(data).items():
                if names[series] != "active_energy_import":
                    continue
                first.setdefault(series, reading - (step or 0))
                steps[series] = steps.get(series, 0) + (step or 0)
                last[series] = reading
        db.close()
        self.assertTrue(steps)
        for series, step in steps.items():
            self.assertEqual(step, last[series] - first[series], f"series {series}")
        self.assertLessEqual({"active_energy_import", "active_power", "voltage_l1_n", "current_l1"}, set(names.values()))

    def test_bad_questions_are_answered_in_words(self):
        with harness.Edgewatt(site()) as edgewatt:
            client = edgewatt.mqtt("command")
            for args, path in (({}, "/by"), (dict(today(), spans=100000), "/spans"), (dict(today(), x=1), "/x"),
                               (dict(today(), **{"from": "2026-02-30"}), "/from")):
                with self.assertRaises(harness.CallError) as caught:
                    client.call("recorder", "consumption", args)
                self.assertEqual(caught.exception.path, path)


if __name__ == "__main__":
    unittest.main()
