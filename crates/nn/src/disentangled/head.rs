//! One head in one sentence.
//!
//! The tables of relative positions are spread out first, so that each distance has a row (or column) of its own: what
//! query i reads for the keys 0, 1, … then lies side by side from its *start* on, and a shift is an address. With
//! [`from`](Shift::from) = longest − 1, the entry of query i at place pᵢ and key j is number t = from − pᵢ + j.

use pulp::{Simd, WithSimd};

use crate::attention::head::Shape;
use crate::small::{LANES, padded};

/// Rows that are summed at once.
const ROWS: usize = 4;
/// Room before and behind each row of the scores' gradient, zeros, so that blocks may reach beyond.
const MARGIN: usize = ROWS;

/// Which entries of the tables a sentence reads.
#[derive(Debug, Clone, Copy)]
pub struct Shift<'a> {
    /// Subwords of the longest sentence, less one.
    pub from: usize,
    /// The place of each query in its sentence.
    pub places: &'a [u32],
}

impl Shift<'_> {
    /// Entry of a query and key 0.
    #[inline(always)]
    fn start(&self, query: usize) -> usize {
        self.from - self.places[query] as usize
    }
}

/// Entries of a table in which each distance has one, and room for a vector to reach beyond the last: an odd number of
/// vectors, so that entries of many rows do not fall on the same lines of the cache.
pub fn entries(longest: usize) -> usize {
    let vectors = (2 * longest + LANES).div_ceil(LANES);
    (vectors | 1) * LANES
}

/// P ← softmax of the scores: q·(k + κ)ᵀ + k·ρᵀ, times the scale, with κ and ρ the tables' entries of each pair.
pub struct Scores<'a> {
    pub shape: Shape,
    pub column: usize,
    pub shift: Shift<'a>,
    pub q: &'a [f32],
    pub k: &'a [f32],
    /// κ and ρ of this head, `[d, entries]`; ρ is scaled already.
    pub tables: [&'a [f32]; 2],
    pub p: &'a mut [f32],
}

impl WithSimd for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, column, shift, q, k, tables, p } = self;
        let q = shape.gather(q, column, shape.scale);
        let k = shape.gather_transposed(k, column);
        let scores = Pairs { shape, shift, q: &q, k: &k, tables };
        let vectors = padded(shape.keys) / S::F32_LANES;
        let mut row = 0;
        while row < shape.queries {
            let four = shape.queries - row >= ROWS;
            let mut vector = 0;
            while vector < vectors {
                let two = vectors - vector >= 2;
                match (four, two) {
                    (true, true) => scores.block::<S, ROWS, 2>(simd, row, vector, p),
                    (true, false) => scores.block::<S, ROWS, 1>(simd, row, vector, p),
                    (false, true) => scores.block::<S, 1, 2>(simd, row, vector, p),
                    (false, false) => scores.block::<S, 1, 1>(simd, row, vector, p),
                }
                vector += if two { 2 } else { 1 };
            }
            row += if four { ROWS } else { 1 };
        }
        shape.softmax(p);
    }
}

/// What scores are made of.
struct Pairs<'a> {
    shape: Shape,
    shift: Shift<'a>,
    /// `[queries, d]`, rows padded.
    q: &'a [f32],
    /// `[d, keys]`, rows padded.
    k: &'a [f32],
    tables: [&'a [f32]; 2],
}

impl Pairs<'_> {
    /// R queries by V vectors of keys.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, vector: usize, p: &mut [f32]) {
        let Shape { keys, d, .. } = self.shape;
        let (width, wide) = (padded(keys), padded(d));
        let key = vector * S::F32_LANES;
        let entries = self.tables[0].len() / d;
        let starts: [usize; R] = std::array::from_fn(|r| self.shift.start(row + r) + key);
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for c in 0..d {
            let (k, _) = S::as_simd_f32s(&self.k[c * width + key..]);
            let k = &k[..V];
            for (r, sums) in sums.iter_mut().enumerate() {
                let q = simd.splat_f32s(self.q[(row + r) * wide + c]);
                let entry = c * entries + starts[r];
                let [(keys, _), (queries, _)] = self.tables.map(|table| S::as_simd_f32s(&table[entry..]));
                let (keys, queries) = (&keys[..V], &queries[..V]);
                for (v, sum) in sums.iter_mut().enumerate() {
                    let by_content = simd.mul_add_e_f32s(q, simd.add_f32s(k[v], keys[v]), *sum);
                    *sum = simd.mul_add_e_f32s(k[v], queries[v], by_content);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let (p, _) = S::as_mut_simd_f32s(&mut p[(row + r) * width + key..][..V * S::F32_LANES]);
            p.copy_from_slice(sums);
        }
    }
}

/// The head's rows of dQ, dK and dV, and what is added to the gradients of the tables.
pub struct Gradient<'a> {
    pub shape: Shape,
    pub column: usize,
    pub shift: Shift<'a>,
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    /// P, and 1/(1 − p) of the dropout.
    pub p: (&'a [f32], f32),
    /// The gradient of out.
    pub g: &'a [f32],
    /// κ and ρ of this head, `[entries, d]`, rows padded.
    pub tables: [&'a [f32]; 2],
    /// Their gradients.
    pub table_gradients: [&'a mut [f32]; 2],
}

impl WithSimd for Gradient<'_> {
    /// dQ, dK and dV, rows padded.
    type Output = [Vec<f32>; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { shape, column, shift, q, k, v, p, g, tables, table_gradients } = self;
        let Shape { queries, keys, d, .. } = shape;
        let (width, wide) = (padded(keys), padded(d));
        let [gv, gs] = shape.score_gradient(simd, column, v, p, g);
        let stride = padded(keys + 2 * MARGIN);
        let mut scores = vec![0f32; queries * stride];
        for (scores, gs) in scores.chunks_exact_mut(stride).zip(gs.chunks_exact(width)) {
            for (score, &g) in scores[MARGIN..][..keys].iter_mut().zip(gs) {
                *score = g * shape.scale;
            }
        }
        // Margins for the keys as well: what blocks read beyond meets zeros.
        let margin = vec![0f32; MARGIN * wide];
        let q = shape.gather(q, column, 1.0);
        let k = [&margin, shape.gather(k, column, 1.0).as_slice(), &margin].concat();
        let mut gq = vec![0f32; queries * wide];
        let mut gk = vec![0f32; keys * wide];
        let score = |query: usize, key: usize| query * stride + MARGIN + key;

        let of_queries = Side { scores: &scores, partners: &k[MARGIN * wide..][..keys * wide], table: tables[0], wide };
        of_queries.sums(simd, |query, key| (score(query, key), shift.start(query) + key), &mut gq);
        let of_keys = Side { scores: &scores, partners: &q, table: tables[1], wide };
        of_keys.sums(simd, |key, query| (score(query, key), shift.start(query) + key), &mut gk);
        Shifted { shift, scores: &scores, stride, q: &q, k: &k, keys, wide }.add(simd, table_gradients);
        [gq, gk, gv]
    }
}

/// One side of the scores' gradient: for each row, the sum over its partners of the pair's gradient times (partner +
/// the table's entry).
struct Side<'a> {
    scores: &'a [f32],
    /// The rows that each is paired with, padded.
    partners: &'a [f32],
    table: &'a [f32],
    wide: usize,
}

impl Side<'_> {
    /// `at` says where a pair's gradient and where its entry is.
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, at: impl Fn(usize, usize) -> (usize, usize) + Copy, out: &mut [f32]) {
        let (rows, vectors) = (out.len() / self.wide, self.wide / S::F32_LANES);
        let mut row = 0;
        while row < rows {
            let four = rows - row >= ROWS;
            let mut vector = 0;
            while vector < vectors {
                let two = vectors - vector >= 2;
                match (four, two) {
                    (true, true) => self.block::<S, ROWS, 2>(simd, at, row, vector, out),
                    (true, false) => self.block::<S, ROWS, 1>(simd, at, row, vector, out),
                    (false, true) => self.block::<S, 1, 2>(simd, at, row, vector, out),
                    (false, false) => self.block::<S, 1, 1>(simd, at, row, vector, out),
                }
                vector += if two { 2 } else { 1 };
            }
            row += if four { ROWS } else { 1 };
        }
    }

    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        at: impl Fn(usize, usize) -> (usize, usize),
        row: usize,
        vector: usize,
        out: &mut [f32],
    ) {
        let column = vector * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for (i, partner) in self.partners.chunks_exact(self.wide).enumerate() {
            let partner = &S::as_simd_f32s(&partner[column..]).0[..V];
            for (r, sums) in sums.iter_mut().enumerate() {
                let (score, entry) = at(row + r, i);
                let score = simd.splat_f32s(self.scores[score]);
                let entry = &S::as_simd_f32s(&self.table[entry * self.wide + column..][..self.wide - column]).0[..V];
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add_e_f32s(score, simd.add_f32s(partner[v], entry[v]), *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let (out, _) = S::as_mut_simd_f32s(&mut out[(row + r) * self.wide + column..][..V * S::F32_LANES]);
            out.copy_from_slice(sums);
        }
    }
}

/// The gradients of the tables: for each entry, the sums over its pairs of the pair's gradient times query and key.
struct Shifted<'a> {
    shift: Shift<'a>,
    /// `[queries, keys]` with margins, `stride` apart.
    scores: &'a [f32],
    stride: usize,
    q: &'a [f32],
    /// With margins.
    k: &'a [f32],
    keys: usize,
    wide: usize,
}

impl Shifted<'_> {
    /// Adds them to `out`, those of κ and ρ.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, out: [&mut [f32]; 2]) {
        let starts = (0..self.shift.places.len()).map(|query| self.shift.start(query));
        let Some((first, last)) = starts.clone().min().zip(starts.max()) else { return };
        let [keys, queries] = out;
        for entry in (first..last + self.keys).step_by(ROWS) {
            for vector in 0..self.wide / S::F32_LANES {
                self.block(simd, entry, vector, [&mut *keys, &mut *queries]);
            }
        }
    }

    /// One vector of some entries in a row.
    #[inline(always)]
    fn block<S: Simd>(&self, simd: S, entry: usize, vector: usize, out: [&mut [f32]; 2]) {
        let column = vector * S::F32_LANES;
        let place = |r: usize| (entry + r) * self.wide + column;
        let mut sums = out.each_ref().map(|out| std::array::from_fn::<_, ROWS, _>(|r| load::<S>(out, place(r))));
        for (i, (q, scores)) in self.q.chunks_exact(self.wide).zip(self.scores.chunks_exact(self.stride)).enumerate() {
            // The key of the first entry, counted from the margin's begin.
            let key = (entry + MARGIN).wrapping_sub(self.shift.start(i));
            if key == 0 || key >= self.keys + MARGIN {
                continue;
            }
            let q = load::<S>(q, column);
            let [of_keys, of_queries] = &mut sums;
            for r in 0..ROWS {
                let score = simd.splat_f32s(scores[key + r]);
                let k = load::<S>(self.k, (key + r) * self.wide + column);
                of_keys[r] = simd.mul_add_e_f32s(score, q, of_keys[r]);
                of_queries[r] = simd.mul_add_e_f32s(score, k, of_queries[r]);
            }
        }
        for (out, sums) in out.into_iter().zip(sums) {
            for (r, sum) in sums.into_iter().enumerate() {
                S::as_mut_simd_f32s(&mut out[place(r)..][..S::F32_LANES]).0[0] = sum;
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(values: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&values[at..][..S::F32_LANES]).0[0]
}
