"""Celery: calls a task with 100 bytes and runs it by doing nothing, as it is asked.

usage: python celery_queue.py HOST PORT

Each line of the standard input asks: `publish COUNT BATCH` or `consume COUNT CONCURRENCY`, of which
the second numbers say nothing here. The answer is a line of the standard output: seconds, and
seconds of the processor time of the process that did it.
"""

import os
import sys
import time

import celery
from celery.signals import worker_ready

HOST, PORT = sys.argv[1:]
app = celery.Celery("work", broker=f"redis://{HOST}:{PORT}/0")
# It settles an item before the work on it, and not after, unless it is told otherwise.
app.conf.update(task_ignore_result=True, worker_send_task_events=False, task_acks_late=True)
DATA = "x" * 100
left = 0


def clock():
    return time.monotonic(), time.process_time()


def answer(before, after):
    # Celery has a use of its own for sys.stdout.
    os.write(1, "{:.6f} {:.6f}\n".format(*(at - was for was, at in zip(before, after))).encode())


@app.task(name="item")
def item(_):
    global left
    left -= 1
    if left == 0:
        answer(began, clock())
        os._exit(0)


@worker_ready.connect
def begin(**_):
    global began
    began = clock()


def publish(count):
    with app.producer_or_acquire() as producer:
        producer.connection.ensure_connection()
        before = clock()
        for _ in range(count):
            item.apply_async((DATA,), producer=producer)
        answer(before, clock())


def consume(count):
    # A worker ends with its process.
    if child := os.fork():
        os.waitpid(child, 0)
        return
    global left
    left = count
    flags = ["--pool", "solo", "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["--quiet", "worker", *flags])
    os._exit(1)


for line in sys.stdin:
    verb, count, _ = line.split()
    {"publish": publish, "consume": consume}[verb](int(count))
