"""Ask and tell: your own loop, with paretod proposing the ratios and remembering the scores.

    study = paretod.create_study(search="search.json", daemon="unix:/run/paretod.sock")
    trial = study.ask()
    study.tell(trial, {"reward": (mean, stderr), "tasks": mean})

Standard library only. README.md beside this package has the whole story.
"""
from .daemon import Daemon
from .errors import Conflict, Gone, Invalid, NotFound, ParetodError, SearchOver, TrialStopped, Unreachable
from .study import Study, create_study, load_study
from .trial import FinishedTrial, Trial

__version__ = "0.1.0"
__all__ = ["Conflict", "Daemon", "FinishedTrial", "Gone", "Invalid", "NotFound", "ParetodError", "SearchOver", "Study",
           "Trial", "TrialStopped", "Unreachable", "create_study", "load_study"]
