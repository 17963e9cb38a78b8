"""What can go wrong; every one of them says it in a sentence, the daemon's where it has one."""


class ParetodError(Exception):
    """status: of the HTTP answer, None without one. code: the daemon's word. fields: [{"field", "error"}] of a search."""

    def __init__(self, sentence, status=None, code=None, fields=()):
        lines = [f"{f['field']}: {f['error']}" for f in fields]
        super().__init__("\n".join([sentence, *(line for line in lines if line not in sentence)]))
        self.status, self.code, self.fields = status, code, list(fields)


class Unreachable(ParetodError):
    """Nobody answered for as long as we were told to be patient."""


class Invalid(ParetodError):
    """A field is wrong: the sentence names it. Nothing changed."""


class NotFound(ParetodError):
    """There is no such search or trial."""


class Gone(ParetodError):
    """The trial needs no score any more: it was cancelled, or given up after its last attempt."""


class Conflict(ParetodError):
    """It cannot be done to this search, or in its present state."""


class SearchOver(ParetodError):
    """There is nothing to ask for any more: every trial of the search is scored, or it was cancelled."""


class TrialStopped(Exception):
    """Raise it in an objective after trial.should_stop(): what was reported last is all that the trial gets."""


def of_answer(status, body):
    kinds = {400: Invalid, 404: NotFound, 409: Conflict, 410: Gone, 422: Invalid}
    return kinds.get(status, ParetodError)(body.get("error", f"the daemon answered {status}"), status, body.get("code"),
                                           body.get("fields", ()))
