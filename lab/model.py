"""A Llama in plain PyTorch whose parameter names are Hugging Face's, for training and sampling.

Shapes: B sequences, T tokens, C channels, H heads, K key-value heads, D = C/H, V vocabulary.
"""
import json
import math

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import tokens

SHAPE = {"hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 8, "num_attention_heads": 4,
         "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "max_position_embeddings": tokens.MAX_POSITIONS, "vocab_size": tokens.VOCAB_SIZE}


def linear(n_in, n_out, gain=1.0):
    layer = nn.Linear(n_in, n_out, bias=False)
    nn.init.normal_(layer.weight, std=0.7 * gain / math.sqrt(n_in))
    return layer


class RMSNorm(nn.Module):
    def __init__(self, channels, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(channels)), eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


class Rotary:
    """cos and sin of every position: [max, D]. Dimensions i and i + D/2 are one rotated pair."""

    def __init__(self, head_dim, positions, theta):
        inverse = theta ** (-torch.arange(0, head_dim, 2).float() / head_dim)
        angle = torch.outer(torch.arange(positions).float(), inverse)
        self.cos, self.sin = (torch.cat([f(angle)] * 2, -1) for f in (torch.cos, torch.sin))

    @staticmethod
    def turn(x, cos, sin):
        """x: [B, heads, T, D]; cos, sin: [B or 1, 1, T, D]"""
        left, right = x.chunk(2, -1)
        return x * cos + torch.cat([-right, left], -1) * sin


class Cache:
    """Keys and values of one batch: per layer [B, K, capacity, D], of which `length` are filled."""

    def __init__(self, shape, batch, capacity):
        head_dim = shape["hidden_size"] // shape["num_attention_heads"]
        size = shape["num_hidden_layers"], batch, shape["num_key_value_heads"], capacity, head_dim
        self.keys, self.values, self.length = torch.zeros(size), torch.zeros(size), 0

    def extend(self, layer, k, v):
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length:end], self.values[layer, :, :, self.length:end] = k, v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def repeat(self, n):
        """Every sequence n times, one after the other."""
        self.keys, self.values = self.keys.repeat_interleave(n, 1), self.values.repeat_interleave(n, 1)


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        c, self.heads, self.kv_heads = s["hidden_size"], s["num_attention_heads"], s["num_key_value_heads"]
        self.head_dim = c // self.heads
        self.q_proj, self.k_proj = linear(c, c), linear(c, self.kv_heads * self.head_dim)
        self.v_proj = linear(c, self.kv_heads * self.head_dim)
        self.o_proj = linear(c, c, gain=1 / math.sqrt(2 * s["num_hidden_layers"]))

    def forward(self, x, cos, sin, mask, cache, layer):
        b, t, c = x.shape
        q = self.q_proj(x).view(b, t, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = Rotary.turn(q, cos, sin), Rotary.turn(k, cos, sin)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        group = self.heads // self.kv_heads   # queries of one key-value head are stacked along T
        q = q.reshape(b, self.kv_heads, group * t, self.head_dim)
        score = (q @ k.transpose(2, 3)).view(b, self.kv_heads, group, t, -1) / math.sqrt(self.head_dim)
        weight = (score.float() + mask).softmax(-1).to(v.dtype).view(b, self.kv_heads, group * t, -1)
        out = (weight @ v).view(b, self.heads, t, self.head_dim).transpose(1, 2).reshape(b, t, c)
        return self.o_proj(out)


class MLP(nn.Module):
    def __init__(self, s):
        super().__init__()
        c, i = s["hidden_size"], s["intermediate_size"]
        self.gate_proj, self.up_proj = linear(c, i), linear(c, i)
        self.down_proj = linear(i, c, gain=1 / math.sqrt(2 * s["num_hidden_layers"]))

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn, self.mlp = Attention(s), MLP(s)
        self.input_layernorm = RMSNorm(s["hidden_size"], s["rms_norm_eps"])
        self.post_attention_layernorm = RMSNorm(s["hidden_size"], s["rms_norm_eps"])

    def forward(self, x, *attention):
        x = x + self.self_attn(self.input_layernorm(x), *attention)
        return x + self.mlp(self.post_attention_layernorm(x))


class Backbone(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s["vocab_size"], s["hidden_size"])
        nn.init.normal_(self.embed_tokens.weight, std=0.1)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s["num_hidden_layers"]))
        self.norm = RMSNorm(s["hidden_size"], s["rms_norm_eps"])
        self.rotary = Rotary(s["hidden_size"] // s["num_attention_heads"], s["max_position_embeddings"],
                             s["rope_theta"])

    def forward(self, ids, pad_left=None, cache=None):
        """ids [B, T] -> hidden states after the final norm [B, T, C].

        pad_left [B] counts the padding before each sequence; padding after it needs no care,
        for attention is causal. With a cache, ids are the tokens that follow those in it."""
        start = cache.length if cache else 0
        where = torch.arange(start, start + ids.shape[1])[None]                        # [1, T]
        keys = torch.arange(start + ids.shape[1])
        allowed = keys[None, None] <= where[:, :, None]                                # [1, T, keys]
        if pad_left is not None:
            allowed = allowed & (keys[None, None] >= pad_left[:, None, None])
            where = (where - pad_left[:, None]).clamp(min=0)
        mask = torch.zeros(allowed.shape).masked_fill(~allowed, -1e9)[:, None, None]   # [B, 1, 1, T, keys]
        cos, sin = self.rotary.cos[where][:, None], self.rotary.sin[where][:, None]    # [B, 1, T, D]
        x = self.embed_tokens(ids)
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, mask, cache, i)
        if cache:
            cache.length += ids.shape[1]
        return self.norm(x)


class LanguageModel(nn.Module):
    """LlamaForCausalLM, head not tied."""
    architecture = "LlamaForCausalLM"

    def __init__(self, shape=SHAPE):
        super().__init__()
        self.shape, self.model = shape, Backbone(shape)
        self.lm_head = linear(shape["hidden_size"], shape["vocab_size"])

    def forward(self, ids, **how):
        """-> logits [B, T, V]"""
        return self.lm_head(self.model(ids, **how))


class RewardModel(nn.Module):
    """LlamaForSequenceClassification with one label: the score of a finished sequence."""
    architecture = "LlamaForSequenceClassification"

    def __init__(self, shape=SHAPE):
        super().__init__()
        self.shape, self.model = shape, Backbone(shape)
        self.score = linear(shape["hidden_size"], 1, gain=0.1)

    def forward(self, ids, lengths):
        """ids [B, T] padded on the right, lengths [B] -> scores [B], read at the last token."""
        hidden = self.model(ids)
        return self.score(hidden[torch.arange(len(ids)), lengths - 1]).squeeze(-1).float()


def save(model, folder, tokenizer_path):
    """Writes a Hugging Face checkpoint folder; weights are rounded to bf16 (to nearest even)."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: t.detach().to(torch.bfloat16).contiguous() for name, t in model.state_dict().items()}
    config = {"architectures": [model.architecture], "model_type": "llama", "torch_dtype": "bfloat16", **model.shape,
              "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False,
              "pad_token_id": tokens.PAD, "bos_token_id": tokens.BOS, "eos_token_id": tokens.EOS}
    if isinstance(model, RewardModel):
        config |= {"num_labels": 1, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    else:
        generation = {"pad_token_id": tokens.PAD, "bos_token_id": tokens.BOS, "eos_token_id": tokens.EOS}
        (folder / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "tokenizer.json").write_bytes(tokenizer_path.read_bytes())
    tokens.write_hf_files(folder)
    part = folder / "model.safetensors.part"
    save_file(state, str(part), metadata={"format": "pt"})
    part.replace(folder / "model.safetensors")     # last: its presence says that the stage is done


def load(kind, folder):
    """kind: LanguageModel or RewardModel, of the shape in config.json. Weights come back in float32."""
    config = json.loads((folder / "config.json").read_text())
    model = kind({name: config[name] for name in SHAPE})
    state = {name: t.float() for name, t in load_file(str(folder / "model.safetensors")).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing and not (kind is RewardModel and missing == ["score.weight"]):
        raise ValueError(f"{folder}: no tensor {missing[0]}")
    if unexpected and not (kind is RewardModel and unexpected == ["lm_head.weight"]):
        raise ValueError(f"{folder}: unknown tensor {unexpected[0]}")
    return model
