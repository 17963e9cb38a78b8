"""BoTorch on the problem of `cells proposal`: N recorded scores of K ratios, then one proposal, fit and acquisition.

    proposal.py N K REPEATS        one JSON object; CPU seconds of one thread

With the settings that peers.py has; q = 1. The median of the repeats is of whole proposals; `fit` is the part of it that
fits the models."""

import ctypes
import json
import resource
import statistics
import sys
import time
import warnings

import peers
from problems import C, CProblem, Problem


class Recorded(Problem):
    """An hma problem of K groups with N Sobol points scored."""

    def __init__(self, n, k):
        self.c = CProblem()
        C.problem_make_hma(ctypes.byref(self.c), k, 1)
        cell = self.c.cell
        cell.name, cell.m, cell.design, cell.mean = b"hma", 2, n, -1
        cell.noise[:2], cell.reference[:2] = (0.02, 0.02), (0.1, 1.1)
        self.describe("hma", 1)
        for point in self.design:
            self.evaluate(point)


def main():
    import torch

    n, k, repeats = map(int, sys.argv[1:4])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    problem = Recorded(n, k)
    whole, fit = [], []
    for i in range(repeats):
        torch.manual_seed(i)
        start = time.process_time()
        model = peers.botorch_model(problem)
        fit.append(time.process_time() - start)
        peers.botorch_propose(problem, *model, 1)
        whole.append(time.process_time() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"n": n, "k": k, "seconds": statistics.median(whole), "fit": statistics.median(fit), "memory_mib": memory}))


main()
