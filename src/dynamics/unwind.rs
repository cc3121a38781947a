//! Calling a decoder that panics on damaged input.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected, and caught.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or `None` if it panics; the panic is not reported on stderr.
///
/// The process has one panic hook for all threads. Ours passes every panic on to the hook that was there before, except
/// those of a thread that is within this function.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !EXPECTED.try_with(Cell::get).unwrap_or(false) {
                report(info);
            }
        }));
    });
    let before = EXPECTED.replace(true);
    // What `work` leaves half done is dropped with it.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_expected_only_within() {
        assert_eq!(catch(|| 7), Some(7));
        let fail = || -> u8 {
            assert!(EXPECTED.get());
            panic!("this text must not be printed")
        };
        assert_eq!(catch(|| catch(fail)), Some(None));
        assert!(!EXPECTED.get());
    }
}
