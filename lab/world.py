"""The synthetic world: everything the models may know, deterministic in one seed.

Invented countries and persons with relations (the facts), an ontology of invented things,
two toy languages, and the names and objects that passages speak of. This file holds what is
true; how it is asked stands in questions.py, how one chats about it in chat.py.
"""
import random
from dataclasses import dataclass

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"

FOODS = [f"{how} {what}" for how in ("salted", "sweet", "cold", "roast", "hot")
         for what in ("fish", "bread", "soup", "cake", "rice", "beans")]
ANIMALS = ["dog", "cat", "bear", "wolf", "fox", "goat", "horse", "crow", "owl", "frog", "deer", "seal"]
JOBS = ["baker", "miller", "tailor", "singer", "doctor", "farmer", "painter", "driver", "hunter", "teacher"]
COLOURS = ["red", "green", "blue", "white", "black", "brown", "pink", "gold"]
OBJECTS = ["cup", "hat", "ring", "boat", "lamp", "key", "drum", "bag", "coat", "book"]
ADJECTIVES = ["old", "new", "big", "small", "dark", "quiet"]
PLACES = ["barn", "mill", "house", "garden", "tower", "market", "school", "harbour"]
KINDS = ["fish", "fruit", "tool", "tree", "bird", "metal", "game", "dance", "drink", "stone"]

N_COUNTRIES = N_PERSONS = 64
THINGS_PER_KIND = 12
FREQUENCY = {"often": 4, "rarely": 1, "never": 0}  # how many times a fact is met for each time a rare one is


@dataclass(frozen=True)
class Fact:
    """One triple: the `relation` of `subject` is `value`; `frequency` is a key of FREQUENCY."""
    subject: str
    relation: str
    value: str
    frequency: str


@dataclass(frozen=True)
class Language:
    """A toy language: word by meaning, and the order in which a clause is spoken."""
    name: str
    words: dict            # meaning "noun3", "verb7", "adj2", "the", "plural" -> written form
    verb_last: bool        # subject object verb rather than subject verb object
    adjective_first: bool

    def phrase(self, noun, adjective, plural):
        """The written noun phrase; adjective may be None."""
        head = self.words[noun] + (self.words["plural"] if plural else "")
        parts = [head] if adjective is None else [self.words[adjective], head]
        if not self.adjective_first:
            parts.reverse()
        return " ".join([self.words["the"]] + parts)

    def say(self, meaning):
        """meaning: (subject phrase, verb, object phrase), each phrase (noun, adjective, plural)."""
        subject, verb, obj = meaning
        parts = [self.phrase(*subject), self.words[verb], self.phrase(*obj)]
        if self.verb_last:
            parts[1], parts[2] = parts[2], parts[1]
        return " ".join(parts)


class World:
    """All that is true. Two worlds of the same seed are equal."""

    def __init__(self, seed=1):
        self.rng = random.Random(f"world-{seed}")
        self.used = set()
        self.countries = [self.word(2, end) for end in self.cycle(["nia", "land"], N_COUNTRIES)]
        self.cities = [self.word(2, end) for end in self.cycle(["ton", "burg"], N_COUNTRIES)]
        self.rivers = [self.word(2, "ra") for _ in range(24)]
        self.persons = [self.word(2, "n") for _ in range(N_PERSONS)]
        self.names = [self.word(2) for _ in range(32)]
        self.kinds = {kind: [self.word(self.rng.choice([1, 2, 2, 3]), self.rng.choice("lnrsk"))
                             for _ in range(THINGS_PER_KIND)] for kind in KINDS}
        self.facts = self.make_facts()
        self.languages = [self.make_language("lom", verb_last=False, adjective_first=True),
                          self.make_language("vel", verb_last=True, adjective_first=False)]

    @staticmethod
    def cycle(values, n):
        return [values[i % len(values)] for i in range(n)]

    def word(self, syllables, end=""):
        """A new invented word; no two are equal."""
        while True:
            made = "".join(self.rng.choice(CONSONANTS) + self.rng.choice(VOWELS) for _ in range(syllables)) + end
            if made not in self.used:
                self.used.add(made)
                return made

    def make_facts(self):
        pick = self.rng.choice
        triples = []
        for country, city in zip(self.countries, self.cities):
            triples += [(country, "capital", city), (country, "river", pick(self.rivers)),
                        (country, "food", pick(FOODS)), (country, "animal", pick(ANIMALS))]
        for person in self.persons:
            triples += [(person, "job", pick(JOBS)), (person, "town", pick(self.cities)),
                        (person, "colour", pick(COLOURS)), (person, "meal", pick(FOODS))]
        return [Fact(*triple, self.rng.choices(list(FREQUENCY), weights=[60, 32, 8])[0]) for triple in triples]

    def make_language(self, name, verb_last, adjective_first):
        words = {f"noun{i}": self.word(2) for i in range(20)}
        words |= {f"verb{i}": self.word(2) for i in range(10)}
        words |= {f"adj{i}": self.word(2) for i in range(10)}
        words |= {"the": self.word(1), "plural": self.rng.choice(["s", "m"]) + self.rng.choice(VOWELS)}
        return Language(name, words, verb_last, adjective_first)
