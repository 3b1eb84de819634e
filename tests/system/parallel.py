"""Tests that wait more than they compute, several at once: each has processes and folders of its own."""

import concurrent.futures
import io
import sys
import unittest

AT_ONCE = 6


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def run(test):
    stream = unittest.runner._WritelnDecorator(io.StringIO())
    result = unittest.TextTestResult(stream, descriptions=False, verbosity=2)
    test.run(result)
    result.printErrors()
    return result.wasSuccessful(), stream.getvalue()


def main():
    """Like unittest.main(verbosity=2); names of tests or classes may be given."""
    wanted = sys.argv[1:]
    module = sys.modules["__main__"]
    load = unittest.defaultTestLoader
    suite = load.loadTestsFromNames(wanted, module) if wanted else load.loadTestsFromModule(module)
    good = True
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for passed, said in pool.map(run, flatten(suite)):
            good = good and passed
            print(said.rstrip(), flush=True)
    print("OK" if good else "FAILED")
    sys.exit(0 if good else 1)
