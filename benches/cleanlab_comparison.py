#!/usr/bin/env python3
"""Compares an audit with cleanlab's token scores on the audit's own held-out probabilities.

    pip install cleanlab pandas pyarrow      # or polars in place of pyarrow
    memoscope audit noisy.txt --model DIR --gold clean.txt --out audits/noisy
    python benches/cleanlab_comparison.py audits/noisy noisy.txt clean.txt

Prints the average precision over tokens (scikit-learn) of our score, of cleanlab's three label quality scores, and of
its default filter (`find_label_issues`; flagged tokens first, each part by self-confidence), all from `tokens.parquet`.
"""

import json
import sys
import warnings

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score


def read_tokens(path):
    try:
        import polars

        return {name: np.array(column) for name, column in polars.read_parquet(path).to_dict(as_series=False).items()}
    except ImportError:
        import pandas

        return {name: column.to_numpy() for name, column in pandas.read_parquet(path).items()}


def tags(path):
    with open(path, encoding="utf-8", newline="\n") as lines:
        return np.array([line.split()[-1] for line in lines if line.strip() and not line.startswith("-DOCSTART-")])


def main(folder, noisy, clean):
    warnings.filterwarnings("ignore")
    tokens = read_tokens(f"{folder}/tokens.parquet")
    labels = [name[2:] for name in tokens if name.startswith("p_")]
    probabilities = np.stack([tokens[f"p_{label}"].astype(float) for label in labels], axis=1)
    given, gold = tags(noisy), tags(clean)
    wrong = given != gold
    judged = np.isfinite(probabilities).all(axis=1)
    ids = np.array([labels.index(tag) for tag in tokens["given"]])[judged]
    probabilities = probabilities[judged] / probabilities[judged].sum(axis=1, keepdims=True)

    def ap(score):
        full = np.full(len(wrong), -np.inf)
        full[judged] = score
        full[~np.isfinite(full)] = full[np.isfinite(full)].min() - 1
        return average_precision_score(wrong, full)

    scores = {"memoscope": ap(tokens["score"].astype(float)[judged])}
    for method in ("self_confidence", "normalized_margin"):
        scores[f"cleanlab {method}"] = ap(-get_label_quality_scores(ids, probabilities, method=method))
    # cleanlab allows this one with adjusted probabilities alone or for multi-class data as here.
    entropy = get_label_quality_scores(ids, probabilities, method="confidence_weighted_entropy")
    scores["cleanlab confidence_weighted_entropy"] = ap(-entropy)
    flagged = find_label_issues(ids, probabilities)
    own = probabilities[np.arange(len(ids)), ids]
    scores["cleanlab default filter"] = ap(flagged.astype(float) + (1 - own))
    result = {
        "tokens": int(len(wrong)),
        "wrong": int(wrong.sum()),
        "flagged": int(flagged.sum()),
        "average_precision": {name: round(float(score), 4) for name, score in scores.items()},
        "ratio_to_memoscope": {
            name: round(float(scores["memoscope"] / score), 3) for name, score in scores.items() if name != "memoscope"
        },
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
