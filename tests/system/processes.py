"""Processes of a test: their lines are kept and can be waited for, none is left behind. See harness.py."""
import contextlib
import os
import re
import signal
import subprocess
import threading
import time

from waiting import PATIENCE_S, skip, wait_gone

STOP_S = PATIENCE_S  # what an orderly end may take; how long it takes is judged where that is promised
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = "EDGEWATT_TEST_ID"  # in the environment of every process a test starts, and of all their children
SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: (Thread|Memory)Sanitizer|runtime error: ")


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


def queued_s(pid, nothing=0.0):
    """Seconds for which a process (its first thread) was ready to run and no processor was free; `nothing` once it is
    gone. A child is there until it is reaped."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return nothing


class Stopwatch:
    """Measures what is promised: seconds since it was made, less those in which this test or one of the processes had to
    wait for a processor. What other work on the machine adds is not the gateway's."""

    def __init__(self, *pids):
        self.queued = {pid: queued_s(pid) for pid in ("self", *pids)}
        self.begun = time.monotonic()

    def seconds(self):
        took = time.monotonic() - self.begun
        return took - sum(queued_s(pid, before) - before for pid, before in self.queued.items())


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

    def wait_end(self, timeout=PATIENCE_S):
        """Returns when it has ended, and is still to be reaped, or after that time."""
        wait_gone([self.pid], timeout)

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
