"""Memory and processor time of a whole gateway with 32 devices at 1 s.

    footprint.py [--seconds N] [--poll-ms N] [--devices N]     default: 300 s, as the promise says

Promised: the sum of PSS of broker, services and supervisor below 64 MB, less than 3 % of one core. Prints; exit code 1
when a promise is broken. EDGEWATT_BUILD says which build is measured: a release build, or the figures mean nothing.
"""

import argparse
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "system"))
import harness  # noqa: E402
from harness import Edgewatt, small_site  # noqa: E402

MB = 1 << 20


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--poll-ms", type=int, default=1000)
    parser.add_argument("--devices", type=int, default=32)
    options = parser.parse_args()
    site = small_site(devices=options.devices)
    site["buses"][0]["poll_ms"] = options.poll_ms
    site["next_id"] = 1000
    with Edgewatt(site) as edgewatt:
        client = edgewatt.mqtt("read")
        for device in site["devices"]:
            client.wait(f"device/{device['id']}/measures/instant")
        client.close()  # an onlooker costs the broker something
        pids = edgewatt.pids()
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        threading.Event().wait(options.seconds)
        spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        pss = {name: harness.pss_bytes(pid) for name, pid in pids.items()}
    print(f"{options.devices} devices at {options.poll_ms} ms, after {options.seconds} s")
    for name in sorted(pids, key=lambda n: -pss[n]):
        print(f"  {name:12} {pss[name] / MB:7.1f} MB  {100 * spent[name] / options.seconds:6.2f} % of a core")
    memory, cpu = sum(pss.values()) / MB, 100 * sum(spent.values()) / options.seconds
    print(f"  {'sum':12} {memory:7.1f} MB  {cpu:6.2f} % of a core   (promised: < 64 MB, < 3 %)")
    return 0 if memory < 64 and cpu < 3 else 1


if __name__ == "__main__":
    sys.exit(main())
