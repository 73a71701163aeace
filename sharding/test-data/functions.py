#!/usr/bin/env python3
"""Computes functions.tsv without this crate, and with the standard library alone.

usage: functions.py            prints the vectors
       functions.py --check    compares them with functions.tsv, and its xxh3 with hashes.tsv

It knows xxh3-64 from its specification and the functions from the crate's documentation,
and shares no code with the crate: logarithms are of decimal, bids are compared as fractions.
"""

import decimal
import fractions
import functools
import itertools
import math
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
M32, M64 = (1 << 32) - 1, (1 << 64) - 1

# xxh3-64, seed 0: the secret, and the primes of XXH32, XXH64 and XXH3.
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
A1, A2, A3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def fold(a, b):
    product = a * b
    return (product & M64) ^ (product >> 64)


def avalanche(h):
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & M64
    return h ^ h >> 32


def avalanche_of_xxh64(h):
    h = (h ^ h >> 33) * P2 & M64
    h = (h ^ h >> 29) * P3 & M64
    return h ^ h >> 32


def mix(data, at, secret):
    return fold(u64(data, at) ^ u64(SECRET, secret), u64(data, at + 8) ^ u64(SECRET, secret + 8))


def accumulate(acc, data, at, secret):
    for lane in range(8):
        value = u64(data, at + 8 * lane)
        keyed = value ^ u64(SECRET, secret + 8 * lane)
        acc[lane ^ 1] = acc[lane ^ 1] + value & M64
        acc[lane] = acc[lane] + (keyed & M32) * (keyed >> 32) & M64


def long_hash(data):
    n = len(data)
    acc = [A3, P1, P2, P3, P4, A2, P5, A1]
    stripes = (n - 1) // 64
    for stripe in range(stripes):
        accumulate(acc, data, 64 * stripe, 8 * (stripe % 16))
        if stripe % 16 == 15:
            for lane in range(8):
                mixed = acc[lane] ^ acc[lane] >> 47 ^ u64(SECRET, 128 + 8 * lane)
                acc[lane] = mixed * A1 & M64
    accumulate(acc, data, n - 64, 192 - 64 - 7)
    total = n * P1
    for pair in range(4):
        secret = 11 + 16 * pair
        total += fold(acc[2 * pair] ^ u64(SECRET, secret), acc[2 * pair + 1] ^ u64(SECRET, secret + 8))
    return avalanche(total & M64)


def xxh3(data):
    n = len(data)
    if n == 0:
        return avalanche_of_xxh64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        combined = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        return avalanche_of_xxh64(combined ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    if n <= 8:
        keyed = (u32(data, n - 4) + (u32(data, 0) << 32)) ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        keyed ^= (keyed << 49 | keyed >> 15) & M64 ^ (keyed << 24 | keyed >> 40) & M64
        keyed = keyed * 0x9FB21C651E98DF25 & M64
        keyed ^= (keyed >> 35) + n
        keyed = keyed * 0x9FB21C651E98DF25 & M64
        return keyed ^ keyed >> 28
    if n <= 16:
        low = u64(data, 0) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
        high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return avalanche(n + swapped + high + fold(low, high) & M64)
    if n <= 128:
        total = n * P1
        for pair in range((n - 1) // 32, -1, -1):
            total += mix(data, 16 * pair, 32 * pair) + mix(data, n - 16 * (pair + 1), 32 * pair + 16)
        return avalanche(total & M64)
    if n <= 240:
        total = n * P1
        for part in range(8):
            total += mix(data, 16 * part, 16 * part)
        total = avalanche(total & M64)
        for part in range(8, n // 16):
            total += mix(data, 16 * part, 16 * (part - 8) + 3)
        total += mix(data, n - 16, 136 - 17)
        return avalanche(total & M64)
    return long_hash(data)


@functools.cache
def next_prime(number):
    """The first prime that is not below a number of at least 2."""
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def shuffled(own, shards, key):
    """The key's own shard, then the others by steps of one length round a prime."""
    prime = next_prime(max(shards, 2))
    drawn = xxh3(xxh3(key).to_bytes(8, "little"))
    at, step = (drawn >> 32) * prime >> 32, 1 + ((drawn & M32) * (prime - 1) >> 32)
    places = ((at + turn * step) % prime for turn in range(prime))
    return itertools.chain([own], (place for place in places if place < shards and place != own))


def jump(shards, key):
    state, shard, following = xxh3(key), -1, 0
    while following < shards:
        shard = following
        state = (state * 2862933555777941757 + 1) & M64
        following = int((shard + 1) * (float(1 << 31) / float((state >> 33) + 1)))
    return shuffled(shard, shards, key)


def modulo(shards, key):
    return shuffled(xxh3(key) % shards, shards, key)


@functools.cache
def logarithms():
    with decimal.localcontext(decimal.Context(prec=60)):
        two = decimal.Decimal(2).ln()
        return [int((1 + decimal.Decimal(at) / 1024).ln() / two * (1 << 32)) for at in range(1024)] + [1 << 32]


def cost(hashed):
    """-log2(hashed / 2**64) in units of 2**-48."""
    hashed = max(hashed, 1)
    power = hashed.bit_length() - 1
    part = (hashed - (1 << power)) << (64 - power)
    at, rest = part >> 54, (part & (1 << 54) - 1) >> 16
    table = logarithms()
    line = (table[at + 1] - table[at]) * rest >> 22
    return (64 - power << 48) - (table[at] << 16) - line


def rendezvous(servers, key):
    def bid(server):
        name, weight = server
        hashed = xxh3(xxh3(name.encode()).to_bytes(8, "little") + xxh3(key).to_bytes(8, "little"))
        return fractions.Fraction(cost(hashed), weight), -hashed, name.encode()

    return [name for name, _ in sorted(servers, key=bid)]


@functools.cache
def maglev_table(size, servers):
    servers = sorted(servers, key=lambda server: server[0].encode())
    table, taken, wanted = [None] * size, [0] * len(servers), []
    for name, _ in servers:
        hashed = xxh3(name.encode())
        wanted.append([(hashed >> 32) * size >> 32, 1 + ((hashed & M32) * (size - 1) >> 32)])
    for _ in range(size):
        turn = min(range(len(servers)), key=lambda n: (fractions.Fraction(2 * taken[n] + 1, servers[n][1]), n))
        taken[turn] += 1
        while True:
            entry, step = wanted[turn]
            wanted[turn][0] = (entry + step) % size
            if table[entry] is None:
                table[entry] = servers[turn][0]
                break
    return table


def maglev(size, servers, key):
    table = maglev_table(size, servers)
    entry = xxh3(key) * size >> 64
    met = dict.fromkeys(table[entry:] + table[:entry])
    met.update(dict.fromkeys(sorted((name for name, _ in servers), key=str.encode)))
    return list(met)


def range_of(shards, key):
    names = [name for name, _ in shards]
    own = next(at for at, (_, border) in enumerate(shards) if border is None or key < border.encode())
    return names[own:] + names[:own]


DEFINITIONS = [
    "jump 1",
    "jump 2",
    "jump 10",
    "jump 1000",
    "jump 4294967295",
    "modulo 6",
    "rendezvous only=1",
    "rendezvous cache-0=1 cache-1=1 cache-2=1 cache-3=1 cache-4=1",
    "rendezvous small=1 middle=2 large=5",
    "rendezvous light=1 heavy=1000000 most=4294967295",
    "rendezvous zürich=1 東京=2 são-paulo=1",
    "maglev 65537 cache-0=1 cache-1=1 cache-2=1 cache-3=1 cache-4=1",
    "maglev 65537 zürich=1 東京=2 são-paulo=1",
    "maglev 251 small=1 middle=2 large=5",
    "maglev 13 light=1 heavy=100",
    "maglev 2 a=1 b=1",
    "range low<s middle<user:5 rest",
]


def keys():
    """The hash has other code for each range of lengths: the borders, then plain text."""
    lengths = [0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1025]
    yield from (bytes(at * 167 % 256 for at in range(length)) for length in lengths)
    yield from (b"\xff\xfe\x80\x00\r\n", "schlüssel".encode(), b"{tag}rest")
    yield from (f"user:{number}".encode() for number in range(60))


def order(definition, key):
    kind, *rest = definition.split(" ")

    def weighted(words):
        return tuple((name, int(weight)) for name, weight in (word.rsplit("=", 1) for word in words))

    match kind:
        case "jump":
            return jump(int(rest[0]), key)
        case "modulo":
            return modulo(int(rest[0]), key)
        case "rendezvous":
            return rendezvous(weighted(rest), key)
        case "maglev":
            return maglev(int(rest[0]), weighted(rest[1:]), key)
        case "range":
            return range_of([(*word.split("<", 1), None)[:2] for word in rest], key)


def vectors():
    yield "# function\tkey (hex)\tup to four servers in order of preference"
    for definition in DEFINITIONS:
        for key in keys():
            names = " ".join(str(name) for name in itertools.islice(order(definition, key), 4))
            yield f"{definition}\t{key.hex()}\t{names}"


def check():
    wrong = 0
    for line in (HERE / "hashes.tsv").read_text("utf-8").splitlines()[1:]:
        key, hashed = line.split("\t")
        if f"{xxh3(bytes.fromhex(key)):016x}" != hashed:
            wrong += 1
            print(f"hashes.tsv: {line}", file=sys.stderr)
    computed, stored = list(vectors()), (HERE / "functions.tsv").read_text("utf-8").splitlines()
    if len(computed) != len(stored):
        wrong += 1
        print(f"functions.tsv has {len(stored)} lines, {len(computed)} are computed", file=sys.stderr)
    for mine, theirs in zip(computed, stored):
        if mine != theirs:
            wrong += 1
            print(f"functions.tsv: {theirs}: computed {mine}", file=sys.stderr)
    print(f"{len(stored) - 1} vectors computed with the standard library of Python, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if sys.argv[1:]:
        sys.exit(__doc__)
    print("\n".join(vectors()))
