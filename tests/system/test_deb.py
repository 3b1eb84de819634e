"""The Debian package: it builds, lintian has nothing to say, and what is in it runs."""
import glob
import os
import re
import shutil
import tempfile

import harness

TOOLS = ("cpack", "file", "dpkg-deb", "lintian", "dpkg-shlibdeps")


class Package(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in TOOLS:
            if not shutil.which(tool):
                harness.skip(f"{tool} is not installed")
        cls.folder = tempfile.mkdtemp(prefix="edgewatt-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        harness.run(["cpack", "-G", "DEB", "--config", os.path.join(harness.find_build(), "CPackConfig.cmake"), "-B",
                     cls.folder], timeout=240)
        cls.package = glob.glob(os.path.join(cls.folder, "*.deb"))[0]
        cls.tree = os.path.join(cls.folder, "tree")
        harness.run(["dpkg-deb", "-x", cls.package, cls.tree])

    def test_lintian_has_nothing_to_say(self):
        said = harness.run(["lintian", "--fail-on", "error,warning", self.package], check=False)
        self.assertEqual((said.returncode, said.stdout), (0, ""))

    def test_it_brings_the_broker_and_its_libraries(self):
        depends = harness.run(["dpkg-deb", "-f", self.package, "Depends"]).stdout
        for name in ("mosquitto", "libmodbus5", "libwebsockets", "libsqlite3-0", "libsodium"):
            self.assertRegex(depends, rf"\b{name}")

    def test_what_is_in_it_runs(self):
        program = os.path.join(self.tree, "usr/bin/edgewatt")
        version = harness.run(["dpkg-deb", "-f", self.package, "Version"]).stdout.strip()
        self.assertEqual(harness.run([program, "--version"]).stdout.strip(), f"edgewatt {version}")
        harness.run([program, "check", os.path.join(harness.SOURCE, "packaging/demo-site.json")])
        data = os.path.join(self.folder, "data")
        os.mkdir(data, 0o700)
        harness.run([program, "broker-files", "--data", data, "--mqtt", "1883"])

    def test_nothing_in_it_tells_where_it_was_built(self):
        for place, _, names in os.walk(self.tree):
            for name in names:
                if name == "edgewatt":
                    continue  # assertions name their source file
                with open(os.path.join(place, name), "rb") as file:
                    self.assertIsNone(re.search(re.escape(harness.SOURCE.encode()), file.read()), name)


if __name__ == "__main__":
    harness.main()
