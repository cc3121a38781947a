//! What each fused operation gives: forward and backward pass, against the same composed of candle's operations.
//!
//! `cargo bench --bench operations`, or `cargo bench --bench operations -- attention`. Shapes are those of a MiniLM
//! with hidden size 384 on 32 sentences of news text; times are of one operation in one layer. `CANDLE_NUM_THREADS`
//! decides how many threads candle's own element-wise operations use.

use candle_core::{Device, Result, Var};
use divan::Bencher;
use memoscope_nn::random::Streams;
use memoscope_nn::{
    self as nn, Activation, Buckets, Chain, Direction, Dropout, Gradients, Linear, Norm, Outside, Packing, Parameter,
    Pool, Relative, Sentences, Tables, Tape, Value, on_pool,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HIDDEN: usize = 384;
const WIDE: usize = 4 * HIDDEN;
const HEADS: usize = 12;

/// Which version computes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    Fused,
    Plain,
}

const VERSIONS: [Version; 2] = [Version::Fused, Version::Plain];

fn main() {
    divan::main();
}

/// 32 sentences of 4 to 50 subwords, 21 in the mean.
fn packing() -> Packing {
    Packing::new((0..32).map(|i| 4 + (i * i * 7 + i * 3) % 47 * (1 + i % 2) / 2))
}

fn parameter(index: usize, shape: &[usize]) -> Parameter {
    let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| ((i * 37) % 101) as f32 / 101.0 - 0.5).collect();
    Parameter::new(index, Var::from_vec(values, shape, &Device::Cpu).expect("the shape fits"))
}

/// Times a training pass through one operation on parameters of these shapes.
fn pass(
    bencher: Bencher<'_, '_>,
    version: Version,
    shapes: &[&[usize]],
    f: impl Fn(&Tape, &[Parameter]) -> Result<Value> + Sync,
) {
    let parameters: Vec<Parameter> = shapes.iter().enumerate().map(|(i, shape)| parameter(i, shape)).collect();
    let (pool, mut gradients) = (Pool::default(), Gradients::default());
    let mut weights = Vec::new();
    bencher.bench_local(|| {
        on_pool(|| {
            gradients.clear();
            let tape = Tape::training(&Device::Cpu, &pool);
            let tape = if version == Version::Plain { tape.composed() } else { tape };
            let value = f(&tape, &parameters).expect("the shapes fit");
            weights.resize(value.dims().0 * value.dims().1, 0.01);
            let loss = tape.weighted_sum(&value, &weights).expect("as many weights");
            tape.backward(loss, &mut gradients).expect("a tape for training");
        });
    });
}

fn layer(p: &[Parameter]) -> Linear {
    Linear { weight: p[1].clone(), bias: p[2].clone() }
}

fn dropout() -> Dropout {
    Dropout::new(0.1, Streams::new(1).stream("dropout", &[])).expect("p is not 0")
}

#[divan::bench(args = VERSIONS)]
fn linear(bencher: Bencher<'_, '_>, version: Version) {
    let shapes: [&[usize]; 3] = [&[packing().rows(), HIDDEN], &[HIDDEN, HIDDEN], &[HIDDEN]];
    pass(bencher, version, &shapes, |tape, p| nn::linear(tape, &tape.parameter(&p[0])?, &layer(p)));
}

#[divan::bench(args = VERSIONS)]
fn linear_gelu(bencher: Bencher<'_, '_>, version: Version) {
    let shapes: [&[usize]; 3] = [&[packing().rows(), HIDDEN], &[WIDE, HIDDEN], &[WIDE]];
    pass(bencher, version, &shapes, |tape, p| {
        nn::linear_activate(tape, &tape.parameter(&p[0])?, &layer(p), Activation::Gelu)
    });
}

#[divan::bench(args = VERSIONS)]
fn linear_add_norm(bencher: Bencher<'_, '_>, version: Version) {
    let (n, dropout) = (packing().rows(), dropout());
    let shapes: [&[usize]; 6] = [&[n, WIDE], &[HIDDEN, WIDE], &[HIDDEN], &[n, HIDDEN], &[HIDDEN], &[HIDDEN]];
    pass(bencher, version, &shapes, |tape, p| {
        let norm = Norm { weight: p[4].clone(), bias: p[5].clone(), epsilon: 1e-12 };
        let (x, residual) = (tape.parameter(&p[0])?, tape.parameter(&p[3])?);
        nn::linear_add_norm(tape, &x, &layer(p), &residual, Some(&dropout), &norm)
    });
}

#[divan::bench(args = VERSIONS)]
fn attention(bencher: Bencher<'_, '_>, version: Version) {
    let (packing, dropout) = (packing(), dropout());
    let shape: &[usize] = &[packing.rows(), HIDDEN];
    pass(bencher, version, &[shape; 3], |tape, p| {
        let (q, k, v) = (tape.parameter(&p[0])?, tape.parameter(&p[1])?, tape.parameter(&p[2])?);
        let sentences = Sentences { queries: &packing, keys: &packing };
        nn::attention(tape, [&q, &k, &v], sentences, HEADS, Some(&dropout))
    });
}

#[divan::bench(args = VERSIONS)]
fn disentangled_attention(bencher: Bencher<'_, '_>, version: Version) {
    let (packing, dropout) = (packing(), dropout());
    let longest = packing.sentences().map(|sentence| sentence.len()).max().expect("there are sentences");
    let distances = Buckets::new(Some(256), 512).expect("a scale").distances(longest);
    let places: Vec<u32> = packing.sentences().flat_map(|sentence| 0..sentence.len() as u32).collect();
    let (shape, table): (&[usize], &[usize]) = (&[packing.rows(), HIDDEN], &[distances.table_rows().len(), HIDDEN]);
    pass(bencher, version, &[shape, shape, shape, table, table], |tape, p| {
        let [q, k, v, keys, queries] = [0, 1, 2, 3, 4].map(|i| tape.parameter(&p[i]).expect("a matrix"));
        let relative = Relative { keys: Some(&keys), queries: Some(&queries), distances: &distances, places: &places };
        let sentences = Sentences { queries: &packing, keys: &packing };
        nn::disentangled_attention(tape, [&q, &k, &v], relative, sentences, HEADS, Some(&dropout))
    });
}

#[divan::bench(args = VERSIONS)]
fn embed(bencher: Bencher<'_, '_>, version: Version) {
    let n = packing().rows();
    let ids: Vec<u32> = (0..n as u32).map(|i| i * 7919 % 14_000).collect();
    let places: Vec<u32> = packing().sentences().flat_map(|s| 0..s.len() as u32).collect();
    pass(bencher, version, &[&[14_000, HIDDEN], &[512, HIDDEN], &[2, HIDDEN]], |tape, p| {
        let tables = Tables { words: p[0].clone(), positions: Some(p[1].clone()), types: Some(p[2].clone()) };
        nn::embed(tape, &tables, &ids, &places)
    });
}

#[divan::bench(args = VERSIONS)]
fn lstm(bencher: Bencher<'_, '_>, version: Version) {
    let (packing, states) = (packing(), 100);
    pass(bencher, version, &[&[packing.rows(), 4 * states], &[4 * states, states]], |tape, p| {
        nn::lstm(tape, &tape.parameter(&p[0])?, &p[1], &packing, Direction::Forward)
    });
}

#[divan::bench(args = VERSIONS)]
fn layer_norm(bencher: Bencher<'_, '_>, version: Version) {
    let shapes: [&[usize]; 3] = [&[packing().rows(), HIDDEN], &[HIDDEN], &[HIDDEN]];
    pass(bencher, version, &shapes, |tape, p| {
        let norm = Norm { weight: p[1].clone(), bias: p[2].clone(), epsilon: 1e-12 };
        nn::layer_norm(tape, &tape.parameter(&p[0])?, &norm)
    });
}

#[divan::bench(args = VERSIONS)]
fn dropout_alone(bencher: Bencher<'_, '_>, version: Version) {
    let (shape, dropout): (&[usize], _) = (&[packing().rows(), HIDDEN], dropout());
    pass(bencher, version, &[shape], |tape, p| nn::dropout(tape, &tape.parameter(&p[0])?, Some(&dropout)));
}

#[divan::bench(args = VERSIONS)]
fn select(bencher: Bencher<'_, '_>, version: Version) {
    let n = packing().rows();
    let rows: Vec<u32> = (0..n as u32).filter(|i| i % 3 != 0).collect();
    pass(bencher, version, &[&[n, HIDDEN]], |tape, p| nn::select(tape, &tape.parameter(&p[0])?, &rows));
}

#[divan::bench(args = VERSIONS)]
fn cross_entropy(bencher: Bencher<'_, '_>, version: Version) {
    let (n, logits) = (packing().rows(), parameter(0, &[packing().rows(), 9]));
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 9).collect();
    let (pool, mut gradients) = (Pool::default(), Gradients::default());
    bencher.bench_local(|| {
        gradients.clear();
        let tape = Tape::training(&Device::Cpu, &pool);
        let tape = if version == Version::Plain { tape.composed() } else { tape };
        let logits = tape.parameter(&logits).expect("a matrix");
        let loss = nn::cross_entropy(&tape, &logits, &labels, n as f64).expect("the labels fit");
        tape.backward(loss, &mut gradients).expect("a tape for training");
    });
}

/// The loss of a chain over 9 labels.
#[divan::bench(args = VERSIONS)]
fn crf_loss(bencher: Bencher<'_, '_>, version: Version) {
    let (packing, k) = (packing(), 9);
    let n = packing.rows();
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 9).collect();
    let [e, transitions, start, end] =
        [(0, vec![n, k]), (1, vec![k, k]), (2, vec![k]), (3, vec![k])].map(|(index, shape)| parameter(index, &shape));
    let chain = Chain { transitions, start, end };
    let (pool, mut gradients) = (Pool::default(), Gradients::default());
    bencher.bench_local(|| {
        on_pool(|| {
            gradients.clear();
            let tape = Tape::training(&Device::Cpu, &pool);
            let tape = if version == Version::Plain { tape.composed() } else { tape };
            let e = tape.parameter(&e).expect("a matrix");
            let loss = nn::crf_loss(&tape, &e, &chain, &packing, &labels, n as f64).expect("the shapes fit");
            tape.backward(loss, &mut gradients).expect("a tape for training");
        });
    });
}

/// The logits of an episode: 150 support words in 8 classes, 550 that are judged, in 300 dimensions.
#[divan::bench(args = VERSIONS)]
fn prototypes(bencher: Bencher<'_, '_>, version: Version) {
    let groups: Vec<Vec<u32>> = (0..8).map(|class| (0..150).filter(|row| row % 8 == class).collect()).collect();
    let queries: Vec<u32> = (150..700).collect();
    pass(bencher, version, &[&[700, 300], &[1, 1]], |tape, p| {
        let f = tape.parameter(&p[0])?;
        let centroids = nn::group_means(tape, &f, &groups)?;
        let outside = Outside { logit: p[1].clone(), absent: -400.0 };
        nn::prototype_logits(tape, &nn::select(tape, &f, &queries)?, &centroids, &[true; 8], &outside)
    });
}

/// Products of a linear layer [outputs, inputs] on 680 subwords: our tiles, against the gemm crate's own threads.
mod product {
    use divan::Bencher;
    use memoscope_nn::product::{View, product};

    use super::on_pool;

    const N: usize = 680;
    const SHAPES: [(usize, usize); 5] = [(384, 384), (1536, 384), (384, 1536), (128, 128), (512, 128)];

    #[divan::bench(args = SHAPES)]
    fn tiles(bencher: Bencher<'_, '_>, (outputs, inputs): (usize, usize)) {
        let (x, w, mut y) = (vec![0.5f32; N * inputs], vec![0.5f32; outputs * inputs], vec![0f32; N * outputs]);
        bencher.bench_local(|| {
            on_pool(|| product(&mut y, View::new(&x, inputs), View::new(&w, inputs).t(), false));
        });
    }

    #[divan::bench(args = SHAPES)]
    fn threads_of_the_crate(bencher: Bencher<'_, '_>, (outputs, inputs): (usize, usize)) {
        let (x, w, mut y) = (vec![0.5f32; N * inputs], vec![0.5f32; outputs * inputs], vec![0f32; N * outputs]);
        bencher.bench_local(|| {
            // SAFETY: y is [N, outputs], x [N, inputs] and w [outputs, inputs], all row-major and of those lengths.
            on_pool(|| unsafe {
                gemm::gemm(
                    N,
                    outputs,
                    inputs,
                    y.as_mut_ptr(),
                    1,
                    outputs as isize,
                    false,
                    x.as_ptr(),
                    1,
                    inputs as isize,
                    w.as_ptr(),
                    inputs as isize,
                    1,
                    1.0f32,
                    1.0f32,
                    false,
                    false,
                    false,
                    gemm::Parallelism::Rayon(0),
                );
            });
        });
    }
}

/// What the pool of buffers gives: the same pass with buffers that go round, and with new ones each time.
#[divan::bench(args = ["kept", "new"])]
fn buffers(bencher: Bencher<'_, '_>, buffers: &str) {
    let n = packing().rows();
    let parameters = [parameter(0, &[n, HIDDEN]), parameter(1, &[WIDE, HIDDEN]), parameter(2, &[WIDE])];
    let (mut pool, mut gradients) = (Pool::default(), Gradients::default());
    let weights = vec![0.01; n * WIDE];
    bencher.bench_local(|| {
        if buffers == "new" {
            pool = Pool::default();
        }
        on_pool(|| {
            gradients.clear();
            let tape = Tape::training(&Device::Cpu, &pool);
            let x = tape.parameter(&parameters[0]).expect("a matrix");
            let y = nn::linear_activate(&tape, &x, &layer(&parameters), Activation::Gelu).expect("the shapes fit");
            let loss = tape.weighted_sum(&y, &weights).expect("as many weights");
            tape.backward(loss, &mut gradients).expect("a tape for training");
        });
    });
}
