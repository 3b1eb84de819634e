"""A gateway with a past: history of March 2026 written before its first start, with tariffs and rules over it."""
import os
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import harness
import history_file

PARIS = ZoneInfo("Europe/Paris")
FIRST, LAST = datetime(2026, 3, 24, tzinfo=PARIS), datetime(2026, 4, 2, tzinfo=PARIS)  # summer time began on the 29th
METERS = {10: 1000, 11: 250}  # device -> Wh in each slot of ten minutes
SLOT_S = 600


def site():
    tree = harness.small_site(devices=2)
    tree["circuits"] = [{"id": 50, "use": "heating", "name": "Heating"}, {"id": 51, "use": "lighting", "name": "Lighting"}]
    tree["zones"] = [{"id": 60, "name": "Hall"}]
    tree["devices"][0].update(circuit=50, zones=[60])
    tree["devices"][1]["circuit"] = 51
    tree["tariffs"] = [
        {"id": 71, "service": "electricity", "name": "Day", "color": "#ff8800",
         "prices": [{"price": 0.2, "from": "2026-01-01"}, {"price": 0.3, "from": "2026-03-28"}]},
        {"id": 72, "service": "electricity", "name": "Night", "color": "#0055ff", "prices": [{"price": 0.1}]},
    ]
    tree["cost_rules"] = [
        {"id": 81, "service": "electricity", "tariff": 71, "from": "06:00", "to": "18:34", "weekdays": [1, 2, 3, 4, 5]},
        {"id": 82, "service": "electricity", "tariff": 72, "from": "22:00", "to": "05:59"},
    ]
    return tree


def slots():
    at = FIRST.astimezone(timezone.utc)
    while at < LAST.astimezone(timezone.utc):
        yield at
        at += timedelta(seconds=SLOT_S)


def write_history(path):
    db = history_file.create(path)
    for number, device in enumerate(METERS, 1):
        db.execute("INSERT INTO series VALUES (?, ?, 'active_energy_import', 1)", (number, device))
        db.execute("INSERT INTO series VALUES (?, ?, 'active_power', 0)", (number + 10, device))
    for at in slots():
        start = int(at.timestamp())
        history_file.add_slot(db, start, SLOT_S, {n: (wh, start) for n, wh in enumerate(METERS.values(), 1)},
                              {n + 10: (5500, 5000, 6000) for n in range(1, len(METERS) + 1)})
    for at in sorted({slot.astimezone(PARIS).date() for slot in slots()}):
        begin = datetime(at.year, at.month, at.day, tzinfo=PARIS)
        end = begin + timedelta(days=1)
        count = int((end.timestamp() - begin.timestamp()) // SLOT_S)
        for number, wh in enumerate(METERS.values(), 1):
            db.execute("INSERT INTO day VALUES (?, ?, ?, 0)", (int(at.strftime("%Y%m%d")), number, count * wh * 1000))
    db.execute("INSERT INTO month SELECT 202603, series, sum(value), 0 FROM day WHERE date < 20260400 GROUP BY series")
    db.execute("UPDATE progress SET rolled_until = ?", (int(LAST.timestamp()),))
    db.commit()
    db.close()


def wh_by(tariff_of, device=None, days=None):
    """What was used by tariff, minute by minute: {tariff: Wh}. tariff_of(local time) names it; days limits the dates."""
    sums = {}
    for at in slots():
        for minute in range(10):
            local = (at + timedelta(minutes=minute)).astimezone(PARIS)
            if days and local.date().isoformat() not in days:
                continue
            wh = sum(v for d, v in METERS.items() if device in (None, d)) / 10
            sums[tariff_of(local)] = sums.get(tariff_of(local), 0) + wh
    return {tariff: round(wh, 6) for tariff, wh in sums.items()}


class Gateway(harness.Edgewatt):
    """harness.Edgewatt whose data folder holds that history before the first start."""

    def __init__(self, tree=None, **more):
        super().__init__(tree or site(), **more)

    def start(self):
        path = os.path.join(self.data, "history.db")
        if not os.path.exists(path):
            write_history(path)
        super().start()

    def change(self, *changes):
        console = self.console()
        rev = console.call("config", "site")["rev"]
        return console.call("config", "change", {"rev": rev, "changes": list(changes)})

    def console(self):
        if not getattr(self, "_console", None):
            self._console = self.mqtt("console")
        return self._console

    def wait_priced(self, timeout=60):
        self.console().subscribe("service/recorder/status")
        return self.console().wait("service/recorder/status", lambda p: p.get("tariffs", {}).get("state") == "ready", timeout)
