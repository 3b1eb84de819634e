"""The lint script finds what it is there for: a case is a snippet and what is said about it."""
import importlib.machinery
import importlib.util
import os
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LOADER = importlib.machinery.SourceFileLoader("lint", os.path.join(HERE, "lint"))
lint = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", LOADER))
LOADER.exec_module(lint)


def measured(text):
    return [(name, line, lines, complexity) for name, line, lines, complexity in lint.functions(text)]


FUNCTIONS = [
    ("plain", "int f(void)\n{\n    return 1;\n}\n", [("f", 1, 4, 1)]),
    ("type on its own line", "static int\nf(int a)\n{\n    return a;\n}\n", [("f", 1, 5, 1)]),
    ("two", "void a(void)\n{\n}\nvoid b(void)\n{\n}\n", [("a", 1, 3, 1), ("b", 4, 3, 1)]),
    ("decisions", "int f(int a)\n{ if (a && a) return 1; for (;;) while (a || a) a = a ? 1 : 2; }\n",
     [("f", 1, 2, 7)]),
    ("a switch is one decision", "int f(int a)\n{ switch (a) { case 1: case 2: return 1; default: return 2; } }\n",
     [("f", 1, 2, 2)]),
    ("words in texts and comments do not count", 'void f(void)\n{ p("if && }"); /* while ( { */ // for\n}\n',
     [("f", 1, 3, 1)]),
    ("preprocessor lines do not count", "#define A(x) if (x) {\nvoid f(void)\n{\n#if B && C\n#endif\n}\n",
     [("f", 2, 5, 1)]),
    ("tables are no functions", "static const struct a t[] = {{f(1), 2}, {g(2), 3}};\nstruct s { int (*fn)(int); };\n",
     []),
    ("declarations are no functions", "int f(int a);\nenum e { A, B };\nint g(void)\n{\n}\n", [("g", 3, 3, 1)]),
    ("one that returns a function pointer is measured, by its first word", "void (*f(int a))(int)\n{\n}\n",
     [("void", 1, 3, 1)]),
    ("attributes", "int f(int a) __attribute__((noreturn));\n__attribute__((cold)) int g(void)\n{\n}\n",
     [("g", 2, 3, 1)]),
    ("a brace character", "int f(char c)\n{\n    return c == '{' || c == '}';\n}\n", [("f", 1, 4, 2)]),
    ("initialiser inside", "void f(void)\n{\n    struct a b = {.c = {1}};\n    if (b.c) {}\n}\n", [("f", 1, 5, 2)]),
]

long_function = "void f(void)\n{\n" + "    g();\n" * 68 + "}\n"
tangled = "int f(int a)\n{\n" + "    if (a)\n        g();\n" * 15 + "}\n"
FILES = [
    ("banned call", "gateway/a.c", "void f(void)\n{\n    strcpy(a, b);\n}\n", ["3: strcpy is banned"]),
    ("banned with a space", "gateway/a.c", "int x = atoi (b);\n", ["1: atoi is banned"]),
    ("rand", "gateway/a.c", "int x = rand();\n", ["1: rand is banned"]),
    ("names that merely end so", "gateway/a.c", "int x = my_system(ew_signal(loop->signal(a), b.rand(c)));\n", []),
    ("banned word in a text", "gateway/a.c", 'const char *a = "system()"; // gets(x)\n', []),
    ("typedef struct", "gateway/a.h", "typedef struct a b;\n", ["1: no typedef"]),
    ("dots in includes", "gateway/a.c", '#include "../base/err.h"\n', ['1: no "../"']),
    ("impure system header in core", "gateway/core/x/a.c", "#include <time.h>\n", ["1: core is pure: <time.h>"]),
    ("impure base header in core", "gateway/core/x/a.h", '#include "base/log.h"\n', ['1: core is pure: "base/log.h"']),
    ("pure headers in core", "gateway/core/x/a.c", '#include <math.h>\n#include "base/err.h"\n#include "core/x/a.h"\n', []),
    ("70 lines are fine", "gateway/a.c", long_function.replace("    g();\n", "", 1), []),
    ("71 lines are not", "gateway/a.c", long_function, ["1: f has 71 lines"]),
    ("complexity 16", "gateway/a.c", tangled, ["1: f has complexity 16"]),
    ("complexity 15", "gateway/a.c", tangled.replace("if (a)", "do (a)", 1), []),
    ("600 lines are fine", "gateway/a.c", "\n" * 600, []),
    ("601 lines are not", "gateway/a.c", "\n" * 601, ["1: 601 lines"]),
]


class Lint(unittest.TestCase):
    def test_functions_are_found_and_measured(self):
        for name, text, expected in FUNCTIONS:
            with self.subTest(name):
                self.assertEqual(measured(text), expected)

    def test_problems_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            lint.ROOT = folder
            for name, path, text, expected in FILES:
                with self.subTest(name):
                    full = os.path.join(folder, path)
                    os.makedirs(os.path.dirname(full), exist_ok=True)
                    with open(full, "w", encoding="utf-8") as file:
                        file.write(text)
                    said = []
                    for check in (lint.check_calls, lint.check_sizes, lint.check_includes):
                        said += check([path], None)
                    self.assertEqual(len(said), len(expected), said)
                    for line, part in zip(said, expected):
                        self.assertTrue(line.startswith(f"{path}:{part}"), line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
