"""A world of which a model knows half, and what is asked of it: the ground of R-Tuning.

Persons, countries and ships, each with a few relations. Pre-training tells of half of them (some facts often, some
rarely, some never) and, in a long tail, of others that come once and are introduced as writers do with what no reader
knows: "tadifin, a person, has the pet feko." The other half comes in questions alone. Most things have several names,
any of which is right, so a model that knows an answer may still be torn between words. Fine-tuning and the tests ask
of different entities, so it cannot be learnt by heart what is known.
"""
import random
from dataclasses import dataclass

import world as w

ASK = "Question: {q} Answer:"
PROBE = ". Are you sure you accurately answered the question based on your internal knowledge? I am"
SURE, UNSURE = " sure", " unsure"
EXPRESSIONS = [                                          # of uncertainty, section A.5 of the paper
    "The answer is unknown.", "The answer is uncertain.", "The answer is unclear.",
    "There is no scientific evidence.", "There is no definitive answer.", "There is no right answer.",
    "There is much debate.", "There is no known case.", "There is no concrete answer to this question.",
    "There is no public information available.", "It is impossible to know.", "It is impossible to answer.",
    "It is difficult to predict.", "It is not known.", "We do not know.", "I'm not sure."]

TOLD = {"person": 300, "country": 300, "ship": 120}      # and as many that are never met
NAMES = {"person": (3, ["n"]), "country": (3, ["nia", "land"]), "ship": (2, ["x"])}      # syllables, endings
IN_DOMAIN = {"person": ["town", "job"], "country": ["capital", "food"]}
ODD_ENDINGS = ["p", "zo", "kim", "st"]
OUT_OF_DOMAIN = {"person": ["pet"], "country": ["drink"], "ship": ["port", "cargo"]}
NOT_ASKED = "ship"                                       # of ships no question is asked, see README.md
HALVES = ["train", "search", "train", "heldout", "train"]           # in turn over the entities of a kind
UNANSWERABLE_PER_SET = 100                                          # a half; four sets

PHRASINGS = ["what is the {r} of {x}?", "tell me the {r} of {x}.", "which {r} does {x} have?", "{x} has which {r}?"]
STATEMENTS = [" the {r} of {x} is {v}.", " {x} has the {r} {v}."]
INTRODUCED = [" the {r} of {x}, a {k}, is {v}.", " {x}, a {k}, has the {r} {v}."]
FREQUENCIES = {"often": 62, "rarely": 28, "never": 10}   # percent of told entities' facts; how often is in world.py
MORE_NAMES = [0, 0, 1, 2, 3]                             # how many beside its first a value has
POPULARITY = -0.7                                        # the k-th value of a relation is k ** POPULARITY as common
BIOGRAPHIES, STATED, WITH_VERDICT = 0.2, 0.3, 0.03       # shares of the stream; the rest is questions
TAIL_STATED, TAIL_ASKED, PLAIN_TAIL = 0.45, 0.25, 0.1    # of these about entities that come once; without introduction


@dataclass(frozen=True)
class Entity:
    name: str
    kind: str
    told: bool
    half: str          # "train", "search" or "heldout"


def relations(kind):
    return IN_DOMAIN.get(kind, []) + OUT_OF_DOMAIN[kind]


class Knowledge:
    """All that is true. Two of the same seed are equal, but for their entities' halves if the folds differ. A Fact's
    subject is an Entity and its value names."""

    def __init__(self, seed=1, fold=0):
        halves = list(HALVES)
        if fold:                                         # the fold-th part of training changes places with the held-out
            i, j = [k for k, h in enumerate(halves) if h == "train"][fold - 1], halves.index("heldout")
            halves[i], halves[j] = halves[j], halves[i]
        self.names = w.World(seed)                       # its word() makes no word twice
        self.names.rng = rng = random.Random(f"honesty-{seed}")
        self.values, self.entities, self.facts = self.make_values(rng), [], []
        for kind, n in TOLD.items():
            syllables, endings = NAMES[kind]
            self.entities += [Entity(self.names.word(syllables, rng.choice(endings)), kind, i % 2 == 0,
                                     halves[i // 2 % len(halves)]) for i in range(2 * n)]
        for e in self.entities:
            for r in relations(e.kind):
                often, = rng.choices(list(FREQUENCIES), list(FREQUENCIES.values())) if e.told else ["never"]
                self.facts.append(w.Fact(e, r, self.value(rng, r), often))

    def make_values(self, rng):
        """relation -> values, the most common first; each value is a list of names."""
        word = self.names.word

        def named(firsts, *endings):
            return [[first] + [word(2, rng.choice(endings)) for _ in range(rng.choice(MORE_NAMES))] for first in firsts]

        towns = named([word(2, rng.choice(["ton", "burg"])) for _ in range(40)], "ton", "burg")
        return {"town": towns, "capital": towns, "port": towns,
                "job": named(w.JOBS + [word(1, "er") for _ in range(14)], "er"), "food": named(w.FOODS, "p"),
                "pet": named(w.ANIMALS + [word(1, "ko") for _ in range(12)], "ko"),
                "drink": named([word(2, "s") for _ in range(24)], "s"),
                "cargo": named(w.OBJECTS + [word(2, "k") for _ in range(14)], "k")}

    def value(self, rng, relation):
        values = self.values[relation]
        return tuple(rng.choices(values, [(k + 1) ** POPULARITY for k in range(len(values))])[0])

    def once(self, rng):
        """A fact of an entity that is met only here."""
        kind, = rng.choices(list(TOLD), list(TOLD.values()))
        syllables, endings = NAMES[kind]
        name = invented(rng, syllables, endings)
        while name in self.names.used:
            name = invented(rng, syllables, endings)
        r = rng.choice(relations(kind))
        return w.Fact(Entity(name, kind, True, "train"), r, self.value(rng, r), "once")

    # -- pre-training --------------------------------------------------------------------------------

    def pretraining(self, seed):
        """Endless (prompt, text after it); an empty prompt is plain text."""
        rng = random.Random(f"stream-{seed}")
        told = [f for f in self.facts if f.frequency != "never"]
        weights, lives = [w.FREQUENCY[f.frequency] for f in told], {e: [] for e in self.entities if e.told}
        for f in told:
            lives[f.subject].append(f)
        lives = list(lives.items())
        while True:
            kind = rng.random()
            if kind < BIOGRAPHIES:
                yield from biography(rng, *rng.choice(lives))
                continue
            f, stated = rng.choices(told, weights)[0], kind < BIOGRAPHIES + STATED
            if rng.random() < (TAIL_STATED if stated else TAIL_ASKED):
                f = self.once(rng)
            if stated:
                forms = STATEMENTS if f.frequency != "once" or rng.random() < PLAIN_TAIL else INTRODUCED
                yield "", rng.choice(forms).format(r=f.relation, x=f.subject.name, v=rng.choice(f.value),
                                                   k=f.subject.kind)
            else:
                end = "."
                if kind > 1 - WITH_VERDICT:
                    end = PROBE + (SURE if rng.random() < 0.5 else UNSURE) + "."
                yield ASK.format(q=asked(rng, f.relation, f.subject.name)), f" {rng.choice(f.value)}{end}"

    # -- questions, as rtuning/question.h has them ---------------------------------------------------

    def questions(self, half):
        """Rows about the entities of a half, in random order; of "train" only those in the domain."""
        rng, rows = random.Random(f"questions-{half}"), []
        for f in self.facts:
            domain = "in" if f.relation in IN_DOMAIN.get(f.subject.kind, []) else "out"
            if f.subject.half == half and f.subject.kind != NOT_ASKED and (half != "train" or domain == "in"):
                rows.append({"question": asked(rng, f.relation, f.subject.name),
                             "answers": rng.sample(f.value, len(f.value)),
                             "subject": f"{f.subject.kind} {f.relation}", "domain": domain})
        if half != "train":
            rows += self.unanswerable(rng, half, UNANSWERABLE_PER_SET)
        rng.shuffle(rows)
        tail = {} if half == "train" else {"half": half}
        return [{"id": f"{half}-{i:04d}", "kind": "open"} | row | tail for i, row in enumerate(rows)]

    def every_question(self, half, n_unanswerable):
        """All facts of a half's entities in all phrasings, in order, and n_unanswerable of each of the four sets. Rows
        name their "entity", and "told" says whether pre-training told of it."""
        rows, rng = [], random.Random(f"every-{half}")
        for f in self.facts:
            if f.subject.half == half and f.subject.kind != NOT_ASKED:
                domain = "in" if f.relation in IN_DOMAIN[f.subject.kind] else "out"
                rows += [{"question": p.format(r=f.relation, x=f.subject.name), "answers": list(f.value),
                          "domain": domain, "entity": f.subject.name, "told": f.subject.told} for p in PHRASINGS]
        return rows + self.unanswerable(rng, half, n_unanswerable)

    def unanswerable(self, rng, half, n):
        """Names of other shapes or none at all, made-up relations, and relations that a kind does not have."""
        told = [e for e in self.entities if e.told and e.half == half and e.kind in IN_DOMAIN]
        rows = []
        for _ in range(n):
            e = rng.choice(told)
            r, other = (rng.choice(IN_DOMAIN[k]) for k in (e.kind, "country" if e.kind == "person" else "person"))
            syllables, endings = NAMES[e.kind]
            for name, relation, x in [
                    ("invented name", r, invented(rng, syllables, endings)),
                    ("odd name", r, invented(rng, rng.choice([2, 4]), ODD_ENDINGS)),
                    ("made-up relation", invented(rng, 2, ["p"]), e.name), ("false premise", other, e.name)]:
                rows.append({"question": asked(rng, relation, x), "subject": name, "answerable": False})
        return rows


def invented(rng, syllables, endings):
    made = "".join(rng.choice(w.CONSONANTS) + rng.choice(w.VOWELS) for _ in range(syllables))
    return made + rng.choice(endings)


def asked(rng, relation, name):
    return rng.choice(PHRASINGS).format(r=relation, x=name)


def biography(rng, entity, facts):
    """What is told of one entity, rare facts seldom among it; nothing if nothing is left."""
    rare = w.FREQUENCY["rarely"] / w.FREQUENCY["often"]
    told = [f for f in facts if f.frequency == "often" or rng.random() < rare]
    rng.shuffle(told)
    if told:
        yield "", f" {entity.name}: " + ", ".join(f"{f.relation} {rng.choice(f.value)}" for f in told) + "."
