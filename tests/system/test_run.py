"""edgewatt run with the real services: ends, deaths and hangs, as the topics tell them."""
import os
import signal

import harness
from harness import Edgewatt

SERVICES = ("config", "poller", "controller", "recorder", "web", "server", "ftp")


class Run(harness.TestCase):
    def test_a_demo_lives_and_ends_with_a_signal(self):
        """Ctrl-C goes to a whole process group; SIGTERM to one process. Either way everything ends, code 0."""
        with Edgewatt(harness.small_site()) as edgewatt:
            for number in (signal.SIGTERM, signal.SIGINT):
                client = edgewatt.mqtt("read")
                client.wait("device/+/measures/instant", lambda p: p["values"]["active_power"] is not None)
                before = edgewatt.pids()
                client.close()
                watch = harness.Stopwatch(edgewatt.gateway.pid)
                if number == signal.SIGINT:
                    os.killpg(edgewatt.gateway.pid, number)
                else:
                    edgewatt.gateway.send_signal(number)
                edgewatt.gateway.wait_end()
                self.assertLess(watch.seconds(), 10)
                self.assertEqual(edgewatt.gateway.stop(), 0)
                self.assertEqual(harness.wait_gone(before.values(), 0), [])
                self.assertFalse(os.path.exists(os.path.join(edgewatt.data, "run", "run.json")))
                self.assertFalse([line for line in edgewatt.gateway.lines if "killing" in line])
                if number == signal.SIGTERM:
                    edgewatt.start()

    def test_nothing_is_left_when_the_supervisor_is_killed(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            before = edgewatt.pids()
            edgewatt.gateway.stop(number=signal.SIGKILL)
            self.assertEqual(harness.wait_gone(before.values(), 5), [])
            edgewatt.start()
            self.assertEqual(edgewatt.read_run_json()["state"], "running")

    def test_a_stopped_service_is_replaced_and_its_status_says_so(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            for name in SERVICES:
                with self.subTest(name):
                    client.wait(f"service/{name}/status", lambda p: p["online"])
                    before = edgewatt.pids()
                    others = {n: pid for n, pid in before.items() if n != name}
                    mark = len(client.messages)
                    watch = harness.Stopwatch(edgewatt.gateway.pid)
                    pid = edgewatt.kill(name, signal.SIGSTOP)
                    edgewatt.gateway.wait_line(f"{name}: no sign of life for 5 s, killing it pid={pid}")
                    self.assertLess(watch.seconds(), 5.5)
                    status = client.wait(f"service/{name}/status", lambda p: p["online"] and p["pid"] != pid).json
                    self.assertEqual(status["restarts"], 1)
                    self.assertEqual(status["last_exit"], "no sign of life for 5 s, killed")
                    told = [m.json for m in client.messages[mark:] if m.topic == f"service/{name}/status"]
                    self.assertIn({"online": False}, told, "the will")
                    edgewatt.wait_pid(name, pid)
                    self.assertEqual({n: p for n, p in edgewatt.pids().items() if n != name}, others)

    def test_a_killed_service_comes_back_with_fresh_values(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            client.wait("device/10/measures/instant")
            pid = edgewatt.kill("poller")
            status = client.wait("service/poller/status", lambda p: p["online"] and p["pid"] != pid).json
            self.assertEqual((status["restarts"], status["last_exit"]), (1, "ended by signal 9 (Killed)"))
            mark = len(client.messages)
            harness.wait_until(lambda: any(m.topic == "device/10/measures/instant" and not m.retain
                                           for m in client.messages[mark:]), what="fresh values")

    def test_a_killed_broker_comes_back_and_everybody_with_it(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            pid = edgewatt.kill("broker")
            edgewatt.wait_pid("broker", pid)
            harness.wait_until(lambda: edgewatt.read_run_json()["state"] == "running", what="the broker accepts")
            before = edgewatt.pids()
            client = edgewatt.mqtt("console")
            for name in SERVICES:
                status = client.wait(f"service/{name}/status", lambda p: p["online"]).json
                self.assertEqual((status["pid"], status["restarts"]), (before[name], 0))
            client.wait("device/10/measures/instant", lambda p: p["values"]["active_power"] is not None)

    def test_a_site_file_with_a_mistake_is_refused_in_words(self):
        cases = [
            ("an unknown key", lambda s: s["devices"][0].update(unti=3), "/devices/0/unti", "unknown key"),
            ("an address twice", lambda s: s["devices"][1].update(unit=1), "/devices/1", ""),
            ("a profile that is not there", lambda s: s["devices"][0].update(profile="nobody-1"), "/devices/0/profile", ""),
        ]
        for name, spoil, place, words in cases:
            with self.subTest(name):
                edgewatt = Edgewatt(harness.small_site(), simulate=False)
                spoil(edgewatt.site)
                with self.assertRaises(AssertionError) as caught, edgewatt:
                    pass
                said = str(caught.exception)
                self.assertIn(place, said)
                self.assertIn(words, said)
                self.assertIn("the site file is refused", said)


if __name__ == "__main__":
    harness.main()
