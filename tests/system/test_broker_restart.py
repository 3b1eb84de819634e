"""The broker dies or hangs, services die: what was kept is there again, nobody is logged out, nothing else restarts."""

import signal

import harness
from harness import Edgewatt

KEPT = ["service/+/status", "config/bus/+", "config/device/+", "config/profile/+", "config/settings/site",
        "config/settings/sampling", "bus/+/status", "device/+/status", "device/+/measures/+", "total/+/+"]
SERVICES = ["config", "poller", "recorder", "web"]
# What must be kept in any case, so that an empty broker can't pass.
AT_LEAST = {"config/bus/1", "config/device/10", "config/device/11", "config/profile/legrand-emdx3-412045",
            "config/settings/site", "bus/1/status", "device/10/status", "device/11/status",
            "device/10/measures/instant", "device/11/measures/instant", *(f"service/{s}/status" for s in SERVICES)}


def kept_topics(edgewatt, expected):
    """The topics a newcomer gets, as soon as all of expected are among them. Messages that came live do not count."""
    client = edgewatt.mqtt("read")
    kept = set()

    def all_there():
        kept.update(m.topic for m in client.messages if m.retain and m.raw)
        return expected <= kept

    for topic in KEPT:
        code = client.subscribe(topic)
        if code >= 128:
            raise AssertionError(f"subscription to {topic} refused: {code}")
    try:
        client._wait(all_there, 5, "")
    except AssertionError:
        return kept, expected - kept
    finally:
        client.close()
    return kept, set()


def wait_kept(edgewatt, expected):
    """Asks as a newcomer until nothing is missing: an owner may just be publishing."""
    missing = set(expected)

    def complete():
        nonlocal missing
        kept, missing = kept_topics(edgewatt, expected)
        return None if missing else kept

    return harness.wait_until(complete, what=f"everything kept again; missing: {sorted(missing)}")


class BrokerRestart(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = Edgewatt(harness.small_site())
        cls.edgewatt.__enter__()
        cls.addClassCleanup(cls.edgewatt.__exit__, None, None, None)

    def setUp(self):
        self.shown = self.edgewatt.processes
        self.client = self.edgewatt.mqtt("read")
        for name in SERVICES:
            self.client.wait(f"service/{name}/status", lambda s: s["online"])

    def services(self):
        return {name: pid for name, pid in self.edgewatt.pids().items() if name in SERVICES}

    def replace_broker(self, number):
        """Sends the broker a signal that ends or stops it; returns when there is another and all services are on it."""
        before, port, mark = self.services(), self.edgewatt.read_run_json()["mqtt"]["port"], self.client.mark()
        connects = len(self.client.connects)
        broker = self.edgewatt.kill("broker", number)
        self.edgewatt.wait_pid("broker", broker)
        self.client.wait_connects(connects + 1)  # the same account, the same password, the same port
        for name in SERVICES:
            self.client.wait(f"service/{name}/status", lambda s: s["online"], after=mark)
        self.assertEqual(self.services(), before)  # they connected anew, they did not restart
        self.assertEqual(self.edgewatt.read_run_json()["mqtt"]["port"], port)

    def test_a_killed_broker(self):
        before = wait_kept(self.edgewatt, AT_LEAST)
        self.replace_broker(signal.SIGKILL)
        after = wait_kept(self.edgewatt, before)
        print(f"kept topics before {len(before)}, after {len(after)}")

    def test_measures_go_on(self):
        self.replace_broker(signal.SIGKILL)
        first = self.client.wait("device/10/measures/instant", after=self.client.mark())
        self.client.wait("device/10/measures/instant", lambda p: p["up_ms"] > first.json["up_ms"], after=first.order)

    def test_a_hung_broker(self):
        self.replace_broker(signal.SIGSTOP)
        wait_kept(self.edgewatt, AT_LEAST)

    def test_nobody_is_logged_out(self):
        login = self.edgewatt.login_as("administrator")
        page = self.edgewatt.mqtt_of(login)
        page.wait("config/settings/site")
        connects, mark = len(page.connects), page.mark()
        self.replace_broker(signal.SIGKILL)
        page.wait_connects(connects + 1)
        page.wait("config/settings/site", after=mark)
        self.assertEqual(self.edgewatt.http("/api/session", cookies=login.cookies).json["mqtt"], login.session["mqtt"])
        self.assertEqual(page.publish("device/10/setpoint", "{}"), 135)  # and nobody has more rights than before

    def test_a_killed_service_is_offline_and_comes_back(self):
        for name in SERVICES:
            with self.subTest(service=name):
                topic, mark = f"service/{name}/status", self.client.mark()
                pid = self.edgewatt.kill(name)
                gone = self.client.wait(topic, lambda s: s == {"online": False}, after=mark)  # its will
                back = self.client.wait(topic, lambda s: s["online"], after=gone.order)
                self.assertNotEqual(back.json["pid"], pid)
                self.assertEqual(self.edgewatt.wait_pid(name, pid), back.json["pid"])

    def test_the_broker_keeps_nothing_of_a_former_life(self):
        """Persistence is off: what no owner publishes any more does not come back."""
        poller = self.edgewatt.mqtt("poller")
        self.assertEqual(poller.publish("device/999/status", '{"state":"on"}', retain=True), 0)
        self.client.wait("device/999/status")
        self.replace_broker(signal.SIGKILL)
        kept = wait_kept(self.edgewatt, AT_LEAST)
        self.assertNotIn("device/999/status", kept)

    @classmethod
    def tearDownClass(cls):
        client = cls.edgewatt.mqtt("read")
        for name in SERVICES:
            client.wait(f"service/{name}/status")
        print(harness.health_table(client))


if __name__ == "__main__":
    harness.main()
