"""No two libraries define the same external name. The linker takes the first it meets and says nothing: then one
module calls another's function with its own types."""
import glob
import os
import subprocess
import unittest

BUILD = os.environ["EDGEWATT_BUILD"]


def defined(archive):
    out = subprocess.run(["nm", "-g", "--defined-only", archive], capture_output=True, text=True, check=True).stdout
    return {line.split()[2] for line in out.splitlines() if len(line.split()) == 3 and line.split()[1] in "TDBRC"}


class Symbols(unittest.TestCase):
    def test_every_name_once(self):
        archives = sorted(glob.glob(os.path.join(BUILD, "gateway/libew_*.a")))
        self.assertGreater(len(archives), 10, "the libraries are not in the build folder")
        owners = {}
        for archive in archives:
            for name in defined(archive):
                owners.setdefault(name, []).append(os.path.basename(archive))
        self.assertGreater(len(owners), 200)
        twice = {name: where for name, where in owners.items()
                 if len(where) > 1 and not name.startswith(("__odr_asan", "__asan", "__tsan", "__ubsan", "__sancov"))}
        self.assertEqual(twice, {})


if __name__ == "__main__":
    unittest.main()
