#!/usr/bin/python3
"""schemas/site.schema.json judges the cases of tests/golden/site as the gateway does, but for what a schema can't
say (cases with "schema": "good"): the two may not drift apart."""
import copy
import json
import os
import sys
import unittest

try:
    import jsonschema
except ImportError:
    sys.exit(77)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def load(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return json.load(file)


def apply(tree, sets):
    tree = copy.deepcopy(tree)
    for one in sets:
        *parents, last = one[0].split("/")[1:]
        node = tree
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node[part]
        key = int(last) if isinstance(node, list) else last
        if len(one) == 2:
            node[key] = one[1]
        else:
            del node[key]
    return tree


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = load("schemas/site.schema.json")
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def test_cases(self):
        full = load("tests/golden/site/full.json")
        judged = {"good": 0, "bad": 0}
        for case in load("tests/golden/site/cases.json"):
            wanted = "good" if "path" not in case else case.get("schema", "bad")
            errors = list(self.validator.iter_errors(apply(full, case["set"])))
            with self.subTest(case["name"]):
                self.assertEqual("bad" if errors else "good", wanted, [error.message[:200] for error in errors])
                judged[wanted] += 1
                if wanted == "bad" and len(errors) == 1 and "then" not in errors[0].absolute_schema_path:
                    # The place is the same, or the object around it.
                    path = "".join(f"/{part}" for part in errors[0].absolute_path)
                    self.assertTrue(case["path"].startswith(path) or path.startswith(case["path"]), path)
        print(judged)
        self.assertGreater(judged["bad"], 80)

    def test_minimal(self):
        self.validator.validate(load("tests/golden/site/minimal.json"))

    def test_every_object_is_closed(self):
        """An unknown key is an error everywhere."""
        def walk(node, path):
            if isinstance(node, dict):
                if "properties" in node and node.get("type") == "object":
                    self.assertIs(node.get("additionalProperties"), False, path)
                for key, child in node.items():
                    walk(child, f"{path}/{key}")
            elif isinstance(node, list):
                for child in node:
                    walk(child, path)
        walk(self.schema, "")


if __name__ == "__main__":
    unittest.main()
