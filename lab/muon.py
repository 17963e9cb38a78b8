"""Muon for the hidden matrices, AdamW for embeddings, head and norms.

Muon orthogonalises each matrix's momentum by a quintic Newton-Schulz iteration (Jordan et al. 2024, coefficients
theirs), so that every direction of an update has about the same size. Matrices of one shape are handled as one batch.
"""
import torch

COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5


def orthogonalise(m):
    """m [n, rows, columns], rows <= columns -> about the nearest matrices with orthonormal rows"""
    a, b, c = COEFFICIENTS
    m = m / (m.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(ITERATIONS):
        square = m @ m.transpose(1, 2)
        m = a * m + (b * square + c * square @ square) @ m
    return m


class Muon(torch.optim.Optimizer):
    """rate: the root-mean-square of an update's entries, comparable to AdamW's rate after the factor 0.2."""

    def __init__(self, matrices, lr, momentum=0.95, decay=0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = {}
            for p in group["params"]:
                by_shape.setdefault(p.shape, []).append(p)
            for shape, params in by_shape.items():
                gradient = torch.stack([p.grad for p in params])
                state = self.state[params[0]]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(gradient)
                kept = state["momentum"].lerp_(gradient, 1 - group["momentum"])
                update = gradient.lerp(kept, group["momentum"])                    # Nesterov
                tall = shape[0] > shape[1]
                update = orthogonalise(update.transpose(1, 2) if tall else update)
                update = update.transpose(1, 2) if tall else update
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for p, u in zip(params, update):
                    p.mul_(1 - group["lr"] * group["decay"]).sub_(u, alpha=scale)


class Both:
    """The two optimisers as one; the learning rate is set for both (see stage.set_rate)."""

    def __init__(self, model, rate, decay=0.01, betas=(0.9, 0.98)):
        hidden = [p for p in model.model.layers.parameters() if p.dim() == 2]
        chosen = {id(p) for p in hidden}
        others = [p for p in model.parameters() if id(p) not in chosen]
        self.parts = [Muon(hidden, rate, decay=decay), torch.optim.AdamW(others, lr=rate, betas=betas, weight_decay=0.0)]
        self.param_groups = [g for part in self.parts for g in part.param_groups]

    def zero_grad(self, set_to_none=True):
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self):
        for part in self.parts:
            part.step()
