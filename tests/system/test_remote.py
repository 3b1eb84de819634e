"""Two gateways: the second reads the energies of the first over Modbus TCP (NET-01, NET-02), as a virtual device."""
import socket
import struct

import harness
from harness import Edgewatt


def ask(port, unit, address, count, function=3):
    """The registers as one number, or the exception's code as a negative one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(struct.pack(">HHHBBHH", 7, 0, 6, unit, function, address, count))
        head = s.recv(9, socket.MSG_WAITALL)
        if head[7] & 0x80:
            return -head[8]
        return int.from_bytes(s.recv(head[8], socket.MSG_WAITALL), "big")


class Remote(harness.TestCase):
    def test_a_second_gateway_reads_the_first(self):
        with Edgewatt(harness.small_site(), options=["--modbus", "0"]) as first:
            port = first.read_run_json()["modbus"]["port"]
            client = first.mqtt("console")
            meter = client.wait("device/10/measures/energy").json["values"]["active_energy_import"]
            harness.wait_until(lambda: ask(port, 247, 10010, 4) >= int(meter), what="the energy of device 10")
            self.assertEqual(ask(port, 247, 10099, 2), -2)
            self.assertEqual(ask(port, 1, 10010, 2), -10)
            self.assertEqual(ask(port, 247, 10010, 9), -3)
            with socket.create_connection(("127.0.0.1", port), timeout=10) as s:  # no Modbus: closed, nobody else is hurt
                s.sendall(b"GET / HTTP/1.1\r\n\r\n" * 20)
                self.assertEqual(s.recv(100), b"")
            site = harness.small_site(id="second")
            site["buses"] = [{"id": 1, "name": "Other server", "type": "server", "address": "127.0.0.1", "port": port, "on": True}]
            site["devices"] = [{"id": 20, "bus": 1, "name": "Main meter there", "profile": "wsmeasure", "unit": 247,
                                "params": {"remote": 10010}, "on": True}]
            with Edgewatt(site, simulate=False) as second:
                reader = second.mqtt("console")
                got = reader.wait("device/20/measures/energy", lambda p: p["values"]["active_energy_import"] is not None).json
                self.assertGreaterEqual(got["values"]["active_energy_import"], int(meter))
                # The meter there falls silent: no old number goes on as a new one.
                first.control("unplug 1")
                status = reader.wait("device/20/status", lambda p: p["state"] == "error", timeout=90).json
                self.assertEqual((status["reason"]["code"], status["reason"]["params"]["exception"]), ("bus.gateway_silent", "11"))
                reader.wait("device/20/measures/energy", lambda p: p["values"]["active_energy_import"] is None)
                first.control("plug 1")
                reader.wait("device/20/status", lambda p: p["state"] == "on", timeout=90)

    def test_off_until_the_setting_is_on(self):
        with Edgewatt(harness.small_site()) as edgewatt:
            client = edgewatt.mqtt("console")
            self.assertEqual(client.wait("service/server/status", lambda p: p["online"]).json["port"], 0)
            rev = client.call("config", "site")["rev"]
            client.call("config", "change", {"rev": rev, "changes": [{"kind": "settings", "id": "modbus_server", "value": {"on": True}}]})
            # Port 502, or a sentence about why not.
            harness.wait_until(lambda: edgewatt_listens(client) or any("port 502 can't be opened" in line for line in edgewatt.gateway.lines),
                               what="the server, or why not")
            client.call("config", "change", {"rev": rev + 1, "changes": [{"kind": "settings", "id": "modbus_server", "value": {"on": False}}]})
            client.wait("service/server/status", lambda p: p.get("port") == 0)


def edgewatt_listens(client):
    latest = client.latest.get("service/server/status")
    return latest is not None and latest.json.get("port") == 502


if __name__ == "__main__":
    harness.main()
