//! What a file's name promises, held against what it is: a loader goes by the name, and finds what it wants in bytes that
//! nobody recognised here.

use crate::Refusal;

/// Endings, and what a file that is called so is.
const PROMISES: &[(&str, &str)] = &[
    (".pt .pth .ckpt", "a PyTorch archive or a pickle"),
    (".keras .npz .zip .skops", "a zip archive"),
    (".h5 .hdf5", "an HDF5 file"),
    (".npy", "an array of NumPy"),
    (".gguf", "a GGUF file"),
    (".tar", "a tar archive"),
    (".gz .tgz", "packed with gzip"),
    (".bz2", "packed with bzip2"),
    (".xz", "packed with xz"),
    (".zst", "packed with zstandard"),
];
/// How the stand-ins begin that Git LFS keeps in a repository.
const POINTER: &[u8] = b"version https://git-lfs.";

/// # Errors
/// `Invalid` for a file that nothing is known about and whose name says what it is.
pub(crate) fn require_promised(name: &str) -> Result<(), Refusal> {
    let name = name.to_ascii_lowercase();
    let promise = PROMISES.iter().find(|(endings, _)| endings.split(' ').any(|ending| name.ends_with(ending)));
    match promise {
        Some((_, what)) => Err(Refusal::Invalid(format!(
            "it is not {what}, which its name says; send the right file, or give this one the name of what it is"
        ))),
        None => Ok(()),
    }
}

/// # Errors
/// `Invalid` for what stands for a file that is elsewhere.
pub(crate) fn require_whole(start: &[u8]) -> Result<(), Refusal> {
    match start.starts_with(POINTER) {
        true => Err(Refusal::Invalid(
            "it is a pointer of Git LFS, and the file itself is elsewhere; run git lfs pull, and send what it brings"
                .to_owned(),
        )),
        false => Ok(()),
    }
}
