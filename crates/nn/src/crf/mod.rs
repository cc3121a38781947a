//! A linear-chain conditional random field over packed sentences (Lafferty et al. 2001; as in arXiv 1603.01360).
//!
//! With emissions e `[n, k]`, transitions T `[k, k]` (from the row's label to the column's), and scores of a sentence's
//! first label s and last label z `[k]`, a path y through a sentence of n words has
//!
//! ```text
//! score(y) = s[y_1] + Σ_t e[t, y_t] + Σ_{t>1} T[y_{t−1}, y_t] + z[y_n]        p(y) = exp(score(y)) / Σ_{y'} exp(score(y'))
//! ```
//!
//! The loss is Σ over sentences of −ln p(y) / denominator. Its gradients are expectations minus what was observed: for an
//! emission p(y_t = j) − [y_t = j], for a transition how often it is expected minus how often it occurs. Both come from
//! the sums over all paths by the forward and the backward recursion, in the logarithm and in `f64`; sentences are added
//! up in their order.
//!
//! What is said of single words are the marginals p(y_t = j), which are not what decides: [`decode`] gives both them and
//! the path with the highest score (Viterbi).

mod lattice;

use std::ops::Range;

use candle_core::{D, DType, Result, Tensor, bail};
use rayon::prelude::*;

use self::lattice::ChainScores;
use super::Packing;
use super::lstm::{Direction, Walk};
use super::tape::{Loss, Parameter, Tape, Value, add_or_copy};

/// The parameters of a chain over k labels.
#[derive(Debug, Clone)]
pub struct Chain {
    /// T `[k, k]`.
    pub transitions: Parameter,
    /// s `[k]`.
    pub start: Parameter,
    /// z `[k]`.
    pub end: Parameter,
}

/// What a chain says of words.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// ln p(y_t = j), at most 0: `[n, k]`.
    pub log_marginals: Vec<f32>,
    /// The label of each word on its sentence's best path `[n]`.
    pub labels: Vec<u32>,
}

/// The negative log-likelihood of the sentences' `labels` in nats, divided by `denominator`. A sentence without rows costs
/// nothing.
///
/// ```
/// use candle_core::{Device, Var};
/// use memoscope_nn::{self as nn, Chain, Packing, Parameter, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let parameter = |i, shape: &[usize]| Parameter::new(i, Var::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap());
/// let chain = Chain { transitions: parameter(0, &[2, 2]), start: parameter(1, &[2]), end: parameter(2, &[2]) };
/// let emissions = tape.constant(&[0.0; 6], 2)?;
/// // Three words, two labels: eight paths, all alike.
/// let loss = nn::crf_loss(&tape, &emissions, &chain, &Packing::new([3]), &[0, 1, 1], 1.0)?.value;
/// assert!((loss - 8f64.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn crf_loss(
    tape: &Tape,
    emissions: &Value,
    chain: &Chain,
    packing: &Packing,
    labels: &[u32],
    denominator: f64,
) -> Result<Loss> {
    let (n, k) = emissions.dims();
    chain.check(k)?;
    if packing.rows() != n || labels.len() != n || labels.iter().any(|&label| label as usize >= k) {
        bail!("crf: {} labels for emissions [{n}, {k}] of {} rows, or one outside", labels.len(), packing.rows());
    }
    if tape.is_composed() {
        let parts = [&chain.transitions, &chain.start, &chain.end].map(|p| tape.parameter_tensor(p));
        return tape.tensor_loss(crf_loss_plain(emissions.tensor()?, &parts, packing, labels, denominator)?);
    }
    let (scores, e) = (chain.scores()?, emissions.host()?);
    let sentences: Vec<Range<usize>> = packing.sentences().collect();
    let costs: Vec<Cost> = sentences
        .par_iter()
        .map(|rows| Cost::of(&scores, &e[rows.start * k..rows.end * k], &labels[rows.clone()]))
        .collect();
    let value = costs.iter().map(|cost| cost.value).sum::<f64>() / denominator;
    let mut output = tape.buffer(1);
    output[0] = value as f32;
    let (node, chain) = (emissions.node(), chain.clone());
    let output = tape.output(output, 1, move |g, sink| {
        let weight = f64::from(g[0]) / denominator;
        let mut of_emissions = sink.buffer(n * k);
        for (rows, cost) in sentences.iter().zip(&costs) {
            for (out, x) in of_emissions[rows.start * k..rows.end * k].iter_mut().zip(&cost.of_emissions) {
                *out = (x * weight) as f32;
            }
        }
        sink.give(node, of_emissions);
        let mut whole = Cost::nothing(k);
        for cost in &costs {
            whole.add_scores(cost);
        }
        let parts =
            [(&chain.transitions, whole.of_transitions), (&chain.start, whole.of_start), (&chain.end, whole.of_end)];
        for (parameter, sum) in parts {
            let sum: Vec<f32> = sum.into_iter().map(|x| (x * weight) as f32).collect();
            sink.parameter(parameter, |out, accumulate| add_or_copy(out, &sum, accumulate));
        }
        Ok(())
    });
    let mut one = tape.buffer(1);
    one[0] = 1.0;
    Ok(tape.loss(value, &output, one))
}

/// Marginals and best paths of sentences, given their emissions `[n, k]`, row by row.
pub fn decode(emissions: &[f32], chain: &Chain, packing: &Packing) -> Result<Decoded> {
    let scores = chain.scores()?;
    let k = scores.k();
    chain.check(k)?;
    if packing.rows() * k != emissions.len() {
        bail!("crf: {} emissions for {} rows and {k} labels", emissions.len(), packing.rows());
    }
    let sentences: Vec<(Vec<f32>, Vec<u32>)> = (0..packing.len())
        .into_par_iter()
        .map(|sentence| {
            let rows = packing.sentence(sentence);
            let emissions = &emissions[rows.start * k..rows.end * k];
            let marginals = scores.lattice(emissions).log_marginals().map(|x| x as f32).collect();
            (marginals, scores.best(emissions))
        })
        .collect();
    let (log_marginals, labels): (Vec<Vec<f32>>, Vec<Vec<u32>>) = sentences.into_iter().unzip();
    Ok(Decoded { log_marginals: log_marginals.concat(), labels: labels.concat() })
}

impl Chain {
    fn check(&self, k: usize) -> Result<()> {
        let shapes = [&self.transitions, &self.start, &self.end].map(|p| p.tensor().dims());
        if shapes != [&[k, k][..], &[k], &[k]] || k == 0 {
            bail!("crf: parameters {shapes:?} for {k} labels");
        }
        Ok(())
    }

    fn scores(&self) -> Result<ChainScores> {
        let read = |parameter: &Parameter| -> Result<Vec<f64>> {
            let values = parameter.tensor().to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(values.into_iter().map(f64::from).collect())
        };
        Ok(ChainScores { transitions: read(&self.transitions)?, start: read(&self.start)?, end: read(&self.end)? })
    }
}

/// What one sentence costs, and the gradients of that.
struct Cost {
    value: f64,
    of_emissions: Vec<f64>,
    of_transitions: Vec<f64>,
    of_start: Vec<f64>,
    of_end: Vec<f64>,
}

impl Cost {
    /// That of no sentence.
    fn nothing(k: usize) -> Self {
        let zeros = |n| vec![0f64; n];
        Self {
            value: 0.0,
            of_emissions: Vec::new(),
            of_transitions: zeros(k * k),
            of_start: zeros(k),
            of_end: zeros(k),
        }
    }

    /// Adds the gradients of the scores that sentences share.
    fn add_scores(&mut self, other: &Self) {
        let add = |sums: &mut [f64], xs: &[f64]| sums.iter_mut().zip(xs).for_each(|(sum, x)| *sum += x);
        add(&mut self.of_transitions, &other.of_transitions);
        add(&mut self.of_start, &other.of_start);
        add(&mut self.of_end, &other.of_end);
    }

    fn of(chain: &ChainScores, emissions: &[f32], labels: &[u32]) -> Self {
        let k = chain.k();
        let lattice = chain.lattice(emissions);
        let mut of_emissions: Vec<f64> = lattice.log_marginals().map(f64::exp).collect();
        let mut of_transitions = vec![0f64; k * k];
        lattice.add_transitions(chain, emissions, &mut of_transitions);
        for (t, &label) in labels.iter().enumerate() {
            of_emissions[t * k + label as usize] -= 1.0;
        }
        for pair in labels.windows(2) {
            of_transitions[pair[0] as usize * k + pair[1] as usize] -= 1.0;
        }
        // A sentence's first and last emissions are chosen together with the scores of start and end.
        let edge = |row: Option<&[f64]>| row.map_or_else(|| vec![0.0; k], <[f64]>::to_vec);
        let (of_start, of_end) = (edge(of_emissions.chunks_exact(k).next()), edge(of_emissions.chunks_exact(k).last()));
        let value = lattice.log_partition - chain.path(emissions, labels);
        // Rounding below 0 is taken back. `f64::max` would turn NaN into 0, too.
        let value = if value < 0.0 { 0.0 } else { value };
        Self { value, of_emissions, of_transitions, of_start, of_end }
    }
}

/// [`crf_loss`] composed of candle operations, all sentences step by step: a scalar. The parameters are transitions, start
/// and end.
pub fn crf_loss_plain(
    emissions: &Tensor,
    [transitions, start, end]: &[Tensor; 3],
    packing: &Packing,
    labels: &[u32],
    denominator: f64,
) -> Result<Tensor> {
    let (_, k) = emissions.dims2()?;
    let device = emissions.device();
    let pick = |scores: &Tensor, indices: Vec<u32>| -> Result<Tensor> {
        let n = indices.len();
        scores.flatten_all()?.index_select(&Tensor::from_vec(indices, n, device)?, 0)?.sum_all()
    };
    let log_sum_exp = |x: &Tensor, dim: usize| -> Result<Tensor> {
        let largest = x.detach().max_keepdim(dim)?;
        x.broadcast_sub(&largest)?.exp()?.sum(dim)?.log()? + largest.squeeze(dim)?
    };
    let walk = Walk::whole(packing, Direction::Forward);
    let (mut observed, mut previous, mut partitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut ahead: Option<Tensor> = None;
    let mut ended = |ahead: &Tensor, alive: usize| -> Result<()> {
        let done = ahead.dim(0)? - alive;
        if done > 0 {
            let last = ahead.narrow(0, alive, done)?.broadcast_add(end)?;
            partitions.push(log_sum_exp(&last, 1)?.sum_all()?);
        }
        Ok(())
    };
    for step in 0..walk.steps() {
        let rows: Vec<u32> = walk.rows(step).into_iter().map(|row| row as u32).collect();
        let e = emissions.index_select(&Tensor::new(rows.as_slice(), device)?, 0)?;
        let of = |rows: &[u32]| rows.iter().map(|&row| labels[row as usize]).collect::<Vec<u32>>();
        let current = of(&rows);
        ahead = Some(match &ahead {
            None => {
                observed.push(pick(start, current.clone())?);
                e.broadcast_add(start)?
            }
            Some(ahead) => {
                ended(ahead, rows.len())?;
                let pairs = of(&previous).iter().zip(&current).map(|(i, j)| i * k as u32 + j).collect();
                observed.push(pick(transitions, pairs)?);
                let alive = ahead.narrow(0, 0, rows.len())?.unsqueeze(2)?;
                let steps = alive.broadcast_add(&transitions.unsqueeze(0)?)?;
                (log_sum_exp(&steps, 1)? + e)?
            }
        });
        previous = rows;
    }
    if let Some(ahead) = &ahead {
        ended(ahead, 0)?;
    }
    let last: Vec<u32> = packing.sentences().filter(|rows| !rows.is_empty()).map(|rows| labels[rows.end - 1]).collect();
    if last.is_empty() {
        return emissions.sum_all()? * 0.0;
    }
    observed.push(pick(end, last)?);
    observed.push(emissions.gather(&Tensor::new(labels, device)?.unsqueeze(1)?, D::Minus1)?.sum_all()?);
    let loss = (Tensor::stack(&partitions, 0)?.sum_all()? - Tensor::stack(&observed, 0)?.sum_all()?)?;
    loss * (1.0 / denominator)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::testing::{assert_same_loss, inference, parameter};
    use crate::{Gradients, Pool};

    fn chain(p: &[Parameter]) -> Chain {
        Chain { transitions: p[1].clone(), start: p[2].clone(), end: p[3].clone() }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (lengths, k) in [(vec![1, 2], 2), (vec![4, 1, 0, 7, 2, 7], 5), (vec![2, 2], 9), (vec![1, 1, 2], 3)] {
            let packing = Packing::new(lengths);
            let n = packing.rows();
            let labels: Vec<u32> = (0..n).map(|i| (i * 5 % k) as u32).collect();
            assert_same_loss(&[&[n, k], &[k, k], &[k], &[k]], |tape, p| {
                crf_loss(tape, &tape.parameter(&p[0])?, &chain(p), &packing, &labels, 3.0)
            });
        }
    }

    #[test]
    fn gradients_are_finite_differences() {
        let (packing, k, labels) = (Packing::new([3, 1, 2]), 4usize, [0, 2, 1, 3, 3, 0]);
        let shapes: [&[usize]; 4] = [&[6, k], &[k, k], &[k], &[k]];
        let parameters: Vec<Parameter> = shapes.iter().enumerate().map(|(i, shape)| parameter(i, shape)).collect();
        let loss = |parameters: &[Parameter]| {
            let tape = Tape::training(&Device::Cpu, &Pool::default());
            let emissions = tape.parameter(&parameters[0]).unwrap();
            let loss = crf_loss(&tape, &emissions, &chain(parameters), &packing, &labels, 6.0).unwrap();
            (tape, loss)
        };
        let (tape, at) = loss(&parameters);
        let mut gradients = Gradients::default();
        tape.backward(at, &mut gradients).unwrap();
        let step = 1e-2f32;
        for (i, shape) in shapes.iter().enumerate() {
            let values: Vec<f32> = parameters[i].tensor().flatten_all().unwrap().to_vec1().unwrap();
            let gradient = gradients.get(i).unwrap().to_vec(values.len()).unwrap();
            for (j, &gradient) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[j] += by;
                    let mut parameters = parameters.clone();
                    parameters[i] = Parameter::new(i, Var::from_vec(values, *shape, &Device::Cpu).unwrap());
                    loss(&parameters).1.value
                };
                let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
                assert!((slope - f64::from(gradient)).abs() < 2e-5, "{i}[{j}]: {slope} against {gradient}");
            }
        }
    }

    #[test]
    fn the_loss_is_minus_the_logarithm_of_the_paths_share() {
        // One word: the CRF is a softmax.
        let p: Vec<Parameter> =
            [&[1usize, 3][..], &[3, 3], &[3], &[3]].iter().zip(0..).map(|(s, i)| parameter(i, s)).collect();
        let tape = inference();
        let emissions = tape.parameter(&p[0]).unwrap();
        let loss = crf_loss(&tape, &emissions, &chain(&p), &Packing::new([1]), &[2], 1.0).unwrap().value;
        let decoded = decode(&emissions.to_vec().unwrap(), &chain(&p), &Packing::new([1])).unwrap();
        assert!((loss + f64::from(decoded.log_marginals[2])).abs() < 1e-6);
        let total: f32 = decoded.log_marginals.iter().map(|x| x.exp()).sum();
        assert!((total - 1.0).abs() < 1e-6);
    }

    #[test]
    fn each_sentence_is_decoded_by_itself() {
        let p: Vec<Parameter> =
            [&[6usize, 3][..], &[3, 3], &[3], &[3]].iter().zip(0..).map(|(s, i)| parameter(i, s)).collect();
        let emissions = p[0].tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let together = decode(&emissions, &chain(&p), &Packing::new([4, 0, 2])).unwrap();
        let first = decode(&emissions[..12], &chain(&p), &Packing::new([4])).unwrap();
        let second = decode(&emissions[12..], &chain(&p), &Packing::new([2])).unwrap();
        assert_eq!(together.labels, [first.labels, second.labels].concat());
        assert_eq!(together.log_marginals, [first.log_marginals, second.log_marginals].concat());
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let p: Vec<Parameter> =
            [&[6usize, 3][..], &[3, 3], &[3], &[2]].iter().zip(0..).map(|(s, i)| parameter(i, s)).collect();
        let tape = inference();
        let emissions = tape.parameter(&p[0]).unwrap();
        let run = |chain: &Chain, lengths: &[usize], labels: &[u32]| {
            crf_loss(&tape, &emissions, chain, &Packing::new(lengths.iter().copied()), labels, 1.0)
        };
        let right = Chain { end: p[2].clone(), ..chain(&p) };
        assert!(run(&right, &[6], &[0; 6]).is_ok());
        assert!(run(&chain(&p), &[6], &[0; 6]).is_err());
        assert!(run(&right, &[5], &[0; 6]).is_err());
        assert!(run(&right, &[6], &[0; 5]).is_err());
        assert!(run(&right, &[6], &[3; 6]).is_err());
        assert!(decode(&[0.0; 5], &right, &Packing::new([2])).is_err());
    }
}
