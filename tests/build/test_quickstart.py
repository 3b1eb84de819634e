"""packaging/quickstart says in words why it can't go on. Package tools are stand-ins in a PATH of the test's own, so
nothing is installed and no network is asked."""
import os
import socket
import subprocess
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
QUICKSTART = os.path.join(ROOT, "packaging/quickstart")
TOOLS = ("bash", "cat", "basename", "dirname", "env", "id", "mkdir", "mktemp", "rm", "tail", "grep", "sed")


class Quickstart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="edgewatt-test-")
        self.addCleanup(folder.cleanup)
        self.path = folder.name
        for tool in TOOLS:
            os.symlink(next(os.path.join(p, tool) for p in ("/usr/bin", "/bin") if os.path.exists(os.path.join(p, tool))),
                       os.path.join(self.path, tool))

    def stand_in(self, name, script):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)

    def said(self, *args, code=1):
        done = subprocess.run(["bash", QUICKSTART, *args], env={"PATH": self.path, "HOME": self.path}, text=True,
                              capture_output=True, timeout=30, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    @staticmethod
    def free_port():
        with socket.create_server(("127.0.0.1", 0)) as server:
            return str(server.getsockname()[1])

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assertIn(f"port {port} is used by another program", self.said("--port", str(port)))

    def test_not_debian(self):
        self.assertIn("this needs Debian 12 or later (there is no apt-get here)", self.said("--port", self.free_port()))

    def test_no_network(self):
        self.stand_in("dpkg-query", "exit 1\n")
        self.stand_in("sudo", 'exec "$@"\n')
        self.stand_in("apt-cache", "exit 0\n")
        self.stand_in("apt-get", 'echo "E: Temporary failure resolving"; [ "$1" != update ]\n')
        said = self.said("--port", self.free_port())
        self.assertIn("Temporary failure resolving", said)
        self.assertIn("Is there a way to the network?", said)

    def test_a_package_that_is_not_there(self):
        self.stand_in("dpkg-query", "exit 1\n")
        self.stand_in("sudo", 'exec "$@"\n')
        self.stand_in("apt-cache", "exit 0\n")
        self.stand_in("apt-get", '[ "$1" = update ] || { echo "E: Unable to locate package mosquitto"; exit 100; }\n')
        self.assertIn("the packages can't be installed", self.said("--port", self.free_port()))

    def test_neither_root_nor_sudo(self):
        self.stand_in("dpkg-query", "exit 1\n")
        self.stand_in("apt-get", "exit 1\n")
        os.unlink(os.path.join(self.path, "id"))
        self.stand_in("id", "echo 1000\n")
        said = self.said("--port", self.free_port())
        self.assertIn("this user may not install them", said)
        self.assertIn("apt-get install mosquitto", said)

    def test_tools_missing_with_no_install(self):
        self.assertIn("cmake is missing", self.said("--port", self.free_port(), "--no-install"))

    def test_usage(self):
        for args in (["--wrong"], ["--port", "0"], ["--port", "70000"], ["--port", "x"]):
            self.said(*args, code=2)
        self.assertIn("Usage: packaging/quickstart", self.said("--help", code=0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
