"""`edgewatt replay` as a black box: its output, its refusals, its exit codes."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

EDGEWATT = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/bin/edgewatt"

SITE = {
    "settings": {"i_max_a": 100, "i_chg_a": 90, "hysteresis_pct": 5},
    "stations": [{"id": "A", "rated_a": 32, "phases": [1]}, {"id": "B", "rated_a": 16.5, "phases": [1, 2, 3], "priority": True}],
    "until_s": 20,
    "events": [{"t": 0, "base_a": [20.1234, 0, 3]}, {"t": 0, "plug": "A"}, {"t": 12, "plug": "B", "wants_a": 16.5}],
}


def replay(scenario, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "scenario.json")
        with open(path, "w", encoding="utf8") as file:
            file.write(scenario if isinstance(scenario, str) else json.dumps(scenario))
        options = [option.replace("FOLDER", folder) for option in options]
        done = subprocess.run([EDGEWATT, "replay", path, *options], capture_output=True, text=True, timeout=60)
        done.stderr = done.stderr.replace(folder + "/", "")
        done.files = {name: open(os.path.join(folder, name), encoding="utf8").read() for name in os.listdir(folder)}
        return done


def changed(**changes):
    site = json.loads(json.dumps(SITE))
    site.update(changes)
    return site


class Output(unittest.TestCase):
    def test_one_line_a_tick_with_the_keys_in_order(self):
        done = replay(SITE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], '{"t":0,"i_a":[20.123,0,3],"band":["green","green","green"],"mode":"run",'
                         '"limit_a":{"A":32,"B":0},"commands":[{"station":"A","do":"start","limit_a":32,"why":"green"}]}')
        self.assertEqual(lines[1], '{"t":5,"i_a":[52.123,0,3],"band":["green","green","green"],"mode":"run",'
                         '"limit_a":{"A":32,"B":0},"commands":[]}')
        # An event between two ticks takes effect at the next one.
        self.assertEqual([json.loads(line)["t"] for line in lines], [0, 5, 10, 15, 20])
        self.assertEqual(json.loads(lines[3])["limit_a"], {"A": 32, "B": 16.5})
        self.assertEqual(json.loads(lines[4])["i_a"], [68.623, 16.5, 19.5])

    def test_samples_between_ticks_have_lines_of_their_own(self):
        lines = replay(changed(timing={"sample_s": 2.5})).stdout.splitlines()
        self.assertEqual([json.loads(line)["t"] for line in lines], [0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20])

    def test_twice_the_same_and_in_any_order_of_stations(self):
        first, second = replay(SITE).stdout, replay(SITE).stdout
        self.assertEqual(first, second)
        turned = [json.loads(line) for line in replay(changed(stations=SITE["stations"][::-1])).stdout.splitlines()]
        self.assertEqual(turned, [json.loads(line) for line in first.splitlines()])

    def test_summary_instead_of_ticks(self):
        done = replay(SITE, "--summary")
        self.assertEqual(done.returncode, 0)
        figures = json.loads(done.stdout)
        self.assertEqual(done.stdout.count("\n"), 1)
        self.assertEqual(figures["sessions"], 2)
        self.assertEqual(figures["over_limit"]["seconds"], 0)
        # A: 15 s at 32 A on one phase; B has drawn for no whole tick yet.
        self.assertAlmostEqual(figures["energy_kwh"], 32 * 230 * 15 / 3.6e6, places=3)
        self.assertEqual(done.stdout, replay(SITE, "--summary").stdout)

    def test_plot_is_a_picture(self):
        done = replay(SITE, "--plot", "FOLDER/run.svg")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stdout.splitlines()), 5)
        picture = xml.etree.ElementTree.fromstring(done.files["run.svg"])
        self.assertEqual(picture.tag, "{http://www.w3.org/2000/svg}svg")
        words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
        for word in ("L1", "L2", "L3", "A", "B", "100 A", "90 A"):
            self.assertIn(word, words)


class Refusals(unittest.TestCase):
    CASES = [
        ("a key of the scenario", changed(until=3), "/until: unknown key"),
        ("a key of the settings", changed(settings={"i_mx_a": 3}), "/settings/i_mx_a: unknown key"),
        ("a key of the timing", changed(timing={"tick": 3}), "/timing/tick: unknown key"),
        ("a key of a station", changed(stations=[{"id": "A", "rated_a": 16, "phases": [1], "side": 1}]), "/stations/0/side: unknown key"),
        ("a key of an event", changed(events=[{"t": 1, "unplug": "A"}, {"t": 1, "plug": "A", "wnats_a": 1}]), "/events/1/wnats_a: unknown key"),
        ("two things in one event", changed(events=[{"t": 1, "plug": "A", "unplug": "A"}]), "/events/0/unplug: unknown key"),
        ("a key of changed settings", changed(events=[{"t": 1, "settings": {"tick_s": 1}}]), "/events/0/settings/tick_s: unknown key"),
        ("an event that says nothing", changed(events=[{"t": 1}]), "/events/0: nothing here says"),
        ("an unknown station", changed(events=[{"t": 1, "plug": "X"}]), '/events/0/plug: there is no station "X"'),
        ("a station twice", changed(stations=SITE["stations"][:1] * 2), '/stations/1/id: "A" is there twice'),
        ("a missing phase", changed(stations=[{"id": "A", "rated_a": 16}]), "/stations/0/phases: is missing"),
        ("phase 4", changed(stations=[{"id": "A", "rated_a": 16, "phases": [4]}]), "/stations/0/phases: must be"),
        ("below 6 A", changed(stations=[{"id": "A", "rated_a": 5, "phases": [1]}]), "/stations/0/rated_a: must be"),
        ("more for charging than there is", changed(settings={"i_max_a": 50, "i_chg_a": 60}), "/settings/i_chg_a: must be"),
        ("hysteresis of 21 %", changed(settings={"hysteresis_pct": 21}), "/settings/hysteresis_pct: must be 0..20 %"),
        ("samples that miss the ticks", changed(timing={"sample_s": 2}), "/timing/sample_s: must divide tick_s"),
        ("two phases of base load", changed(events=[{"t": 0, "base_a": [1, 2]}]), "/events/0/base_a: must be three"),
        ("a wrong word", changed(events=[{"t": 0, "meter": "gone"}]), "/events/0/meter: "),
        ("a time before the start", changed(events=[{"t": -1, "unplug": "A"}]), "/events/0/t: "),
        ("no stations", {"events": [], "until_s": 1}, "/stations: is missing"),
        ("no JSON", "{", "line 1"),
    ]

    def test_refused_with_the_place(self):
        for name, scenario, words in self.CASES:
            with self.subTest(name):
                done = replay(scenario)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(words, done.stderr)
                self.assertTrue(done.stderr.startswith("scenario.json:"), done.stderr)

    def test_usage(self):
        for arguments in ([], ["--nothing"], ["a.json", "b.json"], ["a.json", "--plot"]):
            with self.subTest(arguments):
                done = subprocess.run([EDGEWATT, "replay", *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("Usage: edgewatt replay", done.stderr)
        done = subprocess.run([EDGEWATT, "replay", "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--plot FILE.svg", done.stdout)

    def test_files_that_are_not_there(self):
        done = subprocess.run([EDGEWATT, "replay", "/nonexistent.json"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("/nonexistent.json", done.stderr)
        self.assertEqual(replay(SITE, "--plot", "/nonexistent/x.svg").returncode, 1)


if __name__ == "__main__":
    unittest.main()
