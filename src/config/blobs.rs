use crate::{
    blobs::{Bucket, Kept, Plan},
    config::{
        accounts::{Secret, secret_variable_named},
        encryption::Encryption,
        mask::mask,
    },
};
use clap::Args;
use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Where the bytes of files are kept.
#[derive(Args, Clone, Debug)]
pub struct Blobs {
    /// Where files are kept: a folder, or `s3://BUCKET/PREFIX` of an S3-compatible service (docs/blob-stores.md) [default:
    /// `blobs` in the data folder].
    #[arg(long, env = "PLIMSOLL_BLOBS", value_name = "PLACE")]
    pub blobs: Option<BlobPlace>,
    /// The address of that service [default: Amazon's in the region].
    #[arg(long, env = "PLIMSOLL_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Its region.
    #[arg(long, env = "PLIMSOLL_S3_REGION", default_value = "us-east-1", value_name = "NAME")]
    pub s3_region: String,
    /// The id of the access key.
    #[arg(long, env = "PLIMSOLL_S3_ACCESS_KEY_ID", value_name = "ID")]
    pub s3_access_key_id: Option<String>,
    /// A file that holds the secret access key. PLIMSOLL_S3_SECRET_ACCESS_KEY holds the key itself instead.
    #[arg(long, env = "PLIMSOLL_S3_SECRET_ACCESS_KEY_FILE", value_name = "FILE")]
    pub s3_secret_access_key_file: Option<PathBuf>,
    /// The key itself, from the environment only: arguments are visible to everyone.
    #[arg(skip = secret_variable_named("PLIMSOLL_S3_SECRET_ACCESS_KEY"))]
    pub s3_secret_access_key: Option<Secret>,
    /// Authorities to believe besides the machine's own (PEM), for a service with a certificate of a private one.
    #[arg(long, env = "PLIMSOLL_S3_CA_FILE", value_name = "FILE")]
    pub s3_ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub encryption: Encryption,
}

/// What `--blobs` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    Folder(PathBuf),
    Bucket { bucket: String, prefix: String },
}

impl FromStr for BlobPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(place) = text.strip_prefix("s3://") else {
            return match text.split_once("://") {
                Some((scheme, _)) => Err(format!("\"{scheme}\" is no store; name a folder or s3://BUCKET/PREFIX")),
                None if text.is_empty() => Err("name a folder or s3://BUCKET/PREFIX".to_owned()),
                None => Ok(Self::Folder(PathBuf::from(text))),
            };
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_name) {
            return Err(format!("\"{bucket}\" is not the name of a bucket: 3 to 63 of a-z, 0-9, . and -"));
        }
        let is_part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(format!(
                "\"{prefix}\" can't begin names of objects: parts of A-Z, a-z, 0-9, ., - and _ with / between"
            ));
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl std::fmt::Display for BlobPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl Blobs {
    /// Where blobs go while they come and where they stay.
    ///
    /// # Errors
    /// When a bucket lacks its key, or a file can't be read: what to do about it.
    pub fn plan(&self, data: &Path) -> io::Result<Plan> {
        Ok(Plan { keys: self.encryption.keys()?, ..self.place(data)? })
    }

    fn place(&self, data: &Path) -> io::Result<Plan> {
        let beside = data.join("blobs");
        let (bucket, prefix) = match &self.blobs {
            None => return Ok(Plan::folder(beside)),
            Some(BlobPlace::Folder(folder)) => return Ok(Plan::folder(folder.clone())),
            Some(BlobPlace::Bucket { bucket, prefix }) => (bucket, prefix),
        };
        let told = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let id = self.s3_access_key_id.as_deref();
        let id = id.ok_or_else(|| told("a bucket needs an access key: give its id with --s3-access-key-id"))?;
        let secret = match (&self.s3_secret_access_key, &self.s3_secret_access_key_file) {
            (_, Some(file)) => read(file)?.trim().to_owned(),
            (Some(secret), None) => secret.to_string(),
            (None, None) => {
                return Err(told(
                    "a bucket needs an access key: name the file of its secret with --s3-secret-access-key-file",
                ));
            }
        };
        let authorities = self.s3_ca_file.as_deref().map(read).transpose()?;
        let bucket = Bucket::open(crate::blobs::BucketSettings {
            bucket,
            prefix,
            endpoint: self.s3_endpoint.as_deref(),
            region: &self.s3_region,
            access_key_id: id,
            secret_access_key: &secret,
            authorities: authorities.as_deref(),
        })?;
        Ok(Plan { incoming: beside.join("incoming"), kept: Kept::Bucket(bucket), keys: None })
    }

    /// The effective values, with secrets masked.
    pub(super) fn effective(&self) -> Vec<(&'static str, String)> {
        let named = |file: &Option<PathBuf>| file.as_ref().map_or_else(String::new, |file| file.display().to_string());
        let place = vec![
            ("PLIMSOLL_BLOBS", self.blobs.as_ref().map_or_else(String::new, ToString::to_string)),
            ("PLIMSOLL_S3_ENDPOINT", self.s3_endpoint.as_deref().map(mask).unwrap_or_default()),
            ("PLIMSOLL_S3_REGION", self.s3_region.clone()),
            ("PLIMSOLL_S3_ACCESS_KEY_ID", self.s3_access_key_id.clone().unwrap_or_default()),
            ("PLIMSOLL_S3_SECRET_ACCESS_KEY_FILE", named(&self.s3_secret_access_key_file)),
            (
                "PLIMSOLL_S3_SECRET_ACCESS_KEY",
                self.s3_secret_access_key.as_ref().map_or_else(String::new, |_| "***".to_owned()),
            ),
            ("PLIMSOLL_S3_CA_FILE", named(&self.s3_ca_file)),
        ];
        [place, self.encryption.effective()].concat()
    }
}

pub(super) fn read(file: &Path) -> io::Result<String> {
    std::fs::read_to_string(file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_with_a_prefix() {
        let bucket =
            |bucket: &str, prefix: &str| Ok(BlobPlace::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        assert_eq!("s3://models".parse(), bucket("models", ""));
        assert_eq!("s3://models/".parse(), bucket("models", ""));
        assert_eq!("s3://my.models-1/a/b_c/".parse(), bucket("my.models-1", "a/b_c"));
        assert_eq!("/srv/blobs".parse(), Ok(BlobPlace::Folder("/srv/blobs".into())));
        for wrong in [
            "",
            "s3://",
            "s3://ab",
            "s3://Models",
            "s3://models//a",
            "s3://models/a/../b",
            "s3://models/a b",
            "gs://models",
        ] {
            assert!(wrong.parse::<BlobPlace>().is_err(), "{wrong}");
        }
    }
}
