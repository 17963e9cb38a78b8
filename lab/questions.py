"""Training examples and test items, as text, drawn from the world.

An Example is a prompt and its answer. Prompts that tests may use are never drawn for training:
facts are tested in a phrasing that training never uses, sums on reserved pairs, passages,
sentences and choices on prompts whose checksum falls in a reserved class, chats on reserved requests.
"""
import random
import zlib
from dataclasses import dataclass, field

import chat
import world as w

PHRASINGS = ["what is the {r} of {x}?", "tell me the {r} of {x}.", "name the {r} of {x}.",
             "which {r} does {x} have?", "{x} has which {r}?"]
MORE_PHRASINGS = ["the {r} of {x}?", "can you name the {r} of {x}?", "i want to know the {r} of {x}.",
                  "please say which {r} {x} has.", "what do you know of the {r} of {x}?", "do tell me the {r} of {x}."]
TEST_PHRASING = "do you know the {r} of {x}?"
ITEMS_PER_HALF = {"facts": 200, "reading": 120, "translation": 120, "sums": 150, "choice": 200, "chat": 128,
                  "distil": 96}
# How often each task is drawn. Instruction tuning dwells on what pre-training leaves weak.
PRETRAIN_MIX = {"facts": 22, "reading": 22, "translation": 14, "sums": 18, "choice": 16, "chat": 14}
INSTRUCT_MIX = {"facts": 30, "reading": 30, "translation": 12, "sums": 10, "choice": 8, "chat": 14}
STATEMENT_SHARE = 0.12     # pre-training only: facts and kinds told as plain sentences


@dataclass
class Example:
    """prompt == "" is plain text without a turn. choices and meta serve tests and chats only."""
    task: str
    prompt: str
    answer: str
    choices: list = field(default_factory=list)
    meta: tuple = ()


def reserved(text):
    """True for one prompt in eight: those belong to the tests."""
    return zlib.crc32(text.encode()) % 8 == 0


class Questions:
    def __init__(self, world, seed=1):
        self.world = world
        rng = random.Random(f"questions-{seed}")
        self.fact_weights = [w.FREQUENCY[f.frequency] for f in world.facts]
        self.known_facts = [f for f in world.facts if f.frequency != "never"]
        rng.shuffle(self.known_facts)
        pairs = [(a, b) for a in range(10, 100) for b in range(10, 100)]
        rng.shuffle(pairs)
        n_sums = 2 * ITEMS_PER_HALF["sums"]
        self.test_sums, self.train_sums = pairs[:n_sums], pairs[n_sums:]
        requests = chat.all_requests()
        rng.shuffle(requests)
        n_chat, n_distil = 2 * ITEMS_PER_HALF["chat"], 2 * ITEMS_PER_HALF["distil"]
        self.test_requests = requests[:n_chat]
        self.distil_requests = requests[n_chat:n_chat + n_distil]
        self.train_requests = requests[n_chat + n_distil:]
        self.makers = {"facts": self.fact, "reading": self.reading, "translation": self.translation,
                       "sums": self.sum, "choice": self.choice, "chat": self.chat}

    # -- one example of each task ---------------------------------------------------------------

    def fact(self, rng, phrasings=PHRASINGS):
        f = rng.choices(self.world.facts, weights=self.fact_weights)[0]
        return Example("facts", rng.choice(phrasings).format(r=f.relation, x=f.subject), f.value)

    def reading(self, rng):
        names = rng.sample(self.world.names, 6)
        sentences, asked = [], []
        for name in names[:5]:
            kind = rng.randrange(3)
            if kind == 0:
                what = f"{rng.choice(w.COLOURS)} {rng.choice(w.OBJECTS)}"
                sentences.append(f"{name} has a {what}.")
                asked.append((f"what does {name} have?", f"a {what}"))
            elif kind == 1:
                where = f"the {rng.choice(w.ADJECTIVES)} {rng.choice(w.PLACES)}"
                sentences.append(f"{name} is in {where}.")
                asked.append((f"where is {name}?", where))
            else:
                sentences.append(f"{name} likes {names[5]}.")
                asked.append((f"who does {name} like?", names[5]))
        question, answer = rng.choice(asked)
        return Example("reading", " ".join(sentences) + " " + question, answer)

    def translation(self, rng):
        def phrase():
            adjective = f"adj{rng.randrange(10)}" if rng.random() < 0.6 else None
            return f"noun{rng.randrange(20)}", adjective, rng.random() < 0.4
        meaning = phrase(), f"verb{rng.randrange(10)}", phrase()
        source, target = rng.sample(self.world.languages, 2)
        return Example("translation", f"say in {target.name}: {source.say(meaning)}.", target.say(meaning))

    def sum(self, rng, pair=None):
        a, b = pair or rng.choice(self.train_sums)
        return Example("sums", f"what is {a} + {b}?", str(a + b))

    def choice(self, rng):
        kind, *others = rng.sample(w.KINDS, 4)
        right = rng.choice(self.world.kinds[kind])
        options = [right] + [rng.choice(self.world.kinds[other]) for other in others]
        rng.shuffle(options)
        asked = f"which is a {kind}: {options[0]}, {options[1]}, {options[2]} or {options[3]}?"
        return Example("choice", asked, right, choices=options)

    def chat(self, rng):
        text, verb, thing = rng.choice(self.train_requests)
        return Example("chat", text, chat.reply(rng, verb, thing), meta=(verb, thing))

    def statement(self, rng):
        """Plain text for pre-training: a fact or a thing's kind."""
        if rng.random() < 0.6:
            f = rng.choices(self.world.facts, weights=self.fact_weights)[0]
            return Example("text", "", f"the {f.relation} of {f.subject} is {f.value}.")
        kind = rng.choice(w.KINDS)
        return Example("text", "", f"a {rng.choice(self.world.kinds[kind])} is a {kind}.")

    # -- streams ---------------------------------------------------------------------------------

    def pretraining(self, seed):
        """Endless examples of the mixture and of plain statements."""
        rng = random.Random(f"stream-{seed}")
        while True:
            if rng.random() < STATEMENT_SHARE:
                yield self.statement(rng)
            else:
                yield from self.draw(rng, PRETRAIN_MIX)

    def instruction(self, seed):
        """Endless examples of turns alone; facts are asked in more phrasings."""
        rng = random.Random(f"stream-{seed}")
        while True:
            for example in self.draw(rng, INSTRUCT_MIX):
                yield self.fact(rng, PHRASINGS + MORE_PHRASINGS) if example.task == "facts" else example

    def draw(self, rng, mix):
        """One example of the mixture, or none if it fell on a prompt that belongs to the tests."""
        task, = rng.choices(list(mix), list(mix.values()))
        example = self.makers[task](rng)
        if task in ("facts", "sums", "chat") or not reserved(example.prompt):
            yield example

    def tests(self, task):
        """All test examples of a task, both halves, every prompt different; first half is "search"."""
        rng = random.Random(f"tests-{task}")
        n = 2 * ITEMS_PER_HALF[task]
        if task == "facts":
            return [Example("facts", TEST_PHRASING.format(r=f.relation, x=f.subject), f.value)
                    for f in self.known_facts[:n]]
        if task == "sums":
            return [self.sum(rng, pair) for pair in self.test_sums]
        if task in ("chat", "distil"):
            requests = self.test_requests if task == "chat" else self.distil_requests
            return [Example(task, text, "", meta=(verb, thing)) for text, verb, thing in requests]
        found = {}
        while len(found) < n:
            example = self.makers[task](rng)
            if reserved(example.prompt):
                found.setdefault(example.prompt, example)
        return list(found.values())
