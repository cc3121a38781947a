//! What the fused optimiser gives: a step of AdamW with clipping, against the same composed of candle's operations.
//!
//! `cargo bench --bench optimizer`. The operations themselves are measured in `crates/nn/benches/`.

use candle_core::{Device, Var};
use divan::Bencher;
use memoscope::model::parameters::Parameters;
use memoscope::nn::{self, Gradient, Gradients, Linear, Pool, Tables, Tape};
use memoscope::train::TrainSettings;
use memoscope::train::optimizer::{OptimizerKind, StepSize, clip_factor};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HIDDEN: usize = 384;
const WIDE: usize = 4 * HIDDEN;

/// Which version computes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    Fused,
    Plain,
}

fn main() {
    divan::main();
}

/// AdamW on the parameters of a feed-forward block and a table of which a batch has used some rows.
#[divan::bench(args = [Version::Fused, Version::Plain])]
fn adamw(bencher: Bencher<'_, '_>, version: Version) {
    let shapes: [&[usize]; 4] = [&[14_000, HIDDEN], &[WIDE, HIDDEN], &[HIDDEN, WIDE], &[WIDE]];
    let mut parameters = Parameters::default();
    for (i, shape) in shapes.iter().enumerate() {
        let var = Var::from_vec(vec![0.5f32; shape.iter().product()], *shape, &Device::Cpu).expect("the shape fits");
        parameters.push(format!("p{i}"), var);
    }
    let pool = Pool::default();
    let mut gradients = Gradients::default();
    let tape = Tape::training(&Device::Cpu, &pool);
    let tape = if version == Version::Plain { tape.composed() } else { tape };
    // A pass that reaches each of them.
    let handle = |i: usize| parameters.handle(&format!("p{i}")).expect("it is there");
    let ids: Vec<u32> = (0..500).collect();
    let tables = Tables { words: handle(0), positions: Some(handle(0)), types: Some(handle(0)) };
    let x = nn::embed(&tape, &tables, &ids, &ids).expect("inside the table");
    let wide = Linear { weight: handle(1), bias: handle(3) };
    let y = nn::linear(&tape, &x, &wide).expect("the shapes fit");
    let loss = tape.weighted_sum(&y, &vec![0.01; 500 * WIDE]).expect("as many weights");
    tape.backward(loss, &mut gradients).expect("a tape for training");
    assert!(matches!(gradients.get(0), Some(Gradient::Rows(..) | Gradient::Tensor(_))));
    let mut optimizer = OptimizerKind::AdamW.build(&parameters, &TrainSettings::default()).expect("on the CPU");
    bencher.bench_local(|| {
        let norm = gradients.norm().expect("finite");
        let size = StepSize { learning_rate: 1e-5, gradient_scale: clip_factor(norm, 1.0) };
        optimizer.step(&parameters, &gradients, size).expect("the shapes fit");
    });
}
