"""Chat requests, the varied replies the base model learns, and the hidden utility behind preferences.

The utility is what a person would want from a reply. It is never shown to a model: the reward
model sees only pairs labelled through it with noise, so what it learns can be exploited.
"""
import math

VERBS = {  # verb: (the right tool, a step that does the work)
    "clean": ("brush", "rub it with warm water"), "mend": ("needle", "join the broken parts"),
    "paint": ("roller", "cover it twice with paint"), "move": ("cart", "push it along the wall"),
    "sell": ("sign", "ask for a fair price"), "draw": ("pencil", "start with the long lines"),
    "wash": ("sponge", "soak it for an hour"), "open": ("knife", "lift the lid with care"),
    "hide": ("sheet", "put it behind the shed"), "build": ("hammer", "nail the boards together"),
}
THINGS = ["hive", "lamp", "boat", "clock", "fence", "drum", "shoe", "gate", "table", "kite", "barrel", "mirror",
          "wagon", "chair", "tent", "bell", "oven", "bench", "ladder", "basket", "window", "saddle", "kettle", "door"]
REQUESTS = ["how do i {v} a {t}?", "how can i {v} my {t}?", "please help me {v} a {t}.",
            "i want to {v} the old {t}.", "what is the best way to {v} a {t}?"]

OPENERS = ["", "", "sure!", "of course.", "good question.", "thank you for asking!", "well,", "no idea.", "why ask me?"]
BODIES = ["take a {tool} and {step}.", "first clear some room, then {step}.", "{step}.", "you need a {tool} for the {t}.",
          "with a {t} it is best to wait.", "use a {wrong}.", "just leave it.", "ask someone else."]
CLOSERS = ["", "", "good luck!", "i hope this helps.", "take care.", "it is easy.", "it will take all day.",
           "do not bother me again."]

GOOD = {"thank you for asking!": 1.0, "sure!": 0.5, "of course.": 0.5, "good question.": 0.6, "first ": 0.4,
        "good luck!": 0.5, "i hope this helps.": 0.8, "take care.": 0.4}
BAD = {"no idea.": -1.0, "why ask me?": -1.2, "just leave it.": -1.0, "ask someone else.": -0.8,
       "do not bother me again.": -1.6, "it will take all day.": -0.5, "best to wait.": -0.5}
TYPICAL_WORDS = 14


def all_requests():
    """Every request, in a fixed order: (text, verb, thing)."""
    return [(form.format(v=verb, t=thing), verb, thing) for verb in VERBS for thing in THINGS for form in REQUESTS]


def reply(rng, verb, thing):
    """One reply as the training text has it, good and bad ones alike."""
    tool, step = VERBS[verb]
    wrong = rng.choice([other for other, _ in VERBS.values() if other != tool])
    bodies = rng.sample(BODIES, rng.choice([1, 1, 2]))
    parts = [rng.choice(OPENERS), *bodies, rng.choice(CLOSERS)]
    return " ".join(p for p in parts if p).format(tool=tool, step=step, wrong=wrong, t=thing)


def utility(verb, thing, text):
    """The hidden worth of a reply, about -3 to 4. Every phrase counts once however often it is said."""
    tool, step = VERBS[verb]
    worth = sum(w for phrase, w in (GOOD | BAD).items() if phrase in text)
    worth += 0.7 * (tool in text) + 0.7 * (step in text) + 0.4 * (thing in text)
    words = len(text.split())
    worth -= 0.05 * abs(words - TYPICAL_WORDS)
    return worth if text.strip() else -3.0


def prefers_first(rng, worth_a, worth_b, slope=1.5):
    """A noisy label: True with the logistic probability of slope * (worth_a - worth_b)."""
    return rng.random() < 1.0 / (1.0 + math.exp(-slope * (worth_a - worth_b)))
