#!/usr/bin/python3
"""SYS-10: what is left after a power cut at any moment.

Records every write, fsync and rename of the recorder's and config's own code, then for each seed cuts the power at a
random place: what was synced is kept, every 512-byte sector written later is kept, dropped or torn at random, and later
renames and removals may not have happened. The result must open, be whole, agree with itself, and hold everything that
was confirmed before the cut.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SEEDS = int(os.environ.get("EDGEWATT_POWERLOSS_SEEDS", "200"))
SECTOR = 512


def read_log(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        kind, fd, offset, length = struct.unpack_from("<ciqI", data, at)
        at += 17
        yield kind.decode(), fd, offset, data[at:at + length]
        at += length


class File:
    def __init__(self):
        self.durable = bytearray()  # what is surely on the disk
        self.pending = []           # ("write", offset, data) or ("length", n) since the last sync
        self.created = False        # its name is surely in the folder

    def apply(self, content, operation):
        if operation[0] == "length":
            n = operation[1]
            del content[n:]
            content.extend(bytes(n - len(content)))
        else:
            _, offset, data = operation
            if len(content) < offset + len(data):
                content.extend(bytes(offset + len(data) - len(content)))
            content[offset:offset + len(data)] = data

    def sync(self):
        for operation in self.pending:
            self.apply(self.durable, operation)
        self.pending = []

    def after_cut(self, rng):
        content = bytearray(self.durable)
        for operation in self.pending:
            if operation[0] == "length":
                if rng.random() < 0.5:
                    self.apply(content, operation)
                continue
            _, offset, data = operation
            position = 0
            while position < len(data):
                step = min(SECTOR - (offset + position) % SECTOR, len(data) - position)
                fate = rng.choice(("kept", "dropped", "torn"))
                keep = step if fate == "kept" else 0 if fate == "dropped" else rng.randrange(step + 1)
                if keep:
                    self.apply(content, ("write", offset + position, data[position:position + keep]))
                position += step
        return bytes(content)


def replay(records, cut, rng):
    """The files that a power cut after `cut` records leaves: {path: content}, and what was confirmed."""
    names, durable_names, open_files = {}, {}, {}
    folder_pending = []  # renames and removals not yet synced, in order
    confirmed = {"slot": 0, "site": -1}
    for kind, fd, offset, data in records[:cut]:
        if kind in "OT":
            path = data.decode()
            if path not in names:
                names[path] = File()
                folder_pending.append(("add", path, names[path]))
            open_files[fd] = names[path]
            if kind == "T":
                names[path].pending.append(("length", 0))
        elif kind == "D":
            open_files[fd] = None
        elif kind == "C":
            open_files.pop(fd, None)
        elif kind == "W":
            open_files[fd].pending.append(("write", offset, data))
        elif kind == "L":
            open_files[fd].pending.append(("length", offset))
        elif kind == "S" and open_files[fd] is None:
            for operation in folder_pending:
                apply_name(durable_names, operation)
            folder_pending = []
        elif kind == "S":
            open_files[fd].sync()
            # Syncing a new file keeps its name too (ext4, xfs, btrfs); a rename needs the folder's sync.
            for operation in [o for o in folder_pending if o[0] == "add" and o[2] is open_files[fd]]:
                apply_name(durable_names, operation)
                folder_pending.remove(operation)
        elif kind == "R":
            old, new = data.decode().split("\0")
            names[new] = names.pop(old)
            folder_pending.append(("rename", old, new))
        elif kind == "U":
            names.pop(data.decode(), None)
            folder_pending.append(("remove", data.decode(), None))
        elif kind == "M":
            what, number = data.decode().split()
            confirmed[what] = int(number)
    for operation in folder_pending[:rng.randrange(len(folder_pending) + 1)]:
        apply_name(durable_names, operation)
    return {path: f.after_cut(rng) for path, f in durable_names.items()}, confirmed


def apply_name(names, operation):
    what, path, other = operation
    if what == "add":
        names[path] = other
    elif what == "rename" and path in names:
        names[other] = names.pop(path)
    elif what == "remove":
        names.pop(path, None)


def main():
    driver, migrations = sys.argv[1:3]
    work = tempfile.mkdtemp(prefix="edgewatt-powerloss-")
    try:
        data, log = os.path.join(work, "data"), os.path.join(work, "io.log")
        os.mkdir(data)
        marks = os.open(os.path.join(work, "marks"), os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(marks, 3)
        subprocess.run([driver, "write", data, migrations], check=True, pass_fds=(3,), timeout=60,
                       env=dict(os.environ, EDGEWATT_IO_DIR=data, EDGEWATT_IO_LOG=log, EDGEWATT_IO_MARK="3"))
        records = list(read_log(log))
        writes = sum(r[0] == "W" for r in records)
        syncs = sum(r[0] == "S" for r in records)
        print(f"recorded {len(records)} operations: {writes} writes, {syncs} syncs")
        assert writes > 100 and syncs > 40, "the recorder of operations saw too little to prove anything"
        failures, lossy = 0, 0
        for seed in range(SEEDS):
            rng = random.Random(seed)
            cut = rng.randrange(1, len(records) + 1)
            files, confirmed = replay(records, cut, rng)
            shutil.rmtree(data)
            os.mkdir(data)
            for path, content in files.items():
                if not path.endswith("-shm"):  # an index of the log in shared memory: never read after a restart
                    with open(path, "wb") as f:
                        f.write(content)
            result = subprocess.run([driver, "check", data, migrations, str(confirmed["slot"]), str(confirmed["site"])],
                                    stderr=subprocess.PIPE, text=True, timeout=60)
            lossy += confirmed["slot"] < 90
            if result.returncode != 0:
                failures += 1
                print(f"seed {seed}, cut after {cut}, confirmed {confirmed}: {result.stderr.strip()}")
        print(f"{SEEDS} power cuts ({lossy} before the end): {SEEDS - failures} whole, {failures} not")
        return 1 if failures else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
