"""Waiting for what has to come, free ports, and skipping. See harness.py."""
import contextlib
import os
import random
import select
import socket
import sys
import threading
import time

PATIENCE_S = float(os.environ.get("EDGEWATT_PATIENCE", "60"))
PORTS = (12000, 32000)
_locks = []  # a UDP port held for each TCP port given out


def skip(sentence):
    """Ends the test program as skipped: something outside the project is missing. Not from within a test, where unittest
    takes it for an error: from the module, or setUpClass."""
    print("skipped: " + sentence, flush=True)
    sys.exit(77)


def free_port():
    """A TCP port of 127.0.0.1 that is free now, and no other test's as long as this process lives.

    Below those that Linux gives to who asks for any and to connections (tests/browser/gateway.mjs and broker.c: the
    same numbers, the same lock)."""
    while True:
        port = random.randrange(*PORTS)
        lock = socket.socket(type=socket.SOCK_DGRAM)
        with contextlib.suppress(OSError), socket.socket() as probe:
            lock.bind(("127.0.0.1", port))
            probe.bind(("127.0.0.1", port))
            _locks.append(lock)
            return port
        lock.close()


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
