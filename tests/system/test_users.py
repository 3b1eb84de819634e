#!/usr/bin/python3
"""Users, known browsers, displays and the end of sessions: config with the real broker, and the whole gateway."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import config_rig  # noqa: E402
import harness  # noqa: E402
from browser_socket import BrowserSocket, MqttReader, connect_packet  # noqa: E402
from config_rig import Case  # noqa: E402

ANNA = {"name": "Anna", "pin": "31415", "puk": "27182818284590", "pages": ["consumption", "system"]}
HALF_AN_HOUR_MS = 30 * 60000
MISSES = 5  # gateway/core/access/people.h


class Known(Case):
    """USR-04: PIN and PUK make a browser known; then the PIN is enough there."""

    def setUp(self):
        super().setUp()
        self.start()
        self.web = self.mqtt("web")

    def pin(self, pin, browser=None, address="192.0.2.9"):
        return self.web.call("config", "login", {"pin": pin, "address": address,
                                                 **({"browser": browser} if browser else {})})

    def both(self, name, browser=None, address="192.0.2.9"):
        pin, puk = harness.CODES[name] if isinstance(name, str) else name
        return self.web.call("config", "login", {"pin": pin, "puk": puk, "address": address, "agent": "Test/1.0",
                                                 **({"browser": browser} if browser else {})})

    def admin(self):
        return self.person(self.web, "administrator")

    def test_after_logout_the_pin_is_enough_in_this_browser_and_for_this_person(self):
        first = self.both("user")
        browser = first["browser"]
        self.assertEqual(len(browser), 43)
        self.web.call("config", "logout", {"token": first["token"]})
        again = self.pin("11111", browser)
        self.assertNotIn("browser", {key for key in again if key == "next"})
        self.assertEqual(self.session(self.web, again["token"])["user"]["name"], "user")
        # Another browser, a made-up one, and another person here need both.
        for pin, known in (("11111", None), ("11111", "x" * 43), ("55555", browser), ("12345", browser)):
            self.assertEqual(self.pin(pin, known), {"next": "puk"})
        # Two people at one browser: known for both, under one cookie.
        self.assertEqual(self.both("installer", browser)["browser"], browser)
        self.assertIn("token", self.pin("55555", browser))
        self.assertIn("token", self.pin("11111", browser))
        with open(os.path.join(self.data, "secrets/config.json"), encoding="utf-8") as file:
            self.assertNotIn(browser, file.read())
        # It survives restarts.
        self.stop_config()
        self.start_config()
        self.assertIn("token", self.pin("11111", browser))

    def test_lock_forgets_the_browser_and_ends_its_sessions(self):
        token, browser = (self.both("user")[key] for key in ("token", "browser"))
        second = self.pin("11111", browser)["token"]
        account = self.session(self.web, second)["mqtt"]
        tab = self.mqtt(user=account["username"], password=account["password"])
        self.assertEqual(self.web.call("config", "lock", {"token": token, "browser": browser}), {})
        tab.wait_disconnect()
        for gone in (token, second):
            self.refused(self.web, "session", {"token": gone}, "session.unknown")
        self.assertEqual(self.pin("11111", browser), {"next": "puk"})

    def test_who_guesses_pins_at_a_known_browser_makes_it_unknown(self):
        browser = self.both("user")["browser"]
        for n in range(MISSES - 1):
            self.assertEqual(self.pin(f"{n:05}", browser), {"next": "puk"})
        self.assertIn("token", self.pin("11111", browser))  # somebody who mistyped
        for n in range(MISSES):
            self.assertEqual(self.pin(f"{n:05}", browser), {"next": "puk"})
        self.assertEqual(self.pin("11111", browser), {"next": "puk"})

    def test_known_browsers_are_listed_and_revoked(self):
        admin = self.admin()
        browser = self.both("user", address="192.0.2.77")["browser"]
        token = self.pin("11111", browser)["token"]
        listed = admin.call("config", "users")
        users = {user["id"]: user["name"] for user in listed["users"]}
        (mine,) = [one for one in listed["browsers"] if users[one["user"]] == "user"]
        self.assertEqual((mine["address"], mine["agent"]), ("192.0.2.77", "Test/1.0"))
        account = self.session(self.web, token)["mqtt"]
        tab = self.mqtt(user=account["username"], password=account["password"])
        self.assertEqual(admin.call("config", "browser_revoke", {"id": mine["id"]}), {"id": mine["id"]})
        tab.wait_disconnect()
        self.assertEqual(self.pin("11111", browser), {"next": "puk"})
        self.refused(admin, "browser_revoke", {"id": mine["id"]}, "browser.gone")

    def test_new_codes_and_old_age_make_browsers_unknown(self):
        admin = self.admin()
        browser = self.both("user")["browser"]
        ids = {user["name"]: user["id"] for user in admin.call("config", "users")["users"]}
        admin.call("config", "user_change", {"id": ids["user"], "pin": "24680"})
        self.assertEqual(self.pin("24680", browser), {"next": "puk"})
        kept = self.both("installer")["browser"]
        self.age(browsers=90 * 86400000)
        self.assertEqual(self.pin("55555", kept), {"next": "puk"})

    def age(self, browsers=0, sessions=0):
        """Stops config and makes what it keeps older, as time would."""
        self.stop_config()
        path = os.path.join(self.data, "secrets/config.json")
        with open(path, encoding="utf-8") as file:
            store = json.load(file)
        for one in store["browsers"]:
            one["known_ms"] -= browsers
        for one in store["sessions"]:
            one["seen_up_ms"] -= sessions
        with open(path, "w", encoding="utf-8") as file:
            json.dump(store, file)
        self.start_config()

    def test_sessions_end_after_30_minutes_but_for_displays_which_only_look(self):
        admin = self.admin()
        admin.call("config", "user_add", {**ANNA, "name": "Wall", "display": True, "must_change": False,
                                          "pages": ["installation", "consumption"]})
        tokens = {"idle": self.both("user")["token"], "wall": self.both((ANNA["pin"], ANNA["puk"]))["token"]}
        sessions = {name: self.session(self.web, token) for name, token in tokens.items()}
        self.assertEqual([(sessions[name]["display"], sessions[name]["idle_s"]) for name in ("idle", "wall")],
                         [(False, 1800), (True, 0)])
        tabs = {name: self.mqtt(user=session["mqtt"]["username"], password=session["mqtt"]["password"])
                for name, session in sessions.items()}
        # A display sees, and switches nothing.
        wall = tabs["wall"]
        self.assertLess(wall.subscribe("device/+/measures/+"), 128)
        self.assertEqual(wall.publish("device/10/command", {"id": 1}), 135)
        self.assertEqual(wall.publish(f"call/{wall.user}/poller/test", {}), 135)
        self.assertNotEqual(wall.publish(f"call/{wall.user}/recorder/consumption", {}), 135)
        self.age(sessions=HALF_AN_HOUR_MS - 20000)
        self.assertEqual(self.session(self.web, tokens["idle"])["user"]["name"], "user")  # and is used by this
        self.age(sessions=HALF_AN_HOUR_MS)
        tabs["idle"].wait_disconnect()
        self.refused(self.web, "session", {"token": tokens["idle"]}, "session.unknown")
        self.assertEqual(self.session(self.web, tokens["wall"])["user"]["name"], "Wall")
        self.assertEqual(wall.disconnects, [])


class Users(Case):
    """USR-03: users are added, changed, disabled and deleted; the journal has it all but the codes."""

    def setUp(self):
        super().setUp()
        self.start()
        self.web = self.mqtt("web")
        self.admin = self.person(self.web, "administrator")
        self.journal = self.mqtt("console")
        self.journal.subscribe("audit/event")

    def ids(self):
        return {user["name"]: user["id"] for user in self.admin.call("config", "users")["users"]}

    def entry(self, what, count=1):
        """The count-th entry of this kind."""
        def there(_):
            return len(self.entries(what)) >= count
        self.journal.wait("audit/event", there, after=0)
        return self.entries(what)[count - 1]

    def entries(self, what):
        return [m.json for m in self.journal.messages if m.topic == "audit/event" and m.json["what"] == what]

    def test_a_user_is_added_and_comes_in(self):
        answer = self.admin.call("config", "user_add", ANNA)
        login = self.login(self.web, (ANNA["pin"], ANNA["puk"]))
        self.assertFalse(login["must_change"])
        session = self.session(self.web, login["token"])
        self.assertEqual((session["user"], session["pages"]),
                         ({"id": answer["id"], "name": "Anna"}, ["system", "consumption"]))
        entry = self.entry("user_add")
        self.assertEqual((entry["user"], entry["changes"][0]["kind"], entry["changes"][0]["old"]),
                         ("administrator", "user", None))
        self.assertEqual(entry["changes"][0]["new"]["name"], "Anna")
        text = json.dumps([m.json for m in self.journal.messages])
        self.assertNotIn(ANNA["pin"], text)
        self.assertNotIn(ANNA["puk"], text)

    def test_what_is_refused(self):
        self.admin.call("config", "user_add", ANNA)
        table = [
            ({**ANNA, "pin": "55555"}, "codes.default"), ({**ANNA, "puk": "00000999900000"}, "codes.default"),
            ({**ANNA, "name": "Bob"}, "codes.pin_taken"), ({**ANNA, "pin": "31416"}, "user.exists"),
            ({**ANNA, "pin": "3141"}, "codes.form"), ({**ANNA, "pin": "31416", "puk": "1"}, "codes.form"),
            ({**ANNA, "pin": "31416", "name": "a\nb"}, "json.control"),
            ({**ANNA, "pin": "31416", "name": "Bob", "pages": ["kitchen"]}, "access.page"),
            ({**ANNA, "pin": "31416", "name": "Bob", "display": True}, "user.display_pages"),
            ({"name": "Bob", "pin": "31416", "pages": []}, "json.missing"),
            ({**ANNA, "pin": "31416", "name": "Bob", "root": True}, "json.unknown_key"),
        ]
        for args, code in table:
            self.refused(self.admin, "user_add", args, code)
        self.refused(self.admin, "user_change", {"id": 999, "name": "x"}, "user.gone")
        self.assertEqual(sorted(self.ids()), sorted(["Anna", *harness.CODES]))
        # Who has not the page may not even ask; the broker sees to it.
        installer = self.person(self.web, "installer")
        for method in ("users", "user_add", "user_change", "user_remove", "browser_revoke"):
            self.assertEqual(installer.publish(f"call/{installer.user}/config/{method}", {}), 135)

    def test_codes_and_rights_of_another_are_changed(self):
        ids = self.ids()
        old = self.person(self.web, "installer")
        self.admin.call("config", "user_change", {"id": ids["installer"], "pin": "31416", "puk": ANNA["puk"],
                                                  "pages": ["alarms"], "must_change": True})
        old.wait_disconnect()
        self.refused(self.web, "login", {"pin": "55555", "puk": "00000555500000", "address": "192.0.2.1"},
                     "login.wrong_code")
        session = self.session(self.web, self.login(self.web, ("31416", ANNA["puk"]), "192.0.2.2")["token"])
        self.assertEqual((session["user"]["name"], session["pages"]), ("installer", ["alarms"]))
        change = self.entry("user_change")["changes"][0]
        self.assertEqual((change["old"]["pages"][0], change["new"]["pages"], change["new"]["codes_changed"]),
                         ("system", ["alarms"], True))

    def test_disabled_is_not_deleted(self):
        ids, tab = self.ids(), self.person(self.web, "user")
        self.admin.call("config", "user_change", {"id": ids["user"], "disabled": True})
        tab.wait_disconnect()
        with self.assertRaises(ConnectionRefusedError):
            self.mqtt(user=tab.user, password="x")
        self.refused(self.web, "login", {"pin": "11111", "puk": "00000111100000", "address": "192.0.2.3"},
                     "login.wrong_code")
        self.admin.call("config", "user_change", {"id": ids["user"], "disabled": False})
        self.assertIn("token", self.login(self.web, "user", "192.0.2.4"))
        tab = self.person(self.web, "user")
        self.admin.call("config", "user_remove", {"id": ids["user"]})
        tab.wait_disconnect()
        self.assertNotIn("user", self.ids())
        self.assertIsNone(self.entry("user_remove")["changes"][0]["new"])
        # An id is never used twice.
        self.assertGreater(self.admin.call("config", "user_add", ANNA)["id"], max(ids.values()))

    def test_the_last_administrator_and_oneself_stay(self):
        ids = self.ids()
        me, other = ids["administrator"], ids["greenUp"]
        for method, args in (("user_change", {"id": me, "disabled": True}), ("user_remove", {"id": me}),
                             ("user_change", {"id": me, "pages": ["system"]})):
            self.refused(self.admin, method, args, "user.self")
        # Own name and PIN are changed without being thrown out.
        self.admin.call("config", "user_change", {"id": me, "name": "Chief", "pin": "99998"})
        self.assertIn("Chief", self.ids())
        self.admin.call("config", "user_change", {"id": other, "pages": ["greenup"]})
        self.refused(self.admin, "user_change", {"id": me, "pages": ["greenup"]}, "user.last_administrator")

    def test_unlock(self):
        store = os.path.join(self.data, "secrets/config.json")
        self.stop_config()
        with open(store, encoding="utf-8") as file:
            tree = json.load(file)
        (user,) = [one for one in tree["users"] if one["name"] == "user"]
        user["locked"], user["wrong"] = True, 12
        with open(store, "w", encoding="utf-8") as file:
            json.dump(tree, file)
        self.start_config()
        self.refused(self.web, "login", {"pin": "11111", "puk": "00000111100000", "address": "192.0.2.5"}, "login.locked")
        self.admin.wait_connects(1)
        self.admin.call("config", "user_change", {"id": user["id"], "locked": False})
        self.assertIn("token", self.login(self.web, "user", "192.0.2.6"))


class Gateway(unittest.TestCase):
    """The same over HTTP and the WebSocket."""

    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(harness.Edgewatt(harness.small_site(devices=1), simulate=False))
        cls.port = cls.edgewatt.read_run_json()["http"]["port"]

    def post(self, path, body, cookies=None):
        return self.edgewatt.http(path, method="POST", body=body, cookies=cookies)

    def test_logout_leaves_the_browser_known_and_lock_does_not(self):
        pin, puk = harness.CODES["user"]
        first = self.post("/api/login", {"pin": pin, "puk": puk})
        (line,) = [one for one in first.headers.get_all("Set-Cookie") if one.startswith("edgewatt_browser=")]
        flags = sorted(line.split("; ")[1:])
        self.assertEqual(flags, ["HttpOnly", f"Max-Age={90 * 86400}", "Path=/", "SameSite=Strict"])
        browser = {"edgewatt_browser": first.cookies["edgewatt_browser"]}
        left = self.post("/api/logout", {}, {**first.cookies})
        self.assertNotIn("edgewatt_browser", left.cookies)
        second = self.post("/api/login", {"pin": pin}, browser)
        self.assertEqual((second.status, second.json["ok"]), (200, True))
        self.assertEqual(self.edgewatt.http("/api/session", cookies=second.cookies).status, 200)
        locked = self.post("/api/lock", {}, {**second.cookies, **browser})
        self.assertEqual((locked.status, locked.cookies), (200, {"edgewatt": "", "edgewatt_browser": ""}))
        self.assertEqual(self.edgewatt.http("/api/session", cookies=second.cookies).status, 401)
        self.assertEqual(self.post("/api/login", {"pin": pin}, browser).json, {"next": "puk"})
        # Without a session too; and a GET, or another site's page, can't.
        self.assertEqual(self.post("/api/lock", {}).status, 200)
        self.assertEqual(self.edgewatt.http("/api/lock").status, 405)
        foreign = self.edgewatt.http("/api/lock", method="POST", body={}, headers={"Origin": "http://evil.example"})
        self.assertEqual(foreign.status, 403)

    def test_a_disabled_users_socket_ends_at_once(self):
        admin = self.edgewatt.mqtt_of(self.edgewatt.login_as("administrator"))
        login = self.edgewatt.login_as("installer")
        socket = BrowserSocket(self.port, cookie=f"edgewatt={login.cookies['edgewatt']}")
        self.addCleanup(socket.close)
        account = login.session["mqtt"]
        socket.send(connect_packet("test", account["username"], account["password"]))
        reader = MqttReader(socket)
        self.assertEqual(reader.next()[1][1], 0)
        ids = {user["name"]: user["id"] for user in admin.call("config", "users")["users"]}
        admin.call("config", "user_change", {"id": ids["installer"], "disabled": True})
        with self.assertRaises(Exception) as caught:
            while True:
                reader.next()
        self.assertEqual(type(caught.exception).__name__, "Closed")
        self.assertEqual(self.edgewatt.http("/api/session", cookies=login.cookies).status, 401)


if __name__ == "__main__":
    harness.main()
