"""Runs commands one after another and says what they took: wall seconds, CPU seconds and peak memory, from wait4.

A program of its own, started as `python3 -I -S runner.py`, because the peak of a process that is started counts what its parent had in memory: this one has
little. What the least is, the peak of `true`, is kept with the results. Commands come on standard input, a field a line, and the figures go to standard output.
"""

import os
import signal
import sys
import time


def main():
    """Fields: seconds allowed, then of each command the file for its output, the file for its errors, the count of its arguments, and these."""
    fields = sys.stdin.buffer.read().split(b"\0")
    allowed, fields = float(fields[0]), fields[1:]
    wall = cpu = 0.0
    peak = code = 0
    while fields and code == 0:
        output, errors, count = fields[0], fields[1], int(fields[2])
        arguments, fields = fields[3 : 3 + count], fields[3 + count :]
        started = time.perf_counter()
        try:
            child = start(output, errors, arguments)
        except OSError:
            code = 127
            break
        signal.signal(signal.SIGALRM, lambda *_, child=child: end(child))
        signal.setitimer(signal.ITIMER_REAL, max(allowed - wall, 0.001))
        _, status, usage = os.wait4(child, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        wall += time.perf_counter() - started
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss * 1024)
        code = os.waitstatus_to_exitcode(status)
    sys.stdout.write(f"{wall} {cpu} {peak} {code}\n")


def end(child):
    """Ends a command and all it started."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass


def start(output, errors, arguments):
    """Starts the command without a copy of this process, which would take longer than the shortest of commands; in a group of its own, so that all it started
    can be ended with it."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    opened = [
        (os.POSIX_SPAWN_OPEN, 0, b"/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, writing, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, errors, writing, 0o644),
    ]
    return os.posix_spawnp(arguments[0], arguments, os.environ, file_actions=opened, setpgroup=0)


main()
