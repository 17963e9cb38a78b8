"""Writes gp.json: posteriors and log marginal likelihoods of Gaussian processes by GPyTorch at fixed hyperparameters, and
maxima a posteriori of the density that optimizer/gp/gp.h writes down, found by SciPy's L-BFGS-B from many starts.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_gp.py > gp.json
"""

import itertools
import json
import math

import gpytorch
import numpy
import scipy.optimize
import scipy.special
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
rng = numpy.random.default_rng(20260301)
LN_2PI = math.log(2 * math.pi)


class Matern72(gpytorch.kernels.Kernel):
    """GPyTorch has Matern kernels up to 5/2; this one is checked below against the general form."""

    has_lengthscale = True

    def forward(self, x1, x2, diag=False, **params):
        # GPyTorch's own distance has no gradient where places coincide; a tiny number under the root gives one.
        s = (7 * (((x1.unsqueeze(-2) - x2.unsqueeze(-3)) / self.lengthscale) ** 2).sum(-1) + 1e-30).sqrt()
        k = (1 + s + 0.4 * s**2 + s**3 / 15) * torch.exp(-s)
        return k.diagonal(dim1=-1, dim2=-2) if diag else k


def check_matern():
    """Rasmussen and Williams 2006, eq. 4.14, with SciPy's Bessel function."""
    r = numpy.linspace(0.01, 4, 50)
    s = math.sqrt(7) * r
    general = 2 ** (1 - 3.5) / scipy.special.gamma(3.5) * s**3.5 * scipy.special.kv(3.5, s)
    kernel = Matern72()
    kernel.lengthscale = 1.0
    ours = kernel(torch.tensor(r)[:, None], torch.zeros(1, 1)).to_dense().detach().numpy()[:, 0]
    assert numpy.abs(ours - general).max() < 1e-12


def kernel_of(shape, d):
    return Matern72(ard_num_dims=d) if shape == "matern" else gpytorch.kernels.RBFKernel(ard_num_dims=d)


def levels(x):
    """The terms of a polynomial, written out, a matrix a level; over the unit cube the mean square of a row's sum with
    independent weights of variance 1 is 1."""
    u, d = 2 * x - 1, x.shape[-1]
    pairs = list(itertools.combinations(range(d), 2))
    beside = [(i, i + 1) for i in range(d - 1)]
    out = [u * math.sqrt(3 / d), u**2 * math.sqrt(5 / d)]
    for some in (beside, pairs):
        terms = [3 * u[:, i] * u[:, j] / math.sqrt(len(some)) for i, j in some]
        out.append(torch.stack(terms, -1) if some else 0 * u)
    return out


def polynomial(x1, x2, weight):
    return sum(w * a @ b.T for w, a, b in zip(weight, levels(x1), levels(x2)))


class Whole(gpytorch.kernels.Kernel):
    """signal * stationary + polynomial"""

    def __init__(self, shape, d, length, signal, weight):
        super().__init__()
        self.base = kernel_of(shape, d)
        self.base.lengthscale = length
        self.ln_signal = torch.nn.Parameter(torch.tensor(math.log(signal)))
        self.ln_weight = torch.nn.Parameter(torch.tensor(weight).log())

    def forward(self, x1, x2, diag=False, **params):
        k = self.ln_signal.exp() * self.base(x1, x2).to_dense() + polynomial(x1, x2, self.ln_weight.exp())
        return k.diagonal(dim1=-1, dim2=-2) if diag else k


class Process(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel, mean):
        super().__init__(x, y, likelihood)
        self.mean_module = gpytorch.means.ConstantMean()
        self.mean_module.constant.data.fill_(mean)
        self.covar_module = kernel

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


def function(x):
    d = x.shape[1]
    weight = numpy.cos(3 * numpy.arange(d)) / math.sqrt(d)
    return numpy.sin(4 * x @ weight) + (x[:, 0] - 0.4) ** 2 - 0.5 * x[:, -1]


def data(n, d, sd, duplicates=0):
    x = rng.uniform(0, 1, (n, d))
    for i in range(duplicates):
        x[n - 1 - i] = x[i]
    stderr = sd * rng.uniform(0.5, 1.5, n)
    y = function(x) + stderr * rng.standard_normal(n)
    variance = stderr**2
    if n > 1:
        variance /= y.var()
        y = (y - y.mean()) / y.std()
    return x, y, variance


def fixed(name, n, d, q, sd, noise, scale, mean, duplicates=0, shape="matern"):
    x, y, variance = data(n, d, sd, duplicates)
    length = numpy.exp(rng.uniform(math.log(0.3), math.log(2 * math.sqrt(d)), d))
    places = rng.uniform(0, 1, (q, d))
    places[0] = x[0]
    if q > 2:
        places[1] = x[0] + 1e-4
        places[2] = 3 * rng.uniform(-1, 1, d)
    tx, ty = torch.tensor(x), torch.tensor(y)
    total = torch.tensor(scale * variance + noise)
    likelihood = gpytorch.likelihoods.FixedNoiseGaussianLikelihood(total)
    signal, weight = math.exp(rng.uniform(-3, 0.5)), numpy.exp(rng.uniform(-4, 0.5, 4)).tolist()
    kernel = Whole(shape, d, torch.tensor(length), signal, weight)
    model = Process(tx, ty, likelihood, kernel, mean)
    off = gpytorch.settings.fast_computations(False, False, False)
    exact = gpytorch.settings.max_cholesky_size(10000)
    with off, exact, gpytorch.settings.fast_pred_var(False), gpytorch.settings.cholesky_jitter(0, 0, 0):
        model.train()
        value = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)(model(tx), ty) * n
        value.backward()
        raw = kernel.base.raw_lengthscale
        # The gradient with regard to ln length, from that of the raw parameter (length = softplus(raw)).
        slope = torch.sigmoid(raw.data)
        gradient = (raw.grad / slope * kernel.base.lengthscale.data).reshape(-1)
        model.eval()
        posterior = model(torch.tensor(places))
        case = {
            "name": name, "shape": shape, "d": d, "x": x.tolist(), "y": y.tolist(), "variance": variance.tolist(),
            "length": kernel.base.lengthscale.data.reshape(-1).tolist(), "signal": signal, "weight": weight,
            "noise": noise, "scale": scale, "mean": mean, "at": places.tolist(),
            "log_likelihood": value.item(), "gradient": gradient.tolist() + [kernel.ln_signal.grad.item()] + kernel.ln_weight.grad.tolist(),
            "posterior_mean": posterior.mean.tolist(), "covariance": posterior.covariance_matrix.tolist(),
        }  # fmt: skip
    return case


def log_density(theta, shape, x, y, variance, known):
    """theta: ln length [d], ln signal, ln weight [4], ln noise, ln scale, mean."""
    n, d = x.shape
    kernel = kernel_of(shape, None)
    kernel.lengthscale = 1.0
    kernel.raw_lengthscale.requires_grad_(False)
    others = theta[d:]
    k = others[0].exp() * kernel(x / theta[:d].exp(), x / theta[:d].exp()).to_dense()
    k = k + polynomial(x, x, others[1:5].exp())
    noise = others[5].exp() + others[6].exp() * variance
    if known:
        noise = 1e-6 + variance
    factor = torch.linalg.cholesky(k + torch.diag(noise))
    z = torch.linalg.solve_triangular(factor, (y - others[7])[:, None], upper=False)
    value = -0.5 * (z**2).sum() - factor.diagonal().log().sum() - 0.5 * n * LN_2PI

    def normal(value, mean, sd):
        return -0.5 * ((value - mean) / sd) ** 2 - math.log(sd) - 0.5 * LN_2PI

    value = value + normal(theta[:d], math.sqrt(2) - 3 + 0.5 * math.log(d), math.sqrt(3)).sum()
    value = value + normal(others[0], 0, 0.5) + normal(others[7], 0, MEAN_SD)
    for i, mean in enumerate(WEIGHT_MEANS):
        value = value + normal(others[1 + i], mean, 2)
    if not known:
        value = value + normal(others[5], -5, 1) + normal(others[6], math.log(0.5), 1)
    return value - (2 if shape == "squared" else 0)


MEAN_SD = 5
WEIGHT_MEANS = -2, -4, -4, -5
BOUNDS = {"length": (0.025, 100), "signal": (1e-5, 10), "weight": (1e-6, 10), "noise": (1e-6, 4), "scale": (1e-3, 4)}


def maximum(name, n, d, sd, known=False, reported=True, starts=8, duplicates=0):
    x, y, variance = data(n, d, sd, duplicates)
    if not reported:
        variance[:] = 0
    tensors = torch.tensor(x), torch.tensor(y), torch.tensor(variance)

    def negative(theta, shape):
        t = torch.tensor(theta, requires_grad=True)
        value = -log_density(t, shape, *tensors, known)
        value.backward()
        return value.item(), t.grad.numpy()

    bounds = [tuple(map(math.log, BOUNDS["length"]))] * d
    bounds += [tuple(map(math.log, BOUNDS[b])) for b in ("signal", *4 * ["weight"], "noise", "scale")] + [(-20, 20)]
    best = {}
    for attempt in range(2 * starts):
        shape = ("matern", "squared")[attempt % 2]
        spread = rng.uniform(math.log(0.1), math.log(3 * math.sqrt(d)), d) * rng.integers(0, 2)
        common = rng.uniform(math.log(0.2), math.log(2 * math.sqrt(d)))
        others = rng.uniform([-4, -5, -5, -5, -5, -9, -2], [0.5, 0, 0, 0, 0, 0, 0.5])
        start = numpy.concatenate([spread + common, others, [0.0]])
        start = numpy.clip(start, [b[0] for b in bounds], [b[1] for b in bounds])
        found = scipy.optimize.minimize(
            negative, start, shape, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-13}
        )
        if shape not in best or found.fun < best[shape].fun:
            best[shape] = found
    shape = min(best, key=lambda s: best[s].fun)
    return {
        "name": name, "shape": shape, "d": d, "x": x.tolist(), "y": y.tolist(), "variance": variance.tolist(),
        "known_noise": known, "log_theta": best[shape].x.tolist(), "log_posterior": -best[shape].fun,
    }  # fmt: skip


check_matern()
cases = {
    "fixed": [
        fixed("one row", 1, 1, 3, 0.1, 1e-3, 1.0, 0.0),
        fixed("one coordinate", 12, 1, 5, 0.05, 1e-4, 1.0, 0.2),
        fixed("three coordinates", 25, 3, 8, 0.1, 1e-2, 0.5, -0.3),
        fixed("exact", 30, 2, 6, 0.0, 1e-6, 1.0, 0.0),
        fixed("replicates", 30, 4, 8, 0.3, 1e-3, 2.0, 0.1, duplicates=8),
        fixed("many coordinates", 60, 32, 6, 0.1, 1e-2, 0.7, 0.0),
        fixed("most coordinates", 20, 64, 4, 0.1, 1e-2, 1.0, 0.0),
        fixed("squared", 25, 3, 8, 0.1, 1e-2, 0.5, -0.3, shape="squared"),
        fixed("squared, many coordinates", 40, 26, 5, 0.1, 1e-2, 0.5, 0.3, duplicates=3, shape="squared"),
    ],
    "maximum": [
        maximum("few rows", 8, 3, 0.05),
        maximum("one coordinate", 20, 1, 0.05),
        maximum("unreported noise", 40, 3, 0.2, reported=False),
        maximum("reported noise", 40, 3, 0.2),
        maximum("known noise", 40, 3, 0.2, known=True),
        maximum("exact", 40, 4, 0.0, known=True),
        maximum("replicates", 40, 4, 0.3, duplicates=15),
        maximum("eight coordinates", 60, 8, 0.1, starts=5),
        maximum("twenty-six coordinates", 60, 26, 0.1, starts=3),
    ],
}
print(json.dumps(cases).replace('{"name"', '\n{"name"'))
