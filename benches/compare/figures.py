"""The figures of one set of a result, asked for by row and job."""

from measure import median


class Figures:
    """Medians of one set."""

    def __init__(self, one_set):
        self.set = one_set
        self.rows = {row["name"]: row for row in one_set["rows"]}

    def job(self, row, job):
        """What is known of a job, or None if it was not run, failed, or answered wrong."""
        found = self.rows.get(row, {}).get("jobs", {}).get(job)
        if not found or not found["runs"] or found["runs"][-1]["exit"] or found.get("right") is False:
            return None
        return found

    def median(self, row, job, what):
        found = self.job(row, job)
        return median([run[what] for run in found["runs"]]) if found else None

    def wall(self, row, job):
        """Seconds."""
        return self.median(row, job, "wall")

    def bytes(self, row):
        """Bytes of the result with its index."""
        return self.rows.get(row, {}).get("bytes") if self.job(row, "build") else None

    def residues(self, row):
        """Bytes that residues take in it."""
        return self.rows.get(row, {}).get("parts", {}).get("residues")

    def peers(self):
        """Rows of other tools that do not print what they are told."""
        return [name for name, row in self.rows.items() if row["tool"] not in ("talaria-db", "cat")]

    def best(self, rows, job):
        """The fastest of some rows and its seconds; None and None if there is none."""
        walls = [(self.wall(row, job), row) for row in rows if self.wall(row, job) is not None]
        wall, row = min(walls, default=(None, None))
        return row, wall

    def library(self, name, preset="balanced"):
        """A figure of the library on the container of a preset, the default one unless named."""
        found = (
            entry["value"]
            for entry in self.set.get("library", [])
            if entry["preset"] == preset and entry["name"] == name
        )
        return next(found, None)
