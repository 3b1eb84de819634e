"""Memory of a whole gateway while people log in: the largest sum of PSS that was seen.

    login.py [--seconds N] [--people N] [--devices N]     default: 30 s, 8 at once, 32 devices at 1 s

Eight people (what the web service lets in at once) log in with PIN and PUK without a pause, each hashed with Argon2id over
19 MiB, from addresses of their own; one of them mistypes the PUK. Promised: below 96 MB while logging in, below 64 MB
before. Prints; exit code 1 when a promise is broken. EDGEWATT_BUILD says which build is measured: a release build, or
the figures mean nothing.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "system"))
import harness  # noqa: E402
from harness import CODES, Edgewatt, small_site  # noqa: E402

MB = 1 << 20


class Person(threading.Thread):
    def __init__(self, port, number, until):
        super().__init__(daemon=True)
        self.port, self.address, self.until = port, f"127.0.1.{number + 1}", until
        self.pin, self.puk = list(CODES.values())[number % len(CODES)]
        if number == 7:
            self.puk = "0" * 14
        self.said = {}

    def run(self):
        while time.monotonic() < self.until:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.address, 0))
            try:
                connection.request("POST", "/api/login", json.dumps({"pin": self.pin, "puk": self.puk}),
                                   {"Content-Type": "application/json"})
                status = connection.getresponse().status
            except OSError as error:
                status = type(error).__name__
            finally:
                connection.close()
            self.said[status] = self.said.get(status, 0) + 1
            if status != 200:
                threading.Event().wait(0.2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--devices", type=int, default=32)
    options = parser.parse_args()
    site = small_site(devices=options.devices)
    site["next_id"] = 1000
    with Edgewatt(site, options=["--listen", "127.0.0.1"]) as edgewatt:
        client = edgewatt.mqtt("read")
        for device in site["devices"]:
            client.wait(f"device/{device['id']}/measures/instant")
        client.close()
        before = edgewatt.pss()
        until = time.monotonic() + options.seconds
        people = [Person(edgewatt.run_json["http"]["port"], number, until) for number in range(options.people)]
        for person in people:
            person.start()
        worst, samples = before, 0
        while time.monotonic() < until:
            now = edgewatt.pss()
            worst, samples = (now if sum(now.values()) > sum(worst.values()) else worst), samples + 1
        for person in people:
            person.join(60)
        after = edgewatt.pss()
    said = {}
    for person in people:
        for status, count in person.said.items():
            said[status] = said.get(status, 0) + count
    print(f"{options.people} people for {options.seconds} s: answers {said}; {samples} samples of memory")
    for name in sorted(worst, key=lambda n: -worst[n]):
        print(f"  {name:12} {before[name] / MB:7.1f} MB before {worst[name] / MB:7.1f} MB at worst {after[name] / MB:7.1f} MB after")
    sums = [sum(one.values()) / MB for one in (before, worst, after)]
    print(f"  {'sum':12} {sums[0]:7.1f} MB before {sums[1]:7.1f} MB at worst {sums[2]:7.1f} MB after (promised: < 64, < 96)")
    return 0 if sums[0] < 64 and sums[1] < 96 and said.get(200, 0) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
