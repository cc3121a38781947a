//! Matrices cut into tiles, each written by one task.
//!
//! The cuts depend on the matrix alone and never on the number of threads, and each element is computed within one
//! task, in one order: so the same bytes come out on any number of threads. Sums over rows that must be taken in parts
//! are matrices, too: one row of partial sums a task, added up in order afterwards.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::math::axpy;

/// Ascending borders, the first 0: part `i` is `cuts[i]..cuts[i + 1]`.
#[derive(Debug, Clone)]
pub struct Cuts(Vec<usize>);

impl Cuts {
    /// Parts of exactly `size`, but for a shorter last one.
    pub fn every(size: usize, n: usize) -> Self {
        Self((0..n).step_by(size).chain([n]).collect())
    }

    /// As few parts of equal size as are needed for none to be larger than `most`.
    pub fn even(most: usize, n: usize) -> Self {
        let parts = n.div_ceil(most).max(1);
        Self((0..=parts).map(|i| i * n / parts).collect())
    }

    /// These borders.
    pub fn at(borders: impl IntoIterator<Item = usize>) -> Self {
        Self(borders.into_iter().collect())
    }

    /// One part.
    pub fn whole(n: usize) -> Self {
        Self(vec![0, n])
    }

    /// Number of parts.
    pub fn parts(&self) -> usize {
        self.0.len() - 1
    }

    /// The part of that number.
    pub fn range(&self, part: usize) -> Range<usize> {
        self.0[part]..self.0[part + 1]
    }

    /// Where the part of that number begins; for one more than there are, the end.
    pub fn border(&self, part: usize) -> usize {
        self.0[part]
    }

    fn end(&self) -> usize {
        self.0[self.parts()]
    }

    fn ascend(&self) -> bool {
        self.0[0] == 0 && self.0.windows(2).all(|w| w[0] <= w[1])
    }
}

/// A row-major matrix to be written, and where it is cut.
pub struct Split<'a> {
    matrix: &'a mut [f32],
    rows: &'a Cuts,
    columns: &'a Cuts,
}

impl<'a> Split<'a> {
    /// Cuts `matrix` along both dimensions.
    pub fn new(matrix: &'a mut [f32], rows: &'a Cuts, columns: &'a Cuts) -> Self {
        assert!(rows.ascend() && columns.ascend(), "the cuts do not ascend");
        let covered = rows.end().checked_mul(columns.end());
        assert_eq!(covered, Some(matrix.len()), "the cuts do not cover the matrix");
        Self { matrix, rows, columns }
    }
}

/// A rectangle of a matrix that one task alone reads and writes.
pub struct Tile<'a> {
    first: *mut f32,
    stride: usize,
    rows: usize,
    columns: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

impl<'a> Tile<'a> {
    /// A whole matrix of `columns` columns.
    pub fn whole(matrix: &'a mut [f32], columns: usize) -> Self {
        let rows = matrix.len() / columns.max(1);
        assert_eq!(matrix.len(), rows * columns, "not a whole number of rows");
        Self { first: matrix.as_mut_ptr(), stride: columns, rows, columns, matrix: PhantomData }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Elements from the start of one row to the start of the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The first element; rows are `stride` apart.
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.first
    }

    /// All elements of a rectangle as wide as its matrix.
    pub fn all(&mut self) -> &mut [f32] {
        assert_eq!(self.columns, self.stride, "the rectangle's rows are not adjacent");
        // SAFETY: as in `row`, for all rows at once: nothing lies between them.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.rows * self.columns) }
    }

    /// One row of the rectangle.
    #[inline(always)]
    pub fn row(&mut self, i: usize) -> &mut [f32] {
        assert!(i < self.rows);
        // SAFETY: the row lies inside the matrix (`Split::new` has checked the cuts) and inside this rectangle, which
        // no other tile overlaps; the borrow of `self` keeps it from being handed out twice.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(i * self.stride), self.columns) }
    }
}

/// Which rows and columns of the first matrix a task has.
#[derive(Debug, Clone)]
pub struct Place {
    /// Number of the part along the rows, and along the columns.
    pub part: (usize, usize),
    /// Rows of the first matrix.
    pub rows: Range<usize>,
    /// Columns of the first matrix.
    pub columns: Range<usize>,
}

/// Base addresses that tasks on other threads may use.
struct Bases<const N: usize>([*mut f32; N]);

// SAFETY: each task number is run once and makes references into its own rectangles only; those of different tasks do not
// overlap, for the cuts ascend and lie inside the matrix (`Split::new` has checked both).
unsafe impl<const N: usize> Sync for Bases<N> {}

/// Calls `f` for each tile, in parallel. The matrices have the same number of parts along each dimension, and a task
/// gets the corresponding rectangle of each.
pub fn for_tiles<const N: usize>(splits: [Split<'_>; N], f: impl Fn(Place, [Tile<'_>; N]) + Sync) {
    let parts = (splits[0].rows.parts(), splits[0].columns.parts());
    assert!(splits.iter().all(|s| (s.rows.parts(), s.columns.parts()) == parts), "the matrices are cut differently");
    let mut splits = splits;
    let bases = Bases(splits.each_mut().map(|s| s.matrix.as_mut_ptr()));
    let cuts = splits.each_ref().map(|s| (s.rows, s.columns));
    let bases = &bases;
    (0..parts.0 * parts.1).into_par_iter().for_each(|task| {
        let part = (task / parts.1, task % parts.1);
        let tiles = std::array::from_fn(|i| {
            let (rows, columns) = (cuts[i].0.range(part.0), cuts[i].1.range(part.1));
            let stride = cuts[i].1.end();
            // The address of the rectangle's first element; an empty one may begin at the matrix's end.
            let first = bases.0[i].wrapping_add(rows.start * stride + columns.start);
            Tile { first, stride, rows: rows.len(), columns: columns.len(), matrix: PhantomData }
        });
        let place = Place { part, rows: cuts[0].0.range(part.0), columns: cuts[0].1.range(part.1) };
        f(place, tiles);
    });
}

/// out = the sum of the rows, or out += it: in their order.
pub fn sum_rows<'a>(rows: impl Iterator<Item = &'a [f32]>, out: &mut [f32], accumulate: bool) {
    if !accumulate {
        out.fill(0.0);
    }
    for row in rows {
        axpy(1.0, row, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_written_once() {
        let mut matrix = vec![0f32; 7 * 10];
        let mut partial = vec![0f32; 3 * 10];
        let (rows, columns) = (Cuts::every(3, 7), Cuts::even(4, 10));
        let one_each = Cuts::every(1, 3);
        for_tiles(
            [Split::new(&mut matrix, &rows, &columns), Split::new(&mut partial, &one_each, &columns)],
            |place, [mut tile, mut sums]| {
                for i in 0..tile.rows() {
                    for (j, x) in tile.row(i).iter_mut().enumerate() {
                        *x += ((place.rows.start + i) * 10 + place.columns.start + j) as f32;
                        sums.row(0)[j] += 1.0;
                    }
                }
            },
        );
        assert!(matrix.iter().enumerate().all(|(i, &x)| x == i as f32));
        let mut counts = vec![9f32; 10];
        sum_rows(partial.chunks(10), &mut counts, false);
        assert_eq!(counts, [7.0; 10]);
    }

    #[test]
    #[should_panic(expected = "do not cover")]
    fn cuts_of_another_matrix_are_refused() {
        Split::new(&mut [0.0; 5], &Cuts::whole(2), &Cuts::whole(3));
    }

    #[test]
    #[should_panic(expected = "do not cover")]
    fn cuts_whose_product_overflows_are_refused() {
        Split::new(&mut [], &Cuts::whole(1 << 32), &Cuts::whole(1 << 32));
    }

    #[test]
    fn an_empty_matrix_has_nothing_to_do() {
        let (rows, columns) = (Cuts::every(3, 0), Cuts::whole(4));
        for_tiles([Split::new(&mut [], &rows, &columns)], |_, [tile]| assert_eq!(tile.rows(), 0));
    }
}
