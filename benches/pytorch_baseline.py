"""What Memoscope is measured against: BertForTokenClassification of transformers, fine-tuned in PyTorch on the CPU.

    pip install torch transformers
    python benches/pytorch_baseline.py --model minilm-l6/ --data conll2003/train.txt --threads 2

Prints one JSON object. Called in turn with `memoscope bench --against`. Batches are random; they are padded to their
longest sentence, as transformers' collator does, or with --group-by-length first sorted by length within blocks of 50
batches, as its Trainer can. Float32, fused AdamW, clipping at 1.0, dropout on; tokenising is not timed.
`real_tokens_per_s` counts pieces with [CLS] and [SEP], without padding.
"""
import argparse
import json
import random
import resource
import time

import torch
from transformers import AutoConfig, AutoTokenizer, BertForTokenClassification

WARM_UP = 3
BLOCK = 50


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--group-by-length", action="store_true")
    parser.add_argument("--eval", action="store_true")
    return parser.parse_args()


def read(path):
    """Sentences as lists of (word, tag), from CoNLL columns."""
    sentences = [[]]
    with open(path, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            columns = line.split()
            if not columns:
                sentences.append([])
            elif columns[0] != "-DOCSTART-":
                sentences[-1].append((columns[0], columns[-1]))
    return [sentence for sentence in sentences if sentence]


def batches_of(sentences, tokenizer, options):
    """As many batches as are needed, random or grouped by length."""
    order = sentences[:]
    random.Random(options.seed).shuffle(order)
    size = options.batch
    if options.group_by_length:
        def length(sentence):
            return len(tokenizer([word for word, _ in sentence], is_split_into_words=True)["input_ids"])

        order = order[: BLOCK * size * -(-(options.steps + WARM_UP) // BLOCK)]
        blocks = [order[i : i + BLOCK * size] for i in range(0, len(order), BLOCK * size)]
        order = [sentence for block in blocks for sentence in sorted(block, key=length, reverse=True)]
    batches = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
    if options.group_by_length:
        random.Random(options.seed).shuffle(batches)
    return batches[: options.steps + WARM_UP]


def encode(batch, tokenizer, labels, options):
    words = [[word for word, _ in sentence] for sentence in batch]
    encoded = tokenizer(
        words,
        is_split_into_words=True,
        padding="longest",
        truncation=True,
        max_length=options.max_length,
        return_tensors="pt",
    )
    targets = torch.full(encoded["input_ids"].shape, -100)
    for row, sentence in enumerate(batch):
        seen = set()
        for column, word in enumerate(encoded.word_ids(row)):
            if word is not None and word not in seen:
                seen.add(word)
                targets[row, column] = labels[sentence[word][1]]
    return encoded, targets


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    sentences = read(options.data)
    labels = {tag: i for i, tag in enumerate(sorted({tag for sentence in sentences for _, tag in sentence}))}
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    config = AutoConfig.from_pretrained(options.model, num_labels=len(labels))
    model = BertForTokenClassification.from_pretrained(options.model, config=config)
    model.train(not options.eval)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)
    encoded = [encode(batch, tokenizer, labels, options) for batch in batches_of(sentences, tokenizer, options)]
    seconds = real = padded = 0
    for number, (batch, targets) in enumerate(encoded):
        start = time.perf_counter()
        if options.eval:
            with torch.no_grad():
                model(**batch).logits.argmax(-1)
        else:
            model(**batch, labels=targets).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if number >= WARM_UP:
            seconds += time.perf_counter() - start
            real += int(batch["attention_mask"].sum())
            padded += batch["input_ids"].numel()
    print(json.dumps({
        "what": "eval" if options.eval else "train",
        "batch": options.batch,
        "steps": len(encoded) - WARM_UP,
        "threads": options.threads,
        "group_by_length": options.group_by_length,
        "real_tokens_per_s": real / seconds,
        "padded_tokens_per_s": padded / seconds,
        "padding_ratio": padded / real,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
