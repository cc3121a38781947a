//! Scaled dot-product self-attention over packed sentences (arXiv 1706.03762, section 3.2).
//!
//! q is `[m, h]`, k and v are `[n, h]`, the heads lying side by side in the columns; for each sentence and head, with
//! d = h / heads, P = softmax(q·kᵀ/√d), out = dropout(P)·v. A sentence may have fewer rows in q than in k: what attends
//! need not be everything that is attended to.
//!
//! P is kept for the backward pass, with P̃ = dropout(P): dV = P̃ᵀ·dO, dP̃ = dO·Vᵀ, dS = P∘mask∘dP̃ − P∘rowsum(P̃∘dP̃),
//! dQ = dS·K/√d, dK = dSᵀ·Q/√d. Which weights were dropped is kept in their sign, for P itself is never negative.

pub(super) mod head;
mod plain;

use candle_core::{Result, bail};

use self::head::{Gradient, Scores, Shape, Weighted};
pub(super) use self::plain::Padded;
pub use self::plain::attention_plain;
use super::Packing;
use super::dropout::Dropout;
use super::tape::{Tape, Value};
use super::tiles::{Cuts, Split, for_tiles};

/// Which rows of q, and of k and v, belong to each sentence.
#[derive(Debug, Clone, Copy)]
pub struct Sentences<'a> {
    /// Rows of q.
    pub queries: &'a Packing,
    /// Rows of k and v.
    pub keys: &'a Packing,
}

impl Sentences<'_> {
    /// Refuses what does not fit.
    pub(super) fn check(&self, [q, k, v]: [&Value; 3], heads: usize) -> Result<()> {
        let ((m, h), (n, _)) = (q.dims(), k.dims());
        let Sentences { queries, keys } = self;
        if k.dims() != (n, h) || v.dims() != (n, h) || heads == 0 || !h.is_multiple_of(heads) {
            bail!("attention: q {:?}, k {:?}, v {:?}, {heads} heads", q.dims(), k.dims(), v.dims());
        }
        if queries.rows() != m || keys.rows() != n || queries.len() != keys.len() {
            bail!("attention: {m} queries and {n} keys, {} and {} of them in sentences", queries.rows(), keys.rows());
        }
        if queries.sentences().zip(keys.sentences()).any(|(q, k)| k.is_empty() && !q.is_empty()) {
            bail!("attention: a sentence has queries, but no keys");
        }
        Ok(())
    }
}

/// Attention of each sentence's queries to its keys: `[m, h]`.
pub fn attention(
    tape: &Tape,
    [q, k, v]: [&Value; 3],
    sentences: Sentences<'_>,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Result<Value> {
    sentences.check([q, k, v], heads)?;
    if tape.is_composed() {
        return tape.tensor(attention_plain([q.tensor()?, k.tensor()?, v.tensor()?], sentences, heads, dropout)?);
    }
    let h = q.dims().1;
    let plan = Plan::new(sentences, heads, h, 1.0 / ((h / heads) as f32).sqrt());
    let mut p = tape.buffer(plan.weights());
    let mut out = tape.buffer(q.dims().0 * h);
    plan.forward([q.host()?, k.host()?, v.host()?], dropout, [&mut p, &mut out], |place, q, k, p| {
        pulp::Arch::new().dispatch(Scores { shape: place.shape, column: place.column, q, k, p });
    });
    let inputs = [q.clone(), k.clone(), v.clone()];
    let scale = dropout.map_or(1.0, Dropout::scale);
    Ok(tape.output(out, h, move |g, sink| {
        let [mut gq, mut gk, mut gv] = inputs.each_ref().map(|x| sink.buffer(x.dims().0 * h));
        let [q, k, v] = &inputs;
        plan.backward([q.host()?, k.host()?, v.host()?], (&p, scale), &g, [&mut gq, &mut gk, &mut gv]);
        for (input, gradient) in inputs.iter().zip([gq, gk, gv]) {
            sink.give(input.node(), gradient);
        }
        Ok(())
    }))
}

/// What is computed where.
pub(super) struct Plan {
    pub queries: Packing,
    pub keys: Packing,
    pub heads: usize,
    pub h: usize,
    /// What scores are multiplied by.
    pub scale: f32,
}

/// One head of one sentence.
pub(super) struct Place {
    pub sentence: usize,
    pub shape: Shape,
    /// The head's first column.
    pub column: usize,
}

impl Plan {
    pub fn new(Sentences { queries, keys }: Sentences<'_>, heads: usize, h: usize, scale: f32) -> Self {
        Self { queries: queries.clone(), keys: keys.clone(), heads, h, scale }
    }

    pub fn shape(&self, sentence: usize) -> Shape {
        Shape {
            queries: self.queries.sentence(sentence).len(),
            keys: self.keys.sentence(sentence).len(),
            h: self.h,
            d: self.h / self.heads,
            scale: self.scale,
        }
    }

    /// Elements of P in all sentences.
    pub fn weights(&self) -> usize {
        (0..self.keys.len()).map(|i| self.heads * self.shape(i).weights()).sum()
    }

    /// The sentences' rows in q, in k and v, and their part of P.
    pub fn cuts(&self) -> [Cuts; 3] {
        let mut end = 0;
        let weights = (0..self.keys.len()).map(|i| {
            end += self.heads * self.shape(i).weights();
            end
        });
        [
            Cuts::at(self.queries.offsets.iter().copied()),
            Cuts::at(self.keys.offsets.iter().copied()),
            Cuts::at(std::iter::once(0).chain(weights)),
        ]
    }

    /// The rows of a matrix that belong to a sentence.
    pub fn part<'a>(&self, matrix: &'a [f32], packing: &Packing, sentence: usize) -> &'a [f32] {
        let rows = packing.sentence(sentence);
        &matrix[rows.start * self.h..rows.end * self.h]
    }

    /// `scores` makes P of a head's columns of q and k.
    pub fn forward(
        &self,
        [q, k, v]: [&[f32]; 3],
        dropout: Option<&Dropout>,
        [p, out]: [&mut [f32]; 2],
        scores: impl Fn(&Place, &[f32], &[f32], &mut [f32]) + Sync,
    ) {
        let [queries, _, weights] = self.cuts();
        let (all, one) = (Cuts::whole(self.h), Cuts::whole(1));
        for_tiles([Split::new(out, &queries, &all), Split::new(p, &weights, &one)], |place, [mut out, mut p]| {
            let sentence = place.part.0;
            let shape = self.shape(sentence);
            let [q, k, v] = [(q, &self.queries), (k, &self.keys), (v, &self.keys)]
                .map(|(matrix, packing)| self.part(matrix, packing, sentence));
            let mut mask = vec![0f32; if dropout.is_some() { shape.queries * shape.keys } else { 0 }];
            for (head, p) in p.all().chunks_exact_mut(shape.weights().max(1)).enumerate() {
                let column = head * shape.d;
                scores(&Place { sentence, shape, column }, q, k, p);
                if let Some(dropout) = dropout {
                    dropout.fill((sentence * self.heads + head) as u64, &mut mask);
                }
                let mask = dropout.map(|dropout| (mask.as_slice(), dropout.scale()));
                pulp::Arch::new().dispatch(Weighted { shape, column, p, v, mask, out: out.all() });
            }
        });
    }

    fn backward(&self, [q, k, v]: [&[f32]; 3], (p, scale): (&[f32], f32), g: &[f32], out: [&mut [f32]; 3]) {
        let [queries, keys, weights] = self.cuts();
        let all = Cuts::whole(self.h);
        let [gq, gk, gv] = out;
        let splits = [Split::new(gq, &queries, &all), Split::new(gk, &keys, &all), Split::new(gv, &keys, &all)];
        for_tiles(splits, |place, [mut gq, mut gk, mut gv]| {
            let sentence = place.part.0;
            let shape = self.shape(sentence);
            let [q, k, v, g] = [(q, &self.queries), (k, &self.keys), (v, &self.keys), (g, &self.queries)]
                .map(|(matrix, packing)| self.part(matrix, packing, sentence));
            if shape.queries == 0 {
                gk.all().fill(0.0);
                gv.all().fill(0.0);
                return;
            }
            let p = &p[weights.range(sentence)];
            let arch = pulp::Arch::new();
            for (head, p) in p.chunks_exact(shape.weights()).enumerate() {
                let out = [gq.all(), gk.all(), gv.all()];
                arch.dispatch(Gradient { shape, column: head * shape.d, q, k, v, p, scale, g, out });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use crate::testing::{assert_same, inference};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let keys = Packing::new([5, 1, 37, 2]);
        let some = Packing::new([2, 1, 30, 0]);
        let dropout = Dropout::new(0.25, Streams::new(1).stream("attention", &[]));
        for (queries, h, heads) in [(&keys, 24, 3), (&some, 24, 3), (&keys, 128, 2)] {
            for dropout in [None, dropout.as_ref()] {
                assert_same(&[&[queries.rows(), h], &[45, h], &[45, h]], |tape, p| {
                    let [q, k, v] = [&p[0], &p[1], &p[2]].map(|p| tape.parameter(p).unwrap());
                    attention(tape, [&q, &k, &v], Sentences { queries, keys: &keys }, heads, dropout)
                });
            }
        }
    }

    #[test]
    fn a_sentence_of_one_subword_attends_to_itself() {
        let tape = inference();
        let (q, v) = (tape.constant(&[0.3; 8], 4).unwrap(), tape.constant(&[1.0; 8], 4).unwrap());
        let packing = Packing::new([1, 1]);
        let sentences = Sentences { queries: &packing, keys: &packing };
        assert_eq!(attention(&tape, [&q, &q, &v], sentences, 2, None).unwrap().to_vec().unwrap(), [1.0; 8]);
    }

    #[test]
    fn what_is_not_a_number_stays_so_under_dropout() {
        let packing = Packing::new([3]);
        let dropout = Dropout::new(0.5, Streams::new(1).stream("attention", &[]));
        let tape = inference();
        let (q, v) = (tape.constant(&[f32::INFINITY; 12], 4).unwrap(), tape.constant(&[1.0; 12], 4).unwrap());
        let sentences = Sentences { queries: &packing, keys: &packing };
        let out = attention(&tape, [&q, &q, &v], sentences, 1, dropout.as_ref()).unwrap().to_vec().unwrap();
        assert!(out.iter().all(|x| x.is_nan()), "{out:?}");
    }

    #[test]
    fn rows_outside_the_packing_are_refused() {
        let tape = inference();
        let q = tape.constant(&[0.0; 12], 4).unwrap();
        for (queries, keys) in [(vec![2], vec![3]), (vec![3], vec![2]), (vec![1, 2], vec![3, 0])] {
            let (queries, keys) = (Packing::new(queries), Packing::new(keys));
            let sentences = Sentences { queries: &queries, keys: &keys };
            assert!(attention(&tape, [&q, &q, &q], sentences, 2, None).is_err());
        }
    }
}
