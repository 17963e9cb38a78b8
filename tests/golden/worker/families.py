"""Golden logits of tiny random models with options that the shipped checkpoints lack: transformers in float32.

    lab/.venv/bin/python tests/golden/worker/families.py

Writes one folder a model beside this file: config.json, model.safetensors (bf16) and logits.safetensors with
"<name>.0.ids" [T] and "<name>.0.logits" [T, V]. Widths are no multiples of 16 or 32 on purpose.
"""
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config,
                          Qwen2ForCausalLM)

HERE = Path(__file__).resolve().parent
TOKENS = 56
SHAPE = {"num_hidden_layers": 2, "vocab_size": 67, "max_position_embeddings": 128, "rms_norm_eps": 1e-5}
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(
        hidden_size=44, intermediate_size=56, num_attention_heads=4, num_key_value_heads=2, head_dim=20,
        attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rope_theta=500000.0,
        rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                      "original_max_position_embeddings": 32}, **SHAPE)),
    "mistral": (MistralForCausalLM, MistralConfig(
        hidden_size=40, intermediate_size=50, num_attention_heads=2, num_key_value_heads=1, head_dim=36,
        sliding_window=None, rope_theta=1000000.0, **SHAPE)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(
        hidden_size=48, intermediate_size=70, num_attention_heads=4, num_key_value_heads=4,
        tie_word_embeddings=False, rope_theta=1000000.0, rope_scaling={"rope_type": "linear", "factor": 2.0},
        **SHAPE)),
}


@torch.no_grad()
def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    for name, (kind, config) in MODELS.items():
        net = kind(config).eval()
        for key, p in net.named_parameters():      # biases and norms too, which start at 0 and 1
            mean = 1.0 if "norm" in key else 0.0
            p.copy_(torch.randn_like(p).mul_(0.3).add_(mean).bfloat16().float())
        ids = torch.randint(0, config.vocab_size, (TOKENS,))
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        state = {key: p.bfloat16().contiguous() for key, p in net.named_parameters()}    # a tied head once
        save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(config.to_diff_dict() | {"model_type": config.model_type},
                                                       indent=1) + "\n")
        logits = net(ids[None]).logits[0].contiguous()
        save_file({f"{name}.0.ids": ids, f"{name}.0.logits": logits}, str(folder / "logits.safetensors"),
                  metadata={"format": "pt"})
        print(name, f"largest logit {logits.abs().max():.2f}")


if __name__ == "__main__":
    main()
