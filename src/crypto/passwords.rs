//! Passwords are kept as Argon2id hashes (RFC 9106) with the parameters that OWASP names
//! first: 19 MiB, two passes, one lane.

use argon2::{Algorithm, Argon2, Block, Params, PasswordVerifier as _, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// How hashes with these parameters begin.
const PREFIX: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// The system's allocator keeps what it lent in pieces of up to 32 MiB: each thread that ever hashed would hold its 19 MiB
/// for good. So more is asked for than is touched, and all of it goes back at once.
const ASKED_FOR_BLOCKS: usize = 40 << 10;
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

fn derive(password: &str, salt: &[u8]) -> Result<[u8; HASH_BYTES], HashError> {
    let (hasher, mut out) = (hasher()?, [0; HASH_BYTES]);
    let mut memory = Vec::with_capacity(ASKED_FOR_BLOCKS);
    memory.resize(hasher.params().block_count(), Block::default());
    hasher
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory)
        .map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(out)
}

/// The hash of a password with a fresh salt, as a PHC string. Takes some 20 ms: not for an
/// asynchronous thread.
pub fn hash(password: &str) -> Result<String, HashError> {
    if MAX_PASSWORD_BYTES < password.len() {
        return Err(HashError::TooLong);
    }
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|e| HashError::Failed(e.to_string()))?;
    let hash = derive(password, &salt)?;
    Ok(format!("{PREFIX}{}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)))
}

/// Whether the password is the one with this hash. Without a hash, or with one that cannot be
/// read, the same work is done and the answer is no: time does not tell which accounts exist.
pub fn verify_or_waste(password: &str, hash: Option<&str>) -> bool {
    if MAX_PASSWORD_BYTES < password.len() {
        return false;
    }
    if let Some((salt, wanted)) = hash.and_then(parts) {
        return derive(password, &salt).is_ok_and(|found| is_same(&found, &wanted));
    }
    // One with other parameters, from another time.
    if let (Some(hash), Ok(hasher)) = (hash, hasher()) {
        match hasher.verify_password(password.as_bytes(), hash) {
            Ok(()) => return true,
            Err(argon2::password_hash::Error::PasswordInvalid) => return false,
            Err(_) => {}
        }
    }
    std::hint::black_box(derive(password, b"no account at all").is_ok());
    false
}

/// The salt and the hash, if it has these parameters.
fn parts(hash: &str) -> Option<(Vec<u8>, [u8; HASH_BYTES])> {
    let (salt, hash) = hash.strip_prefix(PREFIX)?.split_once('$')?;
    let (salt, hash) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?);
    Some((salt, hash.try_into().ok()?))
}

/// Looks at every byte, wherever they differ.
fn is_same(one: &[u8; HASH_BYTES], other: &[u8; HASH_BYTES]) -> bool {
    one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
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
    fn a_hash_is_what_the_library_makes_of_it() {
        use argon2::PasswordHasher as _;
        let made = hash("correct horse").expect("hash");
        let library = hasher().expect("parameters");
        assert!(library.verify_password(b"correct horse", made.as_str()).is_ok());
        assert!(library.verify_password(b"another horse", made.as_str()).is_err());
        let theirs = library.hash_password(b"correct horse").expect("hash").to_string();
        assert!(verify_or_waste("correct horse", Some(&theirs)) && !verify_or_waste("another horse", Some(&theirs)));
        let weak =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 1, 1, None).expect("parameters"));
        let older = weak.hash_password(b"correct horse").expect("hash").to_string();
        assert!(verify_or_waste("correct horse", Some(&older)) && !verify_or_waste("another horse", Some(&older)));
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
