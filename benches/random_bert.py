"""Makes a BERT of bert-base's shape with random weights, to be measured.

    python benches/random_bert.py minilm-l6/ bert-base-random/

The first folder gives the tokenizer, the second is written.
"""
import sys

import torch
from transformers import AutoTokenizer, BertConfig, BertModel

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
torch.manual_seed(0)
config = BertConfig(vocab_size=len(tokenizer))
BertModel(config).save_pretrained(sys.argv[2])
tokenizer.save_pretrained(sys.argv[2])
