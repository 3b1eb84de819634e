"""MQTT over WebSocket: who is let in, what goes through, what ends a connection, a thousand connections at once."""

import os
import resource
import socket
import threading
import time
import unittest

import harness
from browser_socket import (TEXT, BrowserSocket, Closed, MqttReader, Refused, connect_packet, publish_packet,
                            subscribe_packet)
from harness import Edgewatt
from test_web_page import Memory

CONNACK, PUBLISH, SUBACK, DISCONNECT = 0x20, 0x30, 0x90, 0xE0
# Of an account that may both send and read it, and that nothing else in these tests uses.
ECHO_ACCOUNT, ECHO_TOPIC = "controller", "session/4001"
WINDOW = 200  # messages under way: the broker drops for readers who fall behind
SOCKETS_MAX, SOCKETS_PER_SESSION, CONNECTIONS_MAX = 256, 32, 512  # gateway/base/limits.h


class Browsers(unittest.TestCase):
    """What the tests below share: a gateway, a login, and ways to open sockets."""

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 4096:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        cls.edgewatt = cls.enterClassContext(Edgewatt(harness.small_site(devices=1), simulate=False))
        cls.port = cls.edgewatt.read_run_json()["http"]["port"]

    def setUp(self):
        self.login = self.edgewatt.login_as("administrator")
        self.cookie = self.cookie_of(self.login)
        self.pids = self.edgewatt.pids()

    def tearDown(self):
        self.assertEqual(self.edgewatt.pids(), self.pids)  # nobody died of it

    @staticmethod
    def cookie_of(login):
        return f"edgewatt={login.cookies['edgewatt']}"

    def open(self, **options):
        opened = BrowserSocket(self.port, **{"cookie": self.cookie, "timeout": harness.PATIENCE_S, **options})
        self.addCleanup(opened.close)
        return opened

    def mqtt(self, user, password, **options):
        """(socket, reader) of an MQTT connection through the tunnel."""
        opened = self.open(**options)
        opened.send(connect_packet(f"test-{os.urandom(6).hex()}", user, password))
        reader = MqttReader(opened)
        kind, body = reader.next()
        self.assertEqual((kind, body[1]), (CONNACK, 0))
        return opened, reader

    def echo(self, **options):
        opened, reader = self.mqtt(*self.edgewatt.secret(ECHO_ACCOUNT), **options)
        opened.send(subscribe_packet(f"{self.edgewatt.base}/{ECHO_TOPIC}"))
        kind, body = reader.next()
        self.assertEqual((kind, body[3]), (SUBACK, 0))
        return opened, reader

    def say(self, text):
        return publish_packet(f"{self.edgewatt.base}/{ECHO_TOPIC}", text)

    def ping_pong(self, opened, reader, text=b"are you there?"):
        """What another browser feels: the time of one message through the broker and back."""
        begun = time.monotonic()
        opened.send(self.say(text))
        while not reader.next()[1].endswith(text):
            pass
        return time.monotonic() - begun


class OneSocket(Browsers):
    def test_only_a_session_from_this_page_is_let_in(self):
        self.open()
        ended = self.edgewatt.login_as("user")
        self.edgewatt.http("/api/logout", body={}, cookies=ended.cookies)
        for name, options, status in [
            ("no cookie", {"cookie": None}, 403),
            ("a made-up session", {"cookie": "edgewatt=" + "a" * 43}, 403),
            ("a session that ended", {"cookie": self.cookie_of(ended)}, 403),
            ("half a session", {"cookie": self.cookie[:-1]}, 403),
            ("two sessions", {"cookie": self.cookie + "; edgewatt=" + "a" * 43}, 403),
            ("another cookie", {"cookie": self.cookie.replace("edgewatt=", "edgewatt_browser=")}, 403),
            ("another site", {"origin": "http://evil"}, 403),
            ("another port", {"origin": "http://127.0.0.1:1"}, 403),
            ("another name", {"origin": f"http://localhost:{self.port}"}, 403),
            ("no site", {"origin": None}, 403),
            ("a page from a file", {"origin": "null"}, 403),
            ("no subprotocol", {"protocol": None}, 400),
            ("another subprotocol", {"protocol": "chat"}, 400),
            ("a protocol of the inside", {"protocol": "(broker)"}, 400),
            ("another address", {"path": "/other"}, 404),
            ("an old version", {"version": "8"}, 426),
        ]:
            with self.subTest(name), self.assertRaises(Refused) as refused:
                self.open(**options)
            self.assertEqual(refused.exception.status, status, name)
            self.assertIn(b'"text":', refused.exception.body)

    def test_the_session_account_reads_what_its_pages_may(self):
        account = self.login.session["mqtt"]
        opened, reader = self.mqtt(account["username"], account["password"])
        opened.send(subscribe_packet(f"{self.edgewatt.base}/service/web/status"))
        kinds = {}
        while PUBLISH not in kinds:
            kind, body = reader.next()
            kinds[kind & 0xF0] = body
        self.assertIn(b'"online":true', kinds[PUBLISH])

    def test_the_broker_asks_for_the_password_of_the_session(self):
        for user, password in ((self.login.session["mqtt"]["username"], "wrong"), (None, None), ("admin", "admin")):
            opened = self.open()
            opened.send(connect_packet("x", user, password))
            reader = MqttReader(opened)
            kind, body = reader.next()
            self.assertEqual(kind, CONNACK)
            self.assertGreaterEqual(body[1], 128)
            with self.assertRaises(Closed):
                reader.next()

    def test_ten_megabytes_of_small_messages_both_ways(self):
        opened, reader = self.echo()
        size, total = 200, 10_000_000
        count = total // size
        room, problems = threading.Semaphore(WINDOW), []

        def send():
            try:
                for number in range(count):
                    room.acquire()
                    opened.send(self.say(number.to_bytes(size, "big")))
            except OSError as error:
                problems.append(error)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        for number in range(count):
            kind, body = reader.next()
            self.assertEqual((kind, int.from_bytes(body[-size:], "big")), (PUBLISH, number))
            room.release()
        sender.join(harness.PATIENCE_S)
        self.assertEqual(problems, [])

    def test_a_reader_who_stops_loses_nothing_that_the_broker_gave_out(self):
        """The queues towards it fill, the broker is not read any more; nothing grows without end."""
        opened, reader = self.echo(receive_buffer=4096)
        memory = Memory(self.edgewatt.pids()["web"])
        chunk, count = bytes(1000), 30_000
        for number in range(count):
            opened.send(self.say(number.to_bytes(4, "big") + chunk))
        self.assertLess(memory.grown(), 4 << 20)
        numbers = [int.from_bytes(reader.next()[1][-1004:-1000], "big") for _ in range(300)]
        self.assertEqual(numbers, list(range(300)))

    def test_a_payload_of_ten_megabytes_is_refused_and_others_feel_nothing(self):
        bystander = self.echo()
        huge = self.say(bytes(10_000_000))
        for name, pieces, codes in [
            ("one message", [huge], {1009}),
            ("many messages", [huge[at:at + 60_000] for at in range(0, len(huge), 60_000)], {1000}),
        ]:
            with self.subTest(name):
                opened, reader = self.echo()
                waits = [self.ping_pong(*bystander)]
                try:
                    for piece in pieces:
                        opened.send(piece)
                except OSError:
                    pass  # the other side closed meanwhile
                waits.append(self.ping_pong(*bystander))
                with self.assertRaises(Closed) as closed:
                    while True:
                        kind, _ = reader.next()
                        self.assertIn(kind, (DISCONNECT, PUBLISH))  # why, or what the others say
                self.assertIn(closed.exception.code, codes | {None})
                waits += [self.ping_pong(*bystander) for _ in range(20)]
                self.assertLess(sorted(waits)[len(waits) // 2], 1.5)

    def test_a_megabyte_goes_through(self):
        opened, reader = self.echo()
        payload = os.urandom(1 << 20)
        opened.send(self.say(payload))
        kind, body = reader.next()
        self.assertEqual(kind, PUBLISH)
        self.assertTrue(body.endswith(payload))

    def test_text_and_broken_frames_end_the_connection(self):
        opened = self.open()
        opened.send_frame(TEXT, b"hello")
        with self.assertRaises(Closed) as closed:
            opened.receive()
        self.assertEqual(closed.exception.code, 1003)
        for opcode, payload, final in ((0, b"continues nothing", True), (3, b"", True), (9, b"x" * 126, True),
                                       (8, b"\x00", True), (9, b"in pieces", False)):
            opened = self.open()
            opened.send_frame(opcode, payload, final)
            with self.subTest(opcode=opcode, payload=payload), self.assertRaises(Closed):
                opened.receive()

    def test_logout_closes_every_socket_of_the_session_at_once(self):
        account = self.login.session["mqtt"]
        tabs = [self.mqtt(account["username"], account["password"])[1] for _ in range(5)]
        bystander = self.echo(cookie=self.cookie_of(self.edgewatt.login_as("greenUp")))
        begun = time.monotonic()
        self.assertEqual(self.edgewatt.http("/api/logout", body={}, cookies=self.login.cookies).status, 200)
        for reader in tabs:
            with self.assertRaises(Closed) as closed:
                reader.next()
            self.assertEqual(closed.exception.code, 4401)
        self.assertLess(time.monotonic() - begun, 5)
        self.ping_pong(*bystander)
        with self.assertRaises(Refused) as refused:
            self.open()
        self.assertEqual(refused.exception.status, 403)


class ManySockets(Browsers):
    """1 000 at once, from addresses of their own or from one."""

    def storm(self, count, cookie_of, source_of=lambda number: None):
        """Tries to open them all at once: (sockets that were let in, status -> how often)."""
        inside, said, lock = [], {}, threading.Lock()

        def enter(numbers):
            for number in numbers:
                try:
                    opened, status = BrowserSocket(self.port, cookie=cookie_of(number), source=source_of(number),
                                                   timeout=harness.PATIENCE_S), 101
                except Refused as refused:
                    opened, status = None, refused.status
                except (OSError, Closed):
                    opened, status = None, 0
                with lock:
                    said[status] = said.get(status, 0) + 1
                    if opened:
                        inside.append(opened)

        threads = [threading.Thread(target=enter, args=(range(at, count, 50),)) for at in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for opened in inside:
            self.addCleanup(opened.close)
        return inside, said

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pids['web']}/fd"))

    def test_a_thousand_without_a_session_hold_nothing(self):
        bystander = self.echo()
        inside, said = self.storm(1000, lambda number: None)
        self.assertEqual((len(inside), sum(said.values())), (0, 1000))
        self.assertLessEqual(set(said), {403, 503, 0})
        self.assertGreater(said.get(403, 0), 100)
        self.ping_pong(*bystander)
        self.edgewatt.login_as("user")

    def test_one_session_can_not_take_all_the_places(self):
        other = self.edgewatt.login_as("greenUp")
        bystander = self.echo(cookie=self.cookie_of(other))
        inside, said = self.storm(1000, lambda number: self.cookie)
        self.assertEqual(len(inside), SOCKETS_PER_SESSION)
        self.assertLessEqual(set(said), {101, 503, 0})
        self.ping_pong(*bystander)
        self.echo(cookie=self.cookie_of(other))  # from the same address, with a session of its own

    def test_a_thousand_with_sessions_stop_at_the_ceiling(self):
        before = self.descriptors()
        bystander = self.echo()
        cookies = [self.cookie_of(self.edgewatt.login_as("administrator")) for _ in range(12)]
        inside, said = self.storm(1000, lambda number: cookies[number % len(cookies)],
                                  lambda number: f"127.0.{number % 16}.{2 + number % 200}")
        self.assertEqual(len(inside) + 1, SOCKETS_MAX)
        self.assertLessEqual(set(said), {101, 503, 0})
        with self.assertRaises(Refused) as refused:
            self.open()
        self.assertEqual((refused.exception.status, b"web.sockets" in refused.exception.body), (503, True))
        waits = sorted(self.ping_pong(*bystander) for _ in range(50))
        self.assertLess(waits[25], 1.5)
        self.assertEqual(self.edgewatt.http("/").status, 200)
        self.assertEqual(self.edgewatt.http("/api/session", cookies=self.login.cookies).status, 200)
        for opened in inside:
            opened.close()
        bystander[0].close()
        harness.wait_until(lambda: self.descriptors() <= before + 2, what="every socket let go of")
        self.echo()

    def test_connections_that_say_nothing_make_room(self):
        """More silent connections than there is room for, from many addresses: newcomers still get in."""
        silent = []
        for number in range(CONNECTIONS_MAX + 100):
            sock = socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE_S, (f"127.0.1.{2 + number % 200}", 0))
            self.addCleanup(sock.close)
            silent.append(sock)
        answered = harness.wait_until(self.session_answers, what="an answer in spite of the silent ones")
        self.assertEqual(answered.status, 200)
        self.echo()

    def session_answers(self):
        try:
            answer = self.edgewatt.http("/api/session", cookies=self.login.cookies)
        except OSError:
            return None
        return answer if answer.status == 200 else None


class BrokerGone(unittest.TestCase):
    def test_the_browser_is_told_and_its_session_lives_on(self):
        with Edgewatt(harness.small_site(devices=1), simulate=False) as edgewatt:
            login = edgewatt.login_as("administrator")
            port, account = edgewatt.read_run_json()["http"]["port"], login.session["mqtt"]
            cookie = f"edgewatt={login.cookies['edgewatt']}"

            def enter():
                try:
                    opened = BrowserSocket(port, cookie=cookie)
                    opened.send(connect_packet("x", account["username"], account["password"]))
                    reader = MqttReader(opened)
                    return reader if reader.next()[1][1] == 0 else None
                except (OSError, Refused, Closed):
                    return None

            reader = enter()
            pid = edgewatt.kill("broker")
            with self.assertRaises(Closed) as closed:
                reader.next()
            self.assertEqual(closed.exception.code, 1000)
            edgewatt.wait_pid("broker", other_than=pid)
            reader = harness.wait_until(enter, what="MQTT with the same session after the broker's restart")
            self.assertEqual(edgewatt.stop(), 0)
            with self.assertRaises(Closed) as closed:
                reader.next()
            self.assertEqual(closed.exception.code, 1001)


if __name__ == "__main__":
    harness.main()
