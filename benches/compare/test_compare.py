"""Tests of what decides which answers are right and which figures are shown."""

import argparse
import contextlib
import io
import json
import os
import tempfile
import unittest

import fasta
import jobs
import kept
import measure
import reductions
import table
import targets
import tools
from figures import Figures


def records(text):
    return [fasta.Record(header, residues) for header, residues in fasta.pieces(text)]


class Fasta(unittest.TestCase):
    def test_pieces(self):
        text = b">a one\r\nAC\r\n GT\n\n>b\n>c >d\nA>C"
        self.assertEqual(list(fasta.pieces(text)), [(b"a one", b"ACGT"), (b"b", b""), (b"c >d", b"A>C")])

    def test_choice(self):
        made = records(b"".join(b">sp|P%d|X\nA\n" % (number // 2 if number < 10 else number) for number in range(50)))
        chosen = fasta.choose(made, 1000)
        self.assertEqual(sorted(chosen), list(range(10, 50)))
        self.assertEqual(fasta.choose(made, 5), fasta.choose(made, 5))

    def test_exports(self):
        source = records(b">a one\nACgt\n>b two\nGG\n")
        said = lambda text: fasta.exported(source, "other", records(text), "sha")  # noqa: E731
        self.assertEqual(fasta.exported(source, "sha", [], "sha"), ("every byte", True))
        self.assertEqual(said(b">a one\nAC\ngt\n>b two\nGG\n"), ("headers and residues", True))
        self.assertEqual(said(b">a\nACgt\n>b\nGG\n"), ("ids and residues", True))
        self.assertEqual(said(b">x\nACgt\n>y\nGG\n"), ("residues", True))
        self.assertEqual(said(b">b two\nGG\n>a one\nACgt\n"), ("headers and residues, in another order", True))
        self.assertEqual(said(b">a\nACGT\n>b\nGG\n"), ("residues, not their case", True))
        self.assertEqual(said(b">a one\nACgt\n>b two\nGN\n"), ("wrong: 1 of 2 missing, 1 that are none of them", False))
        self.assertEqual(
            said(b">a one\nACgt\n>b two\nGG\n>b two\nGG\n"), ("wrong: 0 of 2 missing, 1 that are none of them", False)
        )

    def test_lookups(self):
        asked = records(b">a\nAC\n>b\nGG\n")
        self.assertEqual(fasta.looked_up(asked, records(b">a\nAC\n>b\nGG\n")), ("all, in the order asked for", True))
        self.assertEqual(fasta.looked_up(asked, records(b">b\nGG\n>a\nAC\n")), ("all, in another order", True))
        self.assertEqual(
            fasta.looked_up(asked, records(b">a\nAC\n")), ("wrong: 1 of 2 missing, 0 that are none of them", False)
        )


class Measure(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = folder.name

    def test_what_a_run_takes(self):
        steps = [measure.Step("sh", "-c", "echo one", stdout="one.txt"), measure.Step("cat", "one.txt")]
        taken = measure.run(steps, self.work, 60, "out.txt")
        self.assertEqual(taken["exit"], 0)
        self.assertGreater(taken["peak"], 100_000)
        with open(os.path.join(self.work, "out.txt"), encoding="ascii") as file:
            self.assertEqual(file.read(), "one\n")

    def test_failures(self):
        failed = measure.run(
            [measure.Step("sh", "-c", f"echo in {self.work} >&2; exit 3"), measure.Step("true")], self.work, 60
        )
        self.assertEqual((failed["exit"], failed["error"]), (3, "in $WORK"))
        self.assertEqual(measure.run([measure.Step("no-such-program")], self.work, 60)["exit"], 127)
        late = measure.run([measure.Step("sh", "-c", "sleep 60 & wait")], self.work, 0.2)
        self.assertEqual((late["exit"], late["error"]), (-9, "not done in time"))

    def test_complaints(self):
        self.assertEqual(
            measure.complaint("start\nthread 'main' panicked at src:1:\n no room \nnote: run\n"), "no room"
        )
        self.assertEqual(measure.complaint("a\nError: b\n  0: frame\n"), "Error: b")
        self.assertEqual([measure.complaint("a\nb\n\n"), measure.complaint("")], ["b", ""])

    def test_turns(self):
        order = []

        def once(row):
            order.append(row)
            return {"exit": int(row == "bad"), "wall": 100 if row == "slow" else 1}

        taken = measure.in_turn(["a", "slow", "bad", "b"], 3, 60, once, lambda turn, row: None)
        self.assertEqual(order, ["a", "slow", "bad", "b", "b", "a", "b", "a"])
        self.assertEqual([len(runs) for runs in taken], [3, 1, 1, 3])

    def test_median(self):
        self.assertEqual([measure.median([3]), measure.median([5, 1, 2]), measure.median([4, 1])], [3, 2, 2.5])

    def test_no_places(self):
        step = measure.Step("/opt/a tool/sfa", "view", f"{self.work}/a", "x|y", stdout="out")
        self.assertEqual(step.shown(self.work), "sfa view $WORK/a 'x|y' > out")


def result(talaria, cat):
    """A result of one set with one row each, whose runs took as told."""
    job = lambda walls, right=True: {
        "commands": ["x in.fa"],
        "runs": [{"wall": wall, "cpu": wall, "peak": 1, "exit": 0} for wall in walls],
        "answer": "told",
        "right": right,
    }  # noqa: E731
    rows = [
        {
            "name": "talaria-db balanced",
            "tool": "talaria-db",
            "note": "",
            "bytes": 50,
            "files": {"a": 50},
            "parts": {},
            "jobs": {"build": job([2, 1, 3]), "export": job(talaria)},
        },
        {
            "name": "zstd -3",
            "tool": "zstd",
            "note": "",
            "bytes": 40,
            "files": {"b": 40},
            "parts": {},
            "jobs": {"build": job([1]), "export": job([1])},
        },
        {
            "name": "sfasta",
            "tool": "sfasta",
            "note": "",
            "bytes": 60,
            "files": {"c": 60},
            "parts": {},
            "jobs": {"build": job([8]), "export": job(cat, right=False)},
        },
    ]
    one_set = {
        "name": "proteins.fasta",
        "bytes": 100,
        "records": 2,
        "residues": 80,
        "kind": "protein",
        "lookups": 2,
        "lookups_of": "records",
        "rows": rows,
    }
    machine = {
        "cpu": "a",
        "cores": 2,
        "memory_bytes": 2**30,
        "system": "s",
        "load_before": 0.0,
        "least_peak_bytes": 1,
        "date": "2026-11-23",
    }
    return {
        "format": 1,
        "kind": "run",
        "command": "c",
        "runs": 3,
        "threads": 2,
        "machine": machine,
        "versions": {"zstd": "1"},
        "skipped": {"NAF": "none"},
        "sets": [one_set],
    }


class Tables(unittest.TestCase):
    def test_targets(self):
        judged = {
            (work, words.split()[0]): (outcome, told)
            for work, words, outcome, told in targets.judged(result([0.5], [0.01])["sets"][0])
        }
        # The wrong answer, which took less, is none to compare with.
        self.assertEqual(judged["export", "at"], ("met", "0.500 s; zstd -3: 1.00 s; ratio 0.50"))
        self.assertEqual(judged["build, default", "at"], ("met", "2.00 s; sfasta: 8.00 s; ratio 0.25"))
        self.assertEqual(judged["size, default", "below"][0], "met")
        self.assertEqual(judged["size, small", "residue"], ("not measured", ""))
        self.assertEqual(
            {outcome for (work, _), (outcome, _) in judged.items() if work == "scan, packed"}, {"not measured"}
        )
        late = [outcome for work, _, outcome, _ in targets.judged(result([0.6], [1])["sets"][0]) if work == "export"]
        self.assertEqual(late, ["missed"])

    def test_markdown(self):
        text = table.markdown(result([0.5], [0.01]))
        self.assertIn("| talaria-db balanced | 2.00 s | 1.00 | 2.00 s | 0 | 3 | told |", text)
        self.assertIn("- NAF: none", text)
        short = table.short(result([0.5], [0.01]), "kept.json")
        self.assertIn("| sfasta | 0.600 | 8.00 s | wrong |  |  |", short)
        self.assertTrue(short.startswith("<!-- figures of kept.json -->\n") and short.endswith(table.END))

    def test_cells(self):
        def cell(seconds, **run):
            return table.cell({"runs": [run]}, seconds)

        self.assertEqual([table.cell(None, None), table.cell({"runs": []}, None)], ["", ""])
        self.assertEqual([cell(0.0123, exit=0), cell(1, exit=0), cell(None, exit=0)], ["12.3 ms", "1.00 s", "wrong"])
        late = cell(None, exit=-9, wall=60.01, error="not done in time")
        self.assertEqual([late, cell(None, exit=1, wall=60, error="no room")], ["over 60 s", "failed"])

    def test_render(self):
        with tempfile.TemporaryDirectory() as folder:
            kept, readme = os.path.join(folder, "kept.json"), os.path.join(folder, "README.md")
            with open(kept, "w", encoding="utf-8") as file:
                json.dump(result([0.5], [0.01]), file)

            def render(check):
                with contextlib.redirect_stderr(io.StringIO()):
                    return table.render(argparse.Namespace(result=kept, into=readme, check=check))

            def write(text):
                with open(readme, "w", encoding="utf-8") as file:
                    file.write(text)

            write("before\n")
            self.assertEqual(render(False), 1)
            write(f"before\n<!-- figures of old.json -->\nold\n{table.END}\nafter\n")
            self.assertEqual([render(True), render(False), render(True)], [1, 0, 0])
            with open(readme, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(
                text.startswith("before\n<!-- figures of kept.json -->\n") and text.endswith(f"{table.END}\nafter\n")
            )
            self.assertNotIn("old", text)

    def test_kept_text(self):
        for value in (result([0.5], [0.01]), [], {}, {"a": {}}, [[1, "ä"], {"b": [{"c": None}, 2.5]}], True):
            self.assertEqual(json.loads(kept.text(value)), value)
        runs = {"runs": [{"wall": 1, "cpu": 2}, {}]}
        self.assertEqual(kept.text(runs), '{\n "runs": [\n  {"wall": 1, "cpu": 2},\n  {}\n ]\n}')

    def test_what_is_not_known(self):
        figures = Figures(result([1], [1])["sets"][0])
        self.assertIsNone(figures.wall("sfasta", "export"))
        self.assertIsNone(figures.wall("nobody", "build"))
        self.assertEqual(figures.best(("nobody",), "build"), (None, None))

    def test_figures_of_the_library_are_those_of_a_preset(self):
        one_set = result([1], [1])["sets"][0]
        one_set["library"] = [
            {"preset": "fast", "name": "scan, packed", "value": 4.5, "unit": "GB/s"},
            {"preset": "balanced", "name": "scan", "value": 1.5, "unit": "GB/s"},
        ]
        figures = Figures(one_set)
        self.assertEqual(figures.library("scan, packed", "fast"), 4.5)
        self.assertEqual(figures.library("scan"), 1.5)
        self.assertIsNone(figures.library("scan, packed"))


class Rows(unittest.TestCase):
    def test_names_differ(self):
        for rows in (tools.all_rows(), reductions.all_reducers()):
            self.assertEqual(len({row.name for row in rows}), len(rows))

    def test_kinds(self):
        with tempfile.NamedTemporaryFile() as file:
            for text, kind in ((b">a\nACGTNNacgu\n", "nucleotide"), (b">a\nMKVLAA\n", "protein")):
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                self.assertEqual(jobs.kind_of(file.name), kind)

    def test_clusters(self):
        source = records(b">a\nAC\n>b\nAC\n>c\nGG\n")
        with tempfile.NamedTemporaryFile() as file:
            for text, count, right in (
                (b"a\ta\t1\na\tb\t1\nc\tc\n", 2, True),
                (b"a\ta\nc\tc\n", 2, False),
                (b"a\ta\na\tb\na\tb\nc\tc\n", 2, False),
                (b"a\tb\nc\ta\nc\tc\n", 2, False),
                (b"a\ta\na\tb\na\tc\n", 1, False),
            ):
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                found = reductions.check(reductions.Talaria("t", "in.fa", "out"), file.name, source, True)
                self.assertEqual((found[0], found[2]), (count, right), found[1])


if __name__ == "__main__":
    unittest.main()
