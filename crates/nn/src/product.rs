//! Matrix products, by the gemm crate, in tiles of our own.
//!
//! The crate can spread a product over threads itself. Tiles of 64 columns, each on one thread, are faster on the shapes
//! of an encoder (`docs/performance.md`), have borders that do not depend on the number of threads, and can be finished
//! (bias, activation) while they lie in the cache.

use std::ops::Range;

use super::tiles::{Cuts, Place, Split, Tile, for_tiles};

/// Columns of a tile: a small multiple of the vector width that leaves even a narrow matrix more than one tile.
const COLUMNS: usize = 64;
/// Rows of a tile, at most.
const ROWS: usize = 512;

/// A matrix to be read, with any strides.
#[derive(Clone, Copy)]
pub struct View<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// A row-major matrix of `columns` columns.
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        let rows = values.len() / columns.max(1);
        assert_eq!(values.len(), rows * columns, "not a whole number of rows");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    /// Some of the rows.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.end <= self.rows);
        let values = self.values.get(range.start * self.row_stride..).unwrap_or_default();
        Self { values, rows: range.len(), ..self }
    }

    /// Some of the columns.
    pub fn columns(self, range: Range<usize>) -> Self {
        self.t().rows(range).t()
    }

    fn is_inside(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}

/// tile = a·b, or tile += a·b.
pub fn multiply(tile: &mut Tile<'_>, a: View<'_>, b: View<'_>, accumulate: bool) {
    let (m, n, k) = (tile.rows(), tile.columns(), a.columns);
    assert!(a.rows == m && b.columns == n && b.rows == k, "product: the shapes do not fit");
    assert!(a.is_inside() && b.is_inside(), "product: an operand is short");
    if m == 0 || n == 0 {
        return;
    }
    let stride = tile.stride();
    // SAFETY: all elements that the strides reach lie inside their slices (asserted above), and the tile is ours alone.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            tile.as_mut_ptr(),
            1,
            stride as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// out = a·b, or out += a·b, in parallel.
pub fn product(out: &mut [f32], a: View<'_>, b: View<'_>, accumulate: bool) {
    product_then([out], a, b, accumulate, |_, _| {});
}

/// The same, and `finish` on each tile as soon as it is computed; the first matrix is the product, the others have its
/// shape and are only cut alike.
pub fn product_then<const N: usize>(
    matrices: [&mut [f32]; N],
    a: View<'_>,
    b: View<'_>,
    accumulate: bool,
    finish: impl Fn(Place, [Tile<'_>; N]) + Sync,
) {
    let (rows, columns) = (Cuts::even(ROWS, a.rows), Cuts::every(COLUMNS, b.columns));
    for_tiles(matrices.map(|matrix| Split::new(matrix, &rows, &columns)), |place, mut tiles| {
        multiply(&mut tiles[0], a.rows(place.rows.clone()), b.columns(place.columns.clone()), accumulate);
        finish(place, tiles);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_done_by_hand() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [2, 3]
        let b = [1.0, 0.0, 2.0, 1.0, 0.0, 3.0]; // [3, 2]
        let mut out = [0f32; 4];
        product(&mut out, View::new(&a, 3), View::new(&b, 2), false);
        assert_eq!(out, [5.0, 11.0, 14.0, 23.0]);
        product(&mut out, View::new(&a, 3), View::new(&b, 2), true);
        assert_eq!(out, [10.0, 22.0, 28.0, 46.0]);
        // aᵀ·bᵀ, [3, 3].
        let mut out = [0f32; 9];
        product(&mut out, View::new(&a, 3).t(), View::new(&b, 2).t(), false);
        assert_eq!(out, [1.0, 6.0, 12.0, 2.0, 9.0, 15.0, 3.0, 12.0, 18.0]);
    }

    #[test]
    fn large_products_are_whole_whatever_the_tiles() {
        for (m, n, k) in [(1100, 130, 3), (3, 700, 5), (0, 8, 4), (4, 8, 0)] {
            let a: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i % 5) as f32).collect();
            let mut out = vec![1f32; m * n];
            let view = View { values: &a, rows: m, columns: k, row_stride: k, column_stride: 1 };
            let other = View { values: &b, rows: k, columns: n, row_stride: n, column_stride: 1 };
            product(&mut out, view, other, false);
            for i in 0..m {
                for j in 0..n {
                    let expected: f32 = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
                    assert_eq!(out[i * n + j], expected, "[{i}, {j}] of {m}x{n}x{k}");
                }
            }
        }
    }
}
