"""CST-01 to CST-05: what consumption costs, over real processes and a past of nine days with a change of the clock."""
import json
import os
import unittest

import harness
import money_rig
from jsonschema import Draft202012Validator

MARCH = {"by": "month", "from": "2026-03-01", "spans": 1}
ALL = {"by": "year", "from": "2026-01-01", "spans": 1}


def by_rules(local):
    minute = local.hour * 60 + local.minute
    if local.weekday() < 5 and 360 <= minute <= 18 * 60 + 34:
        return 71
    return 72 if minute >= 1320 or minute <= 359 else 0


def cents(wh_and_prices):
    """Exact: Wh x millionths a kWh, half up to cents."""
    pico = sum(round(wh * 1000) * round(price * 1_000_000) for wh, price in wh_and_prices)
    return (pico + 5 * 10 ** 9) // 10 ** 10


class Tariffs(harness.TestCase):
    def setUp(self):
        with open(os.path.join(harness.SOURCE, "schemas/calls/tariffs.schema.json"), encoding="utf-8") as file:
            self.schema = Draft202012Validator(json.load(file))

    def ask(self, gateway, **query):
        answer = gateway.console().call("recorder", "tariffs", query)
        self.schema.validate(answer)
        return answer, {row["tariff"]: row for row in answer["tariffs"]}

    def check_march(self, gateway, device, tariff_of, day_price):
        """Energy by tariff is what each minute says; cost is exact: the day's price is the one of the day."""
        days = [f"2026-03-{n}" for n in range(24, 32)]
        query = dict(MARCH, **({"device": device} if device else {}))
        answer, rows = self.ask(gateway, **query)
        want = money_rig.wh_by(tariff_of, device, days)
        self.assertEqual({t: r["total"] for t, r in rows.items() if r["total"]}, want)
        self.assertEqual(answer["total"], sum(want.values()))  # energy is never touched
        early = money_rig.wh_by(tariff_of, device, days[:4]).get(71, 0)
        parts = [(early, 0.2), (want.get(71, 0) - early, day_price), (want.get(72, 0), 0.1)]
        self.assertEqual(round(answer["cost"] * 100), cents(parts))
        self.assertEqual(answer["unpriced"], want.get(0, 0))
        return answer

    def test_price_of_the_time_and_a_rule_that_changes_the_past(self):
        with money_rig.Gateway() as gateway:
            gateway.wait_priced()
            before = self.check_march(gateway, None, by_rules, 0.3)
            for device in money_rig.METERS:
                self.check_march(gateway, device, by_rules, 0.3)
            days, _ = self.ask(gateway, by="day", **{"from": "2026-03-24"}, spans=8)
            self.assertEqual(days["total"], before["total"])
            self.assertEqual(days["cost"], before["cost"])  # from the exact sum, not from rounded days
            hours, rows = self.ask(gateway, by="hour", **{"from": "2026-03-30"}, spans=24)
            self.assertEqual(rows[71]["values"][18], 7500 * 35 / 60)  # 18:35 cuts the hour
            self.assertEqual(rows[0]["values"][18], 7500 * 25 / 60)
            self.assertIsNone(rows[0]["costs"][18])
            spring, _ = self.ask(gateway, by="hour", **{"from": "2026-03-29"}, spans=23)
            self.assertEqual(spring["total"], 23 * 7500)

            # A corrected price needs no rebuild.
            tariff = dict(money_rig.site()["tariffs"][0], prices=[{"price": 0.2, "from": "2026-01-01"},
                                                                   {"price": 0.25, "from": "2026-03-28"}])
            gateway.change({"kind": "tariff", "id": 71, "value": tariff})
            harness.wait_until(lambda: self.ask(gateway, **MARCH)[0]["cost"] < before["cost"], what="the new price")
            self.check_march(gateway, None, by_rules, 0.25)

            # An exception at the top of the list re-prices the past, and moving it to the end takes it back.
            holiday = {"service": "electricity", "tariff": 72, "from_date": "2020-03-25", "to_date": "2020-03-26", "yearly": True}
            made = gateway.change({"kind": "cost_rule", "value": holiday, "index": 0})

            def with_holiday(local):
                return 72 if (local.month, local.day) in ((3, 25), (3, 26)) else by_rules(local)

            want = money_rig.wh_by(with_holiday, None, [f"2026-03-{n}" for n in range(24, 32)])
            harness.wait_until(lambda: self.ask(gateway, **MARCH)[1][72]["total"] == want[72], what="the past priced anew")
            gateway.wait_priced()
            self.assertEqual(self.ask(gateway, **MARCH)[0]["total"], before["total"])
            rule = [r["id"] for r in gateway.console().call("config", "site")["site"]["cost_rules"]][0]
            self.assertTrue(made)
            gateway.change({"kind": "cost_rule", "id": rule, "value": holiday, "index": 1})
            self.assertEqual([r["id"] for r in gateway.console().call("config", "site")["site"]["cost_rules"]], [81, rule, 82])
            gateway.change({"kind": "cost_rule", "id": rule, "value": holiday, "index": 2})
            self.assertEqual([r["id"] for r in gateway.console().call("config", "site")["site"]["cost_rules"]], [81, 82, rule])

            def at_the_end(local):
                return by_rules(local) or with_holiday(local) if (local.month, local.day) in ((3, 25), (3, 26)) else by_rules(local)

            want = money_rig.wh_by(at_the_end, None, [f"2026-03-{n}" for n in range(24, 32)])
            harness.wait_until(lambda: self.ask(gateway, **MARCH)[1][72]["total"] == want[72], what="the moved rule")

    def test_kill_while_the_past_is_priced(self):
        with money_rig.Gateway() as gateway:
            old = gateway.read_run_json()["services"]["recorder"]["pid"]
            gateway.kill("recorder")
            gateway.wait_pid("recorder", old)
            gateway.wait_priced()
            harness.wait_until(lambda: self.ask(gateway, **MARCH)[0]["total"] > 0, what="figures")
            self.check_march(gateway, None, by_rules, 0.3)

    def test_bad_questions_are_answered_in_words(self):
        with money_rig.Gateway() as gateway:
            for args, path in (({}, "/by"), (dict(MARCH, spans=401), "/spans"), (dict(MARCH, service="heat"), "/service"),
                               (dict(MARCH, device=0), "/device"), (dict(MARCH, x=1), "/x"),
                               (dict(ALL, by="hour", spans=51), "/spans"), (dict(MARCH, **{"from": "2026-02-30"}), "/from")):
                with self.assertRaises(harness.CallError) as caught:
                    gateway.console().call("recorder", "tariffs", args)
                self.assertEqual(caught.exception.path, path)


if __name__ == "__main__":
    unittest.main()
