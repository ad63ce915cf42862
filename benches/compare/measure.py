"""Measured runs, one after another or in turn, and what the machine is."""

import datetime
import os
import platform
import shutil
import subprocess
import sys

RUNNER = [sys.executable, "-I", "-S", os.path.join(os.path.dirname(os.path.abspath(__file__)), "runner.py")]


class Step:
    """A command: its arguments, the file that its output goes to, and exit codes other than 0 that are fine."""

    def __init__(self, *arguments, stdout=None):
        self.arguments = [str(argument) for argument in arguments]
        self.stdout = stdout

    def shown(self, work):
        """As one would type it, without places of this machine."""
        words = [os.path.basename(self.arguments[0]), *self.arguments[1:]]
        line = " ".join(word if word and not set(word) & set(" |'\"$&;<>()*") else f"'{word}'" for word in words)
        if self.stdout:
            line += f" > {self.stdout}"
        return clean(line, work)


def clean(text, work):
    """Without the work folder, home folder and folders of programs."""
    for place, name in ((work, "$WORK"), (os.path.expanduser("~"), "$HOME")):
        if len(place) > 1:
            text = text.replace(place, name)
    return text


def run(steps, work, timeout, output="/dev/null"):
    """Runs the steps in the work folder; what has no file of its own writes to `output`. A dictionary of what it took."""
    fields = [str(timeout)]
    for step in steps:
        fields += [
            os.path.join(work, step.stdout) if step.stdout else output,
            "errors.txt",
            str(len(step.arguments)),
            *step.arguments,
        ]
    done = subprocess.run(RUNNER, input="\0".join(fields).encode(), stdout=subprocess.PIPE, cwd=work, check=True)
    wall, cpu, peak, code = done.stdout.split()
    result = {"wall": float(wall), "cpu": float(cpu), "peak": int(peak), "exit": int(code)}
    if result["exit"]:
        with open(os.path.join(work, "errors.txt"), "rb") as file:
            said = complaint(file.read().decode("utf-8", "replace"))
        if result["wall"] >= timeout:
            said = "not done in time"
        result["error"] = clean(said, work)
    return result


def in_turn(rows, runs, once_over, measure, progress):
    """`measure(row)` for each row, `runs` times in turn, each turn beginning with another row.

    Rows that fail, or that took longer than `once_over` seconds, are not run again.
    """
    taken = {id(row): [] for row in rows}
    for turn in range(runs):
        first = turn % len(rows) if rows else 0
        for row in rows[first:] + rows[:first]:
            results = taken[id(row)]
            if results and (results[-1]["exit"] or results[-1]["wall"] > once_over):
                continue
            progress(turn, row)
            results.append(measure(row))
    return [taken[id(row)] for row in rows]


def complaint(text):
    """The line that says what is wrong: the one after that of a panic, the first one that names an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    after = next((lines[index + 1] for index, line in enumerate(lines[:-1]) if "panicked at" in line), None)
    named = next((line for line in lines if "error" in line.lower()), None)
    return (after or named or (lines or [""])[-1])[:200]


def wanted(row, options):
    """Whether a row is among those that `--only` and `--without` leave."""
    only = not options.only or row.tool == "talaria-db" or any(text in row.name for text in options.only)
    return only and not any(text in row.name for text in options.without or [])


def median(values):
    """The middle one, or the mean of the two in the middle."""
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine(work):
    """What the figures were measured on."""
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    least = run([Step("true")], work, 60)
    return {
        "cpu": model,
        "cores": cores(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
        "least_peak_bytes": least["peak"],
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def version(command):
    """The first line of what a program says of its version that has a digit, or None."""
    if not command:
        return None
    if not shutil.which(command[0]):
        return None
    try:
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    for line in said.decode("utf-8", "replace").splitlines():
        if any(letter.isdigit() for letter in line):
            return line.strip().strip("*").strip()
    return None
