#!/usr/bin/env python3
"""Recomputes every golden vector without this crate: pip install xxhash.

It knows the point scheme from the crate page alone and shares no code with the
crate: CPython's bisect, and the reference implementation of xxHash in C.
"""

import bisect
import pathlib
import sys

import xxhash

HERE = pathlib.Path(__file__).parent


def vectors(name):
    for line in (HERE / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


def ring(definition):
    points_per_weight, *servers = definition.split(" ")
    points = []
    for server in servers:
        name, weight = server.rsplit("=", 1)
        for index in range(int(weight) * int(points_per_weight)):
            point = xxhash.xxh3_64_intdigest(f"{name}-{index}".encode())
            points.append((point, name.encode(), name))
    return sorted(points)


def preference(points, key):
    start = bisect.bisect_left(points, (xxhash.xxh3_64_intdigest(key),))
    seen = []
    for _, _, name in points[start:] + points[:start]:
        if name not in seen:
            seen.append(name)
    return seen


def main():
    checked = wrong = 0
    rings = {}

    def check(name, line, expected, found):
        nonlocal checked, wrong
        checked += 1
        if expected != found:
            wrong += 1
            print(f"{name}: {line}: computed {expected}", file=sys.stderr)

    for key, found in vectors("hashes.tsv"):
        check("hashes.tsv", key, f"{xxhash.xxh3_64_intdigest(bytes.fromhex(key)):016x}", found)
    for shards, key, found in vectors("modulo.tsv"):
        shard = xxhash.xxh3_64_intdigest(bytes.fromhex(key)) % int(shards)
        check("modulo.tsv", key, str(shard), found)
    for definition, key, found in vectors("rings.tsv"):
        points = rings.setdefault(definition, None) or ring(definition)
        rings[definition] = points
        check("rings.tsv", key, " ".join(preference(points, bytes.fromhex(key))), found)

    print(f"{checked} vectors computed with xxhash {xxhash.VERSION}, {wrong} differ")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
