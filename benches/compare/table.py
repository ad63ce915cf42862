"""Results as Markdown: the whole of one for `benches/results`, and its short form for the README."""

import json
import os
import re
import sys

import targets
from figures import Figures
from measure import median

DEFAULT = "talaria-db balanced"
TITLES = {
    "build": "build",
    "export": "export of everything",
    "batch": "lookups by a file of names",
    "single": "one lookup, whole process",
}
BEGIN = re.compile(r"<!-- figures of [^>]*-->\n")
END = "<!-- end of figures -->"


def grid(titles, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def count(number):
    return f"{number:,}"


def wall(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def markdown(result):
    """All of a result."""
    machine = result["machine"]
    text = (
        f"`{result['command']}`, {machine['date']}\n\n{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}; "
        f"{result['threads']} threads. Load before the first run: {machine['load_before']:.1f}.\n\n"
        f"Wall and CPU (user and system) are medians of the runs, which were made in turn; peak is the largest resident memory of a process "
        f"(up to {machine['least_peak_bytes'] / 1e6:.0f} MB it is that of the program that measures). Files are in the page cache, output goes to `/dev/null`. MB are 10^6 bytes.\n"
    )
    for one_set in result["sets"]:
        text += (set_reduced if result["kind"] == "reduce" else set_run)(one_set)
    text += "\n## Versions\n\n" + "".join(f"- {tool}: {version}\n" for tool, version in result["versions"].items())
    if result["skipped"]:
        text += "\n## Skipped\n\n" + "".join(f"- {name}: {why}\n" for name, why in result["skipped"].items())
    return text


def heading(one_set):
    return f"\n## {one_set['name']}\n\n{count(one_set['bytes'])} bytes, {count(one_set['records'])} records, {count(one_set['residues'])} residues\n"


def measured(entry, first, base):
    """The cells of one job of one row."""
    runs = entry["runs"]
    if not runs or runs[-1]["exit"]:
        return [first, cell(entry, None), "", "", "", str(len(runs)), (runs[-1].get("error", "") if runs else "")]
    wall_, cpu, peak = (median([run[what] for run in runs]) for what in ("wall", "cpu", "peak"))
    ratio = f"{wall_ / base:.2f}" if base else "-"
    return [first, wall(wall_), ratio, wall(cpu), f"{peak / 1e6:.0f}", str(len(runs)), entry.get("answer", "")]


def set_run(one_set):
    """One set of `run`."""
    text = heading(one_set)
    figures = Figures(one_set)
    for job, title in TITLES.items():
        rows = [(row, row["jobs"][job]) for row in one_set["rows"] if job in row["jobs"]]
        if not rows:
            continue
        base = figures.wall(DEFAULT, job)
        if job in ("batch", "single"):
            number = count(one_set["lookups"]) if job == "batch" else "1"
            title += f" ({number} {one_set['lookups_of'] if job == 'batch' else one_set['lookups_of'][:-1]})"
        text += f"\n### {title}\n\n"
        text += grid(
            (
                "tool",
                "wall",
                f"times {DEFAULT.split()[-1]}",
                "CPU",
                "peak MB",
                "runs",
                "what came" if job != "build" else "said",
            ),
            [measured(entry, row["name"], base) for row, entry in rows],
        )
    text += "\n### size\n\n"
    sizes = [row for row in one_set["rows"] if row.get("bytes")]
    text += grid(
        ("tool", "bytes", "of the FASTA", "of them residues", "files"),
        [
            (
                row["name"],
                count(row["bytes"]),
                f"{row['bytes'] / one_set['bytes']:.3f}",
                count(row["parts"]["residues"]) if row.get("parts") else "",
                str(len(row["files"])),
            )
            for row in sizes
        ],
    )
    if one_set.get("library"):
        text += "\n### the library, without processes\n\n"
        text += grid(
            ("preset", "what", "figure"),
            [(entry["preset"], entry["name"], f"{entry['value']:.3f} {entry['unit']}") for entry in one_set["library"]],
        )
    text += "\n### targets\n\n"
    text += grid(("work", "target", "", "figures"), list(targets.judged(one_set)))
    text += "\n### commands\n\n"
    for row in one_set["rows"]:
        if row["jobs"]:
            text += f"{row['name']}" + (f" ({row['note']})" if row["note"] else "") + "\n\n"
            text += (
                "".join(f"    {command}\n" for entry in row["jobs"].values() for command in entry["commands"]) + "\n"
            )
    return text


def set_reduced(one_set):
    """One set of `reduce`."""
    text = heading(one_set)
    for task in one_set["tasks"]:
        base = next(
            (
                median([run["wall"] for run in row["runs"]])
                for row in task["rows"]
                if row["runs"] and not row["runs"][-1]["exit"]
            ),
            None,
        )
        text += f"\n### {task['name']}\n\n"
        text += grid(
            ("tool", "references", "wall", "times the first", "CPU", "peak MB", "runs", "what came"),
            [
                [cells[0], count(row["references"]) if row["references"] else "", *cells[1:]]
                for row in task["rows"]
                for cells in [measured(row, row["name"], base)]
            ],
        )
        text += "\n" + "".join(f"    {command}\n" for row in task["rows"] for command in row["commands"])
    return text


def cell(entry, seconds):
    """What the short table says of a job: its seconds, or why there are none."""
    if not entry or not entry["runs"]:
        return ""
    last = entry["runs"][-1]
    if last.get("error") == "not done in time":
        return f"over {last['wall']:.0f} s"
    if last["exit"]:
        return "failed"
    return "wrong" if seconds is None else wall(seconds)


def short(result, name):
    """What the README shows: a row a tool, a table a set."""
    machine = result["machine"]
    text = f"<!-- figures of {name} -->\n"
    for one_set in result["sets"]:
        figures = Figures(one_set)
        rows = []
        for row in one_set["rows"]:
            if not row["jobs"]:
                continue
            cells = [row["name"]]
            size = figures.bytes(row["name"])
            cells.append(f"{size / one_set['bytes']:.3f}" if size else "")
            for job in TITLES:
                cells.append(cell(row["jobs"].get(job), figures.wall(row["name"], job)))
            rows.append(cells)
        text += f"\n`{one_set['name']}`, {one_set['bytes'] / 1e6:.1f} MB, {count(one_set['records'])} records:\n\n"
        many = f"{count(one_set['lookups'])} {one_set['lookups_of']} by name"
        text += grid(("tool", "size of the FASTA", "build", "export", many, "one, whole process"), rows)
        met = [outcome for _, _, outcome, _ in targets.judged(one_set)]
        text += f"\n{met.count('met')} targets met, {met.count('missed')} missed, {met.count('not measured')} not measured.\n"
    text += (
        f"\nMedians of {result['runs']} runs in turn, {machine['cores']} cores ({machine['cpu']}), {machine['date']}"
        + (f", with other work beside it (load {machine['load_before']:.1f})" if machine["load_before"] > 1 else "")
        + ". `wrong` is an answer that was not the "
        f"right one, `failed` a tool that ended with an error; an empty cell is what a tool does not do. All figures, commands and versions: [{name}]({name[:-5]}.md).\n"
    )
    return text + END


def render(options):
    """`render`."""
    with open(options.result, encoding="utf-8") as file:
        result = json.load(file)
    if not options.into:
        sys.stdout.write(markdown(result))
        return 0
    folder = os.path.dirname(os.path.abspath(options.into))
    name = os.path.relpath(os.path.abspath(options.result), folder).replace(os.sep, "/")
    with open(options.into, encoding="utf-8") as file:
        text = file.read()
    begin = BEGIN.search(text)
    end = text.find(END, begin.end()) if begin else -1
    if end < 0:
        print(
            f"compare: {os.path.basename(options.into)} has no markers <!-- figures of ... --> and {END}",
            file=sys.stderr,
        )
        return 1
    changed = text[: begin.start()] + short(result, name) + text[end + len(END) :]
    if options.check:
        if changed != text:
            print(f"compare: the figures in {os.path.basename(options.into)} are not those of {name}", file=sys.stderr)
        return int(changed != text)
    with open(options.into, "w", encoding="utf-8") as file:
        file.write(changed)
    return 0
