//! How many runs at once.

use std::fmt;
use std::str::FromStr;

use super::memory;

/// Runs at once, and so the share of the processor that each has: the threads by the number of jobs, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jobs {
    /// As many as there are threads, runs left, and room in memory; one on a device that is not the CPU.
    #[default]
    Auto,
    /// That many; at least 1.
    Number(usize),
}

impl Jobs {
    /// The number, for runs that need so many bytes each.
    pub(super) fn resolve(self, needs: &[u64], on_cpu: bool) -> usize {
        match self {
            Self::Number(jobs) => jobs.min(needs.len()).max(1),
            Self::Auto if !on_cpu => 1,
            Self::Auto => auto(needs, rayon::current_num_threads(), memory::available()),
        }
    }
}

/// The largest number of jobs of which any fit into the memory at once; what is available is not known everywhere.
fn auto(needs: &[u64], threads: usize, available: Option<u64>) -> usize {
    let most = threads.min(needs.len()).max(1);
    let Some(available) = available else { return most };
    let mut largest = needs.to_vec();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    let fits = |jobs: &usize| largest.iter().take(*jobs).sum::<u64>() <= memory::usable(available);
    (1..=most).rev().find(fits).unwrap_or(1)
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        match typed.parse::<usize>() {
            _ if typed == "auto" => Ok(Self::Auto),
            Ok(0) => Err("there must be at least 1 job".into()),
            Ok(jobs) if jobs > MOST => Err(format!("at most {MOST} jobs")),
            Ok(jobs) => Ok(Self::Number(jobs)),
            Err(_) => Err("neither a number nor `auto`".into()),
        }
    }
}

/// Jobs that can be asked for.
const MOST: usize = 256;

impl fmt::Display for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Number(jobs) => jobs.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_threads_runs_and_memory_allow() {
        let gib = 1 << 30;
        assert_eq!(auto(&[gib; 8], 4, None), 4);
        assert_eq!(auto(&[gib; 3], 4, None), 3);
        assert_eq!(auto(&[], 4, None), 1);
        // Four fifths of what is available are used.
        assert_eq!(auto(&[gib; 8], 4, Some(4 * gib)), 3);
        assert_eq!(auto(&[gib, gib, 3 * gib, gib], 4, Some(5 * gib)), 2);
        assert_eq!(auto(&[9 * gib; 8], 4, Some(gib)), 1);
    }

    #[test]
    fn a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(Jobs::Auto));
        assert_eq!("3".parse(), Ok(Jobs::Number(3)));
        for wrong in ["0", "-1", "1.5", "", "257", "all"] {
            assert!(wrong.parse::<Jobs>().is_err(), "{wrong}");
        }
        assert_eq!(Jobs::Number(3).resolve(&[1; 2], true), 2);
        assert_eq!(Jobs::Number(3).resolve(&[], true), 1);
        assert_eq!(Jobs::Auto.resolve(&[1; 2], false), 1);
    }
}
