#!/usr/bin/env python3
"""A worker: makes a small image of a large one, in $OUTPUT. It knows nothing of Entourage but files.

WORK_ITEM_FILE is JSON, {"path": "…"}, of a PPM image (P6, 255 shades). Exit status: 0 done, 65 it
never will be (EX_DATAERR), 75 try again (EX_TEMPFAIL). The result is renamed into place: it is
there whole or not at all, and an attempt that follows a killed one replaces it by the same.
"""
import json
import os
import pathlib
import re
import sys

WIDTH = 32
OUTPUT = pathlib.Path(os.environ["OUTPUT"])


def resized(image):
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", image)
    width, height = (int(number) for number in head.groups())
    pixels = image[head.end():]
    if not 0 < width * height * 3 == len(pixels):
        raise ValueError(f"{len(pixels)} bytes are not {width} x {height} pixels")
    across, down = min(WIDTH, width), max(1, min(WIDTH, width) * height // width)
    small = b"".join(pixels[(y * height // down * width + x * width // across) * 3:][:3]
                     for y in range(down) for x in range(across))
    return b"P6\n%d %d\n255\n" % (across, down) + small


try:
    path = pathlib.Path(json.loads(pathlib.Path(os.environ["WORK_ITEM_FILE"]).read_bytes())["path"])
    small = resized(path.read_bytes())
    target = OUTPUT / path.name
    beside = target.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(small)
    beside.rename(target)
except OSError as error:
    sys.exit(print(f"try again: {error}", file=sys.stderr) or 75)
except (AttributeError, KeyError, TypeError, ValueError) as error:
    sys.exit(print(f"no such image: {error}", file=sys.stderr) or 65)
