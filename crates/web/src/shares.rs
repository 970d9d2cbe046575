//! What many share and none may take all of: connections by key, and memory for bodies by partner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Something of which there is so much in all, and of which each may hold so much.
#[derive(Debug)]
pub struct Shares<K: Ord> {
    total: usize,
    each: usize,
    held: Mutex<BTreeMap<K, usize>>,
}

/// What one holds; it is given back when it is dropped.
#[derive(Debug)]
pub struct Share<K: Ord> {
    of: Arc<Shares<K>>,
    key: K,
    amount: usize,
}

impl<K: Ord + Clone> Shares<K> {
    /// So much in all, and for each.
    pub fn new(total: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { total, each, held: Mutex::default() })
    }

    /// Takes so much for `key`; `None` when it, or all together, would hold too much.
    pub fn take(self: &Arc<Self>, key: K, amount: usize) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let all = held.values().fold(amount, |sum, one| sum.saturating_add(*one));
        let own = held.get(&key).copied().unwrap_or(0).saturating_add(amount);
        if all > self.total || own > self.each {
            return None;
        }
        held.insert(key.clone(), own);
        Some(Share { of: Arc::clone(self), key, amount })
    }
}

impl<K: Ord> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.get_mut(&self.key) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_its_share_nor_all_more_than_there_is() {
        let shares = Shares::new(10, 4);
        let first = shares.take("NTA.FR", 3).unwrap();
        assert!(shares.take("NTA.FR", 2).is_none(), "more than one may hold");
        let second = shares.take("NTA.FR", 1).unwrap();
        let others = (shares.take("NTA.IT", 4).unwrap(), shares.take("NTA.DE", 2).unwrap());
        assert!(shares.take("NTA.DE", 1).is_none(), "more than there is");
        drop(first);
        assert!(shares.take("NTA.DE", 1).is_some());
        drop((second, others));
        assert!(shares.held.lock().unwrap().is_empty(), "nothing is kept of those who hold nothing");
    }
}
