"""What system tests stand on: real processes on free loopback ports, waited for by their lines and topics.

    import harness
    from harness import Edgewatt

    with Edgewatt(harness.small_site()) as edgewatt:
        client = edgewatt.mqtt("read")
        measures = client.wait("device/+/measures/instant", lambda p: p["values"]["active_power"] > 0)

A test that needs something from outside the project calls harness.skip("one sentence").
Settings: EDGEWATT_BUILD (the build folder), EDGEWATT_KEEP=1 (leave the data folders), EDGEWATT_PATIENCE (seconds to wait
for what has to come; a loaded machine under a sanitizer is slow).

Here: the whole gateway, and what waiting.py, processes.py and broker_client.py hold, so that one import serves a test.
"""
import contextlib
import copy
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import unittest
import uuid

from broker_client import Broker, CallError, Client, PacketTypes, Properties, health_table, paho  # noqa: F401
from processes import (MARK, SOURCE, STOP_S, Process, Stopwatch, find_build, find_mosquitto, marked_processes,  # noqa: F401
                       pss_bytes, run)
from waiting import PATIENCE_S, free_port, skip, wait_gone, wait_port, wait_until  # noqa: F401

# The manual's codes (USR-01): PIN, PUK.
CODES = {
    "administrator": ("99999", "00000999900000"),
    "greenUp": ("88888", "00000888800000"),
    "installer": ("55555", "00000555500000"),
    "user": ("11111", "00000111100000"),
}


class Response:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cookies(self):
        """name -> value of what the answer sets."""
        found = {}
        for line in self.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            found[name.strip()] = value.strip()
        return found


class Login:
    """A browser that is logged in: its cookies and what GET /api/session says."""

    def __init__(self, cookies, session):
        self.cookies, self.session = cookies, session


def small_site(devices=2, **site):
    """A site file of one simulated bus: a main meter and others of the generic profile that the simulator serves."""
    return {
        "version": 1, "rev": 1, "next_id": 100,
        "site": {"id": "test", "name": "Test", "tz": "Europe/Paris", "language": "en", "nominal_voltage": 230,
                 "currency": "EUR", **site},
        "buses": [{"id": 1, "name": "Bus", "type": "tcp", "address": "127.0.0.1", "port": 502, "on": True}],
        "devices": [{"id": 10 + i, "bus": 1, "name": f"Meter {i + 1}", "profile": "legrand-emdx3-412045",
                     "unit": 1 + i, "on": True} for i in range(devices)],
    }


class Edgewatt:
    """`edgewatt run` over a data folder of its own, with a simulated site. Leaving the block stops everything and fails
    when a process is left, or when a sanitizer has something to say."""

    def __init__(self, site, demo=True, simulate=True, build=None, options=(), env=None, simulate_options=(), profiles=()):
        self.build = build or find_build()
        self.program = os.path.join(self.build, "bin", "edgewatt")
        self.demo, self.simulate, self.options, self.env = demo, simulate, list(options), dict(env or {})
        self.profiles = list(profiles)  # the user's own: both the gateway and the simulator have them
        self.simulate_options = [*simulate_options]
        if isinstance(site, (str, os.PathLike)):
            with open(site, encoding="utf-8") as file:
                site = json.load(file)
        self.site = copy.deepcopy(site)
        self.mark = uuid.uuid4().hex
        self.processes, self.clients, self.accounts, self.run_json = [], [], {}, None
        self.gateway = self.simulator = None

    # -- life
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        self.data, self.site_file = os.path.join(self.folder, "data"), os.path.join(self.folder, "site.json")
        os.mkdir(self.data, 0o700)
        if self.profiles:
            os.mkdir(os.path.join(self.data, "profiles"), 0o700)
            self.simulate_options += ["--data", self.data]
        for profile in self.profiles:
            with open(os.path.join(self.data, "profiles", f"{profile['id']}.json"), "w", encoding="utf-8") as file:
                json.dump(profile, file)
        try:
            if self.simulate:
                for bus in self.site.get("buses", []):
                    if bus["type"] in ("tcp", "rtu_tcp"):
                        bus["address"], bus["port"] = "127.0.0.1", free_port()
            with open(self.site_file, "w", encoding="utf-8") as file:
                json.dump(self.site, file, ensure_ascii=False)
            if self.simulate:
                self.start_simulator()
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _process(self, name, args, env=None):
        process = Process(name, args, {**self.env, **(env or {})}, mark=self.mark)
        self.processes.append(process)
        return process

    def start_simulator(self):
        self.simulator_socket = os.path.join(self.folder, "simulator")
        self.simulator = self._process("simulate", [self.program, "simulate", self.site_file, "--control",
                                                    self.simulator_socket, *self.simulate_options])
        self.simulator.wait_line(r"^simulating \d+ devices")

    def start(self):
        """Starts `edgewatt run` and waits until all is ready; for a start after stop() too."""
        first = [] if self.run_json else ["--site", self.site_file]
        demo = ["--demo"] if self.demo else ["--https", "off", "--mqtts", "off"]  # an option given twice: the last counts
        self.gateway = self._process("run", [self.program, "run", "--data", self.data, *first, *demo, "--http", "0",
                                             "--mqtt", "0", "--ftp", "0", *self.options])
        self.wait_ready()

    def wait_ready(self):
        self.gateway.wait_line("all is ready")
        self.run_json = self.read_run_json()

    def read_run_json(self):
        with open(os.path.join(self.data, "run", "run.json"), encoding="utf-8") as file:
            return json.load(file)

    def stop(self):
        """Orderly end of `edgewatt run`; its exit code. The simulator goes on."""
        return self.gateway.stop()

    def __exit__(self, kind, error, trace):
        problems = []
        for client in self.clients:
            client.close()
        for process in [self.gateway, self.simulator]:
            if process and process.alive() and process.stop() != 0:
                problems.append(f"{process.name} ended with {process.popen.returncode}")
        problems += self._sweep()
        for process in self.processes:
            problems += process.sanitizer_reports()
        failed = kind is not None and kind is not SystemExit
        if problems or failed:
            for process in self.processes:
                print(process.tail(), file=sys.stderr, flush=True)
        if os.environ.get("EDGEWATT_KEEP"):
            print(f"data folder kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if problems and not failed:
            raise AssertionError("\n".join(problems))
        for problem in problems:
            print(problem, file=sys.stderr)

    def _sweep(self):
        """Nothing that a test started may outlive it."""
        left = wait_gone(marked_processes(self.mark), 15)
        named = {pid: line for pid, line in marked_processes(self.mark).items() if pid in left}
        for pid in named:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return [f"left running: {pid} {line}" for pid, line in named.items()]

    # -- what runs
    def pids(self):
        """Name -> pid, "broker" and "run" included, as run.json says now."""
        now = self.read_run_json()
        pids = {name: service["pid"] for name, service in now["services"].items()}
        return {**pids, "broker": now["broker"]["pid"], "run": now["pid"]}

    def kill(self, name, number=signal.SIGKILL):
        """A signal to a service or to the broker; the pid it went to."""
        pid = self.pids()[name]
        os.kill(pid, number)
        return pid

    def wait_pid(self, name, other_than, timeout=None):
        """The new pid of a service that was restarted."""

        def look():
            with contextlib.suppress(OSError, ValueError, KeyError):
                pid = self.pids()[name]
                return pid if pid and pid != other_than else None

        return wait_until(look, timeout, f"a new {name}")

    def pss(self):
        """Name -> bytes of memory (PSS) of broker, services and the supervisor."""
        return {name: pss_bytes(pid) for name, pid in self.pids().items()}

    # -- commands
    def edgewatt(self, *args, check=True, env=None, stdin=""):
        """Runs `edgewatt ARGS`."""
        return run([self.program, *args], check=check, env={**self.env, MARK: self.mark, **(env or {})}, stdin=stdin)

    def control(self, line):
        """A control line for the simulator; its answer line without "ok". AssertionError on "error: ..."."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE_S)
            s.connect(self.simulator_socket)
            s.sendall(line.encode() + b"\n")
            with s.makefile(encoding="utf-8") as file:
                answer = file.readline().rstrip("\n")
        if not answer.startswith("ok"):
            raise AssertionError(f"simulator: {line}: {answer}")
        return answer[2:].strip()

    # -- MQTT
    @property
    def base(self):
        return self.run_json["base"]

    def secret(self, service):
        """(user, password) of a service's own broker account."""
        with open(os.path.join(self.data, "secrets", f"{service}.json"), encoding="utf-8") as file:
            secret = json.load(file)
        return secret["user"], secret["password"]

    def account(self, role, name=None):
        """(user, password) of an integration account with a role; made on first use."""
        name = name or f"test-{role}"
        if name not in self.accounts:
            said = self.edgewatt("account", "add", name, "--role", role, "--data", self.data).stdout
            words = said.split()
            if not words:
                raise AssertionError("account add printed no password")
            self.accounts[name] = words[-1]
        return name, self.accounts[name]

    def mqtt(self, who="read", user=None, password=None, **more):
        """A connected Client: role "read" or "command", the name of a service (its own account), or user and password."""
        if user is None:
            user, password = self.account(who) if who in ("read", "command") else self.secret(who)
        place = self.read_run_json()["mqtt"]
        client = Client(place["host"], place["port"], user, password, self.base, **more)
        self.clients.append(client)
        return client

    # -- HTTP
    def http(self, path, method=None, body=None, cookies=None, headers=None, timeout=None):
        """One request. body: bytes, text, or an object sent as JSON; with a body the method is POST."""
        all_headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            all_headers.setdefault("Content-Type", "application/json")
        if cookies:
            all_headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.read_run_json()["http"]["port"],
                                                timeout=timeout or PATIENCE_S)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, all_headers)
            response = connection.getresponse()
            return Response(response, response.read())
        finally:
            connection.close()

    def login(self, pin, puk, cookies=None):
        """PIN, then PUK, as a browser does it; a Login. AssertionError when the gateway says no."""
        for body in ({"pin": pin}, {"pin": pin, "puk": puk}):
            response = self.http("/api/login", body=body, cookies=cookies)
            if response.status != 200:
                raise AssertionError(f"login refused: {response.status} {response.body!r}")
            cookies = {**(cookies or {}), **response.cookies}
        session = self.http("/api/session", cookies=cookies)
        if session.status != 200:
            raise AssertionError(f"no session: {session.status} {session.body!r}")
        return Login(cookies, session.json)

    def login_as(self, name):
        """A Login of one of the four users with the manual's codes."""
        return self.login(*CODES[name])

    def mqtt_of(self, login, **more):
        """A connected Client with a browser's session account."""
        account = login.session["mqtt"]
        return self.mqtt(user=account["username"], password=account["password"], **more)


class TestCase(unittest.TestCase):
    """Shows the last lines of its processes when a test fails."""

    def run(self, result=None):
        self.shown = []
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for process in self.shown:
                print(process.tail(), file=sys.stderr, flush=True)

    def start_process(self, name, args, env=None, mark=None):
        """A Process that is ended with the test; a sanitizer's report in its lines fails the test."""
        process = Process(name, args, env, mark=mark)
        self.shown.append(process)
        self.addCleanup(self._end, process)
        return process

    def _end(self, process):
        if process.alive():
            process.stop()
        self.assertEqual(process.sanitizer_reports(), [])


def main():
    unittest.main(verbosity=2)
