"""A trial that somebody works on, and one that is over."""
import math


class _Ratios:
    """What both have: number, ratios in the order of the groups, and each by its group's name."""

    def __init__(self, number, ratios, groups):
        self.number, self.ratios = number, list(ratios)
        self.params = dict(zip(groups, self.ratios))

    def __getitem__(self, group):
        """The ratio of a group, by name or by index."""
        if isinstance(group, int):
            return self.ratios[group]
        try:
            return self.params[group]
        except KeyError:
            raise KeyError(f"there is no group {group!r}; this search has {', '.join(map(repr, self.params))}") from None


class Trial(_Ratios):
    """Yours to score until study.tell. seed: for whatever the evaluation draws. attempt: 1, more after failures.
    repeat_of: the number of the trial that had these ratios before, None."""

    def __init__(self, study, answer, slot):
        super().__init__(answer["trial"], answer["ratios"], answer["groups"])
        self.lease, self.lease_s = answer["lease"], answer["lease_s"]
        self.seed, self.attempt, self.repeat_of = answer["seed"], answer["attempt"], answer["repeat_of"]
        self.lost = False  # the lease ended; a score is still welcome while nobody else has told one
        self.told = False
        self.last_report = None
        self._study, self._slot, self._stop = study, slot, False

    def suggest_float(self, name, low=None, high=None, **_):
        """The ratio of a group. The range is the search's, so low and high are not looked at."""
        return self[name]

    def report(self, share, scores):
        """The scores so far, over this share of the items (0 < share < 1). Afterwards should_stop knows more."""
        if isinstance(share, (dict, list, tuple, str, bool)) or not hasattr(share, "__float__"):
            raise TypeError(f"trial.report takes the share of the items that is scored (0 to 1), then the scores; {share!r} is no share")
        if not 0 < share < 1:
            raise ValueError(f"share must be more than 0 and less than 1, not {share}; a whole trial is told")
        self.last_report = (share, scores)
        self._stop = self._study._report(self, share, scores) or self._stop

    def should_stop(self):
        """Whether the rest of the items is hardly worth scoring: then raise TrialStopped, or tell with state "stopped"."""
        return self._stop

    should_prune = should_stop

    def __repr__(self):
        return f"Trial(number={self.number}, ratios={self.ratios})"


class FinishedTrial(_Ratios):
    """A trial as the daemon has it. values, stderrs: one an objective, None while there is none. row: all the daemon says."""

    def __init__(self, row, groups, scores):
        super().__init__(row.get("number", row.get("trial")), row["ratios"], groups)
        self.row = row
        self.state = row.get("state", "done")
        self.values = None if not scores else [s["mean"] for s in scores]
        self.stderrs = None if not scores else [s["stderr"] for s in scores]

    @property
    def value(self):
        if self.values is not None and len(self.values) != 1:
            raise ValueError(f"trial {self.number} has {len(self.values)} values; use .values")
        return None if self.values is None else self.values[0]

    def __repr__(self):
        return f"FinishedTrial(number={self.number}, state={self.state!r}, values={self.values}, ratios={self.ratios})"


def _score(name, x):
    if isinstance(x, dict):
        score = dict(x)
    elif isinstance(x, (tuple, list)):
        if len(x) != 2:
            raise ValueError(f"{name}: give a number, or (mean, standard error), not {x!r}")
        score = {"mean": x[0], "stderr": x[1]}
    else:
        score = {"mean": x}
    for key in ("mean", "stderr"):
        if score.get(key) is not None:
            score[key] = float(score[key])
            if not math.isfinite(score[key]):
                raise ValueError(f"{name}: {key} is {score[key]}; a trial without a score is told with state=\"failed\"")
    if score.get("mean") is None:
        raise ValueError(f"{name}: there is no mean")
    return score


def scores_of(values, objectives):
    """{"name": score} of what people hand to tell: a dict, a list in the order of the objectives, or one number."""
    if not isinstance(values, dict):
        several = isinstance(values, (list, tuple)) and len(objectives) > 1
        if not several:
            values = [values] if not isinstance(values, list) else values
        if len(values) != len(objectives):
            raise ValueError(f"{len(values)} values for {len(objectives)} objectives ({', '.join(objectives)})")
        values = dict(zip(objectives, values))
    return {name: _score(name, x) for name, x in values.items()}
