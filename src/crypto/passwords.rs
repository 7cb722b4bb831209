//! Passwords are kept as Argon2id hashes (RFC 9106) with the parameters that OWASP names
//! first: 19 MiB, two passes, one lane.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer input costs more time than a password deserves.
const MAX_PASSWORD_BYTES: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes; choose a shorter one")]
    TooLong,
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password with a fresh salt, as a PHC string. Takes some 20 ms: not for an
/// asynchronous thread.
pub fn hash(password: &str) -> Result<String, HashError> {
    if MAX_PASSWORD_BYTES < password.len() {
        return Err(HashError::TooLong);
    }
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether the password is the one with this hash. Without a hash, or with one that cannot be
/// read, the same work is done and the answer is no: time does not tell which accounts exist.
pub fn verify_or_waste(password: &str, hash: Option<&str>) -> bool {
    let Ok(hasher) = hasher() else { return false };
    if MAX_PASSWORD_BYTES < password.len() {
        return false;
    }
    if let Some(hash) = hash {
        match hasher.verify_password(password.as_bytes(), hash) {
            Ok(()) => return true,
            Err(argon2::password_hash::Error::PasswordInvalid) => return false,
            Err(_) => {}
        }
    }
    let mut wasted = [0; 32];
    let outcome = hasher.hash_password_into(password.as_bytes(), b"no account at all", &mut wasted);
    std::hint::black_box((outcome.is_ok(), wasted));
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn only_the_password_itself_verifies() {
        let (one, two) = (hash("correct horse").expect("hash"), hash("correct horse").expect("hash"));
        assert_ne!(one, two, "the salt is fresh");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(verify_or_waste("correct horse", Some(&one)));
        for (password, hash) in
            [("Correct horse", Some(one.as_str())), ("", Some(&one)), ("correct horse", None), ("x", Some("$"))]
        {
            assert!(!verify_or_waste(password, hash), "{password} {hash:?}");
        }
        assert!(matches!(hash(&"x".repeat(5000)), Err(HashError::TooLong)));
    }

    #[test]
    fn an_unknown_account_takes_as_long_as_a_wrong_password() {
        let known = hash("correct horse").expect("hash");
        let mut best = [Duration::MAX; 3];
        // The kinds take turns, so that a busy machine slows all of them alike.
        for _ in 0..8 {
            for (best, hash) in best.iter_mut().zip([Some(known.as_str()), None, Some("not a hash")]) {
                let started = Instant::now();
                verify_or_waste("wrong", hash);
                *best = started.elapsed().min(*best);
            }
        }
        let [with, without, broken] = best;
        for other in [without, broken] {
            assert!(with < other * 3 && other < with * 3, "{with:?} {other:?}");
        }
    }
}
