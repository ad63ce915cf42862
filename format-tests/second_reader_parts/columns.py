"""Packed columns for `second_reader.py`: section 14 of spec/FORMAT.md."""
from .codecs import need

LANES = {(1, 16): (24, 40, 32, 16, 8, 8), (3, 8): (24, 40), (21, 8): (40, 24), (48, 8): (32, 16, 16), (48, 12): (64, 16, 16)}
LANES.update({(kind, size): (8 * size,) for kind in (2, 4, 20, 49, 52) for size in (4, 8)})
LANES.update({(53, 2): (16,), (54, 2): (16,), (55, 16): (64, 64)})
COMPACT = (49, 52, 53, 54, 55)


def lanes_of(kind, item, required):
    """The lanes of a section in a file with these required features, if it is packed there."""
    packed = required & 2 and kind < 50 or required & 4 and kind in COMPACT
    return LANES.get((kind, item)) if packed else None


def unpack_column(data, lanes, count):
    """The items of a packed section, as they would stand in one that is not."""
    frames = -(-count // 128)
    end = len(data) - 8 * frames
    index = [int.from_bytes(data[end + 8 * k : end + 8 * k + 8], "little") for k in range(frames)] + [end]
    need(index[0] == 0, "W-2")
    out = bytearray()
    for k in range(frames):
        frame = bytes(data[index[k] : index[k + 1]])
        most = len(lanes) + sum(lanes) // 8 * 129
        need(index[k] <= index[k + 1] <= end and index[k + 1] - index[k] <= most, "W-2", f"frame {k}")
        columns, at, start = [], len(lanes), len(lanes) + sum(lanes) // 8
        need(len(frame) >= start, "W-3", f"frame {k}")
        for lane, width in zip(lanes, frame):
            need(width <= lane, "W-3", f"frame {k}")
            least = int.from_bytes(frame[at : at + lane // 8], "little")
            need(start + 16 * width <= len(frame), "W-3", f"frame {k}")
            bits = int.from_bytes(frame[start : start + 16 * width], "little")
            values = [bits >> width * i & (1 << width) - 1 for i in range(128)]
            here = min(count - 128 * k, 128)
            need(not any(values[here:]) and least + max(values) < 1 << lane, "W-4", f"frame {k}")
            columns.append([(least + value).to_bytes(lane // 8, "little") for value in values[:here]])
            at, start = at + lane // 8, start + 16 * width
        need(start == len(frame), "W-3", f"frame {k}")
        for item in zip(*columns):
            out += b"".join(item)
    return memoryview(bytes(out))
