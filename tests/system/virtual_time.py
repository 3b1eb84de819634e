"""A gateway as it is, but for a wall clock that the test moves (virtual_clock.c): a minute's slot need not take a minute."""
import mmap
import os
import struct
import threading
import time

import harness


class Gateway(harness.Edgewatt):
    """start_ms: the first wall time. speed: how many seconds of it pass in one of ours; 0 = only set_clock() moves it."""

    def __init__(self, *args, start_ms=None, speed=0, **more):
        super().__init__(*args, **more)
        self.program += "_virtual"
        self.now_ms, self.speed, self.over = start_ms or int(time.time() * 1000), speed, threading.Event()

    def __enter__(self):
        self.runner = threading.Thread(target=self._run, daemon=True)
        return super().__enter__()

    def begin_clock(self):
        """Before anything is started."""
        path = os.path.join(self.folder, "clock")
        with open(path, "w+b") as file:
            file.write(struct.pack("q", self.now_ms))
            file.flush()
            self.clock = mmap.mmap(file.fileno(), 8)
        self.env["EDGEWATT_TEST_CLOCK"] = path
        if self.speed:
            self.runner.start()

    def start_simulator(self):
        self.begin_clock()
        super().start_simulator()

    def set_clock(self, now_ms):
        self.now_ms = now_ms
        self.clock[:] = struct.pack("q", now_ms)

    def _run(self):
        while not self.over.wait(0.1):
            self.set_clock(self.now_ms + int(100 * self.speed))

    def __exit__(self, kind, error, trace):
        self.over.set()
        super().__exit__(kind, error, trace)
