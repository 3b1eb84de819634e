"""Core is pure: its archives leave nothing undefined but core, the pure part of base and core_symbols; they
define no data that changes.

"Pure part of base" are object files that are checked here in the same way, so the rule reaches down to the C
library. ew_format and friends are the one way to text: base/buf.c may use vsnprintf, and the growing buffers in it
are barred by name.
"""
import glob
import os
import re
import subprocess
import tempfile
import unittest

BUILD = os.environ["EDGEWATT_BUILD"]
HERE = os.path.dirname(os.path.abspath(__file__))
PURE_BASE = ("arena", "civil", "civil", "err", "json_read", "rfc3339", "utf8")
# From base/buf.c and cJSON: what does not touch the heap.
PURE_NAMES = {"ew_format", "ew_copy", "ew_fail", "cJSON_GetObjectItemCaseSensitive", "cJSON_GetArraySize",
              "cJSON_GetArrayItem", "cJSON_Compare", "cJSON_GetStringValue", "cJSON_GetNumberValue", "cJSON_IsNumber", "cJSON_IsString",
              "cJSON_IsBool", "cJSON_IsTrue", "cJSON_IsFalse", "cJSON_IsNull", "cJSON_IsArray", "cJSON_IsObject"}
# What compilers and sanitizers add by themselves.
ADDED = re.compile(r"^(\.?Lubsan|__odr_asan|__asan_|__ubsan_|__tsan_|__sanitizer_|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__sancov)|"
                   r"_chk$|^__isoc99_|^__start___sancov|^__stop___sancov")


def nm(path, *flags):
    return subprocess.run(["nm", "-A", *flags, path], capture_output=True, text=True, check=True).stdout.splitlines()


def symbols(path, undefined):
    """External name -> object file."""
    found = {}
    for line in nm(path, "-g", "-u" if undefined else "--defined-only"):
        place, _, rest = line.partition(": ")
        words = (rest or line).split()
        if len(words) >= 2:
            found.setdefault(words[-1].split("@")[0], place.split(":")[-1])
    return found


def allowed_names():
    with open(os.path.join(HERE, "core_symbols"), encoding="utf-8") as file:
        return {line.strip() for line in file if line.strip() and not line.startswith("#")}


def base_objects():
    return {name: os.path.join(BUILD, f"gateway/CMakeFiles/ew_base.dir/base/{name}.c.o") for name in PURE_BASE}


class Purity(unittest.TestCase):
    def setUp(self):
        self.archives = sorted(glob.glob(os.path.join(BUILD, "gateway/libew_core_*.a")))
        self.assertTrue(self.archives, "no core archive in the build folder")
        self.allowed = allowed_names() | PURE_NAMES
        for path in [*self.archives, *base_objects().values()]:
            self.allowed |= set(symbols(path, undefined=False))

    def check(self, path):
        for name, place in sorted(symbols(path, undefined=True).items()):
            self.assertTrue(ADDED.search(name) or name in self.allowed,
                            f"{os.path.basename(path)}: {place} uses {name}")

    def test_core_uses_nothing_impure(self):
        for path in self.archives:
            with self.subTest(os.path.basename(path)):
                self.check(path)

    def test_the_pure_part_of_base_is_pure(self):
        for name, path in base_objects().items():
            with self.subTest(name):
                self.allowed |= {"vsnprintf", "strtod"} if name in ("err", "json_read") else set()
                self.check(path)

    def check_data(self, path):
        for line in nm(path, "-f", "sysv", "--defined-only"):
            columns = [part.strip() for part in line.split("|")]
            if len(columns) == 7 and columns[3] in ("OBJECT", "TLS") and not ADDED.search(columns[0].split(":")[-1]):
                self.assertRegex(columns[6], r"^(\.rodata|\.data\.rel\.ro)", f"{columns[0]} can change")

    def test_core_has_no_data_that_changes(self):
        for path in self.archives:
            with self.subTest(os.path.basename(path)):
                self.check_data(path)

    def test_impure_code_is_found(self):
        cases = [
            ("clock", "#include <time.h>\nlong f(void) { return time(0); }", self.check),
            ("heap", "#include <stdlib.h>\nvoid *f(void) { return malloc(9); }", self.check),
            ("log", 'void ew_log(int, const char *, const char *, ...);\nvoid f(void) { ew_log(3, "a", "b"); }', self.check),
            ("errno", "#include <errno.h>\nint f(void) { return errno; }", self.check),
            ("static", "int f(void) { static int count; return ++count; }", self.check_data),
            ("set static", "int f(void) { static int count = 7; return ++count; }", self.check_data),
            ("thread's own", "int f(void) { static _Thread_local int count; return ++count; }", self.check_data),
        ]
        with tempfile.TemporaryDirectory() as place:
            for name, text, check in cases:
                source, target = os.path.join(place, "a.c"), os.path.join(place, "a.o")
                with open(source, "w", encoding="utf-8") as file:
                    file.write(text)
                subprocess.run(["gcc", "-c", source, "-o", target], check=True)
                with self.subTest(name), self.assertRaises(AssertionError):
                    check(target)


if __name__ == "__main__":
    unittest.main(verbosity=2)
