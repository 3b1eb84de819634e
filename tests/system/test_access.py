#!/usr/bin/python3
"""Every account x every topic of DESIGN on the real broker with the files of `edgewatt broker-files`; every account x every
URL on the whole gateway.

The tables below were written by hand from DESIGN's topics and the pages of USR-02, not from broker-config: who may
publish, who may subscribe. Each cell that is not named must be refused. People are named by their pages ("@alarms"; "@every":
whoever is logged in): the four of USR-02, one for each single page, one with none and one with all. Prints the counts of
allow and deny.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser_socket  # noqa: E402
import harness  # noqa: E402
import mqtt5  # noqa: E402
from waiting import PATIENCE_S, free_port, wait_port  # noqa: E402

BUILD = os.environ.get("EDGEWATT_BUILD", "build/dev")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
EDGEWATT = os.path.join(BUILD, "bin", "edgewatt")
BASE = "edgewatt/atelier"

SERVICES = "poller controller recorder notifier config web server ftp supervisor console".split()
PAGES = {  # USR-02
    "administrator": ["server", "system", "installation", "consumption", "reports", "alarms"],
    "greenUp": ["server", "system", "installation", "consumption", "reports", "alarms", "greenup"],
    "installer": ["system", "installation", "consumption", "alarms"],
    "user": ["consumption", "alarms"],
}
ALL_PAGES = "server system installation consumption reports alarms greenup".split()
PAGES.update({"only-" + page: [page] for page in ALL_PAGES}, nothing=[], everything=ALL_PAGES)
ROLES = {"ha": "read", "nodered": "command"}
ACCOUNTS = SERVICES + list(PAGES) + list(ROLES)

RELAYS = {"id": "relays", "version": "1.0", "family": "Tests", "model": "Relays", "kind": "io", "confidence": "driver",
          "references": ["the tests"],
          "registers": {"output_1": {"fc": 1, "address": 1, "type": "bool", "group": "state"}},
          "commands": {"output_1": {"fc": 5, "address": 1, "type": "bool"}}}

# Shorthands of the table.
OTHERS = "ha nodered"
READERS = "poller controller recorder notifier config server console"  # services that take the configuration whole
WATCHERS = "poller controller recorder notifier console"               # ... and what the poller says

# topic (below the base unless it begins with "/") | who may publish | who may subscribe
TABLE = [
    *[(f"service/{name}/status", name, f"controller notifier supervisor console @every {OTHERS}" +
       {"controller": " poller", "recorder": " config"}.get(name, ""))
      for name in SERVICES if name != "console"],
    ("service/console/status", "", f"controller notifier supervisor console @every {OTHERS}"),
    ("config/bus/1", "config", f"{READERS} @server @system @installation @consumption @alarms @greenup {OTHERS}"),
    ("config/device/12", "config", f"{READERS} @server @system @installation @consumption @reports @alarms @greenup {OTHERS}"),
    ("config/panel/1", "config", f"{READERS} @server @system @installation {OTHERS}"),
    ("config/circuit/1", "config", f"{READERS} @server @system @installation @consumption @reports {OTHERS}"),
    ("config/zone/1", "config", f"{READERS} @server @system @installation @consumption @reports @greenup {OTHERS}"),
    ("config/tariff/1", "config", f"{READERS} @server @system @consumption {OTHERS}"),
    ("config/cost_rule/1", "config", f"{READERS} @server @system @consumption {OTHERS}"),
    ("config/profile/sdm630", "config", f"{READERS} @server @system @installation @consumption @reports @greenup {OTHERS}"),
    ("config/settings/site", "config", f"{READERS} web @every {OTHERS}"),
    ("config/settings/sampling", "config", f"{READERS} @server @system @consumption @reports {OTHERS}"),
    ("config/settings/gas", "config", f"{READERS} @server @system @consumption"),
    ("config/settings/csv", "config", f"{READERS} @server @consumption"),  # whoever saves a chart as CSV wants its separators
    ("config/settings/web", "config", f"{READERS} web @server"),
    ("config/settings/modbus_server", "config", f"{READERS} @server"),
    ("config/settings/notifications", "config", f"{READERS} @server"),
    ("config/settings/reports", "config", f"{READERS} @server @reports"),
    ("config/settings/greenup", "config", f"{READERS} @server @greenup"),
    ("bus/1/status", "poller", f"{WATCHERS} @server @system @installation @alarms @greenup {OTHERS}"),
    ("device/12/status", "poller", f"{WATCHERS} server @server @system @installation @consumption @alarms @greenup {OTHERS}"),
    *[(f"device/12/measures/{group}", "poller", f"{WATCHERS} server @system @installation @consumption @greenup {OTHERS}")
      for group in ("instant", "energy", "quality", "harmonics", "statistics", "info")],
    ("device/12/state", "poller", f"{WATCHERS} @system @installation {OTHERS}"),
    ("device/12/charge", "poller", f"{WATCHERS} @system @installation @greenup {OTHERS}"),
    ("device/12/links", "poller", f"poller console @system @installation {OTHERS}"),
    ("bus/1/scan", "poller", "poller console @system"),
    ("device/12/setpoint", "controller", "poller"),
    # A relay, a charge point (its commands come with Green'Up alone), a meter that takes none, nothing at all.
    ("device/12/command", "@installation nodered", "poller controller"),
    ("device/38/command", "@greenup nodered", "poller controller"),
    ("device/13/command", "", "poller controller"),
    ("device/99/command", "", "poller controller"),
    ("greenup/status", "controller", f"controller recorder notifier console @greenup {OTHERS}"),
    ("session/12", "controller", f"controller recorder notifier console @greenup {OTHERS}"),
    ("total/circuit/1", "recorder", f"recorder server console @consumption {OTHERS}"),
    ("total/site/1", "recorder", f"recorder server console @consumption {OTHERS}"),
    ("alarm/event", "poller controller recorder notifier config web server supervisor",
     f"recorder notifier console @server @alarms {OTHERS}"),
    ("alarm/active", "notifier", f"recorder notifier console @server @alarms {OTHERS}"),
    ("audit/event", "config", "recorder console @server"),
    ("ftp/account", "config", "ftp"),  # the hash of its password
    # Calls under one's own name.
    ("call/{self}/config/login", "web", "config"),
    ("call/{self}/config/session", "web", "config"),
    ("call/{self}/config/logout", "web", "config"),
    ("call/{self}/config/codes", "web", "config"),
    ("call/{self}/config/lock", "web", "config"),
    *[(f"call/{{self}}/config/{method}", "@server", "config")
      for method in ("users", "user_add", "user_change", "user_remove", "browser_revoke", "backup")],
    ("call/{self}/config/ftp_change", "console @server", "config"),
    ("call/{self}/config/profile", "console @system", "config"),
    ("call/{self}/config/profiles", "console @system", "config"),
    ("call/{self}/config/site", "console @server @system", "config"),
    ("call/{self}/config/change", "console @server @system @greenup", "config"),
    ("call/{self}/config/undo", "console @server @system @greenup", "config"),
    ("call/{self}/config/check", "console @server @system @greenup", "config"),
    ("call/{self}/config/versions", "console @server @system", "config"),
    ("call/{self}/config/greenup", "controller", "config"),
    ("call/{self}/poller/test", "console @system @installation", "poller"),
    ("call/{self}/poller/read", "server console @system", "poller"),
    ("call/{self}/poller/write", "server console @system", "poller"),
    ("call/{self}/poller/scan", "console @system", "poller"),
    ("call/{self}/poller/preview", "console @system", "poller"),
    ("call/{self}/recorder/consumption", f"notifier console @server @consumption @reports {OTHERS}", "recorder"),
    ("call/{self}/recorder/history", f"notifier console @server @consumption @reports {OTHERS}", "recorder"),
    ("call/{self}/recorder/series", f"notifier console @server @consumption @greenup {OTHERS}", "recorder"),
    ("call/{self}/recorder/compare", f"notifier console @server @consumption {OTHERS}", "recorder"),
    ("call/{self}/recorder/tariffs", "notifier console @server @consumption", "recorder"),
    ("call/{self}/recorder/quality", "notifier console @server @consumption", "recorder"),
    ("call/{self}/recorder/charges", "notifier console @server @greenup", "recorder"),
    ("call/{self}/recorder/tariff_calendar", "notifier console @server @system", "recorder"),
    ("call/{self}/recorder/report", "notifier console @server @reports", "recorder"),
    ("call/{self}/recorder/alarms", f"notifier console @server @alarms {OTHERS}", "recorder"),
    ("call/{self}/recorder/optimise", "notifier console @server", "recorder"),
    ("call/{self}/recorder/export", "config notifier console @server", "recorder"),
    ("call/{self}/controller/priority", "console @greenup", "controller"),
    ("call/{self}/notifier/test", "console @server", "notifier"),
    # Calls under somebody else's name.
    ("call/{other}/config/login", "", "config"),
    ("call/{other}/config/change", "", "config"),
    ("call/{other}/config/greenup", "", "config"),
    ("call/{other}/poller/write", "", "poller"),
    ("call/{other}/recorder/consumption", "", "recorder"),
    ("call/{other}/controller/priority", "", "controller"),
    # Answers.
    ("reply/{self}/1", "poller controller recorder notifier config",
     f"config web controller notifier server console @every {OTHERS}"),
    ("reply/{other}/1", "poller controller recorder notifier config", ""),
    # What is no topic of Edgewatt.
    ("secrets/config", "", ""),
    ("device/12/limit", "", ""),
    ("/edgewatt/other/device/12/setpoint", "", ""),
    ("/edgewatt/other/device/12/measures/instant", "", ""),
    ("/anything", "", ""),
    ("/homeassistant/status", OTHERS, f"config {OTHERS}"),
    ("/homeassistant/device/edgewatt_atelier_12/config", "config", f"config {OTHERS}"),
    ("/homeassistant/sensor/other/config", "", OTHERS),
    ("/$CONTROL/dynamic-security/v1", "config", ""),
    ("/$CONTROL/dynamic-security/v1/response", "", "config"),
    ("/$CONTROL/other/v1", "", ""),
    *[(f"/$SYS/broker/{figure}", "", "config")
      for figure in ("clients/connected", "load/messages/received/1min", "load/messages/sent/1min", "heap/current")],
]

# Filters with wildcards: who may subscribe.
FILTERS = [
    ("/#", ""), ("/+/#", ""), ("/+/+/#", ""), ("/$SYS/#", ""), ("/$CONTROL/#", ""), ("/edgewatt/#", ""),
    ("#", ""), ("+/+/+", ""), ("device/#", ""), ("device/+/+", ""), ("device/12/#", ""), ("call/#", ""),
    ("reply/#", ""), ("reply/+/+", ""), ("session/#", ""),
    ("config/#", f"{READERS} @server"),
    ("config/settings/+", f"{READERS} @server"),
    ("config/device/+", f"{READERS} @server @system @installation @consumption @reports @alarms @greenup {OTHERS}"),
    ("service/+/status", f"controller notifier supervisor console @every {OTHERS}"),
    ("bus/+/status", f"{WATCHERS} @server @system @installation @alarms @greenup {OTHERS}"),
    ("device/+/status", f"{WATCHERS} server @server @system @installation @consumption @alarms @greenup {OTHERS}"),
    ("device/+/measures/+", f"{WATCHERS} server @system @installation @consumption @greenup {OTHERS}"),
    ("device/+/measures/instant", f"{WATCHERS} server @system @installation @consumption @greenup {OTHERS}"),
    ("device/+/setpoint", "poller"),
    ("device/+/command", "poller controller"),
    ("call/+/config/+", "config"),
    ("call/+/poller/+", "poller"),
    ("call/+/recorder/+", "recorder"),
    ("reply/{self}/#", f"config web controller notifier server console @every {OTHERS}"),
    ("reply/{other}/#", ""),
    ("total/+/+", f"recorder server console @consumption {OTHERS}"),
    ("/homeassistant/#", OTHERS),
]


PAGE_NAMES = ["@every", *("@" + page for page in ALL_PAGES)]


def may(account, who):
    names = who.split()
    return account in names or account in PAGES and ("@every" in names or any("@" + page in names for page in PAGES[account]))


def b64(data):
    return base64.b64encode(data).decode()


def subkey(master, number, context):
    """libsodium's crypto_kdf (BLAKE2b with salt and personalisation)."""
    return hashlib.blake2b(b"", digest_size=32, key=master, salt=number.to_bytes(8, "little") + bytes(8),
                           person=context + bytes(8)).digest()


class Rig:
    """A data folder, its broker, and the passwords of every account."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="edgewatt-access.")
        self.data = os.path.join(self.folder.name, "data")
        os.mkdir(self.data, 0o700)
        with open(os.path.join(self.data, "site.json"), "w", encoding="utf-8") as file:
            json.dump({"version": 1, "site": {"id": "atelier", "tz": "Europe/Paris"},
                       "buses": [{"id": 1, "type": "tcp", "address": "127.0.0.1", "port": 1502}],
                       "devices": [{"id": 12, "bus": 1, "unit": 1, "profile": "relays"},
                                   {"id": 13, "bus": 1, "unit": 2, "profile": "eastron-sdm630"},
                                   {"id": 38, "bus": 1, "unit": 3, "profile": "abb-terra-ac"}]}, file)
        os.mkdir(os.path.join(self.data, "profiles"), 0o700)
        with open(os.path.join(self.data, "profiles", "relays.json"), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(RELAYS, file)
        self.port = free_port()
        self.users, self.passwords = {}, {}
        self.files()  # makes the services' accounts
        self.put_accounts()
        self.files()
        self.start()
        for name in SERVICES:
            self.users[name] = name
            with open(os.path.join(self.data, "secrets", name + ".json"), encoding="utf-8") as file:
                self.passwords[name] = json.load(file)["password"]

    def files(self):
        subprocess.run([EDGEWATT, "broker-files", "--data", self.data, "--mqtt", str(self.port)], check=True)

    def put_accounts(self):
        """What config would have written: a session of each predefined user, two integration accounts."""
        path = os.path.join(self.data, "secrets", "config.json")
        with open(path, encoding="utf-8") as file:
            store = json.load(file)
        key = os.urandom(32)
        store.update(version=1, key=b64(key), boot="", next_id=1, next_user=len(PAGES) + 1, users=[], sessions=[], integrations=[])
        for number, (name, pages) in enumerate(PAGES.items(), 1):
            store["users"].append({"id": number, "name": name, "pages": pages, "disabled": False, "must_change": False,
                                   "locked": False, "wrong": 0, "pin": b64(bytes(32)), "salt": b64(bytes(16)),
                                   "puk": b64(bytes(32))})
            session = "s-%016x" % (number + 0xABC0)
            store["sessions"].append({"id": session, "token": b64(os.urandom(32)), "user": number, "open": True,
                                      "created_ms": 0, "seen_up_ms": 0})
            mac = hmac.new(subkey(key, 2, b"ew-sessn"), session.encode(), "sha512").digest()[:32]
            self.users[name] = session
            self.passwords[name] = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        for name, role in ROLES.items():
            salt, password = os.urandom(12), "password-of-" + name
            store["integrations"].append({"name": name, "role": role, "salt": b64(salt), "iterations": 101,
                                          "created_ms": 0,
                                          "hash": b64(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101))})
            self.users[name], self.passwords[name] = name, password
        with open(path, "w", encoding="utf-8") as file:
            json.dump(store, file)

    def start(self):
        self.log = open(os.path.join(self.folder.name, "broker.log"), "ab")
        self.broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", os.path.join(self.data, "run/broker/mosquitto.conf")],
                                       stdout=self.log, stderr=self.log)
        wait_port(self.port, alive=lambda: self.broker.poll() is None)

    def stop(self):
        self.broker.terminate()
        self.broker.wait(PATIENCE_S)
        self.log.close()

    def client(self, account, **more):
        return mqtt5.Client(self.port, self.users[account], self.passwords[account], **more)

    def spell(self, account, topic):
        other = self.users["console" if account == "administrator" else "administrator"]
        topic = topic.replace("{self}", self.users[account]).replace("{other}", other)
        return topic[1:] if topic.startswith("/") else f"{BASE}/{topic}"


@unittest.skipUnless(os.path.exists("/usr/sbin/mosquitto"), "mosquitto is not installed")
class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = Rig()

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()
        cls.rig.folder.cleanup()

    def judge(self, what, account, topic, allowed, code, counts):
        counts["allow" if code < 0x80 else "deny"] += 1
        if code not in ((0, 1, 0x10) if allowed else (mqtt5.NOT_AUTHORIZED,)):
            self.wrong.append(f"{account} {what} {topic}: {code:#x}, expected {'allow' if allowed else 'deny'}")

    def test_every_account_and_topic(self):
        self.wrong = []
        publish, subscribe = {"allow": 0, "deny": 0}, {"allow": 0, "deny": 0}
        for row in TABLE:
            for name in (row[1] + " " + row[2]).split():
                self.assertIn(name, ACCOUNTS + PAGE_NAMES, row)
        for account in ACCOUNTS:
            client = self.rig.client(account)
            spelled = {self.rig.spell(account, topic): (topic, pub, sub) for topic, pub, sub in TABLE}
            self.assertEqual(len(spelled), len(TABLE))
            for topic, code in client.publish(spelled).items():
                self.judge("publishes", account, topic, may(account, spelled[topic][1]), code, publish)
            filters = {self.rig.spell(account, one): who for one, who in FILTERS}
            filters.update({topic: sub for topic, (_, _, sub) in spelled.items()})
            for one, code in client.subscribe(filters).items():
                self.judge("subscribes to", account, one, may(account, filters[one]), code, subscribe)
            client.close()
        print(f"{len(ACCOUNTS)} accounts: publish {publish['allow']} allow {publish['deny']} deny, "
              f"subscribe {subscribe['allow']} allow {subscribe['deny']} deny")
        self.assertEqual(self.wrong, [])
        self.assertGreater(publish["deny"], publish["allow"])

    def test_the_table_names_every_topic_there_is_a_right_for(self):
        """A right that is added to broker-config without a row here is noticed."""
        patterns = set()
        for name in ("services", "pages", "integrations"):
            with open(os.path.join(SOURCE, "broker-config", name + ".json"), encoding="utf-8") as file:
                for rights in json.load(file).values():
                    patterns.update(rights["publish"] + rights["subscribe"])
        rows = [row[0] for row in TABLE] + [row[0].replace("{self}", name) for row in TABLE for name in SERVICES]
        rows += [row[0].replace("12", "{commanded}").replace("38", "{station}") for row in TABLE]

        def spell(topic):
            return topic.replace("{account}", "{self}").replace("$CONTROL", "/$CONTROL").replace("//", "/")

        def covered(pattern):
            regex = "/".join(".*" if level == "#" else "[^/]+" if level == "+" else re.escape(level)
                             for level in spell(pattern).split("/"))
            return any(re.fullmatch(regex, row) for row in rows)

        self.maxDiff = None
        self.assertEqual(sorted(one for one in patterns if not covered(one)), [])

    def test_nobody_without_an_account(self):
        for user, password in (("", ""), ("web", "wrong"), ("nobody", "x"), ("web", ""),
                               ("ha", self.rig.passwords["nodered"])):
            with self.assertRaises(mqtt5.Refused):
                mqtt5.Client(self.rig.port, user, password)

    def test_the_web_services_account_reaches_nothing(self):
        """What a thief of web's account holds (issue 2, item 7)."""
        web = self.rig.client("web")
        poller = self.rig.client("poller")
        poller.subscribe([f"{BASE}/device/+/setpoint", f"{BASE}/device/+/command"])
        setpoints = [f"{BASE}/device/{n}/setpoint" for n in range(1, 30)] + [f"{BASE}/device/12/command"]
        self.assertEqual(set(web.publish(setpoints).values()), {mqtt5.NOT_AUTHORIZED})
        poller.flush()
        self.assertEqual(poller.messages, [])
        commands = [
            {"command": "listClients"}, {"command": "getClient", "username": "config"},
            {"command": "createClient", "username": "thief", "password": "x"},
            {"command": "addClientRole", "username": "web", "rolename": "config"},
            {"command": "setDefaultACLAccess", "acls": [{"acltype": "subscribe", "allow": True}]},
        ]
        for command in commands:
            body = json.dumps({"commands": [command]}).encode()
            for topic in ("$CONTROL/dynamic-security/v1", "$CONTROL/dynamic-security/v2", "$CONTROL/broker/v1"):
                self.assertEqual(web.publish([topic], body), {topic: mqtt5.NOT_AUTHORIZED})
        with self.assertRaises(mqtt5.Refused):
            mqtt5.Client(self.rig.port, "thief", "x")
        session = self.rig.users["administrator"]
        wanted = [f"{BASE}/reply/{session}/#", f"{BASE}/reply/+/#", f"{BASE}/reply/#", f"{BASE}/call/#", f"{BASE}/secrets/#",
                  f"{BASE}/config/#", "$CONTROL/#", "$CONTROL/dynamic-security/v1/response", "#", f"{BASE}/#"]
        self.assertEqual(set(web.subscribe(wanted).values()), {mqtt5.NOT_AUTHORIZED})
        # An answer to somebody else does not reach it, not even with its own subscription standing.
        self.assertEqual(set(web.subscribe([f"{BASE}/reply/web/#"]).values()), {1})
        config = self.rig.client("config")
        config.publish([f"{BASE}/reply/{session}/1", f"{BASE}/reply/web/1"], b'{"result":{}}')
        web.flush()
        self.assertEqual([topic for topic, *_ in web.messages], [f"{BASE}/reply/web/1"])
        for client in (web, poller, config):
            client.close()

    def control(self, config, *commands):
        before = len(config.messages)
        config.publish(["$CONTROL/dynamic-security/v1"], json.dumps({"commands": list(commands)}).encode())
        while len(config.messages) == before:
            config.flush()
        for answer in json.loads(config.messages[-1][1])["responses"]:
            self.assertNotIn("error", answer)

    def test_receiving_is_denied_by_default(self):
        """The right to subscribe alone brings nothing: receiving is a right of its own."""
        topic = f"{BASE}/device/99/status"
        acl = {"topic": f"{BASE}/device/+/status", "priority": 0, "allow": True}
        config, poller = self.rig.client("config"), self.rig.client("poller")
        config.subscribe(["$CONTROL/dynamic-security/v1/response"])
        for right, messages in (("subscribePattern", 0), ("publishClientReceive", 1)):
            acls = [dict(acl, acltype="subscribePattern"), dict(acl, acltype=right)]
            self.control(config, {"command": "createRole", "rolename": "guest", "acls": acls},
                         {"command": "createClient", "username": "guest", "password": "x",
                          "roles": [{"rolename": "guest"}]})
            guest = mqtt5.Client(self.rig.port, "guest", "x")
            self.assertEqual(guest.subscribe([topic]), {topic: 1})
            poller.publish([topic])
            guest.flush()
            self.assertEqual(len(guest.messages), messages)
            guest.close()
            self.control(config, {"command": "deleteClient", "username": "guest"},
                         {"command": "deleteRole", "rolename": "guest"})
        config.close()
        poller.close()

    def test_ten_megabytes_end_one_connection_only(self):
        poller, console = self.rig.client("poller"), self.rig.client("console")
        console.subscribe([f"{BASE}/device/+/status"])
        sender = self.rig.client("poller", client_id="big")
        with self.assertRaises((ConnectionError, OSError)):
            sender.publish([f"{BASE}/device/1/status"], bytes(10 << 20))
            sender.flush()
        sender.sock.close()
        full = self.rig.client("poller", client_id="full")
        self.assertIn(full.publish([f"{BASE}/device/1/status"], bytes(1 << 20)).popitem()[1], (0, 0x10))
        poller.publish([f"{BASE}/device/2/status"], b"alive")
        console.flush()
        self.assertIn((f"{BASE}/device/2/status", b"alive"), [(m[0], m[1]) for m in console.messages])
        self.assertEqual([len(m[1]) for m in console.messages if m[0] == f"{BASE}/device/1/status"], [1 << 20])
        for client in (poller, console, full):
            client.close()

    def test_loopback_only_and_files_for_our_eyes(self):
        with open("/proc/net/tcp", encoding="ascii") as file:
            listening = [line.split()[1] for line in file if line.split()[3] == "0A"]
        mine = [address for address in listening if address.endswith(":%04X" % self.rig.port)]
        self.assertEqual(mine, ["0100007F:%04X" % self.rig.port])
        for folder, _, files in os.walk(self.rig.data):
            for name in files:
                if name != "site.json":  # was made by the test
                    public = 0o044 if name == "certificate.pem" else 0
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o077, public, name)

    def test_sessions_and_integrations_outlive_the_broker(self):
        before = dict(self.rig.passwords)
        self.rig.stop()
        self.rig.files()
        self.rig.start()
        for account in ACCOUNTS:
            self.assertEqual(before[account], self.rig.passwords[account])
            self.rig.client(account).close()


# Method and URL | status for somebody without a session | status with one. Bodies are `{}`: no order is carried out.
# What a page shows comes over the broker; so only files depend on which pages a user may open: {page: status}, 403 without it.
URLS = [
    ("GET /", 200, 200), ("HEAD /", 200, 200), ("POST /", 405, 405), ("GET /installation/12", 200, 200),
    ("GET /api/session", 401, 200), ("POST /api/session", 405, 405),
    ("GET /api/health", 200, 200),
    ("POST /api/login", 400, 400), ("GET /api/login", 405, 405),
    ("POST /api/codes", (400, 401), 400), ("GET /api/codes", 405, 405),
    ("GET /api/logout", 405, 405), ("GET /api/lock", 405, 405),
    ("GET /api/backup", 401, {"server": 404}), ("GET /api/report", 401, {"reports": 404}), ("POST /api/report", 405, 405),
    ("POST /api/upload", 415, 415), ("GET /api/upload", 405, 405),
    ("UPGRADE /mqtt", 403, 101), ("GET /mqtt", 404, 404), ("UPGRADE /api/session", 404, 404), ("UPGRADE /", 404, 404),
    *[(f"GET {path}", 404, 404) for path in (
        "/api", "/api/", "/api/secret", "/api/users", "/api/config", "/api/session/", "/assets/", "/assets/none.js", "/manifest.json",
        "/run/run.json", "/secrets/config.json", "/site.json", "/history.db", "/export/database.zip")],
    *[(f"GET {path}", 404, 404) for path in ("/../site.json", "/assets/../../site.json", "/%2e%2e/secrets/config.json")],
    ("GET //etc/passwd", 200, 200),  # a place inside the page, and so the page itself
]
STRANGERS = ["without a cookie", "with a made-up cookie", "logged out", "disabled"]


class Urls(harness.TestCase):
    """Every account x every URL of the web service of a whole gateway (USR-05)."""

    maxDiff = None

    def people(self, edgewatt):
        """Cookies of each of PAGES and of the strangers."""
        cookies = {name: edgewatt.login_as(name).cookies for name in harness.CODES}
        admin = edgewatt.mqtt_of(edgewatt.login_as("administrator"))
        added = [name for name in PAGES if name not in harness.CODES] + ["disabled"]
        for number, name in enumerate(added, 1):
            pin, puk = f"7{number:04}", f"27182818284{number:03}"
            user = admin.call("config", "user_add", {"name": name, "pin": pin, "puk": puk, "must_change": False,
                                                     "pages": PAGES.get(name, ALL_PAGES)})
            cookies[name] = edgewatt.login(pin, puk).cookies
        admin.call("config", "user_change", {"id": user["id"], "disabled": True})
        gone = edgewatt.login_as("greenUp").cookies
        self.assertEqual(edgewatt.http("/api/logout", body={}, cookies=gone).status, 200)
        return {**cookies, "without a cookie": {}, "with a made-up cookie": {"edgewatt": "x" * 43}, "logged out": gone}

    def status(self, edgewatt, url, cookies):
        method, path = url.split()
        if method != "UPGRADE":
            body = {} if method == "POST" else None
            return edgewatt.http(path, method=method, body=body, cookies=cookies, headers={"Accept": "text/html"}).status
        try:
            browser_socket.BrowserSocket(edgewatt.run_json["http"]["port"], path=path,
                                         cookie="; ".join(f"{key}={value}" for key, value in cookies.items())).sock.close()
        except browser_socket.Refused as refused:
            return refused.status
        return 101

    def test_every_account_and_url(self):
        source = os.path.join(SOURCE, "gateway", "web")
        routes = {found for name in os.listdir(source) if name.endswith(".c") for found in re.findall(
            r'\{"(/api/[^"]+)", WEB_', open(os.path.join(source, name), encoding="utf-8").read())}
        self.assertGreater(len(routes), 5)
        self.assertEqual(routes - {url.split()[1] for url, _, _ in URLS}, set(), "a route that this table does not name")
        with harness.Edgewatt(harness.small_site(devices=1), simulate=False) as edgewatt:
            people, wrong, counts = self.people(edgewatt), [], {}
            self.assertEqual(set(people), {*PAGES, *STRANGERS})
            for name, cookies in people.items():
                for url, without, session in URLS:
                    expected = without if name in STRANGERS else session
                    if isinstance(expected, dict):
                        expected = next((status for page, status in expected.items() if page in PAGES[name]), 403)
                    status = self.status(edgewatt, url, cookies)
                    counts[status] = counts.get(status, 0) + 1
                    if status != expected and status not in (expected if isinstance(expected, tuple) else ()):
                        wrong.append(f"{name}: {url}: {status}, expected {expected}")
                if name not in STRANGERS:
                    self.assertEqual(edgewatt.http("/api/session", cookies=cookies).json["pages"], PAGES[name], name)
            said = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
            print(f"{len(people)} accounts and strangers x {len(URLS)} URLs: {said}")
            self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
