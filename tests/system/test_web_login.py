"""Login over HTTP against the real config service: the four users, wrong codes, cookies, bodies that do not fit."""

import json
import os
import signal
import unittest

import harness
from browser_socket import BrowserSocket, Refused
from harness import CODES, Edgewatt

PAGES = {  # USR-02
    "administrator": {"server", "system", "installation", "consumption", "reports", "alarms"},
    "greenUp": {"server", "system", "installation", "consumption", "reports", "alarms", "greenup"},
    "installer": {"system", "installation", "consumption", "alarms"},
    "user": {"consumption", "alarms"},
}


class Login(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), simulate=False))
        cls.port = cls.edgewatt.read_run_json()["http"]["port"]

    def post(self, path, body, **headers):
        return self.edgewatt.http(path, method="POST", body=body,
                                  headers={name.replace("_", "-"): value for name, value in headers.items()})

    def test_the_four_users_see_their_pages(self):
        sessions = set()
        for name, (pin, puk) in CODES.items():
            with self.subTest(name):
                first = self.post("/api/login", {"pin": pin})
                self.assertEqual((first.status, first.json, first.cookies), (200, {"next": "puk"}, {}))
                second = self.post("/api/login", {"pin": pin, "puk": puk})
                self.assertEqual((second.status, second.json), (200, {"ok": True, "must_change": False}))
                session = self.edgewatt.http("/api/session", cookies=second.cookies)
                self.assertEqual(session.status, 200)
                self.assertEqual(session.json["user"]["name"], name)
                self.assertEqual(set(session.json["pages"]), PAGES[name])
                self.assertEqual(session.json["base"], "edgewatt/test")
                self.assertEqual((session.json["language"], session.json["must_change"]), ("en", False))
                self.assertGreater(session.json["up_ms"], 0)
                self.assertEqual(session.headers["Cache-Control"], "no-store")
                sessions.add(session.json["mqtt"]["username"])
        self.assertEqual(len(sessions), 4)

    def test_any_pin_is_followed_by_the_puk(self):
        for pin in ("99999", "12345", "00000"):
            answer = self.post("/api/login", {"pin": pin})
            self.assertEqual((answer.status, answer.json), (200, {"next": "puk"}))

    def test_the_cookie_is_for_this_page_only(self):
        pin, puk = CODES["user"]
        lines = self.post("/api/login", {"pin": pin, "puk": puk}).headers.get_all("Set-Cookie")
        (line,) = [one for one in lines if one.startswith("edgewatt=")]
        token, *flags = line.split("; ")
        self.assertEqual(sorted(flags), ["HttpOnly", "Path=/", "SameSite=Strict"])
        self.assertRegex(token, r"^edgewatt=[A-Za-z0-9_-]{40,}$")

    def test_who_is_not_logged_in_is_told_so(self):
        for cookies in ({}, {"edgewatt": "x"}, {"edgewatt": "a" * 43}, {"edgewatt": "a" * 500}, {"edgewatt": "../../../etc/x"}):
            answer = self.edgewatt.http("/api/session", cookies=cookies)
            self.assertEqual((answer.status, answer.json["language"]), (401, "en"), cookies)
            self.assertTrue(answer.json["error"]["text"])

    def test_bodies_that_do_not_fit_are_refused_with_their_place(self):
        good = {"pin": "99999"}
        table = [
            ({}, 400, "/pin"), ({"pin": 99999}, 400, "/pin"), ({"pin": "9999"}, 400, "/pin"), ({"pin": "9999a"}, 400, "/pin"),
            ({"pin": "99999", "puk": "0000"}, 400, "/puk"), ({"pin": "99999", "puk": None}, 400, "/puk"),
            ({"pin": "99999", "x": 1}, 400, "/x"), ([], 400, "/"), ("99999", 400, None), ("", 400, None),
            ('{"pin":"99999"', 400, None), ('{"pin":"99999","pin":"99999"}', 400, None), (b"\xff\xff", 400, None),
            ("[" * 1000, 400, None), (json.dumps(good).ljust(16384), 200, None), (json.dumps(good).ljust(16385), 413, None),
            (b" " * 3_000_000, 413, None),
        ]
        for body, status, path in table:
            with self.subTest(str(body)[:60]):
                answer = self.post("/api/login", body, Content_Type="application/json")
                self.assertEqual(answer.status, status, answer.body)
                if path:
                    self.assertEqual(answer.json["error"]["path"], path)
        self.assertEqual(self.post("/api/login", json.dumps(good), Content_Type="text/plain").status, 415)
        self.assertEqual(self.post("/api/login", "pin=99999", Content_Type="application/x-www-form-urlencoded").status, 415)
        self.assertEqual(self.edgewatt.http("/api/login").status, 405)

    def test_other_sites_can_not_log_in_or_out(self):
        for origin in ("http://evil", "null", f"http://127.0.0.1:{self.port + 1}", f"http://localhost:{self.port}"):
            for path in ("/api/login", "/api/logout", "/api/codes"):
                answer = self.post(path, {"pin": "99999"}, Origin=origin)
                self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "web.origin"), (origin, path))
        own = self.post("/api/login", {"pin": "99999"}, Origin=f"http://127.0.0.1:{self.port}")
        self.assertEqual(own.status, 200)

    def test_logout_ends_the_session_and_its_cookie(self):
        login = self.edgewatt.login_as("installer")
        other = self.edgewatt.login_as("installer")
        answer = self.edgewatt.http("/api/logout", body={}, cookies=login.cookies)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.cookies, {"edgewatt": ""})
        self.assertIn("Max-Age=0", answer.headers["Set-Cookie"])
        self.assertEqual(self.edgewatt.http("/api/session", cookies=login.cookies).status, 401)
        self.assertEqual(self.edgewatt.http("/api/session", cookies=other.cookies).status, 200)
        self.assertEqual(self.edgewatt.http("/api/logout", body={}, cookies=login.cookies).status, 200)
        self.assertEqual(self.edgewatt.http("/api/logout", body={}).status, 200)

    def test_web_itself_holds_no_code_and_no_hash(self):
        with open(os.path.join(self.edgewatt.data, "secrets/web.json"), encoding="utf-8") as file:
            self.assertEqual(set(json.load(file)), {"user", "password"})
        web = self.edgewatt.mqtt("web")
        for topic in ("device/10/setpoint", "device/10/command", "config/device/10", "/$CONTROL/dynamic-security/v1"):
            self.assertEqual(web.publish(topic, "{}"), 135, topic)
        for topic in ("device/10/measures/instant", "device/10/setpoint", "config/device/10", "audit/event",
                      "/$CONTROL/dynamic-security/v1/response", "reply/config/x", "/$SYS/broker/clients/total"):
            self.assertGreaterEqual(web.subscribe(topic), 128, topic)


class WrongCodes(unittest.TestCase):
    """On a gateway of their own: wrong tries slow down everybody behind the same address."""

    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), simulate=False))

    def test_the_answer_does_not_tell_what_was_wrong_and_tries_slow_down(self):
        pin, puk = CODES["administrator"]
        answers = []
        for body in ({"pin": pin, "puk": puk[:-1] + "1"}, {"pin": "12345", "puk": puk}):
            answer = harness.wait_until(lambda body=body: self.try_once(body), what="an answer that is not \"wait\"")
            self.assertEqual((answer.status, answer.cookies), (401, {}))
            answers.append({key: answer.json["error"][key] for key in ("code", "text")})
        self.assertEqual(answers[0], answers[1])
        slow = None
        for _ in range(20):
            slow = self.edgewatt.http("/api/login", body={"pin": "12345", "puk": puk})
            if slow.status == 429:
                break
        self.assertEqual(slow.status, 429)
        self.assertRegex(slow.headers["Retry-After"], r"^[1-9][0-9]*$")
        self.assertTrue(slow.json["error"]["text"])
        good = harness.wait_until(lambda: self.try_once({"pin": pin, "puk": puk}), what="the right codes in their turn")
        self.assertEqual(good.status, 200)

    def try_once(self, body):
        answer = self.edgewatt.http("/api/login", body=body)
        return None if answer.status == 429 else answer


class OwnCodes(unittest.TestCase):
    """Without --demo the manual's codes must be changed before anything is shown."""

    def test_first_login_asks_for_own_codes(self):
        with Edgewatt(harness.small_site(devices=1), demo=False, simulate=False) as edgewatt:
            pin, puk = CODES["user"]
            answer = edgewatt.http("/api/login", body={"pin": pin, "puk": puk})
            self.assertEqual((answer.status, answer.json), (200, {"ok": True, "must_change": True}))
            cookies = answer.cookies
            self.assertTrue(edgewatt.http("/api/session", cookies=cookies).json["must_change"])
            codes = {"pin": pin, "puk": puk, "new_pin": "24680", "new_puk": "13579135791357"}
            for change, status in (({"puk": "99999999999999"}, 401), ({"new_pin": pin, "new_puk": puk}, 400),
                                   ({"new_pin": CODES["installer"][0]}, 400), ({"new_pin": "1234"}, 400)):
                with self.subTest(change):
                    refused = harness.wait_until(lambda change=change: self.change(edgewatt, {**codes, **change}, cookies))
                    self.assertEqual(refused.status, status, refused.body)
            self.assertEqual(edgewatt.http("/api/codes", body=codes).status, 401)
            done = harness.wait_until(lambda: self.change(edgewatt, codes, cookies))
            self.assertEqual(done.status, 200, done.body)
            cookies = {**cookies, **done.cookies}
            session = edgewatt.http("/api/session", cookies=cookies)
            self.assertEqual((session.status, session.json["must_change"]), (200, False))
            again = edgewatt.login("24680", "13579135791357")
            self.assertEqual(again.session["user"]["name"], "user")

    def change(self, edgewatt, codes, cookies):
        answer = edgewatt.http("/api/codes", body=codes, cookies=cookies)
        return None if answer.status == 429 else answer


class Restarts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), simulate=False))

    def test_a_session_outlives_the_web_service(self):
        login = self.edgewatt.login_as("administrator")
        pid = self.edgewatt.kill("web")
        self.edgewatt.wait_pid("web", other_than=pid)
        session = harness.wait_until(lambda: self.session(login), what="the session behind the new web service")
        self.assertEqual(session["user"]["name"], "administrator")
        port = self.edgewatt.read_run_json()["http"]["port"]
        BrowserSocket(port, cookie=f"edgewatt={login.cookies['edgewatt']}").close()

    def session(self, login):
        try:
            answer = self.edgewatt.http("/api/session", cookies=login.cookies)
        except OSError:
            return None
        return answer.json if answer.status == 200 else None

    def test_an_open_cookie_of_before_is_let_in_at_the_second_try(self):
        login = self.edgewatt.login_as("user")
        pid = self.edgewatt.kill("web")
        self.edgewatt.wait_pid("web", other_than=pid)

        def enter():
            try:
                return BrowserSocket(self.edgewatt.read_run_json()["http"]["port"],
                                     cookie=f"edgewatt={login.cookies['edgewatt']}")
            except (OSError, Refused):
                return None

        harness.wait_until(enter, what="the WebSocket of a session that is older than the web service").close()

    def test_a_silent_config_is_said_and_the_page_is_there(self):
        login = self.edgewatt.login_as("user")
        pid = self.edgewatt.kill("config", signal.SIGSTOP)  # the supervisor notices after 5 s and starts a new one
        watch = harness.Stopwatch(self.edgewatt.pids()["web"])
        self.assertEqual(self.edgewatt.http("/").status, 200)
        self.assertLess(watch.seconds(), 1.5)
        answer = self.edgewatt.http("/api/session", cookies=login.cookies)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (503, "web.config_silent"))
        self.assertTrue(answer.headers["Retry-After"])
        self.edgewatt.wait_pid("config", other_than=pid)
        session = harness.wait_until(lambda: self.session(login), what="the session behind the new config")
        self.assertEqual(session["user"]["name"], "user")


if __name__ == "__main__":
    harness.main()
