#!/usr/bin/python3
"""config and the site file, with the real broker: what is published, changed, refused, undone, edited by hand, and
what a sudden death leaves."""
import copy
import json
import os
import random
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from config_rig import EDGEWATT, SITE, Case, harness  # noqa: E402


def device(number, **more):
    return {"kind": "device", "id": number, "value": {**next(d for d in SITE["devices"] if d["id"] == number), **more}}


def named(name):
    """A change for everything that has a name, and where the name stands in it."""
    def of(kind, key="name", **more):
        known = next((o for o in SITE.get({"bus": "buses"}.get(kind, f"{kind}s"), []) if o.get("id") == more.get("id")), {})
        return {"kind": kind, "id": more.get("id"), "value": {**known, **more, key: name}}, key
    place, key = of("panel", "place", id=40, name=name if len(name.encode()) < 64 else "TGBT")
    labels = {"kind": "device", "id": 11, "value": {**device(11)["value"], "labels": {"output_1": name}}}
    return [(device(10, name=name), "name"), of("bus", id=2), (place, key), of("circuit", id=51), of("zone", id=60), (labels, "labels/output_1"),
            of("tariff", id=None, service="electricity", prices=[{"price": 0.2}])]


class Published(Case):
    def test_every_object_with_its_revision_and_nothing_else(self):
        self.start_broker()
        leftovers = ["config/device/999", "config/bus/abc", "config/settings/gas", "config/settings/unknown",
                     "config/profile/nonesuch", "config/zone/10", "config/what/1", "config/device/10/more"]
        config = self.mqtt("config")
        for topic in leftovers:
            config.publish(topic, {"id": 999}, retain=True)
        config.close()
        self.start_config()
        reader = self.mqtt("console")
        reader.subscribe("config/#")
        wanted = {f"config/{kind}/{item['id']}" for kind, name in (
            ("bus", "buses"), ("device", "devices"), ("panel", "panels"), ("circuit", "circuits"), ("zone", "zones"))
            for item in SITE[name]}
        wanted |= {"config/settings/site", "config/settings/sampling", "config/profile/eastron-sdm630",
                   "config/profile/generic-meter"}
        harness.wait_until(lambda: set(reader.latest) == wanted, what=lambda: set(reader.latest) ^ wanted)
        for topic, message in reader.latest.items():
            self.assertEqual(message.json["rev"], 1, topic)
        general = dict(reader.latest["config/device/10"].json)
        self.assertEqual(general.pop("rev"), 1)
        self.assertEqual(general, SITE["devices"][0])
        # Names that were left out are the address (BUS-03, DEV-01).
        self.assertEqual(reader.latest["config/bus/2"].json["name"], "192.0.2.1")
        self.assertEqual(reader.latest["config/device/11"].json["name"], "2")
        profile = reader.latest["config/profile/eastron-sdm630"].json
        self.assertEqual((profile["kind"], profile["id"]), ("meter", "eastron-sdm630"))
        self.assertIn("active_power", profile["quantities"])

    def test_payloads_are_as_the_schemas_say(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        folder = os.path.join(harness.SOURCE, "schemas/topics")
        with open(os.path.join(folder, "common.schema.json"), encoding="utf-8") as file:
            common = json.load(file)
        self.start()
        console, watcher = self.mqtt("console"), self.mqtt("recorder")
        for one in ("config/#", "audit/event", "alarm/event"):
            watcher.subscribe(one)
        tariff = self.change(console, {"kind": "tariff", "id": None, "value": {
            "service": "gas", "name": "Gaz", "color": "#12ab34", "prices": [{"price": 0.12}]}})["ids"][0]
        self.change(console, {"kind": "cost_rule", "id": None, "value": {"service": "gas", "tariff": tariff}},
                    {"kind": "device", "id": 11, "value": None})
        self.write_site("{")
        self.config.send_signal(signal.SIGHUP)
        watcher.wait("alarm/event")
        seen = set()
        for message in list(watcher.messages):
            if not message.raw:
                continue
            parts = message.topic.split("/")
            name = ("config_settings_site" if message.topic == "config/settings/site" else
                    f"config_{parts[1]}" if parts[0] == "config" else f"{parts[0]}_event")
            with open(os.path.join(folder, f"{name}.schema.json"), encoding="utf-8") as file:
                schema = json.load(file)
            resolver = jsonschema.RefResolver("", schema, {"common.schema.json": common})
            jsonschema.Draft202012Validator(schema, resolver=resolver).validate(message.json)
            seen.add(name)
        self.assertEqual(seen, {"config_settings_site", "config_settings", "config_bus", "config_device", "config_panel",
                                "config_circuit", "config_zone", "config_tariff", "config_cost_rule", "config_profile",
                                "audit_event", "alarm_event"})

    def test_again_after_the_broker_came_back(self):
        self.start()
        self.broker.stop(number=signal.SIGKILL)
        self.start_broker()
        reader = self.mqtt("console")
        reader.wait("config/device/10", lambda d: d["name"] == "General")
        reader.wait("service/config/status", lambda s: s["online"])

    def test_nothing_secret_is_on_any_topic(self):
        self.start()
        self.edgewatt("account", "add", "ha", "--role", "read", "--data", self.data)
        web, reader = self.mqtt("web"), self.mqtt("config")
        reader.subscribe("config/#")
        self.change(self.mqtt("console"), device(10, name="Autre"))
        reader.wait("config/device/10", lambda d: d["name"] == "Autre")
        token = self.login(web, "administrator")["token"]
        with open(os.path.join(self.data, "secrets/config.json"), encoding="utf-8") as file:
            store = json.load(file)
        secrets = [token, store["key"], store["password"], store["integrations"][0]["hash"]]
        secrets += [user[key] for user in store["users"] for key in ("pin", "puk", "salt")]
        secrets += [code for pair in harness.CODES.values() for code in pair]
        for message in reader.messages:
            for secret in secrets:
                self.assertNotIn(secret.encode(), message.raw, message.topic)
        # Nor are codes or the cookie's token in the store as they are.
        text = json.dumps(store)
        for secret in [token] + [code for pair in harness.CODES.values() for code in pair]:
            self.assertNotIn(secret, text)


class Changes(Case):
    def setUp(self):
        super().setUp()
        self.start()
        self.console = self.mqtt("console")

    def test_a_change_is_live_and_touches_only_what_changed(self):
        reader = self.mqtt("poller")
        reader.subscribe("config/#")
        reader.wait("config/device/10")
        mark = reader.mark()
        result = self.change(self.console, device(10, name="Arrivée", zones=[]),
                             {"kind": "zone", "id": None, "value": {"name": "Cour"}},
                             {"kind": "circuit", "id": 51, "value": {"name": "Machines", "disabled": True}})
        self.assertEqual(result["rev"], 2)
        zone = result["ids"][1]
        self.assertEqual(result["ids"], [10, zone, 51])
        self.assertGreater(zone, 60)
        reader.wait("config/settings/site", lambda s: s["rev"] == 2)  # sent last: the newest revision
        topics = {m.topic for m in reader.messages[mark:] if not m.retain}
        self.assertEqual(topics, {"config/device/10", f"config/zone/{zone}", "config/circuit/51", "config/settings/site"})
        changed = reader.latest["config/device/10"].json
        self.assertEqual((changed["name"], changed["zones"], changed["rev"]), ("Arrivée", [], 2))
        on_disk = self.read_site()
        self.assertEqual((on_disk["rev"], on_disk["devices"][0]["name"]), (2, "Arrivée"))
        self.assertEqual(on_disk["next_id"], zone + 1)

    def test_a_new_profile_is_published_and_an_unused_one_cleared(self):
        reader = self.mqtt("poller")
        reader.wait("config/profile/generic-meter")
        self.change(self.console, device(12, profile="schneider-iem3155", params={}))
        reader.wait("config/profile/schneider-iem3155", lambda p: p["rev"] == 2)
        harness.wait_until(lambda: "config/profile/generic-meter" not in reader.latest)

    def test_deleting_clears_the_topic(self):
        reader = self.mqtt("poller")
        reader.wait("config/device/11")
        self.change(self.console, {"kind": "device", "id": 11, "value": None})
        harness.wait_until(lambda: "config/device/11" not in reader.latest)
        self.assertEqual([d["id"] for d in self.read_site()["devices"]], [10, 12])

    def test_stale_revision_is_refused_with_the_difference(self):
        self.change(self.console, device(10, name="Neuf"), rev=1)
        self.change(self.console, {"kind": "bus", "id": 3, "value": None}, rev=2)
        before = self.read_site()
        error = self.refused(self.console, "change", {"rev": 1, "changes": [device(10, name="Vieux")]}, "config.stale")
        self.assertEqual((error.params["rev"], error.params["seen"]), ("3", "1"))
        self.assertIn('device 10 "Neuf" (name)', error.text)
        self.assertIn('bus 3 "Empty" deleted', error.text)
        raw = json.loads(next(m for m in reversed(self.console.messages) if m.topic.startswith("reply/")).raw)
        difference = raw["error"]["difference"]
        self.assertEqual([(d["kind"], d["id"]) for d in difference], [("bus", 3), ("device", 10)])
        self.assertEqual((difference[1]["old"]["name"], difference[1]["new"]["name"]), ("General", "Neuf"))
        self.assertIsNone(difference[0]["new"])
        self.assertEqual(self.read_site(), before)
        # A revision that never was is stale too.
        self.refused(self.console, "change", {"rev": 99, "changes": []}, "config.stale")

    def test_what_is_wrong_is_refused_whole_with_its_place(self):
        before = self.read_bytes()
        good = device(11, name="Bien")
        cases = [  # changes, code, path
            ([good, device(10, unit=300)], "json.range", "/changes/1/value/unit"),
            ([good, device(10, unti=3)], "json.unknown_key", "/changes/1/value/unti"),
            ([good, device(10, unit=3)], "site.duplicate_address", "/devices/2/unit"),
            ([device(10, circuit=99)], "site.no_such", "/changes/0/value/circuit"),
            ([device(10, profile="nonesuch")], "site.no_profile", "/changes/0/value/profile"),
            ([device(12, params={})], "site.param_missing", "/changes/0/value/params/register"),
            ([device(12, params={"register": "0x10000"})], "json.range", "/changes/0/value/params/register"),
            ([device(12, params={"register": "0x01G6"})], "json.hex", "/changes/0/value/params/register"),
            ([device(12, params={"register": 1, "wrods": 2})], "site.param_unknown", "/changes/0/value/params/wrods"),
            ([{"kind": "bus", "id": 1, "value": None}], "site.local_kept", "/buses"),
            ([{"kind": "bus", "id": 1, "value": {**SITE["buses"][0], "address": "/dev/ttyS1"}}], "site.local_address",
             "/buses"),
            ([{"kind": "bus", "id": 2, "value": None}], "site.in_use", "/changes/0"),
            ([{"kind": "zone", "id": 60, "value": None}], "site.in_use", "/changes/0"),
            ([{"kind": "circuit", "id": 50, "value": None}], "site.circuit_kept", "/circuits"),
            ([{"kind": "bus", "id": 3, "value": {**SITE["buses"][2], "address": "192.0.2.1"}}], "site.line_twice",
             "/changes/0/value/address"),
            ([{"kind": "settings", "id": "site", "value": {**SITE["site"], "id": "other"}}], "site.id_kept", "/site/id"),
            ([{"kind": "settings", "id": "site", "value": {**SITE["site"], "tz": "Europe/Pariss"}}], "site.tz_unknown",
             "/changes/0/value/tz"),
            ([{"kind": "settings", "id": "site", "value": None}], "site.settings_kept", "/changes/0"),
            ([{"kind": "settings", "id": "sampling", "value": {"interval_min": 3}}], "site.interval",
             "/changes/0/value/interval_min"),
            ([{"kind": "settings", "id": "passwords", "value": {}}], "site.no_settings", "/changes/0/id"),
            ([{"kind": "user", "id": 1, "value": {}}], "site.no_kind", "/changes/0/kind"),
            ([{"kind": "device", "id": 99, "value": {}}], "site.no_such", "/changes/0"),
            ([{"kind": "device", "id": None, "value": None}], "json.missing", "/changes/0/id"),
            ([{"kind": "device", "value": 5}], "json.type", "/changes/0/value"),
            ([5], "json.type", "/changes/0"),
            *(([change], "json.text_length", f"/changes/0/value/{key}") for change, key in named("x" * 200)),
            ([device(10, name="😀" * 16)], "json.text_length", "/changes/0/value/name"),  # 64 bytes
        ]
        for changes, code, path in cases:
            with self.subTest(code=code, path=path):
                error = self.refused(self.console, "change", {"rev": 1, "changes": changes}, code)
                self.assertEqual(error.path, path)
                self.assertTrue(error.text)
        for args, code in (({}, "json.missing"), ({"rev": 1}, "json.missing"), ({"rev": "1", "changes": []}, "json.type"),
                           ({"rev": 1, "changes": {}}, "json.type"), ({"rev": 1, "changes": [], "x": 1}, "json.unknown_key")):
            self.refused(self.console, "change", args, code)
        self.assertEqual(self.read_bytes(), before)
        self.assertEqual(self.console.call("config", "site")["rev"], 1)

    def test_a_device_that_green_up_knows(self):
        def change(*changes):
            return self.console.call("config", "change", {"rev": self.console.call("config", "site")["rev"], "changes": list(changes)})

        change({"kind": "settings", "id": "greenup", "value": {"meter": 10, "stations": [{"device": 11, "priority": True}]}})
        # The meter of the total is not taken away under it; what it keeps of a charge point goes with the charge point.
        error = self.refused(self.console, "change", {"rev": self.console.call("config", "site")["rev"], "changes": [
            {"kind": "device", "id": 10, "value": None}]}, "site.meter_in_use")
        self.assertEqual(error.path, "/changes/0")
        change({"kind": "device", "id": 11, "value": None})
        self.assertEqual(self.read_site()["greenup"], {"meter": 10, "stations": []})

    def test_a_name_of_63_bytes_is_kept_to_the_letter_wherever_one_may_stand(self):
        for name in ("x" * 63, "é" * 31, "<script>alert(1)</script>\u202egnp.exe" + "😀" * 6):
            changes = [change for change, _ in named(name)]
            rev = self.console.call("config", "site")["rev"]
            self.console.call("config", "change", {"rev": rev, "changes": changes})
            self.console.wait("config/device/10", lambda d, name=name: d["name"] == name)
            self.console.wait("config/panel/40", lambda p, name=name: (p["name"], p["place"]) == (name, name))

    def test_order_of_cost_rules(self):
        reader = self.mqtt("recorder")
        tariff = self.change(self.console, {"kind": "tariff", "id": None, "value": {
            "service": "electricity", "name": "HP", "prices": [{"price": 0.1}]}})["ids"][0]
        rules = [{"kind": "cost_rule", "id": None, "value": {"service": "electricity", "tariff": tariff}} for _ in range(3)]
        first, second, third = self.change(self.console, *rules)["ids"]
        reader.wait(f"config/cost_rule/{third}", lambda r: r["order"] == 2)
        # "Move up": an exception goes to the top.
        self.change(self.console, {"kind": "cost_rule", "id": third, "index": 0,
                                   "value": {"service": "electricity", "tariff": tariff}})
        reader.wait(f"config/cost_rule/{third}", lambda r: r["order"] == 0)
        reader.wait(f"config/cost_rule/{second}", lambda r: r["order"] == 2)
        self.assertEqual([r["id"] for r in self.read_site()["cost_rules"]], [third, first, second])
        self.refused(self.console, "change", {"rev": self.console.call("config", "site")["rev"], "changes": [
            {"kind": "tariff", "id": tariff, "value": None}]}, "site.in_use")

    def test_who_may_change_what(self):
        web = self.mqtt("web")
        allowed = {"administrator": {"device", "site", "zone"}, "greenUp": {"device", "site", "zone", "greenup"},
                   "installer": {"device", "zone"}}
        tries = {"device": device(11, name="N"), "zone": {"kind": "zone", "id": 60, "value": {"name": "N"}},
                 "site": {"kind": "settings", "id": "site", "value": {**SITE["site"], "name": "N"}},
                 "greenup": {"kind": "settings", "id": "greenup", "value": {"on": False}}}
        for number, name in enumerate(allowed):
            person = self.person(web, name)
            for what, change in tries.items():
                change = copy.deepcopy(change)
                if "name" in change["value"]:
                    change["value"]["name"] += f"{number}"
                rev = self.console.call("config", "site")["rev"]
                if what in allowed[name]:
                    self.assertEqual(person.call("config", "change", {"rev": rev, "changes": [change]})["rev"], rev + 1)
                else:
                    error = self.refused(person, "change", {"rev": rev, "changes": [change]}, "access.change")
                    self.assertEqual(error.params["what"], what)
        person = self.person(web, "user")
        for method in ("change", "undo", "site", "check", "versions"):
            with self.assertRaises(PermissionError):
                person.call("config", method, {"rev": 1, "changes": []})

    def test_undo_goes_back_and_further_back_and_never_gives_an_id_twice(self):
        first = self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "A"}})["ids"][0]
        self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "B"}})
        reader = self.mqtt("poller")
        reader.wait(f"config/zone/{first + 1}")

        def names():
            return [z["name"] for z in self.console.call("config", "site")["site"].get("zones", [])]

        self.assertEqual(names(), ["Hall", "A", "B"])
        self.assertEqual(self.console.call("config", "undo", {"rev": 3})["rev"], 4)
        self.assertEqual(names(), ["Hall", "A"])
        harness.wait_until(lambda: f"config/zone/{first + 1}" not in reader.latest)
        self.assertEqual(self.console.call("config", "undo", {"rev": 4})["rev"], 5)
        self.assertEqual(names(), ["Hall"])
        self.refused(self.console, "undo", {"rev": 5}, "config.no_version")
        self.refused(self.console, "undo", {"rev": 4}, "config.stale")
        self.assertEqual(self.console.call("config", "undo", {"rev": 5, "to": 3})["rev"], 6)
        self.assertEqual(names(), ["Hall", "A", "B"])
        again = self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "C"}})["ids"][0]
        self.assertEqual(again, first + 2)
        self.assertEqual(self.console.call("config", "versions")["versions"], list(range(1, 8)))

    def test_undo_needs_the_right_to_what_it_changes(self):
        web = self.mqtt("web")
        self.change(self.console, {"kind": "settings", "id": "site", "value": {**SITE["site"], "name": "Neu"}})
        installer = self.person(web, "installer")
        error = self.refused(installer, "undo", {"rev": 2}, "access.change")
        self.assertEqual(error.params["what"], "site")
        self.assertEqual(self.person(web, "administrator").call("config", "undo", {"rev": 2})["rev"], 3)

    def test_twenty_versions_are_kept(self):
        for number in range(25):
            self.change(self.console, device(10, name=f"N{number}"))
        self.assertEqual(self.versions(), list(range(7, 27)))
        for name in os.listdir(os.path.join(self.data, "site.d")):
            self.assertEqual(os.stat(os.path.join(self.data, "site.d", name)).st_mode & 0o777, 0o600)

    def test_the_journal_says_who_changed_what(self):
        watcher = self.mqtt("recorder")
        watcher.subscribe("audit/event")
        web = self.mqtt("web")
        person = self.person(web, "installer")
        self.change(person, device(10, name="Nouveau"))
        event = watcher.wait("audit/event", lambda e: e["what"] == "change").json
        self.assertEqual((event["user"], event["account"], event["rev"]), ("installer", person.user, 2))
        self.assertEqual(event["changes"][0]["old"]["name"], "General")
        self.assertEqual(event["changes"][0]["new"]["name"], "Nouveau")

    def test_check_tells_every_problem_and_changes_nothing(self):
        site = copy.deepcopy(SITE)
        site["devices"][0]["unit"] = 999
        site["frobnicate"] = 1
        problems = self.console.call("config", "check", {"site": site})["problems"]
        self.assertEqual([(p["path"], p["code"]) for p in problems],
                         [("/frobnicate", "json.unknown_key"), ("/devices/0/unit", "json.range")])
        self.assertEqual(self.console.call("config", "check", {"site": SITE})["problems"], [])
        self.refused(self.console, "check", {}, "json.missing")
        self.assertEqual(self.console.call("config", "site")["rev"], 1)

    def test_nobody_throws_config_out_with_its_client_id(self):
        web = self.mqtt("web")
        account = self.session(web, self.login(web, "user")["token"])["mqtt"]
        for client_id in ("config", "poller", "web"):
            self.mqtt(user=account["username"], password=account["password"], client_id=client_id)
        status = self.console.wait("service/config/status")
        self.assertTrue(status.json["online"])
        self.assertEqual(self.change(self.console, device(10, name="Encore là"))["rev"], 2)
        self.assertNotIn(False, [m.json["online"] for m in self.console.messages if m.topic == "service/config/status"])


class HandEdits(Case):
    def setUp(self):
        super().setUp()
        self.start()
        self.console = self.mqtt("console")
        self.console.subscribe("config/#")
        self.console.subscribe("alarm/event")

    def hang_up(self):
        self.config.send_signal(signal.SIGHUP)

    def test_taken_over_on_sighup_and_the_file_left_alone(self):
        site = self.read_site()
        site["devices"][0]["name"] = "À la main"
        site["zones"].append({"id": 200, "name": "Cave"})
        text = json.dumps(site, indent=4, ensure_ascii=False)
        self.write_site(text)
        self.hang_up()
        self.console.wait("config/device/10", lambda d: d["name"] == "À la main" and d["rev"] == 2)
        self.console.wait("config/zone/200")
        with open(self.site_path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        # An id by hand counts: the next one is above it.
        self.assertEqual(self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "D"}})["ids"], [201])
        self.assertEqual(self.console.call("config", "undo", {"rev": 3, "to": 1})["rev"], 4)
        self.console.wait("config/device/10", lambda d: d["name"] == "General")

    def test_a_wrong_edit_is_told_and_the_running_configuration_stays(self):
        cases = ["", "{", "x" * 100, "\0\0", json.dumps({**SITE, "typo": 1}), '{"version":2,"site":{"id":"a","tz":"UTC"}}',
                 json.dumps({**SITE, "site": {**SITE["site"], "id": "other"}}),
                 json.dumps({**SITE, "devices": [{"id": 10, "bus": 2, "unit": 1, "profile": "nonesuch"}]}),
                 json.dumps({**SITE, "zones": [{"id": 60, "name": "Hall" * 50}]})]
        for text in cases:
            with self.subTest(text[:40]):
                self.write_site(text)
                mark = self.console.mark()
                self.hang_up()
                alarm = self.console.wait("alarm/event", lambda e: e["reason"]["code"] == "config.file_wrong", after=mark)
                self.assertIn("can't be used", alarm.json["reason"]["text"])
                with open(self.site_path, encoding="utf-8") as file:
                    self.assertEqual(file.read(), text)  # never overwritten
                self.refused(self.console, "change", {"rev": 1, "changes": [device(10, name="X")]}, "site.file_wrong")
                self.assertEqual(self.console.call("config", "site")["site"]["devices"][0]["name"], "General")
        with open(self.site_path, "wb") as file:
            file.truncate(100 << 20)
        mark = self.console.mark()
        self.hang_up()
        self.console.wait("alarm/event", lambda e: "larger than" in e["reason"]["text"], after=mark)
        self.write_site({**SITE, "zones": [{"id": 60, "name": "Gut"}]})
        self.hang_up()
        self.console.wait("config/zone/60", lambda z: z["name"] == "Gut")
        self.console.wait("alarm/event", lambda e: not e["active"])
        self.assertEqual(self.change(self.console, device(10, name="Y"))["rev"], 3)

    def test_changed_underneath_is_never_overwritten(self):
        text = json.dumps({**SITE, "zones": [{"id": 60, "name": "Underneath"}]})
        self.write_site(text)
        self.refused(self.console, "change", {"rev": 1, "changes": [device(10, name="X")]}, "site.file_changed")
        self.refused(self.console, "undo", {"rev": 1}, "config.no_version")
        with open(self.site_path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        self.hang_up()
        self.console.wait("config/zone/60", lambda z: z["name"] == "Underneath")

    def test_a_wrong_file_at_the_start_means_the_newest_right_version(self):
        self.change(self.console, device(10, name="Deux"))
        self.stop_config()
        self.write_site("{\"version\": 1, ")
        self.start_config()
        self.console.wait("config/device/10", lambda d: d["name"] == "Deux" and d["rev"] == 2)
        self.refused(self.console, "change", {"rev": 2, "changes": [device(10, name="X")]}, "site.file_wrong")
        self.console.wait("service/config/status", lambda s: s["online"] and not s["file_ok"])

    def test_another_site_id_waits_for_a_start_of_everything(self):
        """Also when config alone is started again meanwhile: the broker's rights and all services have the old one."""
        self.write_site({**SITE, "site": {**SITE["site"], "id": "neu"}})
        self.stop_config(signal.SIGKILL)
        self.start_config()
        self.console.wait("service/config/status", lambda s: s["online"] and not s["file_ok"])
        self.assertEqual(self.console.call("config", "site")["site"]["site"]["id"], "atelier")
        # The broker alone again: its rights are those of the running services.
        for restarts, base in (("1", "edgewatt/atelier"), ("0", "edgewatt/neu")):
            harness.run([EDGEWATT, "broker-files", "--data", self.data, "--mqtt", str(self.port)],
                        env={"EDGEWATT_RESTARTS": restarts})
            with open(os.path.join(self.data, "run/broker.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file)["base"], base)
        self.stop_config()
        self.broker.stop()
        self.start_broker()
        self.start_process("config", [EDGEWATT, "config", "--data", self.data], mark=self.mark)
        user, password = self.secret("console")
        client = harness.Client("127.0.0.1", self.port, user, password, "edgewatt/neu")
        self.addCleanup(client.close)
        self.assertEqual(client.wait("config/settings/site").json["id"], "neu")

    def test_an_old_copy_of_the_file_brings_no_id_back(self):
        old = self.read_site()
        zone = self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "A"}})["ids"][0]
        self.stop_config()
        for name in os.listdir(os.path.join(self.data, "site.d")):
            os.unlink(os.path.join(self.data, "site.d", name))
        self.write_site(old)
        self.start_config()
        self.assertEqual(self.change(self.console, {"kind": "zone", "id": None, "value": {"name": "B"}})["ids"], [zone + 1])


class Starts(Case):
    def test_first_start_without_a_site_file(self):
        """BUS-02, ORG-02: the local bus and six circuits are there from the start."""
        os.unlink(self.site_path)
        self.edgewatt("broker-files", "--data", self.data, "--mqtt", "1")
        site = self.read_site()
        self.assertEqual([(b["name"], b["local"]) for b in site["buses"]], [("Local", True)])
        self.assertEqual([c["use"] for c in site["circuits"]],
                         ["heating", "cooling", "hot_water", "ventilation", "lighting", "sockets"])
        self.edgewatt("check", self.site_path)

    def test_only_one_writer(self):
        self.start()
        second = self.start_process("second", [EDGEWATT, "config", "--data", self.data], mark=self.mark)
        second.wait_line("another config, or a command, works with this data folder")
        self.assertEqual(second.popen.wait(harness.PATIENCE_S), 1)

    def test_killed_in_the_middle_of_writing(self):
        """kill -9 at random moments of a burst of changes: the file is whole and the old or the new one, and what was
        answered is there."""
        self.start_broker()
        chance = random.Random(20260301)
        answered = 1
        for turn in range(12):
            self.start_config(demo=True)
            console = self.mqtt("console")
            rev = console.call("config", "site")["rev"]
            self.assertGreaterEqual(rev, answered)
            for number in range(40):
                console.publish("call/console/config/change", {"rev": rev + number, "changes": [
                    device(10, name=f"Turn {turn} change {number}")]}, qos=0, response=f"reply/console/{turn}/{number}",
                    correlation=b"x")
            console.subscribe("reply/console/#")
            threading.Event().wait(chance.uniform(0, 0.08))
            self.config.stop(number=signal.SIGKILL)
            console.close()
            answered = max([m.json["result"]["rev"] for m in console.messages if m.topic.startswith("reply/")
                            and "result" in m.json] + [answered])
            site = self.read_site()  # whole
            self.assertGreaterEqual(site.get("rev", 1), answered)
            self.edgewatt("check", self.site_path)
        self.assertGreater(answered, 5)

    def test_check_command(self):
        """Bad input of issue 2, as `edgewatt check` says it."""
        bad = {
            "two bytes": ("{}", "/version: is missing"),
            "one brace": ("{", "line 1, column 1: JSON syntax error"),
            "unknown key": (json.dumps({**SITE, "devices": [{**SITE["devices"][0], "unti": 1}]}), "/devices/0/unti: unknown key"),
            "duplicate address": (json.dumps({**SITE, "devices": [SITE["devices"][0], {"id": 11, "bus": 2, "unit": 1}]}),
                                  "/devices/1/unit: address 1 of bus 2 is already that of device 10"),
            "bad hex": (json.dumps({**SITE, "devices": [{**SITE["devices"][2], "params": {"register": "0xZZ"}}]}),
                        '/devices/0/params/register: must be a whole number or hexadecimal text as "0x1F"'),
            "parameter missing": (json.dumps({**SITE, "devices": [{**SITE["devices"][2], "params": {}}]}),
                                  "/devices/0/params/register: is missing: profile generic-meter needs it"),
            "key twice": ('{"version":1,"version":1,"site":{"id":"a","tz":"UTC"}}', "the key stands twice"),
            "zone": (json.dumps({**SITE, "site": {**SITE["site"], "tz": "Mars/Base"}}), "/site/tz: is no time zone"),
        }
        for name, (text, wanted) in bad.items():
            path = os.path.join(self.folder, "bad.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = self.edgewatt("check", path, check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertTrue(done.stdout.startswith(path + ":"), done.stdout)
            self.assertIn(wanted, done.stdout, name)
            self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        with open(path, "wb") as file:
            file.truncate(100 << 20)
        used = os.times().children_user
        self.assertIn("larger than", self.edgewatt("check", path, check=False).stdout)
        self.assertLess(os.times().children_user - used, 5)
        self.assertEqual(self.edgewatt("check", self.site_path).stdout, "")
        self.assertEqual(self.edgewatt("check", check=False).returncode, 2)
        self.assertEqual(self.edgewatt("check", os.path.join(self.folder, "none"), check=False).returncode, 1)
        self.assertEqual(self.edgewatt("check", "--help").returncode, 0)


if __name__ == "__main__":
    harness.main()
