"""Scores HellaSwag, ARC-Challenge and WinoGrande with PyTorch, to compare the product's own scores with.

    python multiple_choice.py MODEL.gguf TASK=ROWS.jsonl... [--items ITEMS.json]

The weights are the GGUF's, dequantised by llama.cpp's Python package to f32, in transformers' Llama; the tokenizer is
made of the GGUF's vocabulary and merges. Prompts, tokens and choices are lm-evaluation-harness's, without examples:
no start token, the continuation's tokens are those that the whole text has after the tokens of its context, and
`acc_norm` divides by the characters of a choice (the harness's documentation says bytes; its code counts characters).
Prints {task: {n, acc, acc_norm}}; ITEMS.json gets {task: [{logLikelihoods, acc, acc_norm}]}, row by row.
"""

import argparse
import json
import re
from dataclasses import dataclass

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

BATCH = 16


@dataclass
class Item:
    contexts: list[str]
    continuations: list[str]
    gold: int
    # Characters of each choice; None if the harness has no acc_norm.
    lengths: list[int] | None = None


def choices_after(context, choices, gold):
    """One context and several continuations, separated by the harness's delimiter."""
    return Item([context] * len(choices), [" " + choice for choice in choices], gold, [len(choice) for choice in choices])


def without_wikihow(text):
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def hellaswag(row):
    # Rows without the hub's columns already begin with the activity, and are used unchanged.
    context = f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}" if "ctx_a" in row else row["ctx"]
    endings = [without_wikihow(ending) for ending in row["endings"]]
    return choices_after(without_wikihow(context), endings, int(row["label"]))


def arc_challenge(row):
    gold = row["choices"]["label"].index(row["answerKey"])
    return choices_after(f"Question: {row['question']}\nAnswer:", row["choices"]["text"], gold)


def winogrande(row):
    """Partial evaluation: the same continuation after each option."""
    before, after = row["sentence"].split("_", 1)
    contexts = [before + row[option] for option in ("option1", "option2")]
    return Item(contexts, [" " + after.strip()] * 2, {"1": 0, "2": 1}[row["answer"]])


TASKS = {"hellaswag": hellaswag, "arc_challenge": arc_challenge, "winogrande": winogrande}

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def name_in_transformers(name):
    name = name.removesuffix(".weight")
    if name in OUTSIDE:
        return OUTSIDE[name] + ".weight"
    _, layer, module = name.split(".")
    return f"model.layers.{layer}.{LAYER[module]}.weight"


def halves_paired(weight, heads):
    """GGUF's `llama` rotates neighbouring rows of q and k; transformers rotates row i of a head with row i + half."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def load_model(reader, metadata):
    assert metadata["general.architecture"] == "llama" and "llama.rope.scaling.type" not in metadata
    heads, kv_heads = (metadata[f"llama.attention.{name}"] for name in ("head_count", "head_count_kv"))
    weights = {}
    for tensor in reader.tensors:
        weight = gguf.dequantize(tensor.data, tensor.tensor_type)
        if tensor.name.endswith((".attn_q.weight", ".attn_k.weight")):
            weight = halves_paired(weight, heads if "attn_q" in tensor.name else kv_heads)
        weights[name_in_transformers(tensor.name)] = torch.from_numpy(np.array(weight, np.float32))
    embedding = weights["model.embed_tokens.weight"]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=embedding.shape[0],
            hidden_size=embedding.shape[1],
            intermediate_size=metadata["llama.feed_forward_length"],
            num_hidden_layers=metadata["llama.block_count"],
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=metadata["llama.context_length"],
            rms_norm_eps=metadata["llama.attention.layer_norm_rms_epsilon"],
            rope_parameters={"rope_type": "default", "rope_theta": metadata["llama.rope.freq_base"]},
            tie_word_embeddings="lm_head.weight" not in weights,
        )
    )
    model.load_state_dict({"lm_head.weight": embedding, **weights})
    return model.eval()


def load_tokenizer(metadata):
    """Special tokens are encoded as text, since the rows have none."""
    assert metadata["tokenizer.ggml.model"] == "gpt2" and not metadata.get("tokenizer.ggml.add_bos_token")
    vocabulary = {token: id for id, token in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = {"gpt-2": words, "smollm": pre_tokenizers.Sequence([digits, words])}[
        metadata["tokenizer.ggml.pre"]
    ]
    return tokenizer


def load(path):
    reader = gguf.GGUFReader(path)
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    return load_model(reader, metadata), load_tokenizer(metadata)


def encode(tokenizer, context, continuation):
    """The tokens of the whole text, and how many of them belong to the context."""
    # Spaces at the end of the context belong to the next token.
    kept = context.rstrip()
    continuation, context = context[len(kept) :] + continuation, kept
    assert context
    return tokenizer.encode(context + continuation).ids, len(tokenizer.encode(context).ids)


@torch.inference_mode()
def log_likelihoods(model, encoded):
    """For each continuation. Shorter ones in a batch are padded at the end, where no earlier token attends."""
    results = [0.0] * len(encoded)
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index][0]))
    for begin in range(0, len(order), BATCH):
        batch = order[begin : begin + BATCH]
        rows = [torch.tensor(encoded[index][0]) for index in batch]
        states = model.model(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), use_cache=False)[0]
        for index, tokens, state in zip(batch, rows, states, strict=True):
            context = encoded[index][1]
            scores = model.lm_head(state[context - 1 : len(tokens) - 1]).log_softmax(-1)
            results[index] = scores.gather(1, tokens[context:, None]).double().sum().item()
    return results


def score(model, tokenizer, items):
    pairs = [pair for item in items for pair in zip(item.contexts, item.continuations, strict=True)]
    encoded = [encode(tokenizer, *pair) for pair in pairs]
    flat = iter(log_likelihoods(model, encoded))
    return [scored(item, np.array([next(flat) for _ in item.contexts])) for item in items]


def scored(item, values):
    """1 if the likeliest choice is right; the first of equally likely ones counts."""
    result = {"logLikelihoods": values.tolist(), "acc": int(np.argmax(values) == item.gold)}
    if item.lengths:
        result["acc_norm"] = int(np.argmax(values / item.lengths) == item.gold)
    return result


def summary(scores):
    accuracies = {name: float(np.mean([one[name] for one in scores])) for name in ("acc", "acc_norm") if name in scores[0]}
    return {"n": len(scores), **accuracies}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data", nargs="+", metavar="TASK=ROWS.jsonl")
    parser.add_argument("--items")
    options = parser.parse_args()
    model, tokenizer = load(options.model)
    summaries, details = {}, {}
    for task, path in (pair.split("=", 1) for pair in options.data):
        with open(path, encoding="utf-8") as rows:
            items = [TASKS[task](json.loads(row)) for row in rows]
        details[task] = score(model, tokenizer, items)
        summaries[task] = summary(details[task])
    print(json.dumps(summaries))
    if options.items:
        with open(options.items, "w", encoding="utf-8") as file:
            json.dump(details, file)


if __name__ == "__main__":
    main()
