"""An MQTT 5 client that keeps all it gets, and a broker of the test's own. See harness.py."""
import json
import os
import shutil
import signal
import struct
import threading
import time
import uuid

from processes import Process, find_mosquitto, run
from waiting import PATIENCE_S, free_port, skip, wait_port

try:
    import paho.mqtt.client as paho
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    skip("python3-paho-mqtt is not installed, or this is not Debian's /usr/bin/python3")


class CallError(Exception):
    """The error a service answered a call with."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('text')}")
        self.code, self.path = error.get("code"), error.get("path")
        self.params, self.text = error.get("params") or {}, error.get("text")
        self.error = error


class Message:
    """A message: topic below the base (or "/..." outside), raw bytes, json (None when it is no JSON)."""

    def __init__(self, topic, raw, retain, properties, order):
        self.topic, self.raw, self.retain, self.properties, self.order = topic, raw, retain, properties, order
        self.at = time.monotonic()  # when it came
        try:
            self.json = json.loads(raw) if raw else None
        except ValueError:
            self.json = None

    def __repr__(self):
        return f"<{self.topic} {'kept ' if self.retain else ''}{self.raw[:200]!r}>"


class _Paho(paho.Client):
    """Debian's paho 1.6 drops the reason code of a PUBACK; we want it."""

    puback = None  # (mid, reason code) -> None

    def _handle_pubackcomp(self, cmd):
        packet = self._in_packet["packet"]
        if self.puback and len(packet) >= 2:
            self.puback(struct.unpack("!H", packet[:2])[0], packet[2] if len(packet) > 2 else 0)
        return super()._handle_pubackcomp(cmd)


class Client:
    """An MQTT 5 connection of a test. Everything that arrives is kept, in order."""

    def __init__(self, host, port, user, password, base, client_id=None, connect=True, clean=True, will=None):
        self.user, self.base = user, base
        self.messages, self.latest = [], {}
        self.connects, self.disconnects = [], []  # reason codes
        self.news = threading.Condition()
        self._granted, self._acknowledged, self._filters, self._calls = {}, {}, {}, 0
        self.paho = _Paho(client_id=client_id or f"{user}-{uuid.uuid4().hex[:8]}", protocol=paho.MQTTv5)
        if user is not None:
            self.paho.username_pw_set(user, password)
        if will:
            self.paho.will_set(self.wire(will[0]), will[1], qos=1, retain=True)
        self.paho.reconnect_delay_set(1, 1)
        self.paho.on_connect, self.paho.on_disconnect = self._on_connect, self._on_disconnect
        self.paho.on_message, self.paho.on_subscribe = self._on_message, self._on_subscribe
        self.paho.puback = self._on_puback
        if connect:
            self.paho.connect(host, port, keepalive=20, clean_start=clean)
            self.paho.loop_start()
            self._wait(lambda: self.connects, PATIENCE_S, "no answer to CONNECT")
            if self.connects[0] != 0:
                self.close()
                raise ConnectionRefusedError(f"{user}: the broker refused with code {self.connects[0]}")

    # -- from paho's thread
    def _note(self, change):
        with self.news:
            change()
            self.news.notify_all()

    def _on_connect(self, client, userdata, flags, code, properties=None):
        if code.value == 0:
            for topic, qos in list(self._filters.items()):
                client.subscribe(self.wire(topic), qos)
        self._note(lambda: self.connects.append(code.value))

    def _on_disconnect(self, client, userdata, code, properties=None):
        self._note(lambda: self.disconnects.append(getattr(code, "value", code)))

    def _on_subscribe(self, client, userdata, mid, codes, properties=None):
        self._note(lambda: self._granted.update({mid: [c.value for c in codes]}))

    def _on_puback(self, mid, code):
        self._note(lambda: self._acknowledged.update({mid: code}))

    def _on_message(self, client, userdata, m):
        inside = m.topic.startswith(self.base + "/")
        topic = m.topic[len(self.base) + 1:] if inside else "/" + m.topic
        with self.news:
            message = Message(topic, m.payload, m.retain, m.properties, len(self.messages))
            self.messages.append(message)
            if message.raw:
                self.latest[topic] = message
            else:
                self.latest.pop(topic, None)
            self.news.notify_all()

    # -- for tests
    def wire(self, topic):
        """As in the C adapter: below the base, or as it stands behind a leading slash."""
        return topic[1:] if topic.startswith("/") else f"{self.base}/{topic}"

    def _wait(self, condition, timeout, what):
        with self.news:
            if not self.news.wait_for(condition, PATIENCE_S if timeout is None else timeout):
                raise AssertionError(f"{self.user}: {what() if callable(what) else what}")
            return condition()

    def subscribe(self, topic, qos=1):
        """The broker's reason code: 0..2 the granted QoS, 128 and more refused."""
        code, mid = self.paho.subscribe(self.wire(topic), options=SubscribeOptions(qos=qos))
        if code != paho.MQTT_ERR_SUCCESS:
            raise AssertionError(f"{self.user}: not connected")
        granted = self._wait(lambda: self._granted.get(mid), None, f"no answer to SUBSCRIBE {topic}")[0]
        if granted < 128:
            self._filters[topic] = qos
        return granted

    def publish(self, topic, payload, qos=1, retain=False, expiry=None, response=None, correlation=None):
        """The broker's reason code at QoS 1 (0 done, 16 nobody subscribed, 135 not authorised ...), None at QoS 0."""
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        properties = Properties(PacketTypes.PUBLISH)
        if expiry is not None:
            properties.MessageExpiryInterval = expiry
        if response is not None:
            properties.ResponseTopic = self.wire(response)
        if correlation is not None:
            properties.CorrelationData = correlation
        info = self.paho.publish(self.wire(topic), payload, qos, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise AssertionError(f"{self.user}: not published to {topic}: {paho.error_string(info.rc)}")
        if qos == 0:
            return None
        self._wait(lambda: info.mid in self._acknowledged, None, f"no answer to PUBLISH {topic}")
        return self._acknowledged.pop(info.mid)

    def wait(self, topic, predicate=None, timeout=None, after=None):
        """The first message whose topic matches the filter and predicate(json payload) is true.

        Subscribes when needed. Without `after` what is known counts: the latest message of each topic. after=N (see
        mark()) looks only at messages since then."""
        if topic not in self._filters:
            code = self.subscribe(topic)
            if code >= 128:
                raise PermissionError(f"{self.user}: subscription to {topic} refused with code {code}")

        def find():
            if after is None:
                known = sorted(self.latest.values(), key=lambda m: m.order)
            else:
                known = self.messages[after:]
            for message in known:
                if paho.topic_matches_sub(topic, message.topic) and (not predicate or predicate(message.json)):
                    return message
            return None

        def what():
            seen = [m for m in self.messages if paho.topic_matches_sub(topic, m.topic)]
            return f"nothing fitting on {topic}; {len(seen)} came, the last: {seen[-3:]}"

        return self._wait(find, timeout, what)

    def mark(self):
        """The number of messages so far, for wait(..., after=)."""
        with self.news:
            return len(self.messages)

    def call(self, service, method, args=None, timeout=None):
        """The result of call/<account>/<service>/<method>; CallError when the service says no."""
        replies = f"reply/{self.user}/#"
        if replies not in self._filters and self.subscribe(replies) >= 128:
            raise PermissionError(f"{self.user} may not subscribe to {replies}")
        self._calls += 1
        response, correlation = f"reply/{self.user}/test/{self._calls}", f"t{self._calls}".encode()
        code = self.publish(f"call/{self.user}/{service}/{method}", json.dumps(args or {}), response=response,
                            correlation=correlation)
        if code >= 128:
            raise PermissionError(f"{self.user} may not call {service}/{method} (code {code})")
        answer = self._wait(lambda: self.latest.get(response), timeout, f"no answer of {service}/{method}")
        if getattr(answer.properties, "CorrelationData", None) != correlation:
            raise AssertionError(f"{service}/{method} answered with other correlation data")
        if answer.json is None or ("result" in answer.json) == ("error" in answer.json):
            raise AssertionError(f"{service}/{method} answered with {answer.raw!r}")
        if "error" in answer.json:
            raise CallError(answer.json["error"])
        return answer.json["result"]

    def wait_disconnect(self, timeout=None, count=1):
        return self._wait(lambda: len(self.disconnects) >= count, timeout, "still connected")

    def wait_connects(self, count, timeout=None):
        return self._wait(lambda: len(self.connects) >= count, timeout, "not connected again")

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


class Broker:
    """For services under test without the supervisor: Mosquitto with a password file; can be killed and started again on
    the same port."""

    def __init__(self, folder, users, mark=None):
        self.mark, self.folder, self.port, self.process = mark, folder, free_port(), None
        self.program = find_mosquitto()
        passwords = os.path.join(folder, "passwords")
        with open(passwords, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            for user, password in users.items():
                file.write(f"{user}:{password}\n")
        if not shutil.which("mosquitto_passwd"):
            skip("mosquitto_passwd is not installed")
        run(["mosquitto_passwd", "-U", passwords])
        self.config = os.path.join(folder, "mosquitto.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"listener {self.port} 127.0.0.1\nuser root\nset_tcp_nodelay true\npersistence false\n"
                       f"allow_anonymous false\npassword_file {passwords}\n")

    def start(self):
        self.process = Process("mosquitto", [self.program, "-c", self.config], mark=self.mark)
        wait_port(self.port, alive=self.process.alive)

    def kill(self):
        self.process.stop(number=signal.SIGKILL)

    def stop(self):
        if self.process and self.process.alive():
            self.process.stop()


def health_table(client, timeout=None):
    """The table of service/<name>/status as text, one line a service; what people see first when something is odd."""
    client.wait("service/+/status", timeout=timeout)
    rows = [("service", "online", "version", "pid", "MiB", "beat", "late ms")]
    for topic, message in sorted(client.latest.items()):
        if paho.topic_matches_sub("service/+/status", topic):
            s = message.json or {}
            rows.append((topic.split("/")[1], "yes" if s.get("online") else "no", s.get("version", "-"),
                         str(s.get("pid", "-")), f"{s.get('rss_bytes', 0) / 2**20:.1f}", str(s.get("beat", "-")),
                         str(s.get("late_ms", "-"))))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
