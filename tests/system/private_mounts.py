"""Mounts that nobody else sees, and that are gone with the test: it runs in a mount namespace of its own, where it is not root
in a user namespace too. Begin a test's main with private_mounts.enter()."""
import os
import subprocess
import sys

import harness

MARK = "EDGEWATT_TEST_MOUNTS"


def enter():
    """Starts this very test again in such a namespace; skips it where the machine allows none."""
    if os.environ.get(MARK):
        return
    words = ["unshare", "-m", "--propagation", "private"] if os.geteuid() == 0 else ["unshare", "-Urm", "--propagation", "private"]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        harness.skip(f"no mounts of its own are allowed here: {tried.stderr.strip()}")
    os.environ[MARK] = "private"
    os.execvp(words[0], [*words, sys.executable, *sys.argv])


def mount(*args):
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0
