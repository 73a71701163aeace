"""redis-py as it comes: handshake, pipelines, many keys, errors, SCAN."""

import sys

import redis

# The newest speaks RESP3 unless it is told otherwise, and does not fall back.
protocol = {"protocol": 2} if sys.argv[2] == "newest" else {}
client = redis.Redis(host="127.0.0.1", port=int(sys.argv[1]), decode_responses=True, client_name="proof", **protocol)
assert client.ping()
assert client.client_getname() == "proof"
keys = [f"py:{n}" for n in range(300)]
with client.pipeline(transaction=False) as pipe:
    for n, key in enumerate(keys):
        pipe.set(key, n)
    assert all(pipe.execute())
assert client.mget(keys + ["none"]) == [str(n) for n in range(300)] + [None]
assert client.mset({f"py:m{n}": n for n in range(50)})
assert client.exists(*keys) == 300
assert set(client.scan_iter(match="py:*", count=20)) == set(keys) | {f"py:m{n}" for n in range(50)}
client.lpush("py:list", "a", "b")
try:
    client.incr("py:list")
    raise AssertionError("a list is no number")
except redis.ResponseError as error:
    assert "WRONGTYPE" in str(error) or "wrong kind" in str(error), error
try:
    client.execute_command("NOSUCH", "x")
    raise AssertionError("there is no such command")
except redis.ResponseError as error:
    assert "unknown command" in str(error), error
assert client.delete(*keys) == 300
assert client.get("py:1") is None
client.delete("py:list", *[f"py:m{n}" for n in range(50)])
client.close()
print("all is well")
