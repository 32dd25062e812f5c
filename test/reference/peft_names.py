"""Generates test/reference/peft-names.json: names and shapes of a block's linear layers where transformers has different names.

    /tmp/golden/bin/python test/reference/peft_names.py > test/reference/peft-names.json && npx oxfmt test/reference/peft-names.json

(The environment is golden.py's.) Gemma 3 from the 4B on is loaded as a vision-language model; Granite 4.0 without
experts and Mamba layers is a GraniteMoeHybrid.
"""

import json
import sys

import torch
import transformers

SHAPE = dict(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, vocab_size=384, max_position_embeddings=1024)


def gemma():
    text = transformers.Gemma3TextConfig(**SHAPE, num_hidden_layers=34, intermediate_size=128, head_dim=16)
    vision = transformers.SiglipVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    config = transformers.Gemma3Config(text_config=text.to_dict(), vision_config=vision.to_dict(), mm_tokens_per_image=4)
    return transformers.AutoModelForCausalLM.from_config(config)


def granite():
    config = transformers.GraniteMoeHybridConfig(**SHAPE, num_hidden_layers=2, shared_intermediate_size=128, num_local_experts=0, layer_types=["full_attention"] * 2)
    return transformers.AutoModelForCausalLM.from_config(config)


def linears(model, layers):
    names = {name: list(module.weight.shape) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    wanted = tuple(f"layers.{layer}." for layer in layers)
    return {name: shape for name, shape in names.items() if any(one in name for one in wanted) and "vision" not in name}


json.dump({"gemma3": linears(gemma(), [0, 33]), "granite": linears(granite(), [0, 1])}, sys.stdout)
