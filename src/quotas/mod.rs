//! How many bytes a workspace may keep, and how many it does.
//!
//! What it keeps are the bytes of its files and datasets, the same bytes once; what it promised to take are the files of uploads
//! in pieces that are under way. Invariant: bytes are added to either only under the lock of the workspace's row, after
//! a look at both, so that no two uploads see the same room. What is kept the database counts itself.

pub mod api;
pub mod ops;
pub mod store;

use crate::error::Error;

/// How much a workspace uses of what it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// None: as much as there is room for.
    pub limit_bytes: Option<u64>,
    pub kept_bytes: u64,
    /// Of files that come in pieces, all of which may come.
    pub promised_bytes: u64,
}

impl Usage {
    pub fn used_bytes(&self) -> u64 {
        self.kept_bytes.saturating_add(self.promised_bytes)
    }

    /// None: as much as there is room for.
    pub fn left_bytes(&self) -> Option<u64> {
        self.limit_bytes.map(|limit| limit.saturating_sub(self.used_bytes()))
    }

    /// Whether so many bytes more may come. None always may, however little is left.
    ///
    /// # Errors
    /// `OverQuota` with what is used, what may be, and what to do.
    pub fn admit(&self, more: u64) -> Result<(), Error> {
        let (Some(limit), Some(left)) = (self.limit_bytes, self.left_bytes()) else { return Ok(()) };
        if more == 0 || more <= left {
            return Ok(());
        }
        let promised = match self.promised_bytes {
            0 => String::new(),
            promised => format!(", {promised} of them promised to uploads in pieces that are open"),
        };
        let detail = format!(
            "the workspace may keep {limit} bytes and uses {}{promised}; {left} are left, and {more} more were to come. \
             Nothing was kept. Complete or abandon open uploads, send fewer or smaller files, or ask the registry's operator for \
             a larger quota (plimsoll admin quota)",
            self.used_bytes()
        );
        Err(Error::OverQuota { detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(limit_bytes: Option<u64>) -> Usage {
        Usage { limit_bytes, kept_bytes: 60, promised_bytes: 30 }
    }

    #[test]
    fn what_fits_to_the_last_byte_may_come() {
        assert!(usage(Some(100)).admit(10).is_ok());
        assert!(usage(Some(100)).admit(11).is_err());
        assert!(usage(None).admit(u64::MAX).is_ok());
    }

    #[test]
    fn beyond_the_quota_only_new_bytes_are_refused() {
        assert_eq!(usage(Some(50)).left_bytes(), Some(0));
        assert!(usage(Some(50)).admit(0).is_ok());
        let refused = usage(Some(50)).admit(1).expect_err("more").to_string();
        for said in [
            "may keep 50 bytes",
            "uses 90",
            "30 of them promised",
            "0 are left, and 1 more",
            "ask the registry's operator",
        ] {
            assert!(refused.contains(said), "{refused}");
        }
    }
}
