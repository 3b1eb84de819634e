"""Links between EMS modules (LNK-01): where the user's own profile says which registers hold them they are read and told;
what comes and goes in the modules follows; a profile that mixes links up is refused in words."""
import json
import os
import subprocess
import tempfile

import harness
from harness import Edgewatt

EDGEWATT = os.path.join(harness.find_build(), "bin", "edgewatt")
EVENTS, ACTS, BARE = 20, 21, 22
LINK = {"fc": 3, "type": "u16", "nan": ["0xFFFF"], "group": "links"}
# As a user would attach them to the models of the catalogue; the addresses are the test's own.
SIGNALLING = {"id": "legrand-ems-signalling", "extends": "legrand-ems-signalling", "confidence": "candidate", "offers": None,
              "registers": {"input_1": {"fc": 2, "address": 0, "type": "bool", "group": "state"},
                            **{f"link_{what}_{n}": {**LINK, "address": 100 + 10 * n + at}
                               for n in (1, 2, 3) for at, what in enumerate(("action", "error"))}}}
COMMAND = {"id": "legrand-ems-command", "extends": "legrand-ems-command", "confidence": "candidate", "offers": None,
           "registers": {"output_1": {"fc": 1, "address": 0, "type": "bool", "group": "state"},
                         "link_event_1": {**LINK, "address": 200}, "link_interface_1": {**LINK, "address": 201}}}


class Links(harness.TestCase):
    def site(self):
        site = harness.small_site()
        bus = site["buses"][0]["id"]
        site["devices"] += [
            {"id": EVENTS, "bus": bus, "unit": 20, "name": "Gate contact", "profile": "legrand-ems-signalling", "on": True},
            {"id": ACTS, "bus": bus, "unit": 21, "name": "Gate light", "profile": "legrand-ems-command", "on": True},
            {"id": BARE, "bus": bus, "unit": 22, "name": "Bare", "profile": "legrand-ems-auxiliary", "on": True}]
        site["next_id"] = 100
        return site

    def test_links_are_read_where_a_profile_says_where(self):
        with Edgewatt(self.site(), profiles=[SIGNALLING, COMMAND]) as edgewatt:
            client = edgewatt.mqtt("console")
            for topic in ("device/+/links", "device/+/measures/+", "device/+/state"):
                self.assertLess(client.subscribe(topic), 128)
            first = client.wait(f"device/{EVENTS}/links").json
            self.assertEqual(first["links"], [], "nothing is linked yet")
            self.assertEqual(first["period_ms"], 60000)
            # What is programmed in the modules shows after the next read, at the latest when they are read anew.
            for line in (f"set {EVENTS} link_action_1 21", f"set {EVENTS} link_error_1 0", f"set {EVENTS} link_action_2 77",
                         f"set {EVENTS} link_error_2 5", f"set {ACTS} link_event_1 20", f"set {ACTS} link_interface_1 2"):
                edgewatt.control(line)
            self.read_anew(client)
            told = client.wait(f"device/{EVENTS}/links", lambda p: p["links"]).json["links"]
            self.assertEqual(told, [{"number": 1, "this": "event", "unit": 21, "error": 0},
                                    {"number": 2, "this": "event", "unit": 77, "error": 5}])
            told = client.wait(f"device/{ACTS}/links", lambda p: p["links"]).json["links"]
            self.assertEqual(told, [{"number": 1, "this": "action", "unit": 20, "interface": 2}])
            # Links are no measures, and nothing is said of a module whose registers nobody knows.
            self.assertFalse([m for m in client.messages if m.topic.startswith(f"device/{BARE}/links")])
            self.assertFalse([m for m in client.messages if "measures" in m.topic and "link_" in m.raw.decode()])
            # A model that has no such registers any more has no such topic.
            self.change(client, ACTS, profile="legrand-ems-auxiliary")
            harness.wait_until(lambda: not [m for m in client.messages if m.topic == f"device/{ACTS}/links"][-1].raw,
                               what="the topic to go")

    def read_anew(self, client):
        """Off and on again: everything is read at once."""
        for on in (False, True):
            for device in (EVENTS, ACTS):
                self.change(client, device, on=on)

    def change(self, client, device, **what):
        answer = client.call("config", "site")
        value = next(d for d in answer["site"]["devices"] if d["id"] == device)
        client.call("config", "change", {"rev": answer["rev"], "changes": [
            {"kind": "device", "id": device, "value": {**value, **what}}]})

    def test_mistakes_in_a_profile_are_told(self):
        registers = SIGNALLING["registers"]
        for problem, wrong in (
                ("links, and nothing else, are in the group links", {**registers, "link_action_1": {**LINK, "address": 9, "group": "info"}}),
                ("links, and nothing else, are in the group links", {"frequency": {**LINK, "address": 9}}),
                ("an address or an error is a whole number", {**registers, "link_action_1": {**LINK, "address": 9, "type": "f32"}}),
                ("either link_action or link_event", {**registers, "link_event_1": {**LINK, "address": 9}}),
                ("either link_action or link_event", {"link_error_7": {**LINK, "address": 9}})):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "legrand-ems-signalling.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump({**SIGNALLING, "registers": wrong}, file)
                ran = subprocess.run([EDGEWATT, "check", path], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(ran.returncode, 1, ran.stdout)
            self.assertIn(problem, ran.stdout + ran.stderr)


if __name__ == "__main__":
    harness.main()
