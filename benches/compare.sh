#!/usr/bin/env bash
# `just bench`: training and evaluation speed, and PyTorch's in turn with it where PyTorch is installed.
#
#   benches/compare.sh [ROUNDS]
#
# MEMOSCOPE_MODELS names a folder with model folders (minilm-l6, bert-tiny, ...), MEMOSCOPE_DATA one with data folders
# (conll2003, jnlpba); without them the embedded encoder is measured alone. PYTHON is the interpreter that has torch and
# transformers. THREADS (2) and STEPS (20) may be set, too.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
python=${PYTHON:-python3}
threads=${THREADS:-2}
steps=${STEPS:-20}
cargo build --release --quiet
memoscope=${CARGO_TARGET_DIR:-target}/release/memoscope

measure() { # heading, against, arguments
    local heading=$1 against=$2
    shift 2
    echo "== $heading"
    if [ -n "$against" ]; then
        "$memoscope" bench --threads "$threads" --rounds "$rounds" --against "$against" "$@"
    else
        "$memoscope" bench --threads "$threads" --rounds "$rounds" "$@"
    fi
}

if [ -z "${MEMOSCOPE_MODELS:-}" ] || [ -z "${MEMOSCOPE_DATA:-}" ]; then
    echo "MEMOSCOPE_MODELS and MEMOSCOPE_DATA are not set: the embedded encoder alone is measured" >&2
    for pass in "" --eval; do
        measure "embedded ${pass:---train}" "" --steps "$steps" $pass
    done
    exit
fi

padded="" grouped=""
if "$python" -c 'import torch, transformers' 2> /dev/null; then
    padded="$python benches/pytorch_baseline.py"
    grouped="$padded --group-by-length"
else
    echo "$python has no torch and transformers: Memoscope alone is measured (set PYTHON)" >&2
fi

news=$MEMOSCOPE_DATA/conll2003/train.txt
abstracts=$MEMOSCOPE_DATA/jnlpba/train.txt
for model in "$MEMOSCOPE_MODELS"/*/; do
    name=$(basename "$model")
    for pass in "" --eval; do
        measure "$name, ${pass:---train}, news, against padded" "$padded" \
            --model "$model" --data "$news" --steps "$steps" $pass
        if [ -n "$grouped" ]; then
            measure "$name, ${pass:---train}, news, against grouped by length" "$grouped" \
                --model "$model" --data "$news" --steps "$steps" $pass
        fi
    done
    for batch in 8 64; do
        measure "$name, --train, news, batch $batch, against padded" "$padded" \
            --model "$model" --data "$news" --batch "$batch" --steps "$steps"
    done
    if [ -f "$abstracts" ]; then
        measure "$name, --train, abstracts, against padded" "$padded" \
            --model "$model" --data "$abstracts" --steps "$steps"
    fi
done
