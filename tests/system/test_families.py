"""The families of the manual as an installer sets them up: a group of EMS modules at one address, two modules of one function,
breakers with and without measuring unit, meters by pulses, power supervision. Tables that nobody has published come from the user:
the addresses in them are the test's own. Judged at the simulated devices."""
import uuid

import harness
from harness import Edgewatt

GROUP, TWICE, BREAKER, BARE, ELECTRICITY, GAS, WATER, INTERFACE, OUTPUTS = range(20, 29)
bit = lambda fc, address: {"fc": fc, "address": address, "type": "bool", "group": "state"}
state = lambda address: {"fc": 3, "address": address, "type": "u16", "group": "state"}
STATES = {"open": [1], "closed": [2], "tripped": [4]}

COUNTED = ((ELECTRICITY, "active_energy_import", 12340), (GAS, "volume", 56700), (WATER, "volume", 890),
           (BREAKER, "active_energy_import", 7000))


def table(model, registers, **more):
    """A user's table for a model of the catalogue that has none."""
    return {"id": model, "extends": model, "confidence": "candidate", "offers": None, "registers": registers, **more}


PROFILES = [
    table("legrand-ems-auxiliary", {"state": state(16384)}, states=STATES),
    table("legrand-ems-command", {"output_1": bit(1, 18432)}, commands={"output_1": {"fc": 5, "address": 18432, "type": "bool"}}),
    table("legrand-dpx3-measure", {
        "state": state(10), "input_1": bit(2, 0), "input_2": bit(2, 1),
        "active_power": {"fc": 3, "address": 20, "type": "s32", "unit": "W", "group": "instant"},
        **{f"active_energy_{way}": {"fc": 3, "address": at, "type": "u32", "unit": "Wh", "group": "energy"}
           for way, at in (("import", 30), ("export", 32))}}, states=STATES),
    table("legrand-dpx3", {"state": state(10)}, states=STATES),
    table("legrand-026136", {**{f"input_{n}": bit(2, n) for n in (1, 2)}, "output_1": bit(1, 9)},
          commands={"output_1": {"fc": 5, "address": 9, "type": "bool"}}),
    table("legrand-028812", {f"output_{n}": bit(1, n) for n in (1, 2)},
          commands={f"output_{n}": {"fc": 5, "address": n, "type": "bool"} for n in (1, 2)}),
]


def device(number, unit, name, profile, **more):
    return {"id": number, "bus": 1, "unit": unit, "name": name, "profile": profile, "on": True, "accept_candidate": True, **more}


class Families(harness.TestCase):
    hand = None

    def site(self):
        site = harness.small_site(1)
        site["devices"] += [
            device(GROUP, 20, "Workshop", "legrand-ems-measure-3p", interface=1, supply="downstream",
                   parts=[{"profile": "legrand-ems-auxiliary"}, {"profile": "legrand-ems-command"}]),
            device(TWICE, 21, "Mistake", "legrand-ems-auxiliary", interface=1, parts=[{"profile": "legrand-ems-signalling"}]),
            device(BREAKER, 22, "Feeder", "legrand-dpx3-measure", supply="downstream"),
            device(BARE, 23, "Bare feeder", "legrand-dpx3"),
            device(ELECTRICITY, 24, "Tenant", "pulse-electricity-004687", position=1, params={"pulse_wh": 10}),
            device(GAS, 24, "Boiler", "pulse-gas-004687", position=2, params={"pulse_dm3": 100}),
            device(WATER, 24, "Garden", "pulse-water-004687", position=7, params={"pulse_dm3": 5}),
            device(INTERFACE, 25, "Signals", "legrand-026136", labels={"input_1": "Door", "output_1": "Siren"}),
            device(OUTPUTS, 26, "Relays", "legrand-028812")]
        return site

    def alarms(self, client, code):
        return [row for row in client.call("recorder", "alarms", {"limit": 200})["rows"] if row["reason"]["code"] == code]

    def test_families(self):
        with Edgewatt(self.site(), profiles=PROFILES) as edgewatt:
            for number, quantity, value in COUNTED:  # counters are read every 10 s: all of them at once
                edgewatt.control(f"set {number} {quantity} {value}")
            client = edgewatt.mqtt("console")
            self.group(edgewatt, client)
            self.duplicate(client)
            self.breakers(edgewatt, client)
            self.pulses(edgewatt, client)
            self.supervision(edgewatt, client)

    def group(self, edgewatt, client):
        """Three modules of different function at one address: one device with what all of them tell and can be told."""
        edgewatt.control(f"set {GROUP} current_l1 12.5")
        edgewatt.control(f"set {GROUP} state 1")
        client.wait(f"device/{GROUP}/measures/instant", lambda p: p["values"].get("current_l1") == 12.5)
        client.wait(f"device/{GROUP}/state", lambda p: p["breaker"] == "closed" and p["outputs"] == {"1": False})
        self.assertTrue(self.person(edgewatt, GROUP, output=1, on=True)["result"]["ok"])
        client.wait(f"device/{GROUP}/state", lambda p: p["outputs"] == {"1": True})
        self.assertEqual(float(edgewatt.control(f"get {GROUP} output_1")), 1)
        self.assertEqual(client.wait(f"device/{GROUP}/status").json["state"], "on")

    def person(self, edgewatt, number, **what):
        """As somebody with an account for commands."""
        if not self.hand:
            self.hand = edgewatt.mqtt("command")
        answer = f"reply/{self.hand.user}/command/{uuid.uuid4().hex}"
        self.hand.subscribe(f"reply/{self.hand.user}/#")
        self.hand.publish(f"device/{number}/command", {"id": uuid.uuid4().hex, **what}, expiry=5, response=answer, correlation=b"c")
        return self.hand.wait(answer).json

    def duplicate(self, client):
        reason = client.wait(f"device/{TWICE}/status", lambda p: p["state"] == "unconfigured").json["reason"]
        self.assertEqual(reason["code"], "device.duplicate_function")
        self.assertEqual(set(reason["params"]), {"model", "other"})
        row = harness.wait_until(lambda: self.alarms(client, "device.duplicate_function"), what="the alarm")[0]
        self.assertEqual((row["address"], row["until"]), ("Bus.21-1", None))
        # Given an address of its own, the mistake is over.
        answer = client.call("config", "site")
        value = {**next(d for d in answer["site"]["devices"] if d["id"] == TWICE), "parts": []}
        client.call("config", "change", {"rev": answer["rev"], "changes": [{"kind": "device", "id": TWICE, "value": value}]})
        client.wait(f"device/{TWICE}/status", lambda p: p["state"] == "on")
        harness.wait_until(lambda: self.alarms(client, "device.duplicate_function")[0]["until"], what="the end of the alarm")

    def breakers(self, edgewatt, client):
        for number, word in ((0, "open"), (1, "closed"), (2, "tripped")):
            for breaker in (BREAKER, BARE):
                edgewatt.control(f"set {breaker} state {number}")
                client.wait(f"device/{breaker}/state", lambda p, word=word: p["breaker"] == word)
        rows = harness.wait_until(lambda: len(self.alarms(client, "alarm.tripped")) == 2 and self.alarms(client, "alarm.tripped"),
                                  what="two alarms")
        self.assertEqual({(row["address"], row["until"]) for row in rows}, {("Bus.22", None), ("Bus.23", None)})
        # Draw-out position and auxiliary contact are inputs; power and energies follow the way the breaker is fed.
        edgewatt.control(f"set {BREAKER} input_2 1")
        client.wait(f"device/{BREAKER}/state", lambda p: p["inputs"] == {"1": False, "2": True})
        edgewatt.control(f"set {BREAKER} active_power 1500")
        client.wait(f"device/{BREAKER}/measures/instant", lambda p: p["values"]["active_power"] == -1500)
        client.wait(f"device/{BREAKER}/measures/energy", lambda p: p["values"]["active_energy_export"] == 7000)
        for breaker in (BREAKER, BARE):
            edgewatt.control(f"set {breaker} state 1")
        harness.wait_until(lambda: all(row["until"] for row in self.alarms(client, "alarm.tripped")), what="the end of both")

    def pulses(self, edgewatt, client):
        """Three meters on the inputs of one concentrator: each its own register, its own weight, its own service."""
        for (number, quantity, value), service in zip(COUNTED, ("electricity", "gas", "water")):
            client.wait(f"device/{number}/measures/energy", lambda p, q=quantity, v=value: p["values"].get(q) == v)
            profile = next(d for d in edgewatt.site["devices"] if d["id"] == number)["profile"]
            self.assertEqual(client.wait(f"config/profile/{profile}").json["service"], service)

    def supervision(self, edgewatt, client):
        edgewatt.control(f"set {INTERFACE} input_1 1")
        client.wait(f"device/{INTERFACE}/state", lambda p: p["inputs"] == {"1": True, "2": False})
        for number, outputs in ((INTERFACE, (1,)), (OUTPUTS, (1, 2))):
            for n in outputs:
                self.assertTrue(self.person(edgewatt, number, output=n, on=True)["result"]["ok"])
                client.wait(f"device/{number}/state", lambda p, n=n: p["outputs"][str(n)] is True)
        labels = client.wait(f"config/device/{INTERFACE}").json["labels"]
        self.assertEqual(labels, {"input_1": "Door", "output_1": "Siren"})


if __name__ == "__main__":
    harness.main()
