"""Messages that mean harm, from accounts that may send them: each is refused in words or cut off, the others feel nothing."""

import harness
from harness import Edgewatt, PacketTypes, Properties

SERVICES = ["config", "poller", "recorder", "web"]
TEN_MB = b"x" * (10 << 20)
MIB = 1 << 20
WELL_FORMED = b"{}"


class HostileMessages(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edgewatt = Edgewatt(harness.small_site())
        cls.edgewatt.__enter__()
        cls.addClassCleanup(cls.edgewatt.__exit__, None, None, None)
        cls.page = cls.edgewatt.mqtt_of(cls.edgewatt.login_as("administrator"))
        cls.page.subscribe(f"reply/{cls.page.user}/#")
        cls.watcher = cls.edgewatt.mqtt("read")
        for topic in ("service/+/status", "device/+/measures/instant", f"reply/{cls.watcher.user}/#"):
            cls.watcher.subscribe(topic)

    def setUp(self):
        self.shown = self.edgewatt.processes
        self.pids, self.line = self.edgewatt.pids(), len(self.edgewatt.gateway.lines)
        self.addCleanup(self.all_is_well)

    def all_is_well(self):
        """Same processes, no connection lost, measures go on, a call is answered."""
        self.watcher.wait("device/10/measures/instant", after=self.watcher.mark())
        self.assertTrue(self.page.call("config", "site")["site"]["devices"])
        self.assertEqual(self.edgewatt.pids(), self.pids)
        self.assertEqual((self.watcher.disconnects, self.page.disconnects), ([], []))
        lost = [line for line in self.edgewatt.gateway.lines[self.line:] if "lost the connection" in line]
        self.assertEqual(lost, [])

    def answer(self, payload, method="config/check", number=[0]):
        """What a service says to a raw payload: the JSON of its answer."""
        number[0] += 1
        response = f"reply/{self.page.user}/hostile/{number[0]}"
        code = self.page.publish(f"call/{self.page.user}/{method}", payload, response=response, correlation=b"h")
        self.assertEqual(code, 0)
        return self.page.wait(response).json

    def test_ten_megabytes_end_the_connection_of_their_sender_only(self):
        for topic in ("device/10/command", "somewhere/else"):
            with self.subTest(topic=topic):
                sender = self.edgewatt.mqtt("command")
                sender.paho.publish(sender.wire(topic), TEN_MB, 1)
                sender.wait_disconnect()
                sender.close()
                self.edgewatt.gateway.wait_line("disconnected due to oversize packet", start=self.line)

    def test_what_is_no_call_is_answered_in_words(self):
        deep = b'{"site":' + b'{"a":' * 2000 + b"1" + b"}" * 2001
        cases = [
            (b"", "json."), (b"x", "json."), (b"{", "json."), (b'{"a":1}x', "json."), (b'{"a":1,"a":2}', "json."),
            (b"[]", "call.invalid_arguments"), (b"1", "call.invalid_arguments"), (b"null", "call.invalid_arguments"),
            (b'"' + b"\xff" * 3 + b'"', "json."), (b'{"a\0":1}', "json."), (deep, "json."),
            (b'{"a":1e999}', "json."), (b" " * MIB, "json."), (b"[" * MIB, "json."),
        ]
        for payload, code in cases:
            with self.subTest(payload=payload[:40]):
                error = self.answer(payload)["error"]
                self.assertTrue(error["code"].startswith(code), error)
                self.assertRegex(error["text"], r"\w \w")  # a sentence

    def test_an_unknown_method_is_named(self):
        error = self.answer(WELL_FORMED, "recorder/no-such-thing")["error"]
        self.assertEqual((error["code"], error["params"]), ("call.unknown_method", {"service": "recorder",
                                                                                      "method": "no-such-thing"}))

    def test_answers_are_not_sent_to_others(self):
        before = len(self.watcher.messages)
        for response in (f"reply/{self.watcher.user}/x", "device/10/setpoint", f"reply/{self.page.user}",
                         f"reply/{self.page.user}/", f"reply/{self.page.user}/+", "/$CONTROL/dynamic-security/v1"):
            with self.subTest(response=response):
                self.page.publish(f"call/{self.page.user}/config/site", "{}", response=response, correlation=b"x")
                self.answer(WELL_FORMED)  # later on the same way: what came before it was dealt with
                self.assertFalse([m for m in self.watcher.messages[before:] if m.topic.startswith("reply/")])
        self.edgewatt.gateway.wait_line(r"called config/site without a response topic below reply/", start=self.line)

    def test_a_burst_of_calls_is_answered_or_called_too_much(self):
        count, first = 2000, self.page.mark()
        for i in range(count):
            self.page.paho.publish(self.page.wire(f"call/{self.page.user}/config/site"), "{}", 1, properties=self.properties(i))

        def answered():
            return [m for m in self.page.messages[first:] if m.topic == f"reply/{self.page.user}/burst"]

        harness.wait_until(lambda: len(answered()) == count, what="all calls answered")
        codes = {m.json["error"]["code"] for m in answered() if "error" in m.json}
        self.assertLessEqual(codes, {"call.busy"})

    def properties(self, i):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = self.page.wire(f"reply/{self.page.user}/burst")
        properties.CorrelationData = str(i).encode()
        return properties

    def test_commands_of_garbage(self):
        command = self.edgewatt.mqtt("command")
        for payload in (b"", b"x", b"{}", b"[1,2]", b'{"id":1}', b'{"id":"' + b"a" * 100000 + b'"}', b"\0" * 1000):
            for device in (10, 11, 12345):
                command.publish(f"device/{device}/command", payload)
        command.close()


if __name__ == "__main__":
    harness.main()
