"""base <- core <- {mqtt, modbus, store, library} <- services: a wrong include fails to build.

Reads compile_commands.json of the build folder, so what is shown holds for the real flags: each folder sees only
folders of the layers below it, services never see each other, and a file with a wrong include does not compile
where the same file without it does.
"""
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest

BUILD = os.environ["EDGEWATT_BUILD"]
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

LAYERS = [{"base"}, {"core/*"}, {"mqtt", "modbus", "store", "library"}, {"service"}]
SERVICES = {"poller", "controller", "recorder", "notifier", "config", "web", "server", "ftp"}

# (a file of this folder, may not include this header). Those whose folder or header does not exist yet are said.
WRONG = [
    ("base", "mqtt/mq.h"), ("base", "core/topic/topic.h"), ("base", "service/service.h"),
    ("core/topic", "mqtt/mq.h"), ("core/site", "modbus/mb.h"), ("core/profile", "service/service.h"),
    ("core/supervise", "supervisor/run.h"), ("mqtt", "modbus/mb.h"), ("mqtt", "service/service.h"),
    ("modbus", "mqtt/mq.h"), ("service", "supervisor/run.h"), ("supervisor", "mqtt/mq.h"),
    ("store", "mqtt/mq.h"), ("library", "mqtt/mq.h"),
]


def folders():
    """Folder below gateway/ -> one compile command of it."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        found = {}
        for entry in json.load(file):
            name = os.path.relpath(os.path.realpath(os.path.join(entry["directory"], entry["file"])), ROOT)
            match = re.match(r"gateway/(.+)/[^/]+\.c$", name)
            if match and "_headers" not in entry["command"]:
                found.setdefault(match.group(1), entry)
        return found


def seen_by(entry):
    """The project folders whose headers a compile command can reach."""
    seen = set()
    for forest in re.findall(rf"-I{re.escape(BUILD)}/include/ew_\S+", entry["command"]):
        for place, links, _ in os.walk(forest[2:]):
            seen |= {os.path.relpath(os.path.join(place, link), forest[2:]) for link in links
                     if os.path.islink(os.path.join(place, link))}
    return seen


def layer(folder):
    if folder.startswith("core/"):
        return 1
    for number, names in enumerate(LAYERS):
        if folder in names:
            return number
    return len(LAYERS)


def compiles(entry, text):
    """Whether a file with this text compiles where the entry's file does."""
    words = shlex.split(entry["command"])
    flags = [word for word in words if word.startswith(("-I", "-D", "-std"))]
    flags += [part for flag, place in zip(words, words[1:]) if flag == "-isystem" for part in (flag, place)]
    with tempfile.TemporaryDirectory() as place:
        source = os.path.join(place, "probe.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        got = subprocess.run([words[0], *flags, "-fsyntax-only", source], capture_output=True, text=True, check=False)
        return got.returncode == 0, got.stderr


class Layers(unittest.TestCase):
    def test_each_folder_sees_only_the_layers_below(self):
        found = folders()
        self.assertIn("base", found)
        self.assertIn("core/supervise", found)
        for folder, entry in sorted(found.items()):
            for other in sorted(seen_by(entry) - {folder}):
                with self.subTest(f"{folder} sees {other}"):
                    same_core = folder.startswith("core/") and other.startswith("core/")
                    self.assertTrue(layer(other) < layer(folder) or same_core or layer(folder) == len(LAYERS))
                    self.assertFalse(folder in SERVICES and other in SERVICES, "services meet at topics only")

    def test_a_wrong_include_fails_to_build(self):
        found, tried = folders(), 0
        for folder, header in WRONG:
            if folder not in found or not os.path.exists(os.path.join(ROOT, "gateway", header)):
                print(f"  not there yet: {folder} including {header}")
                continue
            with self.subTest(f"{folder} includes {header}"):
                good, said = compiles(found[folder], "int nothing;\n")
                self.assertTrue(good, said)
                good, said = compiles(found[folder], f'#include "{header}"\nint nothing;\n')
                self.assertFalse(good, f"{folder} can include {header}")
                self.assertIn("No such file", said)
                tried += 1
        self.assertGreater(tried, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
