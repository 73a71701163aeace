// node-redis as it comes: handshake, pipelines, many keys, errors, SCAN.

import assert from "node:assert";

const { createClient } = await import(process.argv[3]);
// The newest speaks RESP3 unless it is told otherwise, and does not fall back.
const protocol = process.argv[3] === "redis-newest" ? { RESP: 2 } : {};
const socket = { port: Number(process.argv[2]), host: "127.0.0.1" };
const client = createClient({ socket, name: "proof", ...protocol });
client.on("error", (error) => { throw error; });
await client.connect();
assert.equal(await client.ping(), "PONG");
const keys = Array.from({ length: 300 }, (_, n) => `node:${n}`);
await Promise.all(keys.map((key, n) => client.set(key, String(n))));
const values = await Promise.all(keys.map((key) => client.get(key)));
assert.deepEqual(values, keys.map((_, n) => String(n)));
assert.deepEqual(await client.mGet([...keys, "none"]), [...keys.map((_, n) => String(n)), null]);
assert.equal(await client.mSet({ "node:a": "1", "node:b": "2" }), "OK");
const seen = new Set();
for await (const page of client.scanIterator({ MATCH: "node:*", COUNT: 20 })) {
  for (const key of page) seen.add(key);
}
assert.equal(seen.size, 302);
await client.lPush("node:list", "a");
await assert.rejects(client.incr("node:list"), /WRONGTYPE/);
await assert.rejects(client.sendCommand(["NOSUCH", "x"]), /unknown command/);
assert.equal(await client.del(keys), 300);
await client.del(["node:a", "node:b", "node:list"]);
await client.close();
console.log("all is well");
