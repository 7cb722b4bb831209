//! A stored model on its way into a sandbox, with the files of its version in which it keeps tensors.

use crate::{app::App, blobs::ops, error::Error, formats::onnx, sandbox::ModelSource, versions::StoredFile};
use std::io::BufReader;

/// The model's file and those beside it that it names. What it names and the version does not have was refused at the
/// seal; the sandbox says so again.
pub async fn open(app: &App, model: &StoredFile, files: &[StoredFile]) -> Result<ModelSource, Error> {
    let beside = beside(app, model, files).await?;
    let (bytes, size) = ops::local(app, &model.declared.sha256).await?;
    let mut source = ModelSource::new(bytes, size);
    for file in beside {
        let (bytes, size) = ops::local(app, &file.declared.sha256).await?;
        source = source.with(file.declared.path.as_str(), bytes, size);
    }
    Ok(source)
}

/// The files of the version in which the model keeps tensors, in the order of their names.
pub async fn beside<'a>(app: &App, model: &StoredFile, files: &'a [StoredFile]) -> Result<Vec<&'a StoredFile>, Error> {
    let (bytes, size) = ops::local(app, &model.declared.sha256).await?;
    let bytes = bytes.into_std().await;
    let read = tokio::task::spawn_blocking(move || onnx::external_files(BufReader::new(bytes), size)).await;
    // The sandbox says what is wrong with a file that can't be read.
    let names = read.map_err(Error::internal)?.unwrap_or_default();
    let of_name = |name: &String| files.iter().find(|file| file.declared.path.as_str() == name);
    Ok(names.iter().filter_map(of_name).collect())
}
