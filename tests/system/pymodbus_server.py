"""Serves a register dump with pymodbus: a Modbus TCP server that nobody of this project wrote.

    pymodbus_server.py DUMP UNIT        lines of the dump: address (0-based) and value (hex), # comments
Prints "serving on PORT". Addresses that the dump lacks are answered with exception 2.
"""

import asyncio
import re
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncTcpServer

from waiting import free_port


def read_dump(path):
    with open(path, encoding="utf-8") as file:
        rows = [re.match(r"\s*(\d+)\s+0x([0-9A-Fa-f]+)", line) for line in file]
    return {int(row[1]): int(row[2], 16) for row in rows if row}


async def serve(dump, unit):
    device = ModbusSlaveContext(hr=ModbusSparseDataBlock(read_dump(dump)), zero_mode=True)
    port = free_port()
    print(f"serving on {port}", flush=True)
    await StartAsyncTcpServer(context=ModbusServerContext(slaves={unit: device}, single=False),
                              address=("127.0.0.1", port))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
