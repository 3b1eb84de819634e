"""REC-06, SYS-10: the energy of a device without a counter, integrated of its power, outlives a recorder that is killed: what stood in the running
slot is kept in run/, where that is in memory."""
import json
import os
import shutil
import signal
import tempfile
import unittest

import harness
import history_file
import virtual_time

DEVICE = 10
PROFILE = {"id": "power-only", "version": "1.0", "family": "Own", "model": "Oven", "kind": "meter", "confidence": "driver", "references": ["a test"],
           "limits": {"max_registers": 50, "gap_ms": 20},
           "registers": {"active_power": {"fc": 4, "address": "0x0010", "type": "s32", "unit": "W", "group": "instant"}}}


class Gateway(virtual_time.Gateway):
    """Whose run/ is in memory, as systemd has it."""

    def start(self):
        self.memory = tempfile.mkdtemp(prefix="edgewatt-test-", dir="/dev/shm")
        os.symlink(self.memory, os.path.join(self.data, "run"))
        super().start()

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        shutil.rmtree(self.memory, ignore_errors=True)

    def counted_wh(self):
        try:
            with open(os.path.join(self.data, "run", "estimates.json"), encoding="utf-8") as file:
                return max((d["counted_th"] for d in json.load(file)["devices"]), default=0) / 1000
        except FileNotFoundError:
            return 0

    def stored_wh(self):
        db = history_file.open_read(os.path.join(self.data, "history.db"))
        rows = db.execute("SELECT data FROM slot").fetchall()
        db.close()
        return max((reading for (data,) in rows for _, reading in history_file.read_counters(data).values()), default=0) / 1000


class Estimates(harness.TestCase):
    def test_a_killed_recorder_goes_on_where_it_stood(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm can't be written: not tried")
        tree = harness.small_site(devices=1)
        tree["sampling"] = {"interval_min": 15}
        tree["devices"][0].update(id=DEVICE, profile="power-only")
        with Gateway(tree, profiles=[PROFILE], speed=60) as gateway:
            gateway.control(f"set {DEVICE} active_power 3600000")
            client = gateway.mqtt("console")
            client.wait("service/recorder/status", lambda p: p.get("last_sample"), 150)
            stored = harness.wait_until(gateway.stored_wh, 150, "a slot with energy")
            before = harness.wait_until(lambda: (lambda wh: wh if wh > gateway.stored_wh() + 1000 else None)(gateway.counted_wh()), 150, "more in the running slot")
            gateway.control(f"set {DEVICE} active_power 0")  # nothing comes that could hide what is missing
            gateway.wait_pid("recorder", gateway.kill("recorder", signal.SIGKILL))
            # What is stored next holds all of it: more than it had when it was killed.
            after = harness.wait_until(lambda: (lambda wh: wh if wh > stored else None)(gateway.stored_wh()), 150, "the next slot")
            self.assertGreaterEqual(after, before)


if __name__ == "__main__":
    unittest.main()
