"""Which record stands for which, for `second_reader.py`: section 13 of spec/FORMAT.md.

Each function gives for each record its representative (or none), identity and coverage in ten-thousandths.
"""
import struct

from .codecs import need


def listed(container):
    """From an item a record."""
    need(48 in container.table and container.table[48][4] in (8, 12), "M-1")
    layout, none = ("<IHH", (1 << 32) - 1) if container.table[48][4] == 8 else ("<QHH", (1 << 64) - 1)
    items = [(None if r == none else r, i, c) for r, i, c in struct.iter_unpack(layout, container.section(48))]
    for i, (r, identity, coverage) in enumerate(items):
        need(r is None or r < container.count and items[r][0] == r, "M-2", f"record {i}")
        need(max(identity, coverage) <= 10000 and (r != i or identity == coverage == 10000), "M-3", f"record {i}")
        need(r is not None or identity == coverage == 0, "M-5", f"record {i}")
    below = sorted((r, i) for i, (r, _, _) in enumerate(items) if r not in (None, i))
    need(container.integers(49) == tuple(i for _, i in below), "M-4")
    return items


def compact(container):
    """From the compact form, all of whose rules are checked."""
    standing = standings(container)
    nobody = unrepresented(container, standing)
    groups, members = container.integers(52), container.integers(49)
    identities, coverages = container.shares(53), container.shares(54)
    below, partial = [i for i, s in enumerate(standing) if s >= 2], [i for i, s in enumerate(standing) if s == 3]
    leaders = [i for i, s in enumerate(standing) if s == 1]
    need(len(members) == len(identities) == len(below) and len(coverages) == len(partial), "M-7")
    need(len(groups) == len(leaders) + 1, "M-7")
    need(groups[0] == 0 and groups[-1] == len(members) and ascend(groups), "M-9")
    need(sorted(members) == below, "M-10")
    need(all(ascend(members[a:b]) for a, b in zip(groups, groups[1:])), "M-10")
    need(all(share <= 10000 for share in identities) and all(share < 10000 for share in coverages), "M-11")
    ranks = {member: rank for rank, member in enumerate(below)}
    permutation = [ranks[member] for member in members]
    shortcuts = list(struct.iter_unpack("<QQ", container.section(55)))
    need(shortcuts == sorted(shortcuts_of(permutation)), "M-12")
    items = [(None, 0, 0) if i in nobody else (i, 10000, 10000) for i in range(container.count)]
    coverage, to = dict(zip(partial, coverages)), dict(shortcuts)
    for rank, member in enumerate(below):
        place = find(permutation, to, rank)
        leader = next(k for k in range(len(leaders)) if groups[k] <= place < groups[k + 1])
        items[member] = (leaders[leader], identities[rank], coverage.get(member, 10000))
    return items


def standings(container):
    """How each record stands."""
    items, standing = list(struct.iter_unpack("<QQQ40s", container.section(50))), []
    need(len(items) == -(-container.count // 160), "M-7")
    for *before, bits in items:
        counts = [sum(s >= 2 for s in standing), standing.count(3), standing.count(1)]
        need(before == counts, "M-7", f"counts after {len(standing)} records")
        standing += [byte >> shift & 3 for byte in bits for shift in (0, 2, 4, 6)]
    need(not any(standing[container.count :]), "M-7", "after the last record")
    return standing[: container.count]


def unrepresented(container, standing):
    """The records that have no representative."""
    if 51 not in container.table:
        return set()
    words = struct.unpack(f"<{container.table[51][6]}Q", container.section(51))
    need(len(words) == -(-container.count // 64), "M-8")
    nobody = {64 * k + bit for k, word in enumerate(words) for bit in range(64) if word >> bit & 1}
    need(all(i < container.count and standing[i] == 0 for i in nobody), "M-8")
    return nobody


def shortcuts_of(permutation):
    seen = set()
    for least in range(len(permutation)):
        cycle, at = [], least
        while at not in seen:
            seen.add(at)
            cycle.append(at)
            at = permutation[at]
        if len(cycle) > 16:
            yield from ((cycle[i], cycle[i - 16]) for i in range(0, len(cycle), 16))


def find(permutation, to, rank):
    """The place that leads to a rank: with 16 values of the permutation and one shortcut."""
    at, taken = rank, False
    for _ in range(16):
        if not taken and at in to:
            at, taken = to[at], True
        if permutation[at] == rank:
            return at
        at = permutation[at]
    need(False, "M-12", f"rank {rank} is not found")


def ascend(numbers):
    return all(a < b for a, b in zip(numbers, numbers[1:]))
