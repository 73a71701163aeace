#!/usr/bin/env python3
"""Asks libketama where keys go: libketama.py FOLDER > libketama.tsv.

FOLDER is that of ketama.c in a checkout of https://github.com/RJ/ketama; a C compiler is needed.
The library keeps each ring in shared memory behind a semaphore, which are removed here.
"""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("vectors", str(ROOT / "scripts/vectors"))
vectors = importlib.util.module_from_spec(importlib.util.spec_from_loader("vectors", loader))
sys.modules["vectors"] = vectors
loader.exec_module(vectors)

ASKER = r"""
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "ketama.h"

int main(int count, char **arguments)
{
    ketama_continuum ring;
    char key[512];
    if (!ketama_roll(&ring, arguments[1])) {
        fprintf(stderr, "%s\n", ketama_error());
        return 1;
    }
    while (fgets(key, sizeof key, stdin)) {
        key[strcspn(key, "\n")] = 0;
        puts(ketama_get_server(key, ring)->ip);
    }
    key_t place = ftok(arguments[1], 'R');
    shmctl(shmget(place, 0, 0), IPC_RMID, NULL);
    semctl(semget(place, 1, 0), 0, IPC_RMID);
    return 0;
}
"""
KEYS = 500
POOLS = {
    "equal": [(f"10.0.1.{at}:11211", 600) for at in (1, 4, 2, 3, 5)],
    "memories": [(f"10.0.1.{at}:11211", memory) for at, memory in zip(range(1, 9), (600, 300, 200, 350, 1000, 800, 950, 100))],
    "ports": [("10.0.1.1:11211", 1), ("10.0.1.1:11212", 2), ("10.0.1.2:80", 3)],
    "one": [("10.0.1.1:11211", 7)],
    "thirds": [(f"10.0.1.{at}:1{at}", 333 + at // 3) for at in (1, 2, 3)],
    "starved": [("10.0.1.1:11211", 1000), ("10.0.1.2:11211", 1), ("10.0.1.3:11211", 100)],
    "twenty_five": [(f"10.0.1.{at}:11211", 1) for at in range(1, 26)],
    "sixty_one": [(f"10.0.1.{at}:11211", 1) for at in range(1, 62)],
}


def main():
    source = pathlib.Path(sys.argv[1])
    keys = [vectors.made(number).decode() for number in range(2 * KEYS) if number % 4 != 2][:KEYS]
    print("# pool\tname=weight in order\tkeys\tserver of each key")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        asker = scratch / "asker"
        (scratch / "asker.c").write_text(ASKER)
        files = [scratch / "asker.c", source / "ketama.c", source / "md5.c"]
        subprocess.run(["cc", "-O2", "-w", "-I", source, "-o", asker, *files, "-lm"], check=True)
        for pool, servers in POOLS.items():
            definition = scratch / pool
            definition.write_text("".join(f"{name}\t{weight}\n" for name, weight in servers))
            done = subprocess.run([asker, definition], input="\n".join(keys), capture_output=True, text=True, check=True)
            index = {name: at for at, (name, _) in enumerate(servers)}
            places = "".join(vectors.DIGITS[index[name]] for name in done.stdout.split())
            names = " ".join(f"{name}={weight}" for name, weight in servers)
            print("\t".join([pool, names, str(KEYS), places]))


if __name__ == "__main__":
    main()
