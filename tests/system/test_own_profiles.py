"""A meter that is not in the library: its register table, as a person copied it from the maker's paper, becomes a profile of the
installation without a restart; what is wrong with the table is told with row and column."""
import json
import os
import subprocess
import tempfile

import harness
from harness import CallError, Edgewatt

EDGEWATT = os.path.join(harness.find_build(), "bin", "edgewatt")

TABLE = """quantity;fc;address;type;scale
voltage_l1_n;3;4097;u32;0,001
active_power;3;4117;u32;0,01
# a count is 10 Wh
active_energy_import;3;4125;u32;10
"""
HEAD = {"id": "acme-m1", "family": "Acme", "model": "M1", "first": 1}


class OwnProfiles(harness.TestCase):
    def refused(self, client, args, path, sentence):
        with self.assertRaises(CallError) as caught:
            client.call("config", "profile", args)
        self.assertEqual(caught.exception.path, path)
        self.assertIn(sentence, caught.exception.text)

    def use(self, client, profile):
        rev = client.call("config", "site")["rev"]
        device = next(d for d in client.call("config", "site")["site"]["devices"] if d["id"] == 10)
        return client.call("config", "change", {"rev": rev, "changes": [
            {"kind": "device", "id": 10, "value": {**device, "profile": profile}}]})

    def test_a_table_becomes_a_profile_that_is_read_at_once(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            before = edgewatt.pids()
            # Mistakes are told where they are, and nothing is kept.
            self.refused(client, {"table": {**HEAD, "csv": TABLE.replace("active_power", "activ_power")}},
                         "row 3, quantity", "activ_power")
            self.refused(client, {"table": {**HEAD, "csv": TABLE.replace("u32;10", "u33;10")}}, "row 5, type", "must be one of")
            self.refused(client, {"table": {**HEAD, "csv": TABLE, "first": 40001}}, "row 2, address", "first number")
            self.refused(client, {"profile": {"id": "../../etc/passwd"}}, "/id", "may only hold")
            self.refused(client, {}, "/", "one of profile, table, remove")
            folder = os.path.join(edgewatt.data, "profiles")
            self.assertFalse(os.path.isdir(folder) and os.listdir(folder))
            # A look first: nothing is written.
            looked = client.call("config", "profile", {"check": True, "table": {**HEAD, "csv": TABLE}})["profile"]
            self.assertEqual(looked["registers"]["active_power"]["address"], 4116)
            self.assertEqual(looked["confidence"], "candidate")
            self.assertFalse(os.path.isdir(folder) and os.listdir(folder))
            # Then for good.
            client.call("config", "profile", {"table": {**HEAD, "csv": TABLE}})
            self.assertEqual(os.listdir(folder), ["acme-m1.json"])
            subprocess.run([EDGEWATT, "check", os.path.join(folder, "acme-m1.json")], check=True, timeout=30)
            mark = client.mark()
            self.use(client, "acme-m1")
            values = client.wait("device/10/measures/instant", lambda p: set(p["values"]) == {"voltage_l1_n", "active_power"},
                                 after=mark).json["values"]
            self.assertAlmostEqual(values["voltage_l1_n"], 230, delta=25)
            energy = client.wait("device/10/measures/energy", lambda p: "active_energy_import" in p["values"]).json["values"]
            self.assertGreaterEqual(energy["active_energy_import"], 0)
            self.assertEqual(client.wait("config/profile/acme-m1").json["confidence"], "candidate")
            # It is in use: it can't go. Then it is not.
            self.refused(client, {"remove": "acme-m1"}, "/remove", "a device uses")
            self.refused(client, {"remove": "legrand-emdx3-412045"}, "/remove", "not one of your profiles")
            self.use(client, "legrand-emdx3-412045")
            client.call("config", "profile", {"remove": "acme-m1"})
            self.assertEqual(os.listdir(folder), [])
            self.assertEqual(edgewatt.pids(), before, "nothing was restarted")

    def test_a_model_without_a_table_says_so_until_one_is_attached(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            self.use(client, "legrand-emdx3-kwh-3p")
            reason = client.wait("device/10/status", lambda p: p["state"] == "unconfigured").json["reason"]
            self.assertEqual(reason["code"], "device.no_table")
            self.assertFalse(client.wait("config/profile/legrand-emdx3-kwh-3p").json["table"])
            # The user's table goes under the model's own name, on top of what the catalogue says of it.
            client.call("config", "profile", {"profile": {
                "id": "legrand-emdx3-kwh-3p", "extends": "legrand-emdx3-kwh-3p", "confidence": "candidate", "offers": None,
                "registers": {"active_power": {"fc": 3, "address": 4116, "type": "u32", "scale": 0.01, "unit": "W", "group": "instant"}}}})
            client.wait("device/10/status", lambda p: p["state"] == "on")
            client.wait("device/10/measures/instant", lambda p: list(p["values"]) == ["active_power"])
            self.assertTrue(client.wait("config/profile/legrand-emdx3-kwh-3p", lambda p: p["table"]).json["table"])

    def test_from_the_command_line(self):
        file = tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8")
        self.addCleanup(file.close)
        file.write(TABLE)
        file.flush()
        made = subprocess.run([EDGEWATT, "profiles", "new", file.name, "--id", "acme-m1", "--family", "Acme", "--model", "M1",
                               "--first", "1", "--document", "Acme, M1 registers, revision B, page 4"],
                              check=True, capture_output=True, text=True, timeout=30)
        profile = json.loads(made.stdout)
        self.assertEqual((profile["confidence"], len(profile["registers"])), ("document", 3))
        wrong = subprocess.run([EDGEWATT, "profiles", "new", file.name, "--id", "ACME", "--family", "Acme", "--model", "M1"],
                               capture_output=True, text=True, timeout=30)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("/id", wrong.stderr)


if __name__ == "__main__":
    harness.main()
