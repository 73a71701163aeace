// BullMQ: adds jobs of 100 bytes and processes them by doing nothing, as it is asked.
//
// usage: node bullmq.mjs HOST PORT
//
// Each line of the standard input asks: `publish COUNT BATCH` or `consume COUNT CONCURRENCY`. The
// answer is a line of the standard output: seconds, and seconds of this process's processor time.

import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const [host, port] = process.argv.slice(2);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const data = 'x'.repeat(100);

const clock = () => {
  const cpu = process.cpuUsage();
  return [performance.now() / 1e3, (cpu.user + cpu.system) / 1e6];
};

async function publish(count, batch) {
  const queue = new Queue('work', { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.waitUntilReady();
  const before = clock();
  for (let sent = 0; sent < count; sent += batch) {
    if (batch === 1) await queue.add('item', data);
    else await queue.addBulk(Array.from({ length: Math.min(batch, count - sent) }, () => ({ name: 'item', data })));
  }
  const after = clock();
  await queue.close();
  return [before, after];
}

async function consume(count, concurrency) {
  let left = count;
  let settled;
  const done = new Promise((resolve) => (settled = resolve));
  const worker = new Worker('work', async () => {}, { connection, concurrency, autorun: false });
  worker.on('completed', () => --left || settled());
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
  const before = clock();
  const running = worker.run();
  await done;
  const after = clock();
  await worker.close();
  await running;
  return [before, after];
}

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, count, atOnce] = line.split(' ');
  const [before, after] = await { publish, consume }[verb](Number(count), Number(atOnce));
  console.log(after.map((at, nth) => (at - before[nth]).toFixed(6)).join(' '));
}
