"""What tests of backup and restore share: the files that belong to a site."""
import os


def read(path):
    with open(path, "rb") as file:
        return file.read()


def contents(folder):
    """Every file of a data folder that a restore may touch, by name."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.relpath(os.path.join(at, name), folder)
            if path.split("/")[0] in ("site.json", "profiles", "secrets") or path.startswith("history.db"):
                found[path] = read(os.path.join(folder, path))
    return found
