"""The main function that every service shares, from outside: a service of nothing else (service_rig.c), a real broker."""

import json
import os
import shutil
import signal
import socket
import tempfile
import time
import uuid

import harness
from harness import Broker, Client

BUILD = harness.find_build()
RIG = os.path.join(BUILD, "tests/system/service_rig")
SHARE = {"EDGEWATT_SHARE": os.path.join(BUILD, "share/edgewatt")}
BASE = "edgewatt/rig"


class Notifications:
    """What systemd would hear."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.settimeout(harness.PATIENCE_S)
        self.address, self.heard = address, []

    def wait(self, line):
        """Reads on until the line comes; the time it came at."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            self.heard += lines
            if line in lines:
                return time.monotonic()


class Service(harness.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")
        for name in ("run", "secrets"):
            os.makedirs(os.path.join(self.data, name), mode=0o700)
        self.mark = uuid.uuid4().hex
        self.broker = Broker(self.folder, {"poller": "old", "watcher": "w"}, self.mark)
        self.addCleanup(self.broker.stop)
        self.place(self.broker.port)
        self.secret("old")

    def write(self, name, content):
        with open(os.path.join(self.data, name), "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def place(self, port):
        self.write("run/broker.json", {"host": "127.0.0.1", "port": port, "base": BASE})

    def secret(self, password):
        self.write("secrets/poller.json", {"user": "poller", "password": password})

    def start(self, *options, env=None):
        return self.start_process("rig", [RIG, "--data", self.data, *options], {**SHARE, **(env or {})}, self.mark)

    def watch(self):
        client = Client("127.0.0.1", self.broker.port, "watcher", "w", BASE)
        self.addCleanup(client.close)
        return client

    def refused(self, *args, code):
        done = harness.run([RIG, *args], check=False, env=SHARE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    # -- the life of a service
    def test_says_that_it_is_there_and_how_it_is(self):
        self.broker.start()
        begun = time.time()
        service = self.start("--greeting", "hello", "--demo")
        self.watch().wait("service/poller/status", lambda s: s["online"])
        status = self.watch().wait("service/poller/status")
        self.assertTrue(status.retain)
        s = status.json
        self.assertEqual(s["pid"], service.pid)
        self.assertRegex(s["version"], r"^\d+\.\d+\.\d+")
        self.assertRegex(s["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
        self.assertGreaterEqual(s["since"], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begun)))
        self.assertGreater(s["rss_bytes"], 1 << 20)
        self.assertGreaterEqual(s["late_ms"], 0)
        self.assertEqual((s["greeting"], s["demo"], s["reloads"]), ("hello", True, 0))

    def test_speaks_to_systemd(self):
        self.broker.start()
        for address in (os.path.join(self.folder, "notify"), "@edgewatt-test-" + self.mark):
            heard = Notifications(address)
            service = self.start(env={"NOTIFY_SOCKET": address})
            heard.wait("READY=1")
            beats = [heard.wait("WATCHDOG=1") for _ in range(4)]
            self.assertTrue(all(0.5 < b - a < 3 for a, b in zip(beats[1:], beats[2:])), beats)
            service.send_signal(signal.SIGTERM)
            heard.wait("STOPPING=1")
            self.assertEqual(service.stop(), 0)
            self.assertEqual(heard.heard.count("READY=1"), 1)
            heard.socket.close()

    def test_an_orderly_end_is_published(self):
        self.broker.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            watcher = self.watch()
            service = self.start()
            begun = watcher.wait("#", lambda s: s.get("online")).order
            self.assertEqual(service.stop(number=number), 0)
            watcher.wait("#", lambda s: s == {"online": False}, after=begun)
            ends = [m.topic for m in watcher.messages if m.json in ({"online": False}, {"stopped": 1}) and not m.retain]
            self.assertEqual(ends, ["greenup/status", "service/poller/status"])
            self.assertTrue(self.watch().wait("service/poller/status", lambda s: not s["online"]).retain)

    def test_a_killed_service_is_offline(self):
        self.broker.start()
        watcher = self.watch()
        service = self.start()
        watcher.wait("service/poller/status", lambda s: s["online"])
        service.stop(number=signal.SIGKILL)
        watcher.wait("service/poller/status", lambda s: s == {"online": False})
        self.assertNotIn("greenup/status", watcher.latest)

    def test_hang_up_reloads(self):
        self.broker.start()
        watcher = self.watch()
        service = self.start()
        watcher.wait("service/poller/status", lambda s: s["online"])
        service.send_signal(signal.SIGHUP)
        watcher.wait("service/poller/status", lambda s: s.get("reloads") == 1)

    def test_a_loop_that_stood_still_is_seen_in_the_status(self):
        self.broker.start()
        watcher = self.watch()
        self.start()
        watcher.wait("device/1/state")
        self.assertTrue(watcher.call("poller", "block", {"ms": 2500}))
        late = watcher.wait("service/poller/status", lambda s: s.get("late_ms", 0) >= 1000)
        after = watcher.wait("service/poller/status", lambda s: s["late_ms"] < 1000, after=late.order + 1)
        self.assertGreater(after.json["beat"], late.json["beat"])

    # -- the broker comes and goes
    def test_waits_for_the_broker_and_beats_meanwhile(self):
        heard = Notifications("@edgewatt-test-" + self.mark)
        self.addCleanup(heard.socket.close)
        self.start(env={"NOTIFY_SOCKET": heard.address})
        for _ in range(3):
            heard.wait("WATCHDOG=1")
        self.assertNotIn("READY=1", heard.heard)
        self.broker.start()
        heard.wait("READY=1")

    def test_finds_the_broker_on_another_port_with_another_password(self):
        self.broker.start()
        service = self.start()
        self.watch().wait("device/1/state", lambda s: s["connects"] == 1)
        self.broker.kill()
        service.wait_line("lost the connection to the broker")
        os.mkdir(os.path.join(self.folder, "second"))
        self.broker = Broker(os.path.join(self.folder, "second"), {"poller": "new", "watcher": "w"}, self.mark)
        self.addCleanup(self.broker.stop)
        self.broker.start()
        self.place(self.broker.port)
        service.wait_line("Not authorized")
        self.secret("new")
        watcher = self.watch()
        watcher.wait("device/1/state", lambda s: s["connects"] == 2)
        watcher.wait("service/poller/status", lambda s: s["online"])

    def test_a_broken_file_meanwhile_is_said_and_survived(self):
        self.broker.start()
        service = self.start()
        self.watch().wait("device/1/state")
        self.broker.kill()
        self.write("run/broker.json", '{"host":')
        service.wait_line(r"broker\.json.*(line|column)")
        self.place(self.broker.port)
        self.broker.start()
        self.watch().wait("device/1/state", lambda s: s["connects"] == 2)

    def test_dies_with_its_supervisor(self):
        self.broker.start()
        script = ("import os,subprocess,sys\n"
                  "p=subprocess.Popen(sys.argv[1:]);print('pid',p.pid,flush=True);sys.stdin.read()\n")
        parent = self.start_process("parent", ["/usr/bin/python3", "-c", script, RIG, "--data", self.data],
                                    {"EDGEWATT_SUPERVISED": "1", **SHARE}, self.mark)
        pid = int(parent.wait_line(r"pid (\d+)")[1])
        self.watch().wait("service/poller/status", lambda s: s.get("pid") == pid)
        parent.stop(number=signal.SIGKILL)
        self.assertEqual(harness.wait_gone([pid], harness.PATIENCE_S), [])

    # -- the command line and the files
    def test_help(self):
        said = self.refused("--help", code=0)
        for word in ("Usage: edgewatt poller --data DIR", "--greeting TEXT", "SIGTERM", "EDGEWATT_LOG"):
            self.assertIn(word, said)

    def test_what_is_wrong_is_said_in_words(self):
        def text(content):
            return lambda name: self.write(name, content)

        def remove(name):
            os.unlink(os.path.join(self.data, name))

        arguments = [
            (["--what"], 2, r"not understood: --what; edgewatt poller --help says more"),
            (["--greeting"], 2, r"not understood: --greeting"),
            (["--data"], 2, r"a folder must follow --data"),
            ([], 2, r"--data DIR is missing"),
            (["--data", "/does/not/exist"], 1, r"/does/not/exist: No such file or directory"),
            (["--data", self.data, "--greeting", "fail"], 1, r"/greeting: this greeting is refused"),
        ]
        for args, code, pattern in arguments:
            with self.subTest(args=args):
                self.assertRegex(self.refused(*args, code=code), pattern)
        files = [
            ("run/broker.json", remove, r"run/broker\.json"),
            ("run/broker.json", text("{}"), r"run/broker\.json/host"),
            ("run/broker.json", text('{"host":"h","port":0,"base":"b"}'), r"run/broker\.json/port"),
            ("run/broker.json", text('{"host":"h","port":1883}'), r"run/broker\.json/base"),
            ("run/broker.json", text("[]"), r"run/broker\.json"),
            ("run/broker.json", text("{" + " " * 5000 + "}"), r"run/broker\.json"),
            ("secrets/poller.json", remove, r"secrets/poller\.json"),
            ("secrets/poller.json", text('{"user":"poller"}'), r"secrets/poller\.json/password"),
            ("secrets/poller.json", text('{"user":"x","user":"y","password":"very-secret"}'), r"secrets/poller\.json"),
        ]
        for name, change, pattern in files:
            with self.subTest(name=name, pattern=pattern):
                self.place(self.broker.port)
                self.secret("old")
                change(name)
                said = self.refused("--data", self.data, code=1)
                self.assertRegex(said, pattern)
                self.assertNotIn("very-secret", said)


if __name__ == "__main__":
    if not os.path.exists(RIG):
        raise SystemExit(f"{RIG} is not built")
    harness.main()
