"""XXH3, 64 bits, seed 0, for texts of any length: the hash of the key index (section 8 of spec/FORMAT.md).

Python's standard library has none. `second_reader.py` holds it against the key indexes of real containers.
"""
import struct

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MASK = (1 << 64) - 1
WORDS = struct.Struct("<8Q").unpack_from
KEYS = [WORDS(SECRET, 8 * stripe) for stripe in range(17)]  # one set of eight for each stripe of 1024 bytes
LAST_KEYS = WORDS(SECRET, 192 - 64 - 7)


def u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def u64(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def fold(a, b):
    """The product of two words, its halves joined by exclusive or."""
    product = a * b
    return (product & MASK) ^ (product >> 64)


def avalanche(h):
    h = (h ^ (h >> 37)) * 0x165667919E3779F9 & MASK
    return h ^ (h >> 32)


def avalanche_of_xxh64(h):
    h = (h ^ (h >> 33)) * P64_2 & MASK
    h = (h ^ (h >> 29)) * P64_3 & MASK
    return h ^ (h >> 32)


def xxh3_64(data):
    """The hash of some bytes."""
    n = len(data)
    if n > 240:
        return of_stripes(data, n)
    if n > 16:
        return of_pairs(data, n)
    if n > 8:
        low = u64(data, 0) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
        high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return avalanche((n + swapped + high + fold(low, high)) & MASK)
    if n > 3:
        h = (u32(data, n - 4) + (u32(data, 0) << 32)) ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        h ^= ((h << 49 | h >> 15) ^ (h << 24 | h >> 40)) & MASK
        h = h * 0x9FB21C651E98DF25 & MASK
        h = (h ^ ((h >> 35) + n)) * 0x9FB21C651E98DF25 & MASK
        return h ^ (h >> 28)
    if n:
        h = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return avalanche_of_xxh64(h ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    return avalanche_of_xxh64(u64(SECRET, 56) ^ u64(SECRET, 64))


def of_pairs(data, n):
    """17 to 240 bytes: sums of products of sixteen bytes each."""

    def pair(at, key):
        return fold(u64(data, at) ^ u64(SECRET, key), u64(data, at + 8) ^ u64(SECRET, key + 8))

    total = n * P64_1
    if n <= 128:
        for i in range((n - 1) // 32 + 1):
            total += pair(16 * i, 32 * i) + pair(n - 16 * (i + 1), 32 * i + 16)
    else:
        total = avalanche((total + sum(pair(16 * i, 16 * i) for i in range(8))) & MASK)
        total += sum(pair(16 * i, 16 * (i - 8) + 3) for i in range(8, n // 16)) + pair(n - 16, 136 - 17)
    return avalanche(total & MASK)


def of_stripes(data, n):
    """More than 240 bytes: eight sums over stripes of 64, mixed anew after every 1024."""
    sums = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]

    def add(at, keys):
        words = WORDS(data, at)
        for i in range(8):
            keyed = words[i] ^ keys[i]
            sums[i ^ 1] = (sums[i ^ 1] + words[i]) & MASK
            sums[i] = (sums[i] + (keyed & 0xFFFFFFFF) * (keyed >> 32)) & MASK

    for stripe in range((n - 1) // 64):
        add(64 * stripe, KEYS[stripe % 16])
        if stripe % 16 == 15:
            sums[:] = [(s ^ (s >> 47) ^ key) * P32_1 & MASK for s, key in zip(sums, KEYS[16])]
    add(n - 64, LAST_KEYS)
    total = n * P64_1
    for i in range(0, 8, 2):
        total += fold(sums[i] ^ u64(SECRET, 11 + 8 * i), sums[i + 1] ^ u64(SECRET, 19 + 8 * i))
    return avalanche(total & MASK)
