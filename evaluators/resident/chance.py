"""Random numbers as paretod draws them (proto/rng.h: xoshiro256** seeded by SplitMix64), and the slices made of them."""

WORD = (1 << 64) - 1


def _splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & WORD
    z = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return x, z ^ (z >> 31)


def _rotate(x, k):
    return ((x << k) | (x >> (64 - k))) & WORD


class Chance:
    def __init__(self, seed, stream):
        _, x = _splitmix(seed & WORD)
        x ^= stream
        self.s = []
        for _ in range(4):
            x, z = _splitmix(x)
            self.s.append(z)

    def u64(self):
        s = self.s
        result = (_rotate((s[1] * 5) & WORD, 7) * 9) & WORD
        t = (s[1] << 17) & WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotate(s[3], 45)
        return result

    def uniform(self):
        """In [0, 1)."""
        return (self.u64() >> 11) * 2.0**-53


def deal(n, slices):
    """The slice of each of n items, as the native evaluator deals them (worker/slices.c)."""
    out = []
    for first in range(0, n, slices):
        chance, block = Chance(0x736C69636573, first // slices), []
        for i in range(min(slices, n - first)):
            j = chance.u64() % (i + 1)
            block.append(block[j] if j < i else i)
            block[j] = i
        out += block
    return out
