"""Green'Up in the whole gateway: who may switch it on and how, what is kept of it, the charges it records."""

import signal

import harness
import parallel
from harness import CallError, Edgewatt
from test_safety import BARE, DOG, METER, site

QUICK = {"tick_s": 1, "settle_s": 1, "up_s": 1, "min_off_s": 1, "meter_s": 4, "stn_s": 6, "sample_s": 2}


def quick_site(**greenup):
    made = site()
    made["greenup"].update({"timing": QUICK, **greenup})
    return made


def ready(client):
    return client.wait("greenup/status", lambda s: s["meter"]["ok"] and len(s["stations"]) == 4 and all(
        not x["lost"] and (x["watchdog"] == "verified") == (x["id"] in DOG) for x in s["stations"])).json


def ticks(client):
    return [{"device": t["device"], "code": t["code"]} for t in client.call("controller", "check")["accept"]]


class Switch(harness.TestCase):
    def refused(self, code, call, *args):
        with self.assertRaises(CallError) as refusal:
            call(*args)
        self.assertEqual(refusal.exception.code, code)
        return refusal.exception

    def change(self, client, **greenup):
        now = client.call("config", "site")
        value = {**now["site"]["greenup"], **greenup}
        value = {key: v for key, v in value.items() if v is not None}
        return client.call("config", "change", {"rev": now["rev"], "changes": [
            {"kind": "settings", "id": "greenup", "value": value}]})

    def test_only_the_switch_switches_on_and_what_was_accepted_is_kept(self):
        with Edgewatt(quick_site()) as edgewatt:
            console = edgewatt.mqtt("console")
            console.subscribe("audit/event")
            status = ready(console)
            self.assertEqual(status["mode"], "off")
            refusal = self.refused("greenup.use_switch", lambda: self.change(console, on=True))
            self.assertEqual(refusal.path, "/changes/0/value/on")
            # Somebody without the page may not even ask.
            nobody = edgewatt.mqtt_of(edgewatt.login_as("user"))
            with self.assertRaises(PermissionError):
                nobody.call("controller", "switch", {"on": True})
            with self.assertRaises(PermissionError):
                console.call("config", "greenup", {"on": True, "for": "console", "accept": []})
            person = edgewatt.mqtt_of(edgewatt.login_as("greenUp"))
            refusal = self.refused("greenup.not_accepted", person.call, "controller", "switch", {"on": True})
            self.assertEqual(refusal.params["count"], "2")
            wanted = [{"device": number, "code": "greenup.no_watchdog"} for number in BARE]
            self.assertEqual(ticks(person), wanted)
            self.refused("greenup.not_accepted", person.call, "controller", "switch",
                         {"on": True, "accept": wanted[:1]})
            self.assertTrue(person.call("controller", "switch", {"on": True, "accept": wanted})["on"])
            on = console.wait("greenup/status", lambda s: s["on"] and s["mode"] == "run").json
            kept = {s["id"]: s["accepted"] for s in on["stations"]}
            self.assertEqual([kept[number] for number in DOG], [[], []])
            for number in BARE:
                self.assertEqual([(a["code"], a["account"]) for a in kept[number]], [("greenup.no_watchdog", "greenUp")])
                self.assertIn("does not fall back by itself", kept[number][0]["text"])
            told = console.wait("audit/event", lambda a: a["what"] == "greenup on").json
            self.assertEqual(told["user"], "greenUp")
            self.stay(edgewatt, console, person)

    def stay(self, edgewatt, console, person):
        """Off by any change, on by none; what was accepted stays for ever."""
        accepted = console.call("config", "site")["site"]["greenup"]["accepted"]
        self.change(console, on=False)
        console.wait("greenup/status", lambda s: s["mode"] == "off")
        self.refused("greenup.use_switch", lambda: self.change(console, on=True))
        self.refused("greenup.accepted_kept", lambda: self.change(console, accepted=[]))
        self.refused("greenup.accepted_kept", lambda: self.change(console, accepted=[*accepted, accepted[0]]))
        self.change(console, accepted=None, hysteresis_pct=3)
        for _ in range(3):  # back to when it was on
            now = console.call("config", "site")
            console.call("config", "undo", {"rev": now["rev"]})
            self.assertFalse(console.call("config", "site")["site"]["greenup"]["on"])
        self.assertEqual(console.call("config", "site")["site"]["greenup"]["accepted"], accepted)
        # Accepted once is enough.
        self.assertTrue(person.call("controller", "switch", {"on": True})["on"])
        self.assertEqual(person.call("controller", "switch", {"on": False})["on"], False)
        self.assertEqual([t["accepted"] for t in person.call("controller", "check")["accept"]], [True, True])

    def test_no_meter_no_switch(self):
        with Edgewatt(quick_site()) as edgewatt:
            console = edgewatt.mqtt("console")
            ready(console)
            edgewatt.control("unplug 1")
            console.wait("greenup/status", lambda s: not s["meter"]["ok"])
            refusal = self.refused("greenup.not_ready", console.call, "controller", "switch",
                                   {"on": True, "accept": ticks(console)})
            self.assertIn("gives no fresh current", refusal.text)
            edgewatt.control("plug 1")
            console.wait("greenup/status", lambda s: s["meter"]["ok"])
            self.change(console, meter=None)
            console.wait("greenup/status", lambda s: s["meter"]["device"] is None)
            refusal = self.refused("greenup.not_ready", console.call, "controller", "switch", {"on": True})
            self.assertIn("Choose the meter", refusal.text)


class Charges(harness.TestCase):
    def test_charging_falls_to_the_safe_current_in_words_and_each_charge_is_recorded_once(self):
        with Edgewatt(quick_site(failsafe_a=6)) as edgewatt:
            console = edgewatt.mqtt("console")
            ready(console)
            console.call("controller", "switch", {"on": True, "accept": ticks(console)})
            edgewatt.control(f"car {DOG[0]} arrive 90000")
            console.wait(f"session/{DOG[0]}", lambda p: p["started"])
            first = console.call("recorder", "charges")
            self.assertEqual([(r["station"], r["under_way"]) for r in first["rows"]], [(DOG[0], True)])
            # The cable of the meter.
            edgewatt.control("unplug 1")
            safe = console.wait("greenup/status", lambda s: s["mode"] == "failsafe").json
            station = next(s for s in safe["stations"] if s["id"] == DOG[0])
            self.assertEqual((station["limit_a"], station["reason"]["text"]),
                             (6, "Held at 6 A: the meter of the total is silent."))
            self.assertEqual(safe["alarms"][0]["text"], "The meter of the total consumption is silent: charging is "
                             "held at the safe current of 6 A.")
            harness.wait_until(lambda: edgewatt.control(f"get {DOG[0]} current_limit") == "6", what="6 A at the station")
            edgewatt.control("plug 1")
            console.wait("greenup/status", lambda s: s["mode"] == "run")
            # A person interrupts it.
            for hold, state in ((True, "wait"), (False, "charge")):
                console.call("controller", "override", {"device": DOG[0], "hold": hold})
                console.wait("greenup/status", lambda s, state=state: any(
                    x["id"] == DOG[0] and x["state"] == state for x in s["stations"]))
            # Both that know of the charge are killed; it stays one.
            for name in ("recorder", "controller"):
                edgewatt.wait_pid(name, edgewatt.kill(name, signal.SIGKILL))
            mark = console.mark()
            console.wait("greenup/status", lambda s: any(x["id"] == DOG[0] and x["plugged_at"] for x in s["stations"]),
                         after=mark)
            edgewatt.control(f"car {DOG[0]} leave")
            ended = console.wait(f"session/{DOG[0]}", lambda p: p["ended"]).json
            edgewatt.control(f"car {DOG[0]} arrive 90000")
            console.wait(f"session/{DOG[0]}", lambda p: p["session"] != ended["session"])
            rows = harness.wait_until(lambda: self.two(console), what="two charges")
            self.assertEqual(rows[1]["session"], first["rows"][0]["session"])
            self.assertEqual(rows[1]["session"], ended["session"])
            self.assertEqual((rows[1]["ended"], rows[1]["peak_a"]), (ended["ended"], ended["peak_a"]))
            self.assertGreater(rows[1]["wh"], 0)
            self.assertGreater(rows[1]["ah"], 0)
            self.assertEqual(rows[1]["interruptions"][0]["reason"]["code"], "greenup.user")
            self.assertLess(rows[1]["interruptions"][0]["at"], rows[1]["interruptions"][0]["until"])
            self.assertEqual(console.call("recorder", "charges", {"station": DOG[1]})["total"], 0)
            self.assertEqual(METER, safe["meter"]["device"])

    @staticmethod
    def two(console):
        rows = console.call("recorder", "charges")["rows"]
        return rows if len(rows) == 2 and rows[1]["ended"] else None


if __name__ == "__main__":
    parallel.main()
