//! Keys of files that were opened a moment ago, so that each part of a file does not ask for its key anew.

use super::Wrapped;
use crate::crypto::cobblestone::MessageKey;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

const MOST: usize = 1_024;
const FOR: Duration = Duration::from_secs(300);

#[derive(Default)]
pub struct Held(Mutex<HashMap<String, (Instant, Arc<MessageKey>)>>);

impl Held {
    pub fn get(&self, wrapped: &Wrapped, now: Instant) -> Option<Arc<MessageKey>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&wrapped.text).filter(|(since, _)| now.duration_since(*since) < FOR).map(|(_, key)| key.clone())
    }

    pub fn put(&self, wrapped: &Wrapped, key: Arc<MessageKey>, now: Instant) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, (since, _)| now.duration_since(*since) < FOR);
        if MOST <= held.len() {
            held.clear();
        }
        held.insert(wrapped.text.clone(), (now, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_for_minutes_and_never_too_many() {
        let (held, begun) = (Held::default(), Instant::now());
        let wrapped = |n: usize| Wrapped { by: "k".to_owned(), text: n.to_string() };
        let key = Arc::new(MessageKey::generate().expect("key"));
        for n in 0..=MOST {
            held.put(&wrapped(n), key.clone(), begun);
        }
        assert!(held.get(&wrapped(MOST), begun).is_some() && held.get(&wrapped(0), begun).is_none());
        assert!(held.get(&wrapped(MOST), begun + FOR).is_none());
    }
}
