#!/usr/bin/env python3
"""Asks libmemcached where keys go: pip install pylibmc, then libmemcached.py > libmemcached.tsv.

The servers are listeners on addresses below 127.77 that answer with their own number.
"""

import importlib.machinery
import importlib.util
import pathlib
import socketserver
import sys
import threading

import pylibmc

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("vectors", str(ROOT / "scripts/vectors"))
vectors = importlib.util.module_from_spec(importlib.util.spec_from_loader("vectors", loader))
sys.modules["vectors"] = vectors
loader.exec_module(vectors)

HASHES = {"one_at_a_time": "default", "crc32": "crc"}
HASHES |= {name: name for name in "md5 fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 hsieh murmur jenkins".split()}
KEYS = 500
SERVERS = {
    "equal": [(f"127.77.0.{at}", 7_400 + at, 1) for at in (3, 1, 5, 2, 4)],
    "weights": [(f"127.77.0.{at}", 7_400 + at, weight) for at, weight in ((4, 3), (1, 1), (3, 5), (2, 2))],
    "port_11211": [(f"127.77.0.{at}", 11_211, 1) for at in (2, 1, 3)],
    "mixed": [("127.77.0.1", 11_211, 2), ("127.77.0.2", 7_402, 1), ("127.77.0.11", 11_211, 7)],
    "starved": [("127.77.0.1", 7_401, 1_000), ("127.77.0.2", 7_402, 1), ("127.77.0.3", 7_403, 100)],
    "twenty_five": [(f"127.77.0.{at}", 7_400 + at, 1) for at in range(1, 26)],
}


class Answer(socketserver.StreamRequestHandler):
    """A memcached in which every key has the server's number for its value."""

    def handle(self):
        for line in self.rfile:
            if line == b"quit\r\n":
                return
            key = line.split()[1]
            self.wfile.write(b"VALUE %s 0 2\r\n%02d\r\nEND\r\n" % (key, self.server.number))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def name(host, port, weight):
    return f"{host}={weight}" if port == 11_211 else f"{host}:{port}={weight}"


def main():
    listening = {}
    for host, port, _ in (one for servers in SERVERS.values() for one in servers):
        if (host, port) not in listening:
            listening[host, port] = server = Server((host, port), Answer)
            server.number = len(listening) - 1
            threading.Thread(target=server.serve_forever, daemon=True).start()
    # Bytes of all values are no keys for libmemcached.
    keys = [vectors.made(number).decode() for number in range(2 * KEYS) if number % 4 != 2][:KEYS]
    print("# pool\thash\tname=weight in order\tkeys\tserver of each key")
    for pool, servers in SERVERS.items():
        for hash, theirs in HASHES.items():
            client = pylibmc.Client([f"{host}:{port}:{weight}" for host, port, weight in servers], binary=False)
            client.behaviors = {"ketama_weighted": True}
            try:
                client.behaviors = {"hash": theirs}
            except pylibmc.Error as error:
                print(f"libmemcached.py: no {hash}: {error}", file=sys.stderr)
                continue
            index = {listening[one[:2]].number: at for at, one in enumerate(servers)}
            places = "".join(vectors.DIGITS[index[int(client.get(key))]] for key in keys)
            names = " ".join(name(*one) for one in servers)
            print("\t".join([f"{pool}_{hash}", hash, names, str(KEYS), places]))


if __name__ == "__main__":
    main()
