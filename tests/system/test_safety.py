"""The safety table: what every fault costs in seconds above the site's limit, on real processes, measured at the
simulated site (what flows), not where the gateway believes it. One row a fault; each for charge points that fall back
by themselves (L1) and for some that do not (L2). The other loads rise by 19 A during each fault.

    tests/system/test_safety.py [ROW ...]     prints the table; every bound is asserted
"""

import calendar
import concurrent.futures
import json
import os
import signal
import struct
import sys
import threading
import time

import harness
from harness import Edgewatt

METER, LOAD, DOG, BARE = 10, {"L1": 11, "L2": 12}, (21, 22), (31, 32)
LIMIT_A, BASE_A, RISEN_A = 63, 5, 24
TOLERANCE_A = 0.5  # the plant's voltage drifts, so that a load in watts is not quite constant in amperes
PERIOD_S, LEASE_S, METER_S, SETTLE_S = 5, 30, 15, 10
REACTION_S = 5        # of a vehicle (IEC 61851-1)
POLL_S = 1
RESTART_S = 5         # of a service by its supervisor
HANG_S = 5            # until a hung one is killed
FROZEN_S = 60
SLOW_S = 10           # the slowest of the registers that are watched for it
ALIVE_S = 2 * PERIOD_S + REACTION_S            # rule 1: 2 + lag control periods
DEAD_S = LEASE_S + REACTION_S                  # rule 2
BARE_DEAD_S = RESTART_S + POLL_S + ALIVE_S     # no watchdog, and nobody to speak: until somebody is there again
WAVE = 8  # gateways at once


def site():
    def device(number, bus, unit, profile, phase=None, **more):
        phases = {"phases": [phase]} if phase else {}
        return {"id": number, "bus": bus, "name": f"Device {number}", "profile": profile, "unit": unit, "on": True,
                **phases, **more}

    rated = {"params": {"rated_current": 32}}
    return {
        "version": 1, "rev": 1, "next_id": 100,
        "site": {"id": "safety", "name": "Safety", "tz": "Europe/Paris", "language": "en", "nominal_voltage": 230,
                 "currency": "EUR"},
        "buses": [{"id": n, "name": f"Bus {n}", "type": "tcp", "address": "127.0.0.1", "port": 502, "on": True}
                  for n in (1, 2)],
        "devices": [
            device(METER, 1, 1, "legrand-emdx3-412045", exclude_totals=True),
            device(LOAD["L1"], 1, 2, "eastron-sdm630", 1), device(LOAD["L2"], 1, 3, "eastron-sdm630", 2),
            *[device(number, 2, 1 + i, "bender-cc612", 1, **rated) for i, number in enumerate(DOG)],
            *[device(number, 2, 11 + i, "abb-terra-ac", 2) for i, number in enumerate(BARE)]],
        "greenup": {"on": False, "meter": METER, "i_max_a": LIMIT_A, "i_chg_a": LIMIT_A, "hysteresis_pct": 2,
                    "timing": {"up_s": 5}},
    }


USUAL = ("greenup.full", "greenup.green", "greenup.free", "greenup.new", "greenup.room")


class Row:
    """One gateway with one fault."""

    def __init__(self, name, fault, with_dog, without, seconds, limit=LIMIT_A, before=None, base=RISEN_A, env=None):
        self.name, self.fault, self.allowed = name, fault, {"L1": with_dog, "L2": without}
        self.seconds, self.limit, self.before, self.base, self.env = seconds, limit, before, base, env
        self.sentence, self.longest, self.total = {}, {}, {}

    # -- the site
    def control(self, *words):
        return self.edgewatt.control(" ".join(str(word) for word in words))

    def currents(self):
        return json.loads(self.control("currents"))

    def load(self, amperes):
        for number in LOAD.values():
            self.control("load", number, amperes * 230)

    def watch(self):
        self.client = self.edgewatt.mqtt("console")
        self.client.subscribe("greenup/status")

    def prepare(self):
        self.watch()
        self.load(BASE_A)
        self.client.wait("greenup/status", lambda s: s["meter"]["ok"] and len(s["stations"]) == 4 and all(
            not x["lost"] and (x["watchdog"] == "verified") == (x["id"] in DOG) for x in s["stations"]))
        check = self.client.call("controller", "check")
        assert check["against"] == [], check
        self.client.call("controller", "switch", {"on": True, "accept": [
            {"device": tick["device"], "code": tick["code"]} for tick in check["accept"]]})
        for number in (*DOG, *BARE):
            self.control("car", number, "arrive", 90000)
        if self.before:
            self.before(self)
        self.client.wait("greenup/status", lambda s: s["mode"] == "run" and all(
            x["state"] == "charge" and max(a or 0 for a in x["current_a"]) > x["limit_a"] - 0.5
            for x in s["stations"]), timeout=120)
        site_a = self.currents()["site"]
        assert site_a[0] <= LIMIT_A and site_a[1] <= LIMIT_A, site_a

    def measure(self, since):
        course = json.loads(self.control("course", since))
        for index, phase in enumerate(("L1", "L2")):
            run = longest = total = 0
            for at, second in enumerate(course["site"]):
                limit = self.limit if at + course["from"] >= since else LIMIT_A
                above = second[index] > limit + TOLERANCE_A
                run = run + 1 if above else 0
                longest, total = max(longest, run), total + above
            self.longest[phase], self.total[phase] = longest, total

    def listen(self, mark):
        """What the page said meanwhile: an alarm, else why the first station of the phase has less."""
        alarms, reasons = {}, {"L1": {}, "L2": {}}
        for message in self.client.messages[mark:]:
            if message.topic != "greenup/status" or not message.json:
                continue
            for alarm in message.json["alarms"]:
                alarms.setdefault(alarm["code"], alarm["text"])
            for station in message.json["stations"]:
                for phase, ids in (("L1", DOG), ("L2", BARE)):
                    if station["id"] in ids and station["reason"]["code"] not in USUAL:
                        reasons[phase].setdefault(station["reason"]["code"], station["reason"]["text"])
        for phase in ("L1", "L2"):
            said = [*alarms.values(), *reasons[phase].values()]
            self.sentence[phase] = said[0] if said else ""

    def run(self):
        env = self.env() if self.env else {}
        with Edgewatt(site(), env=env) as self.edgewatt:
            self.prepare()
            mark = self.client.mark()
            since = self.currents()["second"]
            ends = time.monotonic() + self.seconds
            risen = threading.Timer(1, self.load, [self.base])  # while the fault is there
            risen.start()
            self.fault(self)
            risen.join()
            while time.monotonic() < ends:
                threading.Event().wait(min(1, max(0, ends - time.monotonic())))
            self.measure(since)
            self.listen(mark)
        return self


# ---- Faults ---------------------------------------------------------------------------------------------------

def killed(name):
    return lambda row: row.edgewatt.kill(name)


def stopped(name):
    return lambda row: row.edgewatt.kill(name, signal.SIGSTOP)


def supervisor_killed(row):
    """As systemd does it: started again after two seconds (Restart=always, RestartSec=1)."""
    row.edgewatt.gateway.stop(number=signal.SIGKILL)
    threading.Event().wait(2)
    row.edgewatt.start()
    seen = row.client
    row.watch()
    with row.client.news:
        row.client.messages[:0] = seen.messages


def meter_unplugged(row):
    row.control("unplug", 1)


def meter_frozen(row):
    dump = json.loads(row.control("dump"))
    values = next(d["values"] for d in dump["devices"] if d["id"] == METER)
    for quantity, value in values.items():
        if isinstance(value, (int, float)):
            row.control("set", METER, quantity, value)
    mark = row.client.mark()
    for _ in range(3):  # all of it has been read so
        mark = row.client.wait("greenup/status", after=mark).order + 1
    for number in (DOG[1], BARE[1]):  # what the stations draw changes all the same
        row.control("car", number, "leave")


def station_lost(row):
    """Cut off while the base rises; after its power was cut too it is back at its rated current."""
    for number in (DOG[0], BARE[0]):
        row.control("lost", number, "on")
    threading.Event().wait(25)
    for number in (DOG[0], BARE[0]):
        row.control("power", number, "cycle", 3)
        row.control("lost", number, "off")


def low_first(row):
    """The first station of each phase has 10 A, so that its rated current is more than it was allowed."""
    row.person = row.edgewatt.mqtt("command")
    for number in (DOG[0], BARE[0]):
        row.person.publish(f"device/{number}/command", {"id": f"cap{number}", "cap_a": 10}, expiry=5)


def disobeys(row):
    for number in (DOG[0], BARE[0]):
        row.control("disobey", number, "on")


def clock_env():
    shim = os.path.join(harness.find_build(), "tests", "system", "safety_clock.so")
    path = os.path.join(harness.tempfile.mkdtemp(prefix="edgewatt-test-"), "clock")
    set_clock(path, 0)
    return {"LD_PRELOAD": shim, "EDGEWATT_TEST_CLOCK": path,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


def set_clock(path, seconds):
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        file.write(struct.pack("=q", seconds))


def clock_stepped(seconds):
    def step(row):
        set_clock(row.edgewatt.env["EDGEWATT_TEST_CLOCK"], seconds)
        row.client.wait("greenup/status", lambda s: abs(wall(s["ts"]) - time.time() - seconds) < 60,
                        after=row.client.mark())
    return step


def wall(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def settings_lowered(row):
    site_now = row.client.call("config", "site")
    greenup = {**site_now["site"]["greenup"], "i_max_a": 50, "i_chg_a": 50}
    row.client.call("config", "change", {"rev": site_now["rev"], "changes": [
        {"kind": "settings", "id": "greenup", "value": greenup}]})


FROZEN_BOUND_S = SLOW_S + FROZEN_S + METER_S + REACTION_S

ROWS = [
    Row("meter frozen", meter_frozen, FROZEN_BOUND_S, FROZEN_BOUND_S, 100, base=40),
    Row("nothing broken", lambda row: None, ALIVE_S, ALIVE_S, 30),
    Row("controller killed", killed("controller"), DEAD_S, DEAD_S, 60),
    Row("controller hung", stopped("controller"), DEAD_S, DEAD_S, 60),
    Row("broker killed", killed("broker"), DEAD_S, DEAD_S, 60),
    Row("broker hung", stopped("broker"), DEAD_S, DEAD_S, 60),
    Row("poller killed", killed("poller"), DEAD_S, BARE_DEAD_S, 60),
    Row("poller hung", stopped("poller"), DEAD_S, HANG_S + BARE_DEAD_S, 60),
    Row("supervisor killed", supervisor_killed, DEAD_S, BARE_DEAD_S, 60),
    Row("meter unplugged", meter_unplugged, METER_S + POLL_S + REACTION_S, METER_S + POLL_S + REACTION_S, 40),
    Row("station lost, back at its rated current", station_lost, ALIVE_S, ALIVE_S, 60, before=low_first),
    Row("station ignores its limit", disobeys, SETTLE_S + ALIVE_S, SETTLE_S + ALIVE_S, 60),
    Row("clock stepped a day forward", clock_stepped(86400), ALIVE_S, ALIVE_S, 60, env=clock_env),
    Row("clock stepped a day back", clock_stepped(-86400), ALIVE_S, ALIVE_S, 60, env=clock_env),
    Row("settings lowered to 50 A", settings_lowered, ALIVE_S, ALIVE_S, 40, limit=50),
]


def table(rows):
    lines = ["fault | watchdog | allowed s | measured s: longest (in all) | what was said"]
    for row in rows:
        for phase, kind in (("L1", "yes"), ("L2", "no")):
            lines.append(f"{row.name} | {kind} | {row.allowed[phase]} | {row.longest[phase]} ({row.total[phase]}) | "
                         f"{row.sentence[phase]}")
    return "\n".join(lines)


class Safety(harness.TestCase):
    rows = ROWS

    def test_every_fault_is_bounded(self):
        with concurrent.futures.ThreadPoolExecutor(WAVE) as pool:
            futures = [pool.submit(row.run) for row in self.rows]
            problems = []
            for row, future in zip(self.rows, futures):
                error = future.exception()
                if error:
                    problems.append(f"{row.name}: {error!r}")
        print(table([row for row, future in zip(self.rows, futures) if not future.exception()]), flush=True)
        for row, future in zip(self.rows, futures):
            for phase in ("L1", "L2") if not future.exception() else ():
                if row.longest[phase] > row.allowed[phase]:
                    problems.append(f"{row.name}, {phase}: {row.longest[phase]} s above, {row.allowed[phase]} allowed")
                if not row.sentence[phase]:
                    problems.append(f"{row.name}, {phase}: nothing was said")
        self.assertEqual(problems, [])


if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    if wanted:
        Safety.rows = [row for row in ROWS if any(word in row.name for word in wanted)]
        sys.argv = sys.argv[:1]
    harness.main()
