//! `inspect`: what files hold, read here from their bytes. Nothing is executed and nothing is sent.

use super::{
    Exit, Failure, output, print,
    push::files::{self, Found},
};
use crate::{
    core::path::FilePath,
    formats::{Contents, Pickles, Refusal},
    readme,
    versions::{
        contents::api::{ContentsView, RefusalView},
        inspect,
    },
};
use clap::Args;
use std::{fs::File, path::PathBuf};

#[derive(Args)]
pub struct Inspect {
    /// A file, or a folder that would be a version.
    path: PathBuf,
    /// Let pickles pass that do nothing but put weights together, as a registry does that accepts them.
    #[arg(long)]
    accept_pickled_weights: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<Exit, Failure> {
        let found = match self.path.is_dir() {
            true => files::find(&self.path)?,
            false => vec![self.alone()?],
        };
        let pickles = if self.accept_pickled_weights { Pickles::Accepted } else { Pickles::Refused };
        let read = found.iter().map(|file| look(file, &found, pickles)).collect::<Result<Vec<_>, _>>()?;
        let is_refused = read.iter().any(|view| view.refusal.is_some());
        if self.json {
            output::json(&read)?;
        } else {
            let each = read.iter().zip(&found).map(|(view, file)| shown(view, said(file)));
            print(&each.collect::<Vec<_>>().join("\n\n"))?;
        }
        Ok(if is_refused { Exit::Refused } else { Exit::Ok })
    }

    fn alone(&self) -> Result<Found, Failure> {
        let unreadable =
            |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", self.path.display()));
        let about = std::fs::metadata(&self.path).map_err(unreadable)?;
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = FilePath::parse(&name).map_err(|e| Failure::new(Exit::Usage, format!("{name}: {}", e.0)))?;
        Ok(Found::at(path, self.path.clone(), &about))
    }
}

fn look(file: &Found, all: &[Found], pickles: Pickles) -> Result<ContentsView, Failure> {
    let unreadable = |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", file.place.display()));
    let bytes = File::open(&file.place).map_err(unreadable)?;
    let beside = inspect::beside(file.path.as_str(), all.iter().map(|other| (other.path.as_str(), other.size_bytes)));
    let path = file.path.to_string();
    let (contents, refusal) = match inspect::read(&path, bytes, file.size_bytes, &beside) {
        Ok(contents) => {
            let refusal = contents.judge(pickles).err();
            (contents, refusal)
        }
        Err(Refusal::Storage(detail)) => {
            return Err(Failure::other(format!("can't read {}: {detail}", file.place.display())));
        }
        Err(refusal) => (Contents::default(), Some(refusal)),
    };
    let refusal = refusal.map(|it| RefusalView { code: it.code().to_owned(), detail: it.detail().to_owned() });
    Ok(ContentsView { refusal, ..ContentsView::new(path, contents) })
}

fn shown(view: &ContentsView, said: Vec<(&'static str, String)>) -> String {
    let format = if view.format.is_empty() { "nothing is known of its format" } else { &view.format };
    let mut pairs = vec![("format", format.to_owned()), ("class", view.class.clone())];
    if view.total.tensors != 0 {
        let all = &view.total;
        let total = format!("{} in {} tensors, {}", all.parameters, all.tensors, output::size(all.bytes));
        pairs.push(("parameters", total));
        let types = view.types.iter().map(|(kind, amount)| format!("{kind} {}", amount.parameters));
        pairs.push(("types", types.collect::<Vec<_>>().join(", ")));
    }
    if let Some(members) = &view.members {
        let size = output::size(members.unpacked_bytes);
        pairs.push(("members", format!("{} files, unpacked {size}", members.files)));
    }
    let listed = |all: &[String]| all.join(", ");
    let opsets = view.opsets.iter().map(|(domain, version)| format!("{domain} {version}")).collect::<Vec<_>>();
    let kinds = view.operators.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>();
    for (name, value) in [
        ("inputs", listed(&view.inputs)),
        ("outputs", listed(&view.outputs)),
        ("opsets", listed(&opsets)),
        ("operators", listed(&kinds)),
    ] {
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    pairs.extend(view.facts.iter().map(|fact| (fact.name.as_str(), fact.value.clone())));
    pairs.extend(view.templates.iter().map(|it| ("chat template", format!("{}, {} bytes", it.name, it.bytes))));
    for finding in &view.findings {
        let place = finding.place();
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        pairs.push((finding.severity.as_str(), format!("{place}{}; {}", finding.what, finding.advice)));
    }
    if let Some(refusal) = &view.refusal {
        pairs.push(("not sealed", format!("{}: {}", refusal.code, refusal.detail)));
    }
    pairs.extend(said);
    format!("{}\n{}", output::printable(&view.path), output::fields(&pairs))
}

/// What the author says at the head of a model card.
fn said(file: &Found) -> Vec<(&'static str, String)> {
    if file.path.as_str() != readme::FILE || file.size_bytes > readme::MAX_BYTES as u64 {
        return Vec::new();
    }
    let Some(card) = std::fs::read(&file.place).ok().and_then(|bytes| readme::read(&bytes).ok()) else {
        return Vec::new();
    };
    let said = card.metadata;
    let mut pairs: Vec<(&'static str, String)> = [
        ("says: license", said.license.unwrap_or_default()),
        ("says: task", said.pipeline_tag.unwrap_or_default()),
        ("says: library", said.library.unwrap_or_default()),
        ("says: base model", said.base_model.join(", ")),
        ("says: datasets", said.datasets.join(", ")),
        ("says: language", said.language.join(", ")),
        ("says: tags", said.tags.join(", ")),
        ("metadata not read", card.metadata_refused.unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect();
    let result = |one: &readme::Reported| {
        let on = one.dataset.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
        ("reports", format!("{} {}{on}", one.metric, one.value))
    };
    pairs.extend(said.reported.iter().map(result));
    pairs
}
