"""`python3 benches/compare run|reduce|render`: talaria-db beside its peers. README.md says how."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import jobs
import kept
import measure
import reductions
import table
import tools
from row import Job

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOBS = ("export", "batch", "single")


def main():
    parser = argparse.ArgumentParser(
        prog="compare", description="talaria-db beside its peers, in one run on the same files."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("run", "build, size, export, lookups"),
        ("reduce", "reductions: identical and similar records"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("files", nargs="+", metavar="FASTA")
        command.add_argument("-n", "--runs", type=int, default=5, help="measured runs of each, in turn (5)")
        command.add_argument(
            "-o",
            "--output",
            metavar="NAME",
            help="writes NAME.json and NAME.md, such as benches/results/2026-11-23-compare",
        )
        command.add_argument(
            "--threads", type=int, default=measure.cores(), help="for tools that take a number of threads (all)"
        )
        command.add_argument(
            "--timeout", type=float, default=3600, help="seconds that one build or reduction may take (3600)"
        )
        command.add_argument(
            "--once-over", type=float, default=60, help="jobs that take longer than this many seconds are run once (60)"
        )
        command.add_argument(
            "--only",
            metavar="TEXT",
            action="append",
            help="only rows whose name has this text, may be given several times; talaria-db always",
        )
        command.add_argument(
            "--without",
            metavar="TEXT",
            action="append",
            help="no rows whose name has this text, may be given several times",
        )
        command.add_argument("--talaria-db", metavar="PROGRAM", help="the program; built with cargo unless given")
        command.add_argument("--work", metavar="FOLDER", help="where the work folder is made (TMPDIR)")
    commands.choices["run"].add_argument(
        "--answer-timeout", type=float, default=300, help="seconds that one export or lookup may take (300)"
    )
    commands.choices["run"].add_argument(
        "--lookups", type=int, default=100_000, help="records of a lookup of many (100000)"
    )
    commands.choices["run"].add_argument(
        "--jobs", default=",".join(JOBS), help=f"which jobs beside the build ({','.join(JOBS)})"
    )
    commands.choices["run"].add_argument(
        "--library", action="store_true", help="also what the library takes, without processes (needs cargo)"
    )
    render = commands.add_parser(
        "render", help="puts the table of a kept result into a file, between its markers, or prints it"
    )
    render.add_argument("result", metavar="RESULT.json")
    render.add_argument("into", nargs="?", metavar="README.md")
    render.add_argument("--check", action="store_true", help="changes nothing, and fails if the file would change")
    options = parser.parse_args()
    if options.command == "render":
        return table.render(options)
    if options.runs < 1:
        parser.error("at least one run")
    return compare(options)


def compare(options):
    """Measures and writes what was measured."""
    talaria = program(options.talaria_db)
    if not talaria:
        print("compare: no talaria-db, and cargo does not build it", file=sys.stderr)
        return 1
    work = tempfile.mkdtemp(prefix="compare.", dir=options.work)
    try:
        if options.command == "run":
            options.jobs = options.jobs.split(",")
            result = run(options, talaria, work)
        else:
            result = heading(options, work) | reductions.compare_all(options, talaria, work, say)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    text = table.markdown(result)
    if options.output:
        with open(f"{options.output}.json", "w", encoding="utf-8") as file:
            file.write(kept.text(result) + "\n")
        with open(f"{options.output}.md", "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)
    return 0


def heading(options, work):
    names = " ".join(os.path.basename(path) for path in options.files)
    command = f"python3 benches/compare {options.command} {names} -n {options.runs}"
    command += "".join(f" --{name} '{text}'" for name in ("only", "without") for text in getattr(options, name) or [])
    return {
        "format": 1,
        "kind": options.command,
        "command": command,
        "runs": options.runs,
        "threads": options.threads,
        "machine": measure.machine(work),
    }


def run(options, talaria, work):
    """All jobs on all files."""
    rows = [row for row in tools.all_rows() if measure.wanted(row, options)]
    skipped = {row.name: f"{row.missing()} is not installed" for row in rows if row.missing()}
    rows = [row for row in rows if row.name not in skipped]
    own = [row for row in rows if row.tool == "NAF" and not row.original]
    naf = own and (shutil.which("compare-naf") or built(os.path.join(ROOT, "benches/compare/naf"), "compare-naf"))
    for row in own if not naf else []:
        skipped[row.name] = "no ennaf, and cargo does not build benches/compare/naf"
        rows.remove(row)
    versions = {row.tool: measure.version(row.version) or "unknown" for row in rows if row.version}
    versions["talaria-db"] = measure.version((talaria, "--version"))
    result = heading(options, work) | {"versions": versions, "skipped": skipped, "sets": []}
    for path in options.files:
        folder = tempfile.mkdtemp(dir=work)
        job = Job(folder, jobs.kind_of(path), options.threads, talaria, naf)
        result["sets"].append(jobs.compare(path, rows, job, options, say))
        if options.library:
            result["sets"][-1]["library"] = library(job)
        shutil.rmtree(folder)
    return result


def library(job):
    """What `cargo bench --bench library` says of the containers of this set: name, value and unit a line."""
    found = []
    for preset in tools.PRESETS:
        path = os.path.join(job.work, f"{preset}.talaria")
        command = ["cargo", "bench", "-q", "-p", "talaria-db-benches", "--bench", "library", "--", path]
        say(f"library: {preset}")
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            say(f"library: {preset}: ended with {done.returncode}")
        for line in done.stdout.decode().splitlines():
            parts = line.split("\t")
            if len(parts) == 3:
                found.append({"preset": preset, "name": parts[0], "value": float(parts[1]), "unit": parts[2]})
    return found


def program(given):
    """talaria-db as given, else built."""
    if given:
        return os.path.abspath(given) if os.path.exists(given) else shutil.which(given)
    return built(ROOT, "talaria-db", "-p", "talaria-db-cli")


def built(folder, name, *arguments):
    """A program that cargo builds for release, or None."""
    if not shutil.which("cargo"):
        return None
    command = ["cargo", "build", "--release", "--quiet", "--message-format=json-render-diagnostics", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and os.path.basename(message["executable"]) == name:
            return message["executable"]
    return None


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
