"""The systemd units: how far the sandbox goes, and that broker and services work under users of their own.

systemd itself does not run here. What it would do is done by hand: the installed files, the users of sysusers (through
nss_wrapper, nobody is added to this machine), broker-files and hand-over as root, then each program under its user.
"""
import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import harness

SERVICES = ("config", "poller", "controller", "recorder", "web", "server", "ftp")
JOB = ["edgewatt-job.service", "edgewatt-job.path"]  # root's, see its file
UNITS = ["edgewatt-broker.service", *(f"edgewatt@{name}.service" for name in SERVICES)]
EXPOSURE_MAX = 2.0
FIRST_ID = 61000  # of the users that only this test sees


def install(build):
    """An installed tree in a folder that every user may enter."""
    folder = tempfile.mkdtemp(prefix="edgewatt-test-")
    os.chmod(folder, 0o755)
    harness.run(["cmake", "--install", build, "--prefix", "/usr"], env={"DESTDIR": folder})
    return folder


class Units(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = harness.find_build()
        cls.root = install(cls.build)
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)

    def analyze(self, *words):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        return subprocess.run(["systemd-analyze", f"--root={self.root}", "--no-pager", *words], capture_output=True,
                              text=True, check=False)

    def test_exposure_of_each_unit(self):
        for unit in [*UNITS, JOB[0]]:
            with self.subTest(unit):
                said = self.analyze("security", "--offline=true", unit).stdout
                level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
                self.assertTrue(level, said)
                print(f"{unit}: {level.group(1)}")
                self.assertLessEqual(float(level.group(1)), EXPOSURE_MAX, said)

    def test_systemd_understands_every_line(self):
        said = self.analyze("verify", *UNITS, *JOB, "edgewatt.target").stderr
        bad = [line for line in said.splitlines() if re.search(r"Unknown|Failed to parse|Invalid|ignoring|Missing", line)]
        self.assertEqual(bad, [])

    def test_every_service_has_a_user_and_a_place_in_the_target(self):
        with open(os.path.join(self.root, "usr/lib/sysusers.d/edgewatt.conf"), encoding="utf-8") as file:
            users = set(re.findall(r"^u edgewatt-(\w+)", file.read(), re.M))
        with open(os.path.join(self.root, "usr/lib/systemd/system/edgewatt.target"), encoding="utf-8") as file:
            wanted = set(re.findall(r"edgewatt[@-](\w+)\.service", file.read()))
        self.assertEqual(users, {"broker", *SERVICES})
        self.assertEqual(wanted, users)


class Users(harness.TestCase):
    """Broker and services, each under its own user, over one data folder."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can start programs under other users")
        wrapper = [os.path.join(place, name) for place, _, names in os.walk("/usr/lib") for name in names
                   if name == "libnss_wrapper.so"]
        if not wrapper:
            self.skipTest("libnss-wrapper is not installed")
        self.build = harness.find_build()
        self.root = install(self.build)
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.program = os.path.join(self.root, "usr/bin/edgewatt")
        self.data = os.path.join(self.root, "data")
        self.ids = {}
        self.env = self.make_users(wrapper[0])

    def make_users(self, wrapper):
        """User and group files with those of sysusers.d beside root's."""
        with open(os.path.join(self.root, "usr/lib/sysusers.d/edgewatt.conf"), encoding="utf-8") as file:
            lines = file.read()
        passwd, group = ["root:x:0:0::/root:/bin/sh"], ["root:x:0:"]
        for number, (kind, name) in enumerate(re.findall(r"^([ug]) (\S+)", lines, re.M)):
            self.ids[name] = FIRST_ID + number
            with self.assertRaises(KeyError):  # they must not be anybody's
                pwd.getpwuid(self.ids[name])
            with self.assertRaises(KeyError):
                grp.getgrgid(self.ids[name])
            group.append(f"{name}:x:{self.ids[name]}:")
            if kind == "u":
                passwd.append(f"{name}:x:{self.ids[name]}:{self.ids[name]}::/nonexistent:/usr/sbin/nologin")
        paths = {}
        for what, rows in (("PASSWD", passwd), ("GROUP", group)):
            paths[f"NSS_WRAPPER_{what}"] = os.path.join(self.root, what.lower())
            with open(paths[f"NSS_WRAPPER_{what}"], "w", encoding="utf-8") as file:
                file.write("\n".join(rows) + "\n")
        return {"LD_PRELOAD": wrapper, **paths}

    def as_user(self, name, args):
        ids = str(self.ids[f"edgewatt-{name}"])
        return ["setpriv", f"--reuid={ids}", f"--regid={ids}", f"--groups={self.ids['edgewatt']}", "--no-new-privs",
                "--inh-caps=-all", *args]

    def prepare(self):
        """What tmpfiles.d and the ExecStartPre lines do."""
        os.makedirs(os.path.join(self.data, "run"))
        os.makedirs(os.path.join(self.data, "secrets"))
        self.port = harness.free_port()
        harness.run([self.program, "broker-files", "--data", self.data, "--mqtt", str(self.port)])
        harness.run([os.path.join(self.root, "usr/lib/edgewatt/hand-over"), self.data], env=self.env)

    def listen(self):
        """A notify socket; self.ready collects the pids that say READY=1."""
        self.address = os.path.join(self.root, "notify")
        self.ready = set()
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        receiver.bind(self.address)
        os.chmod(self.address, 0o777)
        self.addCleanup(receiver.close)

        def read():
            while True:
                try:
                    text, control, _, _ = receiver.recvmsg(4096, socket.CMSG_SPACE(12))
                except OSError:
                    return
                if b"READY=1" in text and control:
                    self.ready.add(int.from_bytes(control[0][2][:4], "little"))

        threading.Thread(target=read, daemon=True).start()

    def start_all(self):
        self.listen()
        started = {"broker": self.start_process(
            "broker", self.as_user("broker", [harness.find_mosquitto(), "-c",
                                              os.path.join(self.data, "run/broker/mosquitto.conf")]))}
        harness.wait_port(self.port, alive=started["broker"].alive)
        more = {"web": ["--http", str(harness.free_port()), "--https", str(harness.free_port())]}
        for name in SERVICES:
            args = [self.program, name, "--data", self.data, *more.get(name, [])]
            started[name] = self.start_process(name, self.as_user(name, args), {"NOTIFY_SOCKET": self.address})
            process = started[name]
            harness.wait_until(lambda: process.pid in self.ready or not process.alive(), what=f"{name} is ready")
            self.assertIn(process.pid, self.ready, f"{name} has ended")
        return started

    def test_broker_and_services_work_under_users_of_their_own(self):
        self.prepare()
        started = self.start_all()
        for name, process in started.items():
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                status = file.read()
            self.assertRegex(status, rf"\nUid:(\t{self.ids['edgewatt-' + name]}){{4}}\n", name)
            self.assertRegex(status, r"\nCapEff:\t0+\n", name)
        for name in reversed(SERVICES):
            self.assertEqual(started[name].stop(), 0, name)
        self.assertEqual(started["broker"].stop(number=signal.SIGTERM), 0)
        # A second start of the broker's unit over the files that are now other users'.
        harness.run([self.program, "broker-files", "--data", self.data, "--mqtt", str(self.port)])
        harness.run([os.path.join(self.root, "usr/lib/edgewatt/hand-over"), self.data], env=self.env)
        os.unlink(self.address)
        self.start_all()

    def job(self, *args, expected=0):
        """As edgewatt-job.service runs it: root, with its umask."""
        done = harness.run([self.program, "backup-job", "--data", self.data, *args], check=False, umask=0o077,
                           env={**self.env, "ASAN_OPTIONS": "verify_asan_link_order=0"})
        self.assertEqual(done.returncode, expected, done.stderr)

    def request(self, kind, total=""):
        """What config lays out."""
        os.makedirs(os.path.join(self.data, "run/job"), exist_ok=True)
        with open(os.path.join(self.data, "run/job/request.json"), "w", encoding="utf-8") as file:
            json.dump({"kind": kind, "history": True, "secrets": False, "upload": False, "sum": total, "by": "test"}, file)

    def state(self):
        with open(os.path.join(self.data, "run/job/state.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_a_restore_leaves_each_file_to_its_user(self):
        self.prepare()
        for folder, owner in (("export", "recorder"), ("upload", "web"), ("profiles", "config")):
            os.makedirs(os.path.join(self.data, folder), 0o755)
            os.chown(os.path.join(self.data, folder), self.ids[f"edgewatt-{owner}"], self.ids["edgewatt"])
        profile = os.path.join(self.data, "profiles/own-m1.json")
        with open(profile, "w", encoding="utf-8") as file:
            file.write("{}")
        started = self.start_all()
        self.request("make")
        self.job()
        self.assertNotIn("reason", self.state())
        harness.run(self.as_user("web", ["sha256sum", os.path.join(self.data, "export/database.zip")]))  # for the download
        self.request("restore", self.state()["backup"]["sum"])
        self.job(expected=3)
        self.job("--swap", expected=0)
        self.assertEqual(self.state()["reason"]["code"], "backup.running")  # they run yet
        self.request("restore", self.state()["backup"]["sum"])
        self.job(expected=3)
        for name in reversed(["broker", *SERVICES]):
            started[name].stop()
        self.job("--swap")
        self.assertNotIn("reason", self.state())
        # What the broker's unit does, and then everybody finds his files.
        harness.run([self.program, "restore", "--recover", "--data", self.data])
        harness.run([self.program, "broker-files", "--data", self.data, "--mqtt", str(self.port)])
        harness.run([os.path.join(self.root, "usr/lib/edgewatt/hand-over"), self.data], env=self.env)
        os.unlink(self.address)
        self.start_all()
        harness.run(self.as_user("poller", ["cat", profile]))
        harness.run(self.as_user("recorder", ["sh", "-c", f"test -w {self.data}/history.db"]))
        harness.run(self.as_user("config", ["sh", "-c", f"test -w {self.data}/site.json"]))

    def test_nobody_reads_or_changes_what_is_anothers(self):
        self.prepare()
        for user in ("poller", "web", "recorder", "controller", "server", "ftp", "broker", "config"):
            for other in ("poller", "web", "recorder", "controller", "server", "ftp", "config"):
                allowed = user == other
                path = os.path.join(self.data, f"secrets/{other}.json")
                with self.subTest(f"{user} reads the secret of {other}"):
                    done = harness.run(self.as_user(user, ["cat", path]), check=False)
                    self.assertEqual(done.returncode == 0, allowed, done.stderr)
        cases = [("poller", "site.json"), ("web", "site.json"), ("recorder", "site.json"), ("web", "run/broker.json"),
                 ("config", "run/broker.json"), ("web", "run/broker/dynsec.json"), ("poller", "secrets/web.json")]
        for user, file in cases:
            path = os.path.join(self.data, file)
            with self.subTest(f"{user} changes {file}"):
                for command in (["sh", "-c", f"echo x >> '{path}'"], ["rm", "-f", path], ["mv", "-f", path, path + ".x"]):
                    self.assertNotEqual(harness.run(self.as_user(user, command), check=False).returncode, 0, command)
        with self.subTest("the broker's address can be read"):
            harness.run(self.as_user("poller", ["cat", os.path.join(self.data, "run/broker.json")]))


if __name__ == "__main__":
    harness.main()
