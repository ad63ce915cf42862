"""What the figures must show, and whether a result shows it. Each is a work, the sets it is for, the target in words, and a function of the set's figures."""

from figures import Figures

DEFAULT, SMALL = "talaria-db balanced", "talaria-db small"
BUILDERS = ("bgzip + faidx", "BLAST v5", "MMseqs2", "MMseqs2 compressed", "DIAMOND", "sfasta")
DECOMPRESS = (
    "bgzip + faidx",
    "BLAST v5",
    "MMseqs2 compressed",
    "NAF, level 1",
    "NAF, level 22",
    "sfasta",
    "BINSEQ .vbq",
    "BINSEQ .cbq",
    "zstd -3",
    "zstd -19 --long",
)
SINGLE = (
    "bgzip + faidx",
    "samtools faidx, plain FASTA",
    "BLAST v5",
    "MMseqs2",
    "MMseqs2 compressed",
    "seqkit",
    "pyfastx",
)
NAF = "NAF, level 22"
LIMIT = "cat (the limit)"


def ratio_at_most(mine, other, most, unit, of):
    """Met if `mine` is at most `most` times `other`; None where one of them is not known."""
    if mine is None or other is None:
        return None
    return mine <= most * other, f"{unit(mine)}; {of}: {unit(other)}; ratio {mine / other:.2f}"


def seconds(value):
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def megabytes(value):
    return f"{value / 1e6:.2f} MB"


def build(figures):
    name, best = figures.best(BUILDERS, "build")
    return ratio_at_most(figures.wall(DEFAULT, "build"), best, 0.5, seconds, name)


def small_residues(figures):
    return ratio_at_most(figures.residues(SMALL), figures.residues(NAF), 1, megabytes, NAF)


def small_whole(most):
    return lambda figures: ratio_at_most(figures.bytes(SMALL), figures.bytes(NAF), most, megabytes, NAF)


def small_time(figures):
    return ratio_at_most(figures.wall(SMALL, "build"), figures.wall(NAF, "build"), 0.1, seconds, NAF)


def smaller(figures):
    sizes = [(figures.bytes(name), name) for name in BUILDERS if figures.bytes(name)]
    best, name = min(sizes, default=(None, None))
    return ratio_at_most(figures.bytes(DEFAULT), best, 1, megabytes, name)


def bytes_at_most(row, most):
    def check(figures):
        size = figures.bytes(row)
        return None if size is None else (size <= most, megabytes(size))

    return check


def export(figures):
    name, best = figures.best(DECOMPRESS, "export")
    return ratio_at_most(figures.wall(DEFAULT, "export"), best, 0.5, seconds, name)


def batch(figures):
    name, best = figures.best(figures.peers(), "batch")
    return ratio_at_most(figures.wall(DEFAULT, "batch"), best, 0.1, seconds, name)


def single(figures):
    name, best = figures.best(SINGLE, "single")
    return ratio_at_most(figures.wall(DEFAULT, "single"), best, 0.1, seconds, name)


def single_limit(figures):
    return ratio_at_most(figures.wall(DEFAULT, "single"), figures.wall(LIMIT, "single"), 2, seconds, "cat")


def library(name, good, unit, preset="balanced"):
    def check(figures):
        value = figures.library(name, preset)
        return None if value is None else (good(value), f"{value:.2f} {unit}")

    return check


TARGETS = (
    (
        "build, default",
        None,
        "at most half the time of the fastest of bgzip + faidx, BLAST, MMseqs2, DIAMOND, sfasta",
        build,
    ),
    ("size, small", "proteins", "residue blocks at most NAF's at level 22", small_residues),
    ("size, small", "proteins", "whole file at most 1.15 of NAF's at level 22", small_whole(1.15)),
    ("size, small", "proteins", "whole file at most NAF's at level 22", small_whole(1)),
    ("build, small", "proteins", "at most a tenth of the time of NAF at level 22", small_time),
    ("size, default", None, "below bgzip, MMseqs2, BLAST, DIAMOND, sfasta", smaller),
    ("size, small", "rrna", "at most 10.2 MB", bytes_at_most(SMALL, 10.2e6)),
    ("size, default", "genome", "at most 17.0 MB", bytes_at_most(DEFAULT, 17.0e6)),
    ("size, small", "genome", "at most 16.0 MB", bytes_at_most(SMALL, 16.0e6)),
    ("export", None, "at most half the time of every peer that decompresses", export),
    ("lookups by id file", "proteins rrna", "at most a tenth of the time of the best peer", batch),
    (
        "one lookup, process",
        "proteins",
        "at most a tenth of the time of samtools, blastdbcmd, mmseqs, seqkit, pyfastx",
        single,
    ),
    ("one lookup, process", "proteins", "at most twice the time of cat of one line", single_limit),
    (
        "one lookup, library",
        "proteins",
        "block cached: at most 0.5 us",
        library("lookup, block cached", lambda value: value <= 0.5, "us"),
    ),
    (
        "one lookup, library",
        "proteins",
        "uncached: at most 25 us",
        library("lookup, no cache", lambda value: value <= 25, "us"),
    ),
    (
        "scan, packed",
        "proteins rrna",
        "at least 4 GB/s a core",
        library("scan, packed", lambda value: value >= 4, "GB/s", "fast"),
    ),
    (
        "scan, Zstandard",
        "proteins rrna",
        "at least 0.9 of the codec alone",
        library("scan over codec", lambda value: value >= 0.9, "of the codec"),
    ),
)


def judged(one_set):
    """Work, target, `met`, `missed` or `not measured`, and figures, of each target that is for this set."""
    figures = Figures(one_set)
    stem = one_set["name"].split(".")[0]
    for work, sets, words, check in TARGETS:
        if sets is None or stem in sets.split():
            outcome = check(figures)
            yield (
                (work, words, "not measured", "")
                if outcome is None
                else (work, words, "met" if outcome[0] else "missed", outcome[1])
            )
