//! How many uploads are under way at once: each holds a connection, a temporary file and a hash.

use crate::{core::ids::AccountId, error::Error};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

const AT_ONCE: usize = 64;
const OF_ONE_ACCOUNT: usize = 8;

/// Who is uploading now, and how much at once.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<AccountId, usize>>);

/// A place among those who upload; it is free again when this is dropped.
pub struct Place<'a> {
    uploads: &'a Uploads,
    account: AccountId,
}

impl Uploads {
    /// # Errors
    /// `Unavailable` while there is no place; it is worth trying again.
    pub fn take(&self, account: AccountId) -> Result<Place<'_>, Error> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&account).copied().unwrap_or_default();
        if OF_ONE_ACCOUNT <= own || AT_ONCE <= taken.values().sum::<usize>() {
            let detail = format!(
                "too many uploads are under way: {OF_ONE_ACCOUNT} of one account at once, and {AT_ONCE} of all; wait \
                 for one to end, and send this again"
            );
            return Err(Error::Unavailable { code: "uploads_busy", detail });
        }
        taken.insert(account, own + 1);
        Ok(Place { uploads: self, account })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.account) {
            Some(own) if 1 < *own => *own -= 1,
            _ => drop(taken.remove(&self.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_upload_has_ended() {
        let uploads = Uploads::default();
        let (one, other) = (AccountId::generate(), AccountId::generate());
        let places: Vec<_> = (0..OF_ONE_ACCOUNT).map(|_| uploads.take(one).expect("a place")).collect();
        assert!(uploads.take(one).is_err());
        drop(uploads.take(other).expect("another's"));
        drop(places);
        let many: Vec<_> = (0..AT_ONCE).map(|_| uploads.take(AccountId::generate()).expect("a place")).collect();
        assert!(uploads.take(other).is_err());
        drop(many);
        assert!(uploads.0.lock().expect("lock").is_empty());
    }
}
