//! Disentangled self-attention over packed sentences (DeBERTa, arXiv 2006.03654, section 3.1; 2111.09543).
//!
//! Beside what a subword is, attention looks at how far apart two subwords are. q is `[m, h]`, k and v are `[n, h]` as
//! in [attention](mod@super::attention); κ and ρ `[r, h]` are keys and queries of relative positions, b the row of a
//! distance ([`Distances`]). For query i and key j of a sentence and a head, with d = h / heads and f the number of
//! terms:
//!
//! ```text
//! sᵢⱼ = (qᵢ·kⱼ + qᵢ·κ_b(i−j) + kⱼ·ρ_b(i−j)) / √(d·f)        content to content, content to position, position to content
//! P = softmax(s),   out = dropout(P)·v
//! ```
//!
//! Gradients: dV and dS as in attention, and with dS scaled, dQᵢ = Σⱼ dSᵢⱼ·(kⱼ + κ_b(i−j)), dKⱼ = Σᵢ dSᵢⱼ·(qᵢ +
//! ρ_b(i−j)), dκ_b = Σ dSᵢⱼ·qᵢ and dρ_b = Σ dSᵢⱼ·kⱼ over the pairs at distances of row b. P is kept.
//!
//! As qᵢ·(kⱼ + κ_b) is one product, that is 1.5 times the multiplications of attention without positions: two products
//! for scores and one for out, and six in the backward pass instead of four. None is computed for a distance that does
//! not occur, in contrast to reading from the products with a whole table, and no matrix of scores by position is
//! written. The gradients of κ and ρ add up over the sentences; what is added up in one go is a head in a group of
//! sentences.

mod distances;
mod head;
mod plain;
mod plan;

use candle_core::{Result, bail};

pub use self::distances::{Buckets, Distances};
pub use self::plain::disentangled_attention_plain;
use self::plan::RelativePlan;
use super::attention::Sentences;
use super::dropout::Dropout;
use super::tape::{Tape, Value};
use super::tiles::sum_rows;

/// What is at the relative positions, and where the queries stand.
#[derive(Debug, Clone, Copy)]
pub struct Relative<'a> {
    /// κ `[r, h]`, which content attends to; `None` leaves the term out.
    pub keys: Option<&'a Value>,
    /// ρ `[r, h]`, which attends to content; `None` leaves the term out.
    pub queries: Option<&'a Value>,
    /// Which of the r rows belongs to a distance.
    pub distances: &'a Distances,
    /// For each row of q its place in the sentence.
    pub places: &'a [u32],
}

impl Relative<'_> {
    /// The terms of a score.
    fn terms(&self) -> usize {
        1 + usize::from(self.keys.is_some()) + usize::from(self.queries.is_some())
    }
}

/// Attention of each sentence's queries to its keys and their distances: `[m, h]`.
pub fn disentangled_attention(
    tape: &Tape,
    [q, k, v]: [&Value; 3],
    relative: Relative<'_>,
    sentences: Sentences<'_>,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Result<Value> {
    sentences.check([q, k, v], heads)?;
    check(relative, sentences, q.dims().1)?;
    if tape.is_composed() {
        let tensors = [q.tensor()?, k.tensor()?, v.tensor()?];
        let tables = [relative.keys, relative.queries].map(|table| table.map(Value::tensor));
        let [keys, queries] = tables.map(Option::transpose);
        let tables = [keys?, queries?];
        return tape.tensor(disentangled_attention_plain(tensors, tables, relative, sentences, heads, dropout)?);
    }
    let h = q.dims().1;
    let plan = RelativePlan::new(relative, sentences, heads, h);
    let tables = [relative.keys.cloned(), relative.queries.cloned()];
    let mut p = tape.buffer(plan.weights());
    let mut out = tape.buffer(q.dims().0 * h);
    plan.forward(tape, [q.host()?, k.host()?, v.host()?], host(&tables)?, dropout, [&mut p, &mut out]);
    let inputs = [q.clone(), k.clone(), v.clone()];
    let scale = dropout.map_or(1.0, Dropout::scale);
    Ok(tape.output(out, h, move |g, sink| {
        let mut gradients = inputs.each_ref().map(|x| sink.buffer(x.dims().0 * h));
        // One matrix a group of sentences.
        let (groups, size) = (plan.groups().parts(), plan.table_rows() * h);
        let mut partial = [0, 1].map(|_| sink.buffer(groups * size));
        let [q, k, v] = &inputs;
        let given = [q.host()?, k.host()?, v.host()?];
        let [gq, gk, gv] = &mut gradients;
        let [keys, queries] = &mut partial;
        plan.backward(given, host(&tables)?, (&p, scale), &g, [gq, gk, gv], [keys, queries]);
        for (input, gradient) in inputs.iter().zip(gradients) {
            sink.give(input.node(), gradient);
        }
        for (table, partial) in tables.iter().zip(&partial) {
            let Some(table) = table else { continue };
            sink.value(table.node(), size, |out, accumulate| sum_rows(partial.chunks_exact(size), out, accumulate));
        }
        Ok(())
    }))
}

fn check(relative: Relative<'_>, Sentences { queries, keys }: Sentences<'_>, h: usize) -> Result<()> {
    let Relative { distances, places, .. } = relative;
    let rows = distances.table_rows().len();
    for table in [relative.keys, relative.queries].into_iter().flatten() {
        if table.dims() != (rows, h) {
            bail!("disentangled attention: a table {:?} for {rows} relative positions of {h} columns", table.dims());
        }
    }
    if places.len() != queries.rows() || keys.sentences().any(|sentence| sentence.len() > distances.longest()) {
        bail!("disentangled attention: {} places for {} queries", places.len(), queries.rows());
    }
    let inside = |(rows, keys): (std::ops::Range<usize>, std::ops::Range<usize>)| {
        places[rows].iter().all(|&place| (place as usize) < keys.len())
    };
    if !queries.sentences().zip(keys.sentences()).all(inside) {
        bail!("disentangled attention: a query stands outside its sentence");
    }
    Ok(())
}

fn host(tables: &[Option<Value>; 2]) -> Result<[Option<&[f32]>; 2]> {
    let [keys, queries] = tables.each_ref().map(|table| table.as_ref().map(Value::host).transpose());
    Ok([keys?, queries?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use crate::testing::{assert_same, inference, parameter};
    use crate::{Gradients, Packing, Parameter, Pool};

    fn places(queries: &Packing, keys: &Packing, chosen: impl Fn(usize) -> usize) -> Vec<u32> {
        let places = queries.sentences().zip(keys.sentences());
        places
            .flat_map(|(q, k)| (0..q.len()).map(move |i| (i, k.len())))
            .map(|(i, n)| chosen(i).min(n - 1) as u32)
            .collect()
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let keys = Packing::new([5, 1, 37, 0, 2, 20]);
        let some = Packing::new([2, 1, 18, 0, 0, 20]);
        let dropout = Dropout::new(0.25, Streams::new(1).stream("attention", &[]));
        // Longer sentences than the linear range, and a table that is cut off.
        let scales = [(Some(16), 64), (None, 64), (None, 9)];
        for (queries, step) in [(&keys, 1), (&some, 2)] {
            let places = places(queries, &keys, |i| i * step);
            for ((buckets, largest), (h, heads)) in scales.into_iter().zip([(24, 3), (24, 3), (128, 2)]) {
                let distances = Buckets::new(buckets, largest).unwrap().distances(37 + 3 * step);
                let r = distances.table_rows().len();
                for (terms, dropout) in [([true, true], dropout.as_ref()), ([true, true], None)] {
                    let shapes: [&[usize]; 5] = [&[queries.rows(), h], &[65, h], &[65, h], &[r, h], &[r, h]];
                    assert_same(&shapes, |tape, p| {
                        attend(tape, p, terms, &distances, &places, Sentences { queries, keys: &keys }, heads, dropout)
                    });
                }
            }
        }
    }

    #[test]
    fn each_term_can_be_left_out() {
        let packing = Packing::new([7, 3]);
        let distances = Buckets::new(Some(6), 12).unwrap().distances(7);
        let (places, r) = (places(&packing, &packing, |i| i), distances.table_rows().len());
        let sentences = Sentences { queries: &packing, keys: &packing };
        for terms in [[true, false], [false, true]] {
            assert_same(&[&[10, 8], &[10, 8], &[10, 8], &[r, 8]], |tape, p| {
                attend(tape, p, terms, &distances, &places, sentences, 2, None)
            });
        }
        let tape = inference();
        let x = tape.constant(&[0.5; 80], 8).unwrap();
        let nothing = Relative { keys: None, queries: None, distances: &distances, places: &places };
        let ours = disentangled_attention(&tape, [&x; 3], nothing, sentences, 2, None).unwrap();
        let plain = crate::attention(&tape, [&x; 3], sentences, 2, None).unwrap();
        assert_eq!(ours.to_vec().unwrap(), plain.to_vec().unwrap());
    }

    /// Of parameters q, k, v and the tables that are wanted.
    #[allow(clippy::too_many_arguments)]
    fn attend(
        tape: &Tape,
        p: &[Parameter],
        [by_content, by_position]: [bool; 2],
        distances: &Distances,
        places: &[u32],
        sentences: Sentences<'_>,
        heads: usize,
        dropout: Option<&Dropout>,
    ) -> Result<Value> {
        let values: Vec<Value> = p.iter().map(|p| tape.parameter(p)).collect::<Result<_>>()?;
        let (keys, queries) = (by_content.then(|| &values[3]), by_position.then(|| &values[values.len() - 1]));
        let relative = Relative { keys, queries, distances, places };
        disentangled_attention(tape, [&values[0], &values[1], &values[2]], relative, sentences, heads, dropout)
    }

    #[test]
    fn scores_are_those_done_by_hand() {
        // One head of one column; the keys differ by position alone, and f = 2.
        let tape = inference();
        let packing = Packing::new([2]);
        let sentences = Sentences { queries: &packing, keys: &packing };
        let distances = Buckets::new(None, 2).unwrap().distances(2);
        let (q, k, v) = (tape.constant(&[1.0, 2.0], 1), tape.constant(&[0.0; 2], 1), tape.constant(&[1.0, 0.0], 1));
        // Rows of the distances −1, 0 and 1.
        let table = tape.constant(&[0.0, 0.5, 3.0], 1).unwrap();
        let relative = Relative { keys: Some(&table), queries: None, distances: &distances, places: &[0, 1] };
        let out = disentangled_attention(&tape, [&q.unwrap(), &k.unwrap(), &v.unwrap()], relative, sentences, 1, None);
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let root = 2f32.sqrt();
        let expected = [sigmoid((0.5 - 0.0) / root), sigmoid(2.0 * (3.0 - 0.5) / root)];
        for (out, expected) in out.unwrap().to_vec().unwrap().into_iter().zip(expected) {
            assert!((out - expected).abs() < 1e-6, "{out} against {expected}");
        }
    }

    #[test]
    fn gradients_have_the_same_bytes_on_any_number_of_threads() {
        let packing = Packing::new((0..40).map(|i| 1 + i * 7 % 30));
        let distances = Buckets::new(Some(16), 64).unwrap().distances(30);
        let (n, r) = (packing.rows(), distances.table_rows().len());
        let places = places(&packing, &packing, |i| i);
        let shapes = [[n, 32], [n, 32], [n, 32], [r, 32], [r, 32]];
        let gradients = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let tape = Tape::training(&candle_core::Device::Cpu, &Pool::default());
                let p: Vec<Parameter> = shapes.iter().enumerate().map(|(i, shape)| parameter(i, shape)).collect();
                let sentences = Sentences { queries: &packing, keys: &packing };
                let out = attend(&tape, &p, [true; 2], &distances, &places, sentences, 4, None).unwrap();
                let weights: Vec<f32> = (0..n * 32).map(|i| (i as f32).sin()).collect();
                let loss = tape.weighted_sum(&out, &weights).unwrap();
                let mut gradients = Gradients::default();
                tape.backward(loss, &mut gradients).unwrap();
                let values =
                    shapes.iter().enumerate().map(|(i, s)| gradients.get(i).unwrap().to_vec(s[0] * s[1]).unwrap());
                values.flatten().map(f32::to_bits).collect::<Vec<u32>>()
            })
        };
        assert_eq!(gradients(1), gradients(3));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tape = inference();
        let packing = Packing::new([3]);
        let sentences = Sentences { queries: &packing, keys: &packing };
        let (x, long) = (tape.constant(&[0.0; 12], 4).unwrap(), tape.constant(&[0.0; 20], 4).unwrap());
        let scale = Buckets::new(None, 8).unwrap();
        let refused = |table: &Value, longest: usize, places: &[u32]| {
            let distances = scale.distances(longest);
            let relative = Relative { keys: Some(table), queries: None, distances: &distances, places };
            disentangled_attention(&tape, [&x; 3], relative, sentences, 2, None).is_err()
        };
        assert!(!refused(&long, 3, &[0, 1, 2]));
        assert!(refused(&x, 3, &[0, 1, 2]) && refused(&x, 2, &[0, 1, 1]));
        assert!(refused(&long, 3, &[0, 1]) && refused(&long, 3, &[0, 1, 3]));
    }
}
