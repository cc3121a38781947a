//! Labels at the ends of lines, apart from each other.

/// Moves labels of one height as little as needed so that none covers another and all lie between `low` and `high`.
///
/// `wanted` are the centres they would like, in any order; the result is in the same order. The order of the labels
/// from top to bottom is kept. Null if they do not fit. Sum of squared moves is least: overlapping neighbours are
/// pooled, and a pool stands around the mean of what its members want (the pool-adjacent-violators algorithm).
pub fn spread(wanted: &[f64], height: f64, low: f64, high: f64) -> Option<Vec<f64>> {
    if wanted.len() as f64 * height > high - low + 1e-9 {
        return None;
    }
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    // With member i moved up by i heights, "apart from each other" becomes "ascending".
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &i) in order.iter().enumerate() {
        pools.push((wanted[i] - rank as f64 * height, 1));
        while let [.., (first, n), (second, m)] = pools[..] {
            if first <= second {
                break;
            }
            pools.truncate(pools.len() - 2);
            pools.push(((first * n as f64 + second * m as f64) / (n + m) as f64, n + m));
        }
    }
    let lowest = low + height / 2.0;
    let highest = high - height / 2.0 - (wanted.len().max(1) - 1) as f64 * height;
    let mut placed = vec![0.0; wanted.len()];
    let mut rank = 0;
    for (centre, n) in pools {
        for _ in 0..n {
            placed[order[rank]] = centre.min(highest).max(lowest) + rank as f64 * height;
            rank += 1;
        }
    }
    Some(placed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_far_apart_stay() {
        assert_eq!(spread(&[10.0, 50.0], 8.0, 0.0, 100.0), Some(vec![10.0, 50.0]));
    }

    #[test]
    fn two_labels_at_one_place_move_by_half_a_height_each() {
        assert_eq!(spread(&[50.0, 50.0], 8.0, 0.0, 100.0), Some(vec![46.0, 54.0]));
    }

    #[test]
    fn too_many_labels_do_not_fit() {
        assert_eq!(spread(&[1.0; 20], 8.0, 0.0, 100.0), None);
    }

    proptest! {
        #[test]
        fn placed_labels_are_apart_inside_and_in_order(wanted in proptest::collection::vec(-20.0..120.0f64, 0..12)) {
            let placed = spread(&wanted, 8.0, 0.0, 100.0).expect("twelve of eight fit in a hundred");
            let mut pairs: Vec<(f64, f64)> = wanted.iter().copied().zip(placed.iter().copied()).collect();
            pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
            for pair in pairs.windows(2) {
                prop_assert!(pair[1].1 - pair[0].1 >= 8.0 - 1e-6);
                prop_assert!(pair[0].0 <= pair[1].0);
            }
            prop_assert!(placed.iter().all(|y| (4.0 - 1e-6..=96.0 + 1e-6).contains(y)));
        }
    }
}
