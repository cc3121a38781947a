# Recipes for users and developers: `just --list`.

set positional-arguments

[private]
default:
    @just --list

# Noise sweep; with your own data: `just noise-sweep data=DIR model=DIR out=DIR noise=0,0.3 seeds=3`
[group('studies')]
noise-sweep *settings:
    cargo run --release --quiet -- sweep experiments/noise-sweep.toml "$@"

# Class caps: `just class-caps data=DIR model=DIR out=DIR classes=LOC sentences=5,25,100`
[group('studies')]
class-caps *settings:
    cargo run --release --quiet -- sweep experiments/class-caps.toml "$@"

# Linear and prototypical head on a rare entity type: `just protobert data=DIR model=DIR out=DIR classes=LOC`
[group('studies')]
protobert *settings:
    cargo run --release --quiet -- sweep experiments/protobert.toml "$@"

# Noise sweep from checkpoints of one pretraining: `just pretraining noise=0.3`
[group('studies')]
pretraining *settings:
    cargo run --release --quiet -- sweep experiments/pretraining.toml "$@"

# Forgetting study of several encoders: `just forgetting data=DIR model=DIR out=DIR encoders=pretrained,random`
[group('studies')]
forgetting *settings:
    cargo run --release --quiet -- sweep experiments/forgetting.toml "$@"

# Grid of learning rate and noise level: `just learning-rate epochs=4`
[group('studies')]
learning-rate *settings:
    cargo run --release --quiet -- sweep experiments/learning-rate.toml "$@"

# Batch size against noise level: `just batch-size epochs=4`
[group('studies')]
batch-size *settings:
    cargo run --release --quiet -- sweep experiments/batch-size.toml "$@"

# Find wrong labels in annotated text: `just audit mine.txt --model minilm-l6/`
[group('studies')]
audit *arguments:
    cargo run --release --quiet -- audit "$@"

# Redraw the reports of finished runs: all under runs/, or `just figures --out DIR`
[group('studies')]
figures *arguments:
    cargo run --release --quiet -- figures "$@"

# Pretrain the embedded encoder on generated text and copy it to assets/
[group('studies')]
pretrain-embedded *arguments:
    cargo run --release --quiet -- model pretrain --out runs/embedded-encoder --sentences 30000 --epochs 12 \
        --learning-rate 2e-3 --dropout 0 --precision f16 "$@"
    cd runs/embedded-encoder && cp config.json model.safetensors pretraining.json tokenizer.json tokenizer_config.json \
        vocab.txt ../../assets/embedded/

# Build the program
[group('develop')]
build:
    cargo build --release

# Run all tests; tests on real data are skipped with a message if the data is missing
[group('develop')]
test *arguments:
    cargo test "$@"

# Measure training and evaluation speed, alternating with PyTorch if it is installed: `just bench 5` for five rounds
[group('measure')]
bench rounds='5':
    benches/compare.sh {{ rounds }}

# Compare fused and composed operations: `just bench-operations attention`
[group('measure')]
bench-operations *names:
    cargo bench --bench operations -- "$@"

# Measure the fused optimiser
[group('measure')]
bench-optimizer:
    cargo bench --bench optimizer

# Measure the analysis of logs of 1, 4 and 16 times the size of CoNLL03
[group('measure')]
bench-analyse *sizes:
    cargo bench --bench analyse -- "$@"

# Measure the overhead of logging both passes
[group('measure')]
bench-logging:
    cargo bench --bench logging

# Format the code
[group('develop')]
format:
    cargo fmt --all

# All checks of continuous integration: format, lints, tests, documentation
[group('develop')]
ci: format-check lint test doc

[private]
format-check:
    cargo fmt --all --check

# Lint all targets; a warning is an error
[group('develop')]
lint:
    cargo clippy --all-targets -- -D warnings

# Build the library's documentation; a warning is an error
[group('develop')]
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Write the JSON schema of the configuration to docs/
[group('develop')]
schema:
    cargo run --release --quiet -- schema > docs/configuration.schema.json.new
    mv docs/configuration.schema.json.new docs/configuration.schema.json

# Write manual pages and shell completions to target/share/
[group('develop')]
docs:
    mkdir -p target/share/man/man1 target/share/completions
    cargo run --release --quiet -- man target/share/man/man1
    for shell in bash zsh fish; do cargo run --release --quiet -- completions $shell > target/share/completions/memoscope.$shell; done
