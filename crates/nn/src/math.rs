//! `exp` and `erf` for `f32` as branch-free polynomials, so that loops over them become vector instructions.
//!
//! Neither uses fused multiply-add: the same bytes come out on every x86-64 machine.

/// eˣ with a relative error below 3·10⁻⁷ for |x| ≤ 87; below that range 0 is approached, above it the result saturates.
///
/// Range reduction x = n·ln 2 + r with |r| ≤ ln 2 / 2, then a polynomial of degree 6 in r (Cephes' `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding and subtracting it rounds to the nearest integer
    let x = x.clamp(-87.3, 88.3);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * 0.693_359_4;
    let r = r + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_6e-1;
    p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

/// The error function with an absolute error below 5·10⁻⁷: a rational approximation on |x| ≤ 4, ±1 beyond.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut p = -2.726_142_3e-10;
    p = p * s + 2.770_681_4e-8;
    p = p * s - 2.101_024e-6;
    p = p * s - 5.692_506_5e-5;
    p = p * s - 7.349_906_3e-4;
    p = p * s - 2.954_6e-3;
    p = p * s - 1.609_603_3e-2;
    let mut q = -1.456_607_2e-5;
    q = q * s - 2.133_740_6e-4;
    q = q * s - 1.682_827e-3;
    q = q * s - 7.373_329_2e-3;
    q = q * s - 1.426_474e-2;
    x * p / q
}

const LANES: usize = 16;

/// Sum over 16 interleaved partial sums: one fixed order, whatever the width of the machine's vectors.
#[inline(always)]
pub fn sum(xs: &[f32]) -> f32 {
    fold(xs, |x| x)
}

/// Σ aᵢ·bᵢ in the order of [`sum`]; the longer slice is cut.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut lanes = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    for (i, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[i] += x * y;
    }
    reduce(lanes)
}

/// Σ f(xᵢ) in the order of [`sum`].
#[inline(always)]
pub fn fold(xs: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = xs.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += f(chunk[i]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += f(x);
    }
    reduce(lanes)
}

#[inline(always)]
fn reduce(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Where the largest number is; the first of equal ones, 0 if there is none.
pub fn argmax(xs: &[f32]) -> usize {
    let mut best = 0;
    for (i, &x) in xs.iter().enumerate() {
        if x > xs[best] {
            best = i;
        }
    }
    best
}

/// exp(x) / Σ exp(x), sums in f64 around the largest element.
pub fn softmax(xs: &[f32], out: &mut [f32]) {
    let (largest, total) = softmax_scale(xs);
    for (p, &x) in out.iter_mut().zip(xs) {
        *p = ((f64::from(x) - largest).exp() / total) as f32;
    }
}

/// The element of [`softmax`] at `index`.
///
/// ```
/// assert_eq!(memoscope_nn::math::softmax_at(&[0.0, 3f32.ln()], 1), 0.75);
/// ```
pub fn softmax_at(xs: &[f32], index: usize) -> f32 {
    let (largest, total) = softmax_scale(xs);
    ((f64::from(xs[index]) - largest).exp() / total) as f32
}

/// The largest element, and Σ exp(x − largest).
fn softmax_scale(xs: &[f32]) -> (f64, f64) {
    let largest = f64::from(xs.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    (largest, xs.iter().map(|&x| (f64::from(x) - largest).exp()).sum())
}

/// y ← y + a·x, element by element.
#[inline(always)]
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_the_standard_librarys_in_double_precision() {
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0;
            let expected = (x as f64).exp();
            assert!(((exp(x) as f64 - expected) / expected).abs() < 3e-7, "exp({x}) = {}", exp(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1.3e-38);
    }

    #[test]
    fn erf_is_close_to_its_defining_integral() {
        // Simpson's rule on 2/√π ∫₀ˣ e^(−t²) dt, in double precision.
        let integral = |x: f64| {
            let n = 2000;
            let h = x / n as f64;
            let f = |i: usize| (-(h * i as f64).powi(2)).exp();
            let inner: f64 = (1..n).map(|i| f(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
            (f(0) + inner + f(n)) * h / 3.0 * 2.0 / std::f64::consts::PI.sqrt()
        };
        for i in -500..=500 {
            let x = i as f32 / 100.0;
            assert!((erf(x) as f64 - integral(x as f64)).abs() < 5e-7, "erf({x}) = {}", erf(x));
        }
    }

    #[test]
    fn sums_agree_with_double_precision() {
        let xs: Vec<f32> = (0..1003).map(|i| ((i * 37) % 101) as f32 / 101.0 - 0.4).collect();
        let expected: f64 = xs.iter().map(|&x| x as f64).sum();
        assert!((sum(&xs) as f64 - expected).abs() < 1e-4);
        let expected: f64 = xs.iter().map(|&x| x as f64 * x as f64).sum();
        assert!((dot(&xs, &xs) as f64 - expected).abs() < 1e-4);
    }
}
