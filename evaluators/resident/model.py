"""What is asked of a model: continuations, and how likely given ones are. In batches, in float32 unless told otherwise."""
import math

import torch


class Writing:
    """One continuation. chance: for sampling; None: greedy."""

    def __init__(self, prompt, chance=None):
        self.prompt, self.chance = prompt, chance
        self.made, self.logp, self.ended = [], 0.0, False


def _finite(logits):
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("the merged model's logits are not finite; this merge is not a working model")
    return logits


def _draw(logits, temperature, u):
    """The token at which the running sum of the softmax passes u, as worker/logits.c draws it."""
    some = ((logits - logits.max()) * torch.tensor(1 / temperature, dtype=torch.float32, device=logits.device)).exp()
    passed = some.double().cumsum(0)
    at = int(torch.searchsorted(passed, u * passed[-1], right=True))
    return min(at, int(some.nonzero()[-1]))


class Model:
    def __init__(self, hf, batch_bytes, check):
        """check: called between batches; raises when the work need not go on."""
        self.hf, self.check = hf, check
        self.device = next(hf.parameters()).device
        most = 32768 if self.device.type == "cuda" else 8192
        self.batch_tokens = max(256, min(most, batch_bytes // (4 * hf.config.vocab_size)))

    def _batches(self, lengths):
        """Indices of sequences of like length, so many that their logits fit."""
        batch, longest = [], 0
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            longest = max(longest, lengths[i])
            if batch and (len(batch) + 1) * longest > self.batch_tokens:
                yield batch
                batch, longest = [], lengths[i]
            batch.append(i)
        if batch:
            yield batch

    def _padded(self, sequences, left):
        """Token ids, their mask and places, all [n][longest]."""
        longest = max(map(len, sequences))
        ids = torch.zeros(len(sequences), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, sequence in enumerate(sequences):
            part = slice(longest - len(sequence), None) if left else slice(0, len(sequence))
            ids[i, part] = torch.tensor(sequence)
            mask[i, part] = 1
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        return ids.to(self.device), mask.to(self.device), places.to(self.device)

    @torch.no_grad()
    def likelihoods(self, asked):
        """asked: (prompt, continuations) each. Gives the log-probability of every whole continuation."""
        flat = [(prompt, words) for prompt, several in asked for words in several]
        sums = [0.0] * len(flat)
        for batch in self._batches([len(p) + len(w) for p, w in flat]):
            self.check()
            ids, mask, places = self._padded([flat[i][0] + flat[i][1] for i in batch], left=False)
            logits = self.hf(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False).logits
            for row, i in enumerate(batch):
                first, words = len(flat[i][0]), flat[i][1]
                logs = _finite(logits[row, first - 1 : first - 1 + len(words)]).double().log_softmax(-1)
                sums[i] = logs.gather(1, torch.tensor(words, device=self.device)[:, None]).sum().item()
        found = iter(sums)
        return [[next(found) for _ in several] for _, several in asked]

    @torch.no_grad()
    def write(self, writings, max_new, stops, tokens_n, temperature=0.0):
        """Ends each before the first of `stops` or after max_new tokens; logp is of what was made, or of the stop alone."""
        for batch in self._batches([len(w.prompt) + max_new for w in writings]):
            self._write([writings[i] for i in batch], max_new, stops, tokens_n, temperature)

    def _write(self, writings, max_new, stops, tokens_n, temperature):
        ids, mask, places = self._padded([w.prompt for w in writings], left=True)
        cache = None
        for _ in range(max_new):
            self.check()
            out = self.hf(input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True)
            cache, logits = out.past_key_values, _finite(out.logits[:, -1].float())
            best = logits[:, :tokens_n].argmax(-1).tolist()
            if temperature > 0:
                best = [t if w.ended else _draw(logits[i, :tokens_n], temperature, w.chance.uniform())
                        for i, (w, t) in enumerate(zip(writings, best))]
            token = torch.tensor(best, device=self.device)[:, None]
            logs = logits.double().log_softmax(-1).gather(1, token)[:, 0].tolist()
            for w, t, logp in zip(writings, best, logs):
                if w.ended:
                    continue
                w.ended = t in stops
                if not w.ended or not w.made:
                    w.logp += logp
                if not w.ended:
                    w.made.append(t)
            if all(w.ended for w in writings):
                return
            ids, places = token, places[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(token)], 1)


class Judge:
    """A reward model: one number for a whole sequence, read at its last token."""

    def __init__(self, hf, batch_bytes, check):
        self.model = Model(hf, batch_bytes, check)

    @torch.no_grad()
    def scores(self, sequences):
        m, out = self.model, [math.nan] * len(sequences)
        for batch in m._batches([len(s) for s in sequences]):
            m.check()
            ids, mask, places = m._padded([sequences[i] for i in batch], left=False)
            hidden = m.hf.base_model(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False)[0]
            last = hidden[torch.arange(len(batch)), mask.sum(-1) - 1]
            for i, score in zip(batch, _finite(m.hf.score(last))[:, 0].tolist()):
                out[i] = score
        return out
