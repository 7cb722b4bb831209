//! The bytes that the service does not have: small files in one request each, large ones in pieces.

use super::{
    super::{
        Failure,
        meter::{Meter, Shared},
        output,
    },
    files::Found,
    pieces::{self, LARGE_BYTES, Moved, Piece, Sent},
};
use crate::{
    client::{Client, Patience},
    versions::api::{FileView, VersionView},
};
use reqwest::header;

/// How files go.
pub struct Way<'a> {
    pub client: &'a Client,
    pub model: &'a str,
    /// So many pieces of a file at once.
    pub at_once: usize,
    /// Whether what is there of files that are not whole is thrown away.
    pub anew: bool,
}

impl Way<'_> {
    pub async fn send(&self, draft: &VersionView, found: &[Found]) -> Result<(), Failure> {
        let declared = |file: &Found| draft.files.iter().find(|d| d.path == file.path.as_str() && !d.uploaded);
        let missing: Vec<_> = found.iter().filter_map(|file| declared(file).map(|declared| (file, declared))).collect();
        let total = missing.iter().map(|(file, _)| file.size_bytes).sum();
        say!("uploading {} of {} files, {}", missing.len(), found.len(), output::size(total));
        let meter = Meter::new("uploading", total).shared();
        let number = draft.number.to_string();
        for (file, declared) in missing {
            if LARGE_BYTES < file.size_bytes && self.in_pieces(&number, file, declared, &meter).await? {
                continue;
            }
            self.whole(&number, file, &meter).await?;
        }
        Ok(())
    }

    /// Whether it is there now.
    async fn in_pieces(
        &self,
        number: &str,
        file: &Found,
        declared: &FileView,
        meter: &Shared,
    ) -> Result<bool, Failure> {
        let Self { client, model, at_once, anew } = *self;
        let way = pieces::Way { client, model, number, meter, at_once, anew };
        Ok(way.send(file, declared).await? == Sent::Here)
    }

    async fn whole(&self, number: &str, file: &Found, meter: &Shared) -> Result<(), Failure> {
        let parts = ["models", self.model, "versions", number, "files"];
        let path: Vec<_> = parts.into_iter().chain(file.path.as_str().split('/')).collect();
        let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let all = Piece { number: 0, from: 0, size_bytes: file.size_bytes };
        let say = |line: &str| meter.say(line);
        let moved = Moved::on(meter);
        let open = async || moved.body(&file.place, all).await;
        let put = self.client.put_bytes(&path, &headers, file.size_bytes, Patience::long(&say), open).await;
        put.map(|_| moved.arrived(file.size_bytes))
    }
}
