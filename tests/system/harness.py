"""What system tests stand on: real processes on free loopback ports, waited for by their lines and topics.

    import harness
    from harness import Edgewatt

    with Edgewatt(harness.small_site()) as edgewatt:
        client = edgewatt.mqtt("read")
        measures = client.wait("device/+/measures/instant", lambda p: p["values"]["active_power"] > 0)

A test that needs something from outside the project calls harness.skip("one sentence").
Settings: EDGEWATT_BUILD (the build folder), EDGEWATT_KEEP=1 (leave the data folders), EDGEWATT_PATIENCE (seconds to wait
for what has to come; a loaded machine under a sanitizer is slow).
"""

import contextlib
import copy
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

PATIENCE_S = float(os.environ.get("EDGEWATT_PATIENCE", "60"))
STOP_S = 20  # what an orderly end may take
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = "EDGEWATT_TEST_ID"  # in the environment of every process a test starts, and of all their children

# The manual's codes (USR-01): PIN, PUK.
CODES = {
    "administrator": ("99999", "00000999900000"),
    "greenUp": ("88888", "00000888800000"),
    "installer": ("55555", "00000555500000"),
    "user": ("11111", "00000111100000"),
}

SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: (Thread|Memory)Sanitizer|runtime error: ")


def skip(sentence):
    """Ends the test program as skipped: something outside the project is missing. Not from within a test, where unittest
    takes it for an error: from the module, or setUpClass."""
    print("skipped: " + sentence, flush=True)
    sys.exit(77)


try:
    import paho.mqtt.client as paho
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    skip("python3-paho-mqtt is not installed, or this is not Debian's /usr/bin/python3")


def find_build():
    """The build folder: EDGEWATT_BUILD, else build/dev of these sources."""
    build = os.environ.get("EDGEWATT_BUILD") or os.path.join(SOURCE, "build", "dev")
    if not os.path.exists(os.path.join(build, "bin", "edgewatt")):
        raise FileNotFoundError(f"{build}/bin/edgewatt is not there: build it, or set EDGEWATT_BUILD")
    return os.path.abspath(build)


def find_mosquitto():
    for folder in ["/usr/sbin", "/usr/local/sbin", *os.environ.get("PATH", "").split(":")]:
        if os.access(os.path.join(folder, "mosquitto"), os.X_OK):
            return os.path.join(folder, "mosquitto")
    return skip("mosquitto is not installed")


_given_ports = set()


def free_port():
    """A TCP port of 127.0.0.1 that is free now and that this process has not given out before."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def wait_port(port, timeout=None, alive=lambda: True):
    """Returns when something accepts connections on 127.0.0.1:port."""
    until = time.monotonic() + (timeout or PATIENCE_S)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError as error:
            if time.monotonic() > until or not alive():
                raise AssertionError(f"nothing listens on port {port}: {error}") from None
        threading.Event().wait(0.02)


def wait_until(condition, timeout=None, what=None):
    """Polls condition() until it is true and returns its value; for files and other things without events."""
    until = time.monotonic() + (timeout or PATIENCE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"did not happen in time: {what or condition}")
        threading.Event().wait(0.05)


def wait_line(process, regex, timeout=None):
    """The match of the first line of process (a Process) that regex is found in."""
    return process.wait_line(regex, timeout)


# ---- Processes ----------------------------------------------------------------------------------------------


def wait_gone(pids, timeout):
    """Those of pids that still run after timeout seconds."""
    until = time.monotonic() + timeout
    left = []
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if not select.select([fd], [], [], max(0, until - time.monotonic()))[0]:
            left.append(pid)
        os.close(fd)
    return left


def marked_processes(mark):
    """pid -> command line of every living process that was started, however indirectly, with this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    continue
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found[int(entry)] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def pss_bytes(pid):
    """Proportional set size: memory of a process with its share of what it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"no Pss in /proc/{pid}/smaps_rollup")


class Process:
    """A child process; its lines (standard output and error) are kept and can be waited for."""

    def __init__(self, name, args, env=None, cwd=None, mark=None):
        self.name, self.args = name, args
        self.lines, self.news, self.ended = [], threading.Condition(), False
        environment = {**os.environ, **(env or {})}
        if mark:
            environment[MARK] = mark
        self.popen = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env=environment, cwd=cwd, start_new_session=True)
        self.pid = self.popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def alive(self):
        return self.popen.poll() is None

    def wait_line(self, regex, timeout=None, start=0):
        """The match of the first line, from line number start, that regex is found in."""
        pattern, until, number = re.compile(regex), time.monotonic() + (timeout or PATIENCE_S), start
        with self.news:
            while True:
                for number in range(number, len(self.lines)):
                    match = pattern.search(self.lines[number])
                    if match:
                        return match
                number = len(self.lines)
                left = until - time.monotonic()
                if left <= 0 or (self.ended and number == len(self.lines)):
                    why = "it has ended" if self.ended else "not in time"
                    raise AssertionError(f"{self.name}: no line {regex!r} ({why}):\n{self.tail()}")
                self.news.wait(left)

    def tail(self, count=60):
        return "\n".join(f"  {self.name}| {line}" for line in self.lines[-count:])

    def send_signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def stop(self, timeout=STOP_S, number=signal.SIGTERM):
        """The exit code after the signal; SIGKILL and None when it does not end in time."""
        self.send_signal(number)
        try:
            self.popen.stdin.close()
        except BrokenPipeError:
            pass
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            code = None
        self._reader.join(5)  # a grandchild may hold the pipe open: then what is there must do
        if self.ended:
            self.popen.stdout.close()
        return code

    def sanitizer_reports(self):
        return [f"{self.name}: {line}" for line in self.lines if SANITIZER_REPORT.search(line)]


def run(args, timeout=None, check=True, env=None, stdin="", umask=-1):
    """Runs a command to its end; the CompletedProcess with output as text. check: exit code 0 is demanded."""
    done = subprocess.run(args, input=stdin, capture_output=True, text=True, timeout=timeout or PATIENCE_S,
                          check=False, env={**os.environ, **(env or {})}, umask=umask)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


# ---- MQTT ---------------------------------------------------------------------------------------------------


class CallError(Exception):
    """The error a service answered a call with."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('text')}")
        self.code, self.path = error.get("code"), error.get("path")
        self.params, self.text = error.get("params") or {}, error.get("text")
        self.error = error


class Message:
    """A message: topic below the base (or "/..." outside), raw bytes, json (None when it is no JSON)."""

    def __init__(self, topic, raw, retain, properties, order):
        self.topic, self.raw, self.retain, self.properties, self.order = topic, raw, retain, properties, order
        self.at = time.monotonic()  # when it came
        try:
            self.json = json.loads(raw) if raw else None
        except ValueError:
            self.json = None

    def __repr__(self):
        return f"<{self.topic} {'kept ' if self.retain else ''}{self.raw[:200]!r}>"


class _Paho(paho.Client):
    """Debian's paho 1.6 drops the reason code of a PUBACK; we want it."""

    puback = None  # (mid, reason code) -> None

    def _handle_pubackcomp(self, cmd):
        packet = self._in_packet["packet"]
        if self.puback and len(packet) >= 2:
            self.puback(struct.unpack("!H", packet[:2])[0], packet[2] if len(packet) > 2 else 0)
        return super()._handle_pubackcomp(cmd)


class Client:
    """An MQTT 5 connection of a test. Everything that arrives is kept, in order."""

    def __init__(self, host, port, user, password, base, client_id=None, connect=True, clean=True, will=None):
        self.user, self.base = user, base
        self.messages, self.latest = [], {}
        self.connects, self.disconnects = [], []  # reason codes
        self.news = threading.Condition()
        self._granted, self._acknowledged, self._filters, self._calls = {}, {}, {}, 0
        self.paho = _Paho(client_id=client_id or f"{user}-{uuid.uuid4().hex[:8]}", protocol=paho.MQTTv5)
        if user is not None:
            self.paho.username_pw_set(user, password)
        if will:
            self.paho.will_set(self.wire(will[0]), will[1], qos=1, retain=True)
        self.paho.reconnect_delay_set(1, 1)
        self.paho.on_connect, self.paho.on_disconnect = self._on_connect, self._on_disconnect
        self.paho.on_message, self.paho.on_subscribe = self._on_message, self._on_subscribe
        self.paho.puback = self._on_puback
        if connect:
            self.paho.connect(host, port, keepalive=20, clean_start=clean)
            self.paho.loop_start()
            self._wait(lambda: self.connects, PATIENCE_S, "no answer to CONNECT")
            if self.connects[0] != 0:
                self.close()
                raise ConnectionRefusedError(f"{user}: the broker refused with code {self.connects[0]}")

    # -- from paho's thread
    def _note(self, change):
        with self.news:
            change()
            self.news.notify_all()

    def _on_connect(self, client, userdata, flags, code, properties=None):
        if code.value == 0:
            for topic, qos in list(self._filters.items()):
                client.subscribe(self.wire(topic), qos)
        self._note(lambda: self.connects.append(code.value))

    def _on_disconnect(self, client, userdata, code, properties=None):
        self._note(lambda: self.disconnects.append(getattr(code, "value", code)))

    def _on_subscribe(self, client, userdata, mid, codes, properties=None):
        self._note(lambda: self._granted.update({mid: [c.value for c in codes]}))

    def _on_puback(self, mid, code):
        self._note(lambda: self._acknowledged.update({mid: code}))

    def _on_message(self, client, userdata, m):
        inside = m.topic.startswith(self.base + "/")
        topic = m.topic[len(self.base) + 1:] if inside else "/" + m.topic
        with self.news:
            message = Message(topic, m.payload, m.retain, m.properties, len(self.messages))
            self.messages.append(message)
            if message.raw:
                self.latest[topic] = message
            else:
                self.latest.pop(topic, None)
            self.news.notify_all()

    # -- for tests
    def wire(self, topic):
        """As in the C adapter: below the base, or as it stands behind a leading slash."""
        return topic[1:] if topic.startswith("/") else f"{self.base}/{topic}"

    def _wait(self, condition, timeout, what):
        with self.news:
            if not self.news.wait_for(condition, PATIENCE_S if timeout is None else timeout):
                raise AssertionError(f"{self.user}: {what() if callable(what) else what}")
            return condition()

    def subscribe(self, topic, qos=1):
        """The broker's reason code: 0..2 the granted QoS, 128 and more refused."""
        code, mid = self.paho.subscribe(self.wire(topic), options=SubscribeOptions(qos=qos))
        if code != paho.MQTT_ERR_SUCCESS:
            raise AssertionError(f"{self.user}: not connected")
        granted = self._wait(lambda: self._granted.get(mid), None, f"no answer to SUBSCRIBE {topic}")[0]
        if granted < 128:
            self._filters[topic] = qos
        return granted

    def publish(self, topic, payload, qos=1, retain=False, expiry=None, response=None, correlation=None):
        """The broker's reason code at QoS 1 (0 done, 16 nobody subscribed, 135 not authorised ...), None at QoS 0."""
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        properties = Properties(PacketTypes.PUBLISH)
        if expiry is not None:
            properties.MessageExpiryInterval = expiry
        if response is not None:
            properties.ResponseTopic = self.wire(response)
        if correlation is not None:
            properties.CorrelationData = correlation
        info = self.paho.publish(self.wire(topic), payload, qos, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise AssertionError(f"{self.user}: not published to {topic}: {paho.error_string(info.rc)}")
        if qos == 0:
            return None
        self._wait(lambda: info.mid in self._acknowledged, None, f"no answer to PUBLISH {topic}")
        return self._acknowledged.pop(info.mid)

    def wait(self, topic, predicate=None, timeout=None, after=None):
        """The first message whose topic matches the filter and predicate(json payload) is true.

        Subscribes when needed. Without `after` what is known counts: the latest message of each topic. after=N (see
        mark()) looks only at messages since then."""
        if topic not in self._filters:
            code = self.subscribe(topic)
            if code >= 128:
                raise PermissionError(f"{self.user}: subscription to {topic} refused with code {code}")

        def find():
            if after is None:
                known = sorted(self.latest.values(), key=lambda m: m.order)
            else:
                known = self.messages[after:]
            for message in known:
                if paho.topic_matches_sub(topic, message.topic) and (not predicate or predicate(message.json)):
                    return message
            return None

        def what():
            seen = [m for m in self.messages if paho.topic_matches_sub(topic, m.topic)]
            return f"nothing fitting on {topic}; {len(seen)} came, the last: {seen[-3:]}"

        return self._wait(find, timeout, what)

    def mark(self):
        """The number of messages so far, for wait(..., after=)."""
        with self.news:
            return len(self.messages)

    def call(self, service, method, args=None, timeout=None):
        """The result of call/<account>/<service>/<method>; CallError when the service says no."""
        replies = f"reply/{self.user}/#"
        if replies not in self._filters and self.subscribe(replies) >= 128:
            raise PermissionError(f"{self.user} may not subscribe to {replies}")
        self._calls += 1
        response, correlation = f"reply/{self.user}/test/{self._calls}", f"t{self._calls}".encode()
        code = self.publish(f"call/{self.user}/{service}/{method}", json.dumps(args or {}), response=response,
                            correlation=correlation)
        if code >= 128:
            raise PermissionError(f"{self.user} may not call {service}/{method} (code {code})")
        answer = self._wait(lambda: self.latest.get(response), timeout, f"no answer of {service}/{method}")
        if getattr(answer.properties, "CorrelationData", None) != correlation:
            raise AssertionError(f"{service}/{method} answered with other correlation data")
        if answer.json is None or ("result" in answer.json) == ("error" in answer.json):
            raise AssertionError(f"{service}/{method} answered with {answer.raw!r}")
        if "error" in answer.json:
            raise CallError(answer.json["error"])
        return answer.json["result"]

    def wait_disconnect(self, timeout=None, count=1):
        return self._wait(lambda: len(self.disconnects) >= count, timeout, "still connected")

    def wait_connects(self, count, timeout=None):
        return self._wait(lambda: len(self.connects) >= count, timeout, "not connected again")

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


# ---- HTTP ---------------------------------------------------------------------------------------------------


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


# ---- A broker of the test's own, for services under test without the supervisor ---------------------------------


class Broker:
    """Mosquitto with a password file; can be killed and started again on the same port."""

    def __init__(self, folder, users, mark=None):
        self.mark, self.folder, self.port, self.process = mark, folder, free_port(), None
        self.program = find_mosquitto()
        passwords = os.path.join(folder, "passwords")
        with open(passwords, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            for user, password in users.items():
                file.write(f"{user}:{password}\n")
        if not shutil.which("mosquitto_passwd"):
            skip("mosquitto_passwd is not installed")
        run(["mosquitto_passwd", "-U", passwords])
        self.config = os.path.join(folder, "mosquitto.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"listener {self.port} 127.0.0.1\nuser root\nset_tcp_nodelay true\npersistence false\n"
                       f"allow_anonymous false\npassword_file {passwords}\n")

    def start(self):
        self.process = Process("mosquitto", [self.program, "-c", self.config], mark=self.mark)
        wait_port(self.port, alive=self.process.alive)

    def kill(self):
        self.process.stop(number=signal.SIGKILL)

    def stop(self):
        if self.process and self.process.alive():
            self.process.stop()


# ---- The whole gateway --------------------------------------------------------------------------------------


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
        left = wait_gone(marked_processes(self.mark), 5)
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


# ---- Table of health ------------------------------------------------------------------------------------------


def health_table(client, timeout=None):
    """The table of service/<name>/status as text, one line a service; what people see first when something is odd."""
    client.wait("service/+/status", timeout=timeout)
    rows = [("service", "online", "version", "pid", "MiB", "beat", "late ms")]
    for topic, message in sorted(client.latest.items()):
        if paho.topic_matches_sub("service/+/status", topic):
            s = message.json or {}
            rows.append((topic.split("/")[1], "yes" if s.get("online") else "no", s.get("version", "-"),
                         str(s.get("pid", "-")), f"{s.get('rss_bytes', 0) / 2**20:.1f}", str(s.get("beat", "-")),
                         str(s.get("late_ms", "-"))))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


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
