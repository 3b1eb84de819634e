#!/usr/bin/python3
"""RPT-01 over ten years of 255 devices: time, size and the recorder's memory while reportdata.zip is made.

    tests/bench/recorder/report.py FOLDER    FOLDER/history.db as tests/bench/make-history FOLDER leaves it
"""
import os
import shutil
import sqlite3
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../system"))
import harness  # noqa: E402
import money_rig  # noqa: E402


class Gateway(money_rig.Gateway):
    def __init__(self, folder):
        super().__init__(simulate=False)
        self.source = os.path.join(folder, "history.db")

    def start(self):
        shutil.copy(self.source, os.path.join(self.data, "history.db"))
        super().start()


def measure(gateway, question):
    client, pid = gateway.console(), gateway.pids()["recorder"]
    harness.wait_until(lambda: client.call("recorder", "report", {"action": "start", **question}), what="a report begun")
    before, most, began = harness.pss_bytes(pid), 0, time.monotonic()
    while True:
        state = client.call("recorder", "report", {"action": "status"})
        most = max(most, harness.pss_bytes(pid))
        if state["state"] not in ("waiting", "running"):
            break
        time.sleep(0.2)
    name = " ".join(str(part) for part in (question["scope"], question["by"], "with costs" if question["cost"] else ""))
    print(f"{name}: {state['state']}, {time.monotonic() - began:.0f} s, {state['size'] / 1e6:.1f} MB, "
          f"PSS of the recorder {before / 1e6:.1f} -> at most {most / 1e6:.1f} MB", state.get("reason", {}).get("text", ""), flush=True)


def main():
    with sqlite3.connect(f"file:{sys.argv[1]}/history.db?mode=ro", uri=True) as db:
        first, last = db.execute("SELECT min(date), max(date) FROM day").fetchone()
    days = {"from": f"{str(first)[:4]}-{str(first)[4:6]}-{str(first)[6:]}", "to": f"{str(last)[:4]}-{str(last)[4:6]}-{str(last)[6:]}"}
    with Gateway(sys.argv[1]) as gateway:
        gateway.wait_priced(timeout=600)
        # The export folder once, so that what is measured is the report.
        gateway.console().call("recorder", "export", {"action": "write"})
        harness.wait_until(lambda: gateway.console().call("recorder", "export")["state"] != "running", timeout=900, what="the export")
        for question in ({"scope": "devices", "by": "days", "cost": True}, {"scope": "devices", "by": "minutes", "cost": True},
                         {"scope": "zones", "by": "hours", "cost": False}):
            measure(gateway, {**question, **days})


if __name__ == "__main__":
    main()
