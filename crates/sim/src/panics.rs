//! Panics of a run: a task that panics ends in silence, and the run may still come to rest as if nothing had happened.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// What panicked on this thread. A simulation is one thread from its beginning to its end.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Forgets what panicked on this thread before, and remembers what panics from now on.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
            before(panic);
        }));
    });
    drop(take());
}

/// What panicked on this thread since it was last asked.
pub(crate) fn take() -> Vec<String> {
    PANICS.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_remembered_once() {
        watch();
        assert_eq!(std::panic::catch_unwind(|| panic!("in a task")).map_err(drop), Err(()));
        assert!(take().iter().any(|panic| panic.contains("in a task")));
        assert_eq!(take(), Vec::<String>::new());
    }
}
