// ioredis as it comes: handshake, pipelines, many keys, errors, SCAN.

import assert from "node:assert";
import Redis from "ioredis";

const client = new Redis({ port: Number(process.argv[2]), host: "127.0.0.1", connectionName: "proof" });
assert.equal(await client.ping(), "PONG");
const keys = Array.from({ length: 300 }, (_, n) => `io:${n}`);
const pipeline = client.pipeline();
keys.forEach((key, n) => pipeline.set(key, n).get(key));
const results = await pipeline.exec();
results.forEach(([error, value], at) => assert.deepEqual([error, value], [null, at % 2 ? String((at - 1) / 2) : "OK"]));
assert.deepEqual(await client.mget(...keys, "none"), [...keys.map((_, n) => String(n)), null]);
assert.equal(await client.mset("io:a", 1, "io:b", 2), "OK");
const seen = new Set();
for await (const page of client.scanStream({ match: "io:*", count: 20 })) page.forEach((key) => seen.add(key));
assert.equal(seen.size, 302);
await client.lpush("io:list", "a");
await assert.rejects(client.incr("io:list"), /WRONGTYPE/);
await assert.rejects(client.call("NOSUCH", "x"), /unknown command/);
assert.equal(await client.del(...keys), 300);
await client.quit();
console.log("all is well");
