"""A meter that is not in the library: its register table, as a person copied it from the maker's paper, becomes a profile of the
installation without a restart; what is wrong with the table is told with row and column."""
import json
import os
import shlex
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
            self.refused(client, {"table": {**HEAD, "csv": TABLE.replace("u32;10", "u33;10")}}, "row 5, type", "not a type")
            self.refused(client, {"table": {**HEAD, "csv": TABLE, "first": 40001}}, "row 2, address", "first number")
            self.refused(client, {"profile": {"id": "../../etc/passwd"}}, "/id", "may only hold")
            self.refused(client, {}, "/", "one of profile, table, remove, read")
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
            # Another scale, nothing else: read with it at once.
            mark = client.mark()
            client.call("config", "profile", {"table": {**HEAD, "csv": TABLE.replace("0,001", "0,0001")}})
            volts = client.wait("device/10/measures/instant", lambda p: (p["values"].get("voltage_l1_n") or 99) < 30, after=mark).json["values"]
            self.assertAlmostEqual(volts["voltage_l1_n"], 23, delta=2.5)
            # It is in use: it can't go. Then it is not.
            self.refused(client, {"remove": "acme-m1"}, "/remove", "used by")
            kept = client.call("config", "profile", {"read": "acme-m1"})["profile"]
            self.assertEqual(kept["registers"]["active_power"], looked["registers"]["active_power"])
            self.refused(client, {"read": "legrand-emdx3-412045"}, "/read", "not one of your profiles")
            self.refused(client, {"read": "../site"}, "/read", "may only hold")
            self.refused(client, {"remove": "legrand-emdx3-412045"}, "/remove", "not one of your profiles")
            self.use(client, "legrand-emdx3-412045")
            client.call("config", "profile", {"remove": "acme-m1"})
            self.assertEqual(os.listdir(folder), [])
            self.assertEqual(edgewatt.pids(), before, "nothing was restarted")

    def test_every_fault_is_told_at_once(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            wrong = TABLE.replace("voltage_l1_n", "voltage_l1").replace("u32;10", "u33;x") + "current_l1;4;=cmd|' /C calc'!A0;u16;1\n"
            with self.assertRaises(CallError) as caught:
                client.call("config", "profile", {"table": {**HEAD, "csv": wrong}, "check": True})
            told = [(f["path"], f["code"]) for f in caught.exception.error["faults"]]
            self.assertEqual(told, [("row 2, quantity", "table.quantity_near"), ("row 5, type", "table.type"), ("row 5, scale", "table.scale"),
                                    ("row 6, address", "table.number")])
            # Ten thousand rows are answered, not swallowed.
            many = "quantity;fc;address;type\n" + "".join(f"flow_{n};4;{n};u16\n" for n in range(10000))
            with self.assertRaises(CallError) as caught:
                client.call("config", "profile", {"table": {**HEAD, "csv": many}, "check": True})
            self.assertEqual(len(caught.exception.error["faults"]), 50)
            # What a person brings is never written to unasked, whatever it says of itself.
            station = {"id": "acme-box", "extends": "bender-cc612", "confidence": "driver", "references": ["a friend"]}
            looked = client.call("config", "profile", {"profile": station, "check": True})
            self.assertEqual(looked["profile"]["confidence"], "candidate")
            self.assertIn("limit", looked["whole"]["commands"])
            meter = {"id": "acme-m2", "extends": "eastron-sdm120", "confidence": "driver", "references": ["a friend"]}
            self.assertEqual(client.call("config", "profile", {"profile": meter, "check": True})["profile"]["confidence"], "driver")
            # A table that is attached before its device is there: read with it all the same.
            client.call("config", "profile", {"profile": {
                "id": "legrand-emdx3-kwh-3p", "extends": "legrand-emdx3-kwh-3p", "confidence": "candidate", "offers": None,
                "registers": {"active_power": {"fc": 3, "address": 4116, "type": "u32", "scale": 0.01, "unit": "W", "group": "instant"}}}})
            self.use(client, "legrand-emdx3-kwh-3p")
            client.wait("device/10/measures/instant", lambda p: list(p["values"]) == ["active_power"])

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
            # Without it the device would be read no more.
            self.refused(client, {"remove": "legrand-emdx3-kwh-3p"}, "/remove", "used by")

    def test_from_the_paper_to_mqtt(self):
        """The README's steps: table, profile, simulated meter, an account, the line that it prints."""
        paper = ("quantity;fc;hex;type;unit;note\nvoltage_l1_n;3;000E;float;V;L1 Voltage\nactive_power;3;001C;float;kW;Total Active Power\n"
                 "reactive_energy_import_l2;3;0124;float;kvarh;L2 Forward Reactive Energy\n")
        with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-16") as file:
            file.write(paper)
            file.flush()
            made = subprocess.run([EDGEWATT, "profiles", "new", file.name, "--id", "acme-m3", "--family", "Acme", "--model", "M3"],
                                  check=True, capture_output=True, text=True, timeout=30)
        site = harness.small_site()
        for device in site["devices"]:
            if device["id"] == 10:
                device["profile"] = "acme-m3"
        with Edgewatt(site, profiles=[json.loads(made.stdout)]) as edgewatt:
            edgewatt.control("set 10 active_power 4200")
            edgewatt.control("set 10 reactive_energy_import_l2 12000")
            said = edgewatt.edgewatt("account", "add", "me", "--role", "read", "--data", edgewatt.data)
            password = said.stdout.split()[-1]
            line = next(one for one in (said.stdout + said.stderr).splitlines() if one.strip().startswith("mosquitto_sub"))
            args = [password if one == "PASSWORD" else one for one in shlex.split(line)]
            values = {}
            with subprocess.Popen([*args, "-W", "60"], stdout=subprocess.PIPE, text=True) as sub:
                for message in sub.stdout:
                    topic, payload = message.split(" ", 1)
                    if "/device/10/" in topic:
                        values.update(json.loads(payload)["values"])
                    if values.get("active_power") == 4200 and values.get("reactive_energy_import_l2") == 12000:
                        break
                sub.terminate()
            self.assertEqual((values["active_power"], values["reactive_energy_import_l2"]), (4200, 12000))
            self.assertAlmostEqual(values["voltage_l1_n"], 230, delta=25)

    def test_a_full_library_takes_no_more_and_still_starts(self):
        own = [{"id": f"own-{n}", "version": "1", "family": "F", "model": f"M{n}", "kind": "meter", "confidence": "candidate",
                "registers": {"active_power": {"fc": 4, "address": 16, "type": "s32", "unit": "W", "group": "instant"}}}
               for n in range(512)]
        with Edgewatt(harness.small_site(), profiles=own) as edgewatt:
            client = edgewatt.mqtt("console")
            client.wait("device/10/status", lambda p: p["state"] == "on")
            self.refused(client, {"table": {**HEAD, "csv": TABLE}}, None, "more than 512 profiles")
            self.assertTrue(client.call("config", "profile", {"profile": {**own[0], "model": "Other"}}), "one that is there may change")

    def test_a_profile_that_was_left_out_is_told_where_it_is_missed(self):
        """Its own mistake, beside the site's that names it; while nothing names it, the site is right."""
        with tempfile.TemporaryDirectory() as data:
            os.mkdir(os.path.join(data, "profiles"))
            wrong = os.path.join(data, "profiles", "acme-m1.json")
            with open(wrong, "w", encoding="utf-8") as file:
                file.write('{"id": "acme-m1", "version": "1", "family": "A", "model": "M", "kind": "meter", "confidence": "candidate", '
                           '"registers": {"frequency": {"fc": 3, "address": 0, "type": "u17", "group": "instant"}}}')
            site = harness.small_site()
            path = os.path.join(data, "trial.json")
            for profile, code in (("acme-m1", 1), (site["devices"][0]["profile"], 0)):
                site["devices"][0]["profile"] = profile
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(site, file)
                said = subprocess.run([EDGEWATT, "check", "--data", data, path], stdout=subprocess.PIPE, text=True, timeout=30)
                self.assertEqual(said.returncode, code, said.stdout)
                self.assertEqual(f"{wrong}:/registers/frequency/type: must be one of" in said.stdout, code == 1, said.stdout)

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
