"""Both checkpoints, and the merge of them in the memory of the model (docs/EVALUATORS.md, `merge` and `output`)."""
import json
import os

import torch
from safetensors import safe_open

DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
CHUNK = 1 << 24  # numbers that are merged at once


def read_checkpoint(directory, device):
    """Every tensor of a Hugging Face directory, by its name."""
    index = os.path.join(directory, "model.safetensors.index.json")
    files = ["model.safetensors"]
    if os.path.exists(index):
        with open(index, encoding="utf-8") as file:
            files = sorted(set(json.load(file)["weight_map"].values()))
    tensors = {}
    for name in files:
        with safe_open(os.path.join(directory, name), framework="pt", device=str(device)) as file:
            tensors.update({key: file.get_tensor(key) for key in file.keys()})
    return tensors


def _merged(base, tuned, ratio, dtype):
    """Computed in float32 (float64 where that is stored) and rounded once."""
    wide = torch.float64 if base.dtype == torch.float64 else torch.float32
    b, t = base.to(wide), tuned.to(wide)
    return torch.where(b == t, b, b + torch.tensor(ratio, dtype=wide, device=b.device) * (t - b)).to(dtype)


def _other(name, base, tuned, others):
    """A tensor that is no floating-point number."""
    if others == "refuse" or (others == "equal" and not torch.equal(base, tuned)):
        raise ValueError(f"{name} is no floating-point number; output.others says what becomes of it")
    return tuned if others == "tuned" else base


class Weights:
    def __init__(self, model, base, tuned, ends_device):
        self.state = model.state_dict()  # the model's own memory; tied weights have two names
        self.device = next(iter(self.state.values())).device
        self.base = read_checkpoint(base, ends_device)
        self.tuned = self.base if tuned == base else read_checkpoint(tuned, ends_device)

    def _put(self, name, values, kind="weight"):
        if name in self.state:
            self.state[name].copy_(values)
        elif kind != "buffer":
            raise ValueError(f"{name} is not a tensor of the model that its config.json describes")

    def _check_all(self, names):
        """Whatever the checkpoints have not, tied heads apart, the model would make up."""
        filled = {self.state[name].data_ptr() for name in names if name in self.state}
        left = [name for name, x in self.state.items() if x.data_ptr() not in filled and x.is_floating_point()]
        left = [name for name in left if not name.endswith("inv_freq")]
        if left:
            raise ValueError(f"the checkpoints have no {left[0]}")

    def load(self, directory):
        """A checkpoint as it is: `merge` "directory"."""
        tensors = read_checkpoint(directory, "cpu")
        for name, values in tensors.items():
            self._put(name, values, "buffer")
        self._check_all(tensors)

    def merge(self, job):
        """Gives the effective ratios: None where base and tuned are equal."""
        output, plan = job["output"], job["plan"]
        if output["rounding"] != "nearest":
            raise ValueError('output.rounding "stochastic" is not done here; use evaluator.merge "directory"')
        about = {tensor["name"]: tensor for tensor in plan["tensors"]}
        sums = {}
        for name, ratio in job["tensors"].items():
            kind = about.get(name, {}).get("kind")
            base, tuned = self.base[name].to(self.device), self.tuned[name].to(self.device)
            if kind == "buffer":
                self._put(name, base, kind)
            elif not base.is_floating_point():
                self._put(name, _other(name, base, tuned, output["others"]))
            else:
                stored = about[name]["dtype"] if output["dtype"] == "same" else output["dtype"]
                self._put(name, self._lerp(base, tuned, ratio, DTYPES[stored], sums, about[name].get("group")))
        self._check_all(job["tensors"])
        return [sums[g][0] / sums[g][1] if sums.get(g, (0, 0))[1] > 0 else None for g in plan["ratios"]]

    def _lerp(self, base, tuned, ratio, dtype, sums, group):
        out = torch.empty(base.shape, dtype=dtype, device=base.device)
        flat, b, t = out.view(-1), base.reshape(-1), tuned.reshape(-1)
        along, square = 0.0, 0.0
        for i in range(0, flat.numel(), CHUNK):
            part = slice(i, i + CHUNK)
            flat[part] = _merged(b[part], t[part], ratio, dtype)
            update = t[part].double() - b[part].double()
            along += torch.dot(flat[part].double() - b[part].double(), update).item()
            square += torch.dot(update, update).item()
        before = sums.get(group, (0.0, 0.0))
        sums[group] = (before[0] + along, before[1] + square)
        return out
