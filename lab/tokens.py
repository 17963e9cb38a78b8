"""The tokenizer: byte-level BPE over ASCII, trained on the world, in Hugging Face files.

Every token stands for one fixed piece of text, so decoding is concatenation. A turn is written
    <s>user: PROMPT\nbot: ANSWER</s>
and prompt and answer are encoded apart; the answer's leading space keeps the border clean.
"""
import itertools
import json
import string

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SPECIALS = ["<pad>", "<s>", "</s>"]
PAD, BOS, EOS = range(3)
VOCAB_SIZE = 512
SAMPLE_EXAMPLES = 20000
MAX_POSITIONS = 256


def turn(prompt):
    return f"user: {prompt}\nbot:"


def train(questions, path, seed=1):
    """Learns the merges from a sample of the training stream and writes tokenizer.json at path."""
    learn((f"{turn(e.prompt)} {e.answer}" for e in questions.pretraining(f"tokenizer-{seed}")), path)


def learn(texts, path):
    """Learns the merges from the first SAMPLE_EXAMPLES texts and writes tokenizer.json at path."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.ByteLevel()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    ascii_text = string.ascii_letters + string.digits + string.punctuation + " \n"
    alphabet = [byte_level.pre_tokenize_str(c)[0][0] for c in ascii_text]
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE, special_tokens=SPECIALS, initial_alphabet=alphabet,
                                  show_progress=False)
    tok.train_from_iterator(itertools.islice(texts, SAMPLE_EXAMPLES), trainer)
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    tok.save(str(path))


def write_hf_files(folder):
    """tokenizer_config.json beside a checkpoint's tokenizer.json."""
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
              "pad_token": "<pad>", "add_bos_token": True, "clean_up_tokenization_spaces": False,
              "model_max_length": MAX_POSITIONS}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


class Tokens:
    """Encodes turns and decodes replies."""

    def __init__(self, path):
        self.tok = Tokenizer.from_file(str(path))
        byte_level = decoders.ByteLevel()
        self.pieces = ["" if i < len(SPECIALS) else byte_level.decode([self.tok.id_to_token(i)])
                       for i in range(self.tok.get_vocab_size())]

    def prompt(self, text):
        """ids of a prompt up to and including "bot:", with BOS."""
        return [BOS] + self.tok.encode(turn(text), add_special_tokens=False).ids

    def answer(self, text):
        """ids of " text" without EOS."""
        return self.tok.encode(" " + text, add_special_tokens=False).ids

    def decode(self, ids):
        """Text of ids up to the first EOS, stripped."""
        ids = list(itertools.takewhile(lambda i: i != EOS, ids))
        return "".join(self.pieces[i] for i in ids).strip()

    def example(self, e, prompt_weight):
        """(ids, weights): weights[t] is what predicting ids[t] counts; ids[0] is never predicted."""
        if e.prompt:
            head, tail = self.prompt(e.prompt), self.answer(e.answer) + [EOS]
        else:
            head, tail = [BOS], self.tok.encode(e.answer, add_special_tokens=False).ids + [EOS]
        return head + tail, [prompt_weight] * len(head) + [1.0] * len(tail)
