"""problems.c through ctypes: the cells, and a problem of one seed."""

import ctypes
import subprocess
from pathlib import Path

import moocore
import numpy

ROOT = Path(__file__).resolve().parents[2]
D_MAX, M_MAX = 32, 3
double_p = ctypes.POINTER(ctypes.c_double)


class Cell(ctypes.Structure):
    """struct cell"""

    _fields_ = [
        ("name", ctypes.c_char * 32),
        ("d", ctypes.c_int),
        ("m", ctypes.c_int),
        ("design", ctypes.c_int),
        ("sweep", ctypes.c_int),
        ("evaluations", ctypes.c_int),
        ("batch", ctypes.c_int),
        ("noise", ctypes.c_double * M_MAX),
        ("reference", ctypes.c_double * M_MAX),
        ("mean", ctypes.c_double),
    ]


class CProblem(ctypes.Structure):
    """struct problem"""

    _fields_ = [
        ("cell", Cell),
        ("seed", ctypes.c_uint64),
        ("a", ctypes.c_double * D_MAX),
        ("b", ctypes.c_double * D_MAX),
    ]


def build():
    """The shared library, made anew when a source is younger."""
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    library = out / "problems.so"
    sources = [ROOT / "bench/optimizer/problems.c", ROOT / "optimizer/sobol.c", ROOT / "proto/rng.c"]
    headers = [ROOT / "bench/optimizer/problems.h", ROOT / "optimizer/sobol_table.h"]
    headers.append(ROOT / "bench/optimizer/pair_table.h")
    if not library.exists() or any(f.stat().st_mtime > library.stat().st_mtime for f in sources + headers):
        fresh = library.with_suffix(".new")
        flags = "-O2 -std=gnu11 -D_GNU_SOURCE -ffp-contract=off -fPIC -shared -I.".split()
        subprocess.run(["cc", *flags, *map(str, sources), "-lm", "-o", str(fresh)], check=True, cwd=ROOT)
        fresh.replace(library)
    return library


C = ctypes.CDLL(str(build()))
C.cell_at.restype = ctypes.POINTER(Cell)
C.cell_at.argtypes = [ctypes.c_int]
C.problem_make.argtypes = [ctypes.POINTER(CProblem), ctypes.c_char_p, ctypes.c_uint64]
C.problem_make_hma.argtypes = [ctypes.POINTER(CProblem), ctypes.c_int, ctypes.c_uint64]
C.problem_truth.argtypes = [ctypes.POINTER(CProblem), double_p, double_p]
C.problem_score.argtypes = [ctypes.POINTER(CProblem), ctypes.c_int, double_p, double_p]
C.problem_design.argtypes = [ctypes.POINTER(CProblem), double_p]
C.problem_random.argtypes = [ctypes.POINTER(CProblem), ctypes.c_int, double_p]


def cell_names():
    names = []
    while C.cell_at(len(names)):
        names.append(C.cell_at(len(names)).contents.name.decode())
    return names


def pointer(array):
    return array.ctypes.data_as(double_p)


class Problem:
    """A problem of one seed, and the record of what was evaluated on it."""

    def __init__(self, cell, seed):
        self.c = CProblem()
        if C.problem_make(ctypes.byref(self.c), cell.encode(), seed):
            raise SystemExit(f"no cell is called '{cell}'; there are {', '.join(cell_names())}")
        self.describe(cell, seed)

    def describe(self, cell, seed):
        c = self.c.cell
        self.cell, self.seed = cell, seed
        self.d, self.m, self.evaluations, self.batch = c.d, c.m, c.evaluations, c.batch
        self.noise = list(c.noise)[: self.m]
        self.reference = numpy.array(list(c.reference)[: self.m])
        self.mean = c.mean if c.mean >= 0 else None
        self.design = numpy.zeros((c.design, self.d))
        C.problem_design(ctypes.byref(self.c), pointer(self.design))
        self.x, self.y, self.truth = [], [], []

    def true(self, x):
        x, f = numpy.ascontiguousarray(x, dtype=float), numpy.zeros(self.m)
        C.problem_truth(ctypes.byref(self.c), pointer(x), pointer(f))
        return f

    def evaluate(self, x):
        """The next evaluation: what an optimizer is told."""
        x, f = numpy.ascontiguousarray(x, dtype=float), numpy.zeros(self.m)
        C.problem_score(ctypes.byref(self.c), len(self.x), pointer(x), pointer(f))
        self.x.append(x)
        self.y.append(f)
        self.truth.append(self.true(x))
        return f

    def random(self, index):
        x = numpy.zeros(self.d)
        C.problem_random(ctypes.byref(self.c), index, pointer(x))
        return x

    def hypervolume(self, points):
        return float(moocore.hypervolume(numpy.asarray(points), ref=self.reference)) if len(points) else 0.0

    def curve(self):
        """True hypervolume after the design and after every evaluation since."""
        start = len(self.design)
        return [self.hypervolume(self.truth[:n]) for n in range(start, len(self.truth) + 1)]

    def violation(self):
        """The farthest that an evaluated point is outside the box, or off the mean if there is one."""
        x = numpy.array(self.x)
        out = max(0.0, float(-x.min()), float(x.max() - 1))
        return out if self.mean is None else max(out, float(abs(x.mean(axis=1) - self.mean).max()))
