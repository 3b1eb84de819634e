"""edgewatt run with the real broker and services that misbehave on request (supervisor_rig.c)."""
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from processes import Stopwatch
from waiting import PATIENCE_S

RIG = os.path.join(os.environ["EDGEWATT_BUILD"], "tests/system/supervisor_rig")
SITE = '{"version":1,"rev":1,"next_id":2,"site":{"id":"rig","name":"Rig"}}\n'
SERVICES = ("config", "poller", "controller", "recorder", "web", "server", "ftp")  # in order of start


class Run:
    """One `edgewatt run`; its log lines are kept and can be waited for."""

    def __init__(self, folder, *more, site=True):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        args = [RIG, "run", "--data", self.data, "--http", "0", "--https", "0", "--mqtt", "0",
                "--mqtts", "0"]
        if site:
            args += ["--site", os.path.join(folder, "site.json")]
        self.lines, self.news = [], threading.Condition()
        self.process = subprocess.Popen(args + list(more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.ended_at = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.ended_at = time.monotonic()
            self.news.notify_all()

    def wait_line(self, pattern, start=0):
        """The number of the first line that matches, from line number `start`."""
        until = time.monotonic() + PATIENCE_S
        with self.news:
            while True:
                for number in range(start, len(self.lines)):
                    if re.search(pattern, self.lines[number]):
                        return number
                left = until - time.monotonic()
                if left <= 0 or self.ended_at:
                    raise AssertionError(f"no line {pattern!r} in:\n" + "\n".join(self.lines))
                self.news.wait(left)

    def ready(self):
        self.wait_line("all is ready")
        return self.json()

    def json(self):
        with open(os.path.join(self.data, "run/run.json"), encoding="utf-8") as file:
            return json.load(file)

    def pids(self):
        run = self.json()
        return {"broker": run["broker"]["pid"], **{n: s["pid"] for n, s in run["services"].items()}}

    def end(self, sig=signal.SIGTERM):
        watch = Stopwatch(self.process.pid)
        self.process.send_signal(sig)
        wait_gone([self.process.pid], PATIENCE_S)
        took_s = watch.seconds()
        return self.process.wait(PATIENCE_S), took_s

    def rig_log(self):
        with open(os.path.join(self.data, "rig/log"), encoding="utf-8") as file:
            return file.read().splitlines()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with self.news:
            self.news.wait_for(lambda: self.ended_at, PATIENCE_S)
        self.process.stdout.close()


def wait_gone(pids, patience_s):
    """True when all the processes have ended in time."""
    until = time.monotonic() + patience_s
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        gone = select.select([fd], [], [], max(0, until - time.monotonic()))[0]
        os.close(fd)
        if not gone:
            return False
    return True


class Supervisor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "data/rig"), mode=0o700)
        self.write("site.json", SITE)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def order(self, service, words):
        self.write(f"data/rig/{service}", words)

    def start(self, *more, **options):
        run = Run(self.folder, *more, **options)
        self.addCleanup(run.close)
        return run

    def test_starts_in_order_and_ends_in_reverse(self):
        run = self.start()
        state = run.ready()
        self.assertEqual(state["base"], "edgewatt/rig")
        self.assertEqual(state["state"], "running")
        self.assertEqual(state["pid"], run.process.pid)
        self.assertEqual(len({state[name]["port"] for name in ("http", "https", "mqtt", "mqtts")}), 4)
        self.assertEqual({s["status"] for s in state["services"].values()}, {"as good as new"})
        code, took_s = run.end()
        self.assertEqual(code, 0)
        self.assertLess(took_s, 10)
        self.assertEqual([line.split()[0] for line in run.rig_log()],
                         ["+broker-files", *(f"+{name}" for name in SERVICES), *(f"-{name}" for name in reversed(SERVICES))])
        self.assertFalse(os.path.exists(os.path.join(run.data, "run/run.json")))
        self.assertFalse([line for line in run.lines if re.search("not authorised|New connection", line)],
                         "the probe is not logged")

    def test_ctrl_c_reaches_only_the_supervisor(self):
        run = self.start()
        pids = run.ready() and run.pids()
        os.killpg(run.process.pid, signal.SIGINT)  # what a terminal does
        self.assertEqual(run.process.wait(PATIENCE_S), 0)
        self.assertEqual([line for line in run.rig_log() if line[0] == "-"], [f"-{name}" for name in reversed(SERVICES)])
        self.assertTrue(wait_gone(pids.values(), 0))

    def test_nothing_survives_a_kill_and_the_next_run_starts_at_once(self):
        run = self.start()
        run.ready()
        pids = run.pids()
        run.process.kill()
        run.process.wait()
        again = self.start()
        self.assertTrue(wait_gone(pids.values(), 5), "left running")
        again.ready()
        self.assertEqual(again.end()[0], 0)

    def test_a_killed_service_comes_back_and_is_told_why(self):
        run = self.start()
        run.ready()
        before = run.pids()
        os.kill(before["poller"], signal.SIGKILL)
        run.wait_line("poller started", run.wait_line("poller: ended by signal 9"))
        self.assertEqual(run.end()[0], 0)
        self.assertIn("+poller 1 ended by signal 9 (Killed)", run.rig_log())

    def test_a_stopped_service_is_noticed_within_5_s_and_replaced(self):
        self.check_stopped("poller")
        # The others did not feel it.
        self.assertEqual(sum(line.startswith("+") for line in self.run_under_test.rig_log()), len(SERVICES) + 2)

    def test_a_stopped_broker_is_noticed_within_5_s_and_replaced(self):
        self.check_stopped("broker")

    def check_stopped(self, name):
        run = self.run_under_test = self.start()
        run.ready()
        pid = run.pids()[name]
        watch = Stopwatch(run.process.pid)
        os.kill(pid, signal.SIGSTOP)
        line = run.wait_line(f"{name}: no sign of life for 5 s, killing it")
        self.assertLess(watch.seconds(), 5.5)
        self.assertTrue(wait_gone([pid], 5))
        run.wait_line(f"{name} started", line)
        # Its new life is in run.json as soon as it is ready: wait for the change.
        state = self.wait_json(run, lambda s: s["state"] == "running")
        child = state["broker"] if name == "broker" else state["services"][name]
        self.assertEqual(child["restarts"], 1)
        self.assertEqual(child["last_exit"], "no sign of life for 5 s, killed")
        self.assertEqual(run.end()[0], 0)

    def wait_json(self, run, condition):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            state = run.json()
            if condition(state):
                return state
            select.select([], [], [], 0.02)
        raise AssertionError(f"run.json never came true: {state}")

    def test_strangers_do_not_speak_for_a_service(self):
        self.order("poller", "freeze")
        run = self.start()
        run.ready()
        with open("/proc/net/unix", encoding="utf-8") as file:
            address = re.search(rf"@(edgewatt-run/{run.process.pid}-\w+)", file.read()).group(1)
        done = threading.Event()

        def pretend():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
                while not done.wait(0.3):
                    try:
                        stranger.sendto(b"WATCHDOG=1\nREADY=1", "\0" + address)
                    except OSError:
                        return

        threading.Thread(target=pretend, daemon=True).start()
        try:
            run.wait_line("poller: no sign of life for 5 s")
        finally:
            done.set()

    def test_a_crashing_service_is_tried_at_growing_intervals_and_holds_up_nobody(self):
        self.order("poller", "exit=3")
        run = self.start()
        number, seen = 0, []
        for _ in range(5):
            number = run.wait_line(r"poller: ended with exit code 3.* in \d+ ms", number) + 1
            seen.append((int(re.search(r"in (\d+) ms", run.lines[number - 1]).group(1)), time.monotonic()))
        self.assertEqual([wait for wait, _ in seen], [200, 400, 800, 1600, 3200])
        for (wait, at), (_, next_at) in zip(seen, seen[1:]):
            self.assertGreaterEqual(next_at - at, 0.6 * wait / 1000)  # a line may be read late
        self.assertIn("+web 0 ", run.rig_log())
        self.assertFalse(os.path.exists(os.path.join(run.data, "run/run.json")), "it is not ready")
        os.unlink(os.path.join(run.data, "rig/poller"))
        state = run.ready()
        self.assertEqual(state["services"]["poller"]["restarts"], 5)
        self.assertEqual(run.end()[0], 0)

    def test_services_that_do_not_end_are_killed_within_10_s(self):
        for name in SERVICES:
            self.order(name, "deaf")
        run = self.start()
        pids = run.ready() and run.pids()
        code, took_s = run.end()
        self.assertEqual(code, 0)
        self.assertLess(took_s, 10)
        self.assertTrue(wait_gone(pids.values(), 0))
        run.wait_line("web: does not end, killing it")

    def test_a_second_wish_to_stop_does_not_wait(self):
        for name in SERVICES:
            self.order(name, "deaf")
        run = self.start()
        pids = run.ready() and run.pids()
        run.process.send_signal(signal.SIGINT)
        run.wait_line("stopping")
        code, took_s = run.end(signal.SIGINT)
        self.assertEqual(code, 0)
        self.assertLess(took_s, 2)
        self.assertTrue(wait_gone(pids.values(), 0))

    def test_a_supervisor_that_was_stopped_itself_blames_nobody(self):
        run = self.start()
        run.ready()
        before = run.pids()
        run.process.send_signal(signal.SIGSTOP)
        select.select([], [], [], 6.5)  # longer than anybody's patience; the stop itself can't be waited for
        run.process.send_signal(signal.SIGCONT)
        run.wait_line("stood still for")
        self.assertEqual(run.end()[0], 0)
        self.assertFalse([line for line in run.lines if "killing" in line])
        self.assertEqual(sum(line.startswith("+") for line in run.rig_log()), len(before))

    def test_sighup_reaches_the_services(self):
        run = self.start()
        run.ready()
        run.process.send_signal(signal.SIGHUP)
        run.wait_line("read their files again")
        self.assertEqual(run.end()[0], 0)
        self.assertEqual(sorted(line for line in run.rig_log() if line[0] == "~"), sorted(f"~{name}" for name in SERVICES))

    def refused(self, *more, **options):
        run = self.start(*more, **options)
        watch = Stopwatch(run.process.pid)
        wait_gone([run.process.pid], PATIENCE_S)
        self.assertLess(watch.seconds(), 3)
        self.assertEqual(run.process.wait(PATIENCE_S), 1)
        with run.news:
            run.news.wait_for(lambda: run.ended_at, PATIENCE_S)
        return "\n".join(run.lines)

    def test_a_second_run_is_refused(self):
        run = self.start()
        run.ready()
        self.assertIn(f"another edgewatt run (process {run.process.pid}) works with this data folder", self.refused())
        self.assertEqual(run.json()["state"], "running")
        self.assertEqual(run.end()[0], 0)

    def test_a_bad_site_file_is_refused_with_its_place(self):
        self.write("site.json", '{"bad":1}')
        said = self.refused()
        self.assertIn("site.json:/bad: unknown key", said)
        self.assertIn("the site file is refused", said)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data/site.json")))

    def test_without_a_site_file_a_new_site_begins(self):
        run = self.start(site=False)
        run.ready()
        run.wait_line("beginning with a new, empty site")
        self.assertEqual(run.end()[0], 0)

    def test_a_site_file_that_is_there_is_kept(self):
        own = os.path.join(self.folder, "data/site.json")
        for given, said in [(SITE, False), (SITE.replace('"rev":1', '"rev":9'), False), (SITE.replace("Rig", "Other"), True)]:
            self.write("site.json", given)
            run = self.start()
            run.ready()
            self.assertEqual(run.end()[0], 0)
            self.assertEqual(any("keeping it" in line for line in run.lines), said, given)
            with open(own, encoding="utf-8") as file:
                self.assertEqual(file.read(), SITE)

    def test_a_demo_has_no_tls_unless_asked_for_and_prints_its_codes(self):
        for more, has in ((["--https", "off"], False), (["--https", "0"], True)):
            run = self.start("--demo", *more)
            state = run.ready()
            self.assertEqual("https" in state, has)
            run.wait_line("administrator  99999  00000 9999 00000")
            self.assertTrue(state["demo"])
            self.assertEqual(run.end()[0], 0)

    def test_a_port_in_use_is_said(self):
        for option, host in (("--http", ""), ("--https", ""), ("--mqtt", "127.0.0.1")):
            with socket.create_server((host, 0)) as other:
                port = other.getsockname()[1]
                said = self.refused(option, str(port))
            self.assertIn(f"port {port} is used by another program; choose another with {option} PORT", said)

    def test_a_broker_without_files_is_given_up(self):
        self.order("broker-files", "exit=1")
        said = self.refused()
        self.assertIn("the broker can't be started (ended with exit code 1), giving up", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
