#!/usr/bin/env python3
"""Cuts the power of a recorded disk at many moments, and judges what a file system makes of what is left.

    cut.py LOG MARKS IMAGE PLACE TYPE OPTIONS CUTS TEAR SEED VERSIONS...

LOG is of disk.py and begins with IMAGE. A cut at a moment keeps all that was written before the last flush, and of the writes since then some: each
by a coin, one of them torn at a multiple of TEAR bytes. Half of the moments are near a flush or an acknowledgement, the others anywhere.
The image that this gives is mounted at PLACE, so that the file system recovers, and "out.talaria" there is compared with VERSIONS: at the start it is
VERSIONS[0]; MARKS has for each following one, in order, the length of the log when its writer had ended with success. It must be
the last acknowledged version or the one after it.

Prints the counts "CUTS WRONG LOST UNMOUNTABLE", and of the first failures why, on standard error: wrong is neither of the versions, lost an older one than was acknowledged.
"""
import bisect
import filecmp
import os
import random
import struct
import subprocess
import sys

FLUSHED = 2**64 - 1
LEFT = {"out.talaria", ".out.talaria.unfinished", "lost+found", "tmp"}


def records(path):
    """Of each record: where it ends in the log, offset on the disk (or FLUSHED), where its bytes are in the log, how many."""
    found = []
    with open(path, "rb") as log:
        while len(header := log.read(16)) == 16:
            offset, length = struct.unpack("<QQ", header)
            start = log.tell()
            log.seek(length, os.SEEK_CUR)
            found.append((start + length, offset, start, length))
    return found


def moments(log, marks, cuts, draw):
    """Numbers of records that were done, ascending."""
    ends = [end for end, *_ in log]
    near = [number for number, record in enumerate(log) if record[1] == FLUSHED]
    near += [bisect.bisect_right(ends, mark) for mark in marks] * max(1, len(near) // max(1, 4 * len(marks)))
    drawn = []
    for cut in range(cuts):
        at = draw.choice(near) + draw.randint(-2, 2) if cut % 2 else draw.randint(0, len(log))
        drawn.append(min(max(at, 0), len(log)))
    return sorted(drawn)


def judge(place, versions, acknowledged):
    target = os.path.join(place, "out.talaria")
    is_version = [os.path.exists(target) and filecmp.cmp(target, version, shallow=False) for version in versions]
    strange = set(os.listdir(place)) - LEFT
    if strange:
        return "wrong", f"left: {strange}"
    if any(is_version[acknowledged : acknowledged + 2]):
        return "right", ""
    if any(is_version):
        return "lost", f"version {acknowledged} was acknowledged, it is {is_version.index(True)}"
    size = os.path.getsize(target) if os.path.exists(target) else None
    return "wrong", f"neither version {acknowledged} nor the next one, {size} bytes"


def main():
    log_path, marks_path, image, place, kind, options, cuts, tear, seed, *versions = sys.argv[1:]
    draw, tear = random.Random(int(seed)), int(tear)
    log = records(log_path)
    with open(marks_path, encoding="ascii") as lines:
        marks = [int(line) for line in lines]
    counts = {"right": 0, "wrong": 0, "lost": 0, "unmountable": 0}
    bytes_of, safe = os.open(log_path, os.O_RDONLY), os.open(image, os.O_RDWR)
    done = 0  # records that the image has
    for moment in moments(log, marks, int(cuts), draw):
        last = max((at for at in range(done, moment) if log[at][1] == FLUSHED), default=done)
        for _, offset, start, length in log[done:last]:
            if offset != FLUSHED:
                os.pwrite(safe, os.pread(bytes_of, length, start), offset)
        done = last
        cut = image + ".cut"
        subprocess.run(["cp", "--sparse=always", image, cut], check=True)
        kept = [record for record in log[done:moment] if record[1] != FLUSHED and draw.random() < 0.5]
        torn = draw.randrange(len(kept)) if kept else None
        with open(cut, "r+b") as disk:
            for number, (_, offset, start, length) in enumerate(kept):
                if number == torn:
                    length = draw.randint(0, length // tear) * tear
                disk.seek(offset)
                disk.write(os.pread(bytes_of, length, start))
        acknowledged = sum(mark <= log[moment - 1][0] for mark in marks) if moment else 0
        mounted = subprocess.run(["mount", "-t", kind, "-o", "loop," + options, cut, place], capture_output=True, text=True)
        verdict, why = ("unmountable", mounted.stderr.strip()) if mounted.returncode else judge(place, versions, acknowledged)
        if not mounted.returncode:
            subprocess.run(["umount", place], check=True)
        counts[verdict] += 1
        if verdict != "right" and sum(counts.values()) - counts["right"] <= 5:
            print(f"cut after {moment} of {len(log)} records, {len(kept)} unsynced kept: {verdict}: {why}", file=sys.stderr)
    os.remove(image + ".cut")
    print(sum(counts.values()), counts["wrong"], counts["lost"], counts["unmountable"])


main()
