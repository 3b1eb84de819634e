#!/usr/bin/python3
"""Login, codes, sessions, integration accounts and the console, with the real broker and config."""
import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from config_rig import Case, CallError, EDGEWATT, harness  # noqa: E402

PAGES = {
    "administrator": ["server", "system", "installation", "consumption", "reports", "alarms"],
    "greenUp": ["server", "system", "installation", "consumption", "reports", "alarms", "greenup"],
    "installer": ["system", "installation", "consumption", "alarms"],
    "user": ["consumption", "alarms"],
}
NEW = ("24680", "13579135791357")


class Demo(Case):
    """With --demo the manual's codes are good for everything."""

    def setUp(self):
        super().setUp()
        self.start()
        self.web = self.mqtt("web")

    def test_the_four_users_and_their_pages(self):
        for name, pages in PAGES.items():
            answer = self.login(self.web, name)
            self.assertFalse(answer["must_change"])
            session = self.session(self.web, answer["token"])
            self.assertEqual((session["user"]["name"], session["pages"]), (name, pages))
            self.assertEqual((session["site"], session["base"], session["language"], session["idle_s"]),
                             ("atelier", "edgewatt/atelier", "fr", 1800))
            self.assertRegex(session["mqtt"]["username"], "^s-[0-9a-f]{16}$")
            person = self.mqtt(user=session["mqtt"]["username"], password=session["mqtt"]["password"])
            self.assertLess(person.subscribe("config/settings/site"), 128)
            self.assertEqual(person.subscribe("greenup/status") < 128, "greenup" in pages)
            self.assertGreaterEqual(person.subscribe("#"), 128)

    def test_any_pin_leads_to_the_puk_and_only_then_comes_wrong_code(self):
        for pin in ("99999", "00000", "12345"):
            self.assertEqual(self.web.call("config", "login", {"pin": pin}), {"next": "puk"})
        for pin in ("", "1234", "123456", "1234a", "١٢٣٤٥"):
            self.refused(self.web, "login", {"pin": pin}, "login.form" if len(pin.encode()) < 8 else "json.text_length")
        self.refused(self.web, "login", {"pin": "99999", "puk": "123", "address": "a"}, "login.form")
        # Unknown PIN, and a known one with another user's PUK: the same words.
        said = [self.refused(self.web, "login", {"pin": pin, "puk": "00000888800000", "address": f"192.0.2.{n}"},
                             "login.wrong_code").text for n, pin in enumerate(("12345", "99999"))]
        self.assertEqual(said[0], said[1])

    def test_wrong_tries_slow_down_one_address_and_not_the_other(self):
        def wrong(address, code):
            return self.refused(self.web, "login", {"pin": "12345", "puk": "0" * 14, "address": address}, code)

        wrong("192.0.2.1", "login.wrong_code")
        self.assertEqual(wrong("192.0.2.1", "login.slow_down").params, {"seconds": "1"})
        # The right codes have to wait too; from another address they do not.
        pin, puk = harness.CODES["user"]
        self.refused(self.web, "login", {"pin": pin, "puk": puk, "address": "192.0.2.1"}, "login.slow_down")
        self.assertIn("token", self.login(self.web, "user", "192.0.2.2"))

        def tried():
            try:
                return self.web.call("config", "login", {"pin": pin, "puk": puk, "address": "192.0.2.1"})
            except CallError as error:
                self.assertEqual(error.code, "login.slow_down")
                return None

        self.assertIn("token", harness.wait_until(tried, 5))

    def test_many_at_once_from_one_address_are_one_try(self):
        answers = self.burst(self.web, "login", [{"pin": "99999", "puk": f"{n:014}", "address": "192.0.2.7"}
                                                 for n in range(8)])
        codes = [answer["error"]["code"] for answer, _ in answers]
        self.assertEqual(sorted(codes), 7 * ["login.slow_down"] + ["login.wrong_code"])

    def test_only_web_may_ask(self):
        for name in ("console", "poller"):
            client = self.mqtt(name)
            for method in ("login", "session", "logout", "codes", "lock"):
                self.assertEqual(client.publish(f"call/{name}/config/{method}", {}), 135)

    def test_logout_ends_the_connection_and_the_account(self):
        token = self.login(self.web, "user")["token"]
        account = self.session(self.web, token)["mqtt"]
        tabs = [self.mqtt(user=account["username"], password=account["password"]) for _ in range(3)]
        self.assertEqual(self.web.call("config", "logout", {"token": token}), {})
        for tab in tabs:
            tab.wait_disconnect()
        with self.assertRaises(ConnectionRefusedError):
            self.mqtt(user=account["username"], password=account["password"])
        self.refused(self.web, "session", {"token": token}, "session.unknown")
        self.refused(self.web, "logout", {"token": token}, "session.unknown")
        self.refused(self.web, "session", {"token": "x" * 43}, "session.unknown")

    def test_one_person_does_not_read_anothers_answers(self):
        first, second = self.person(self.web, "administrator"), self.person(self.web, "administrator")
        self.assertNotEqual(first.user, second.user)
        self.assertGreaterEqual(second.subscribe(f"reply/{first.user}/#"), 128)
        self.assertEqual(second.publish(f"call/{first.user}/config/site", {}), 135)
        # Nor can it have its answer sent to the other: refused unanswered.
        first.subscribe(f"reply/{first.user}/#")
        second.publish(f"call/{second.user}/config/site", {}, response=f"reply/{first.user}/x", correlation=b"1")
        self.assertIn("rev", second.call("config", "site"))
        self.assertEqual([m for m in first.messages if m.topic.startswith("reply/")], [])

    def test_restarts_log_nobody_out(self):
        token = self.login(self.web, "administrator")["token"]
        before = self.session(self.web, token)["mqtt"]
        self.stop_config(signal.SIGKILL)
        self.start_config()
        self.assertEqual(self.session(self.web, token)["mqtt"], before)
        self.mqtt(user=before["username"], password=before["password"])
        self.broker.stop(number=signal.SIGKILL)
        self.start_broker()
        self.mqtt(user=before["username"], password=before["password"])
        web = self.mqtt("web")
        harness.wait_until(lambda: self.answers(web))
        self.assertEqual(self.session(web, token)["mqtt"], before)

    def answers(self, web):
        try:
            return web.call("config", "login", {"pin": "00000"}, timeout=2)
        except AssertionError:
            return None

    def test_sessions_made_while_the_broker_was_away_and_ended_ones(self):
        """The broker is started from files of before: config puts it right."""
        token = self.login(self.web, "user")["token"]
        gone = self.session(self.web, self.login(self.web, "installer")["token"])["mqtt"]
        account = self.session(self.web, token)["mqtt"]
        dynsec = os.path.join(self.data, "run/broker/dynsec.json")
        with open(dynsec, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(account["username"], text)
        # As if the file were of before the login, and of before the other's logout.
        content = json.loads(text)
        for key, name in (("clients", "username"), ("roles", "rolename")):
            content[key] = [one for one in content[key] if one[name] != account["username"]]
        with open(os.path.join(self.data, "secrets/config.json"), encoding="utf-8") as file:
            store = json.load(file)
        self.stop_config()
        self.broker.stop(number=signal.SIGKILL)
        with open(dynsec, "w", encoding="utf-8") as file:
            json.dump(content, file)
        store["sessions"] = [one for one in store["sessions"] if one["id"] != gone["username"]]
        with open(os.path.join(self.data, "secrets/config.json"), "w", encoding="utf-8") as file:
            json.dump(store, file)
        conf = os.path.join(self.data, "run/broker/mosquitto.conf")
        self.broker = self.start_process("mosquitto", [harness.find_mosquitto(), "-c", conf], mark=self.mark)
        harness.wait_port(self.port, alive=self.broker.alive)
        left = self.mqtt(user=gone["username"], password=gone["password"])
        with self.assertRaises(ConnectionRefusedError):
            self.mqtt(user=account["username"], password=account["password"])
        self.start_config()
        left.wait_disconnect()

        def back():
            try:
                return self.mqtt(user=account["username"], password=account["password"])
            except ConnectionRefusedError:
                return None

        self.assertTrue(harness.wait_until(back))

    def test_the_loop_goes_on_while_codes_are_hashed(self):
        """Twelve hashes are asked for; what is asked afterwards is answered long before they are done."""
        pin, puk = harness.CODES["user"]
        logins = [{"pin": pin, "puk": puk, "address": f"192.0.2.{n}"} for n in range(12)]
        answers = self.burst(self.web, "login", logins + [{"pin": "00000"}])
        *tokens, (quick, quick_s) = answers
        self.assertEqual([list(answer) for answer, _ in tokens], 12 * [["result"]])
        self.assertEqual(quick, {"result": {"next": "puk"}})
        order = [m.topic for m in self.web.messages if "/burst" in m.topic]
        self.assertLessEqual(order.index(next(t for t in order if t.endswith("/12"))), 1, order)
        print(f"12 logins took {tokens[-1][1]:.2f} s")

    def test_locked_after_twelve_wrong_puks_and_unlocked_at_the_console(self):
        path = os.path.join(self.data, "secrets/config.json")
        self.stop_config()
        with open(path, encoding="utf-8") as file:
            store = json.load(file)
        store["users"][3]["wrong"] = 11  # the waiting between eleven tries would take minutes
        with open(path, "w", encoding="utf-8") as file:
            json.dump(store, file)
        self.start_config()
        watcher = self.mqtt("recorder")
        watcher.subscribe("alarm/event")
        pin, puk = harness.CODES["user"]
        self.refused(self.web, "login", {"pin": pin, "puk": "1" * 14, "address": "192.0.2.1"}, "login.wrong_code")
        alarm = watcher.wait("alarm/event", lambda e: e["reason"]["code"] == "login.locked_user").json["reason"]
        self.assertEqual(alarm["params"]["user"], "user")
        self.assertIn("user                             locked", self.users())
        self.refused(self.web, "login", {"pin": pin, "puk": puk, "address": "192.0.2.2"}, "login.slow_down")
        # Locked also after a restart, which forgets the waiting.
        self.stop_config()
        self.start_config()
        self.refused(self.web, "login", {"pin": pin, "puk": puk, "address": "192.0.2.3"}, "login.locked")
        self.assertIn("token", self.login(self.web, "installer", "192.0.2.4"))
        self.edgewatt("user", "unlock", "user", "--data", self.data)
        self.assertIn("token", self.login(self.web, "user", "192.0.2.5"))
        self.assertNotIn("locked", self.users())

    def users(self):
        return self.edgewatt("user", "list", "--data", self.data).stdout

    def test_sessions_end_after_half_an_hour_without_use(self):
        tokens = {name: self.login(self.web, name)["token"] for name in ("user", "installer")}
        accounts = {name: self.session(self.web, token)["mqtt"] for name, token in tokens.items()}
        self.stop_config()
        path = os.path.join(self.data, "secrets/config.json")
        with open(path, encoding="utf-8") as file:
            store = json.load(file)
        now_ms = time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
        for session in store["sessions"]:
            minutes = 31 if session["id"] == accounts["user"]["username"] else 29
            session["seen_up_ms"] = int(now_ms - minutes * 60000)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(store, file)
        people = {name: self.mqtt(user=a["username"], password=a["password"]) for name, a in accounts.items()}
        self.start_config()
        people["user"].wait_disconnect()
        self.refused(self.web, "session", {"token": tokens["user"]}, "session.unknown")
        self.assertEqual(self.session(self.web, tokens["installer"])["user"]["name"], "installer")
        self.assertEqual(people["installer"].disconnects, [])
        # Being asked for was a use: it is kept when config stops.
        self.stop_config()
        with open(path, encoding="utf-8") as file:
            store = json.load(file)
        self.assertEqual(len(store["sessions"]), 1)
        self.assertLess(now_ms - store["sessions"][0]["seen_up_ms"], 60000)

    def test_console_resets_codes(self):
        token = self.login(self.web, "installer")["token"]
        account = self.session(self.web, token)["mqtt"]
        person = self.mqtt(user=account["username"], password=account["password"])
        said = dict(line.split(": ") for line in
                    self.edgewatt("user", "reset", "installer", "--data", self.data).stdout.splitlines())
        person.wait_disconnect()
        self.refused(self.web, "session", {"token": token}, "session.unknown")
        self.refused(self.web, "login", {"pin": "55555", "puk": "00000555500000", "address": "192.0.2.1"},
                     "login.wrong_code")
        self.assertIn("token", self.login(self.web, (said["pin"], said["puk"]), "192.0.2.2"))
        self.assertEqual(self.edgewatt("user", "reset", "nobody", "--data", self.data, check=False).returncode, 1)


class Codes(Case):
    """Without --demo: no access before the manual's codes are changed (USR-01)."""

    demo = False

    def setUp(self):
        super().setUp()
        self.start()
        self.web = self.mqtt("web")

    def change_codes(self, token, old, new, address="192.0.2.9"):
        return self.web.call("config", "codes", {"token": token, "pin": old[0], "puk": old[1], "new_pin": new[0],
                                                 "new_puk": new[1], "address": address})

    def refused_codes(self, token, old, new, code, address="192.0.2.9"):
        with self.assertRaises(CallError) as caught:
            self.change_codes(token, old, new, address)
        self.assertEqual(caught.exception.code, code)

    def test_default_codes_open_nothing_but_their_own_change(self):
        old = harness.CODES["administrator"]
        answer = self.login(self.web, "administrator")
        token = answer["token"]
        self.assertTrue(answer["must_change"])
        session = self.session(self.web, token)
        self.assertEqual((session["must_change"], session["pages"], session["mqtt"]),
                         (True, [], {"username": "", "password": ""}))
        with open(os.path.join(self.data, "run/broker/dynsec.json"), encoding="utf-8") as file:
            self.assertNotIn('"s-', file.read())
        refused = [
            (old, ("2468", NEW[1]), "codes.form"), (old, (NEW[0], "1"), "codes.form"), (old, old, "codes.default"),
            (old, (NEW[0], "00000888800000"), "codes.default"), (old, ("88888", NEW[1]), "codes.default"),
        ]
        for before, after, code in refused:
            self.refused_codes(token, before, after, code)
        self.refused_codes("x" * 43, old, NEW, "session.unknown")
        self.refused_codes(token, (old[0], "9" * 14), NEW, "login.wrong_code", "192.0.2.20")
        self.refused_codes(token, harness.CODES["greenUp"], NEW, "login.wrong_code", "192.0.2.21")
        # Another session of the same user, to see it end.
        harness.wait_until(lambda: self.try_login(old, "192.0.2.30"), 10)
        second = self.other
        self.assertEqual(self.change_codes(token, old, NEW, "192.0.2.31"), {"ok": True})
        session = self.session(self.web, token)
        self.assertEqual((session["must_change"], session["pages"]), (False, PAGES["administrator"]))
        person = self.mqtt(user=session["mqtt"]["username"], password=session["mqtt"]["password"])
        self.assertIn("rev", person.call("config", "site"))
        self.refused(self.web, "session", {"token": second}, "session.unknown")
        self.refused(self.web, "login", {"pin": old[0], "puk": old[1], "address": "192.0.2.40"}, "login.wrong_code")
        self.assertFalse(self.login(self.web, NEW, "192.0.2.41")["must_change"])
        # The new PIN names this user now: nobody else gets it.
        other = self.login(self.web, "user", "192.0.2.42")["token"]
        self.refused_codes(other, harness.CODES["user"], (NEW[0], "97531975319753"), "codes.pin_taken")
        # It holds over restarts.
        self.stop_config()
        self.start_config()
        self.assertFalse(self.login(self.web, NEW, "192.0.2.43")["must_change"])

    def try_login(self, codes, address):
        try:
            self.other = self.login(self.web, codes, address)["token"]
            return True
        except CallError as error:
            self.assertEqual(error.code, "login.slow_down")
            return False

    def test_a_session_of_demo_times_ends(self):
        self.stop_config()
        self.start_config(demo=True)
        token = self.login(self.web, "greenUp")["token"]
        account = self.session(self.web, token)["mqtt"]
        person = self.mqtt(user=account["username"], password=account["password"])
        self.stop_config()
        self.start_config(demo=False)
        person.wait_disconnect()
        self.refused(self.web, "session", {"token": token}, "session.unknown")


class Integrations(Case):
    def add(self, name, role):
        said = self.edgewatt("account", "add", name, "--role", role, "--data", self.data).stdout
        self.assertRegex(said, r"(?m)^password: [A-Za-z0-9_-]{43}\n\Z")
        return said.split()[-1]

    def list(self):
        return [line.split()[:2] for line in
                self.edgewatt("account", "list", "--data", self.data).stdout.splitlines()]

    def test_added_while_stopped_and_while_running(self):
        stopped = self.add("nodered", "command")
        self.start()
        running = self.add("ha", "read")
        self.assertEqual(self.list(), [["nodered", "command"], ["ha", "read"]])
        ha = self.mqtt(user="ha", password=running)
        nodered = self.mqtt(user="nodered", password=stopped)
        self.assertEqual(ha.wait("config/device/10").json["name"], "General")
        self.assertEqual(ha.publish("device/10/command", {}), 135)
        self.assertEqual(nodered.publish("device/10/command", {}), 135, "this meter takes no commands")
        for client in (ha, nodered):
            self.assertGreaterEqual(client.subscribe("#"), 128)
            self.assertEqual(client.publish("device/10/setpoint", {}), 135)
            self.assertEqual(client.publish("/$CONTROL/dynamic-security/v1", {}), 135)
        # Both outlive broker and config.
        self.broker.stop(number=signal.SIGKILL)
        self.stop_config()
        self.start_broker()
        self.start_config()
        self.mqtt(user="ha", password=running)
        client = self.mqtt(user="nodered", password=stopped)
        self.edgewatt("account", "remove", "nodered", "--data", self.data)
        client.wait_disconnect()
        self.assertEqual(self.list(), [["ha", "read"]])
        with self.assertRaises(ConnectionRefusedError):
            self.mqtt(user="nodered", password=stopped)
        # Removed while config is away: gone when it comes back.
        self.stop_config()
        client = self.mqtt(user="ha", password=running)
        self.edgewatt("account", "remove", "ha", "--data", self.data)
        self.start_config()
        client.wait_disconnect()

    def test_what_is_refused(self):
        self.start()
        self.add("ha", "read")
        for name, code in (("ha", 1), ("poller", 1), ("s-1", 1), ("HA", 1), ("a/b", 1), ("", 1), ("x" * 33, 1)):
            done = self.edgewatt("account", "add", name, "--role", "read", "--data", self.data, check=False)
            self.assertEqual((done.returncode, done.stdout), (code, ""), name)
            self.assertTrue(done.stderr.startswith("edgewatt account: "), done.stderr)
        for args in (["add", "x"], ["add", "--role", "read"], ["add", "x", "--role", "admin"], [], ["frob"],
                     ["list", "--role", "read"], ["remove"], ["add", "x", "y", "--role", "read"]):
            self.assertEqual(self.edgewatt("account", *args, "--data", self.data, check=False).returncode, 2, args)
        self.assertEqual(self.edgewatt("account", "list", check=False).returncode, 2)
        self.assertEqual(self.edgewatt("account", "remove", "none", "--data", self.data, check=False).returncode, 1)
        self.assertEqual(self.edgewatt("account", "--help").returncode, 0)
        self.assertEqual(json.loads(self.edgewatt("account", "list", "--json", "--data", self.data).stdout)
                         ["accounts"][0]["name"], "ha")
        self.assertEqual(self.list(), [["ha", "read"]])

    def test_the_console_takes_no_nonsense(self):
        self.start()
        path = os.path.join(self.data, "run/config.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        for text in (b"\n", b"{}\n", b"[1]\n", b'{"do":"frob"}\n', b'{"do":"account_add","name":"x"}\n', b"\0\xff\n",
                     b'{"do":"account_list","x":1}\n'):
            with socket.socket(socket.AF_UNIX) as guest:
                guest.settimeout(harness.PATIENCE_S)
                guest.connect(path)
                guest.sendall(text)
                with guest.makefile("rb") as file:
                    self.assertIn("error", json.loads(file.readline()), text)
        with socket.socket(socket.AF_UNIX) as guest:  # too long, and somebody who only stands there
            guest.settimeout(harness.PATIENCE_S)
            guest.connect(path)
            try:
                guest.sendall(b"x" * (1 << 20))
                self.assertEqual(guest.recv(10), b"")
            except OSError:
                pass
        self.assertEqual(self.list(), [])

    def test_a_damaged_store_is_never_reset(self):
        """Codes of the manual must not come back because a file is broken."""
        self.start()
        self.stop_config()
        path = os.path.join(self.data, "secrets/config.json")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for damaged in (text[:200], text.replace('"version":3', '"version":4'), text.replace('"users":[', '"usres":[')):
            with open(path, "w", encoding="utf-8") as file:
                file.write(damaged)
            process = self.start_process("config", [EDGEWATT, "config", "--data", self.data, "--demo"], mark=self.mark)
            self.assertEqual(process.popen.wait(harness.PATIENCE_S), 1)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), damaged)


if __name__ == "__main__":
    harness.main()
