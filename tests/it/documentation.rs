//! What the documentation leads to is there, and a newcomer finds all of it from the first page.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold no documentation of ours.
const ELSEWHERE: [&str; 5] = ["target", ".cache", ".git", "node_modules", "shared"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file of the repository.
fn pages() -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![root()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_symlink() || ELSEWHERE.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    assert!(20 < found.len(), "the documentation is not where it was");
    found
}

/// The targets of links and pictures, outside of code; without those that lead to other hosts.
fn targets(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("text");
    let mut is_code = false;
    let prose: String = text
        .lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            is_code ^= fence;
            !is_code && !fence && !line.starts_with("    ")
        })
        .map(|line| line.split('`').step_by(2).collect::<String>() + "\n")
        .collect();
    let found = prose.split("](").skip(1).filter_map(|rest| rest.split([')', '\n']).next());
    found.map(str::to_owned).filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// What a link from a page leads to, without its fragment.
fn led_to(page: &Path, target: &str) -> PathBuf {
    let file = target.split('#').next().unwrap_or_default();
    if file.is_empty() { page.to_owned() } else { page.parent().expect("a folder").join(file) }
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        for target in targets(&page) {
            let to = led_to(&page, &target);
            let fragment = target.split_once('#').map(|(_, fragment)| fragment.to_owned());
            let is_there = match fragment {
                _ if !to.exists() => false,
                Some(fragment) if to.extension().is_some_and(|end| end == "md") => {
                    let text = fs::read_to_string(&to).expect("text");
                    text.lines().any(|line| line.starts_with('#') && anchor(line) == fragment)
                }
                _ => true,
            };
            if !is_there {
                broken.push(format!("{}: {target}", page.strip_prefix(root()).expect("inside").display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn the_readme_leads_to_every_page_of_the_documentation() {
    let readme = root().join("README.md");
    let linked: BTreeSet<PathBuf> =
        targets(&readme).iter().filter_map(|target| led_to(&readme, target).canonicalize().ok()).collect();
    let mut lost = Vec::new();
    for entry in fs::read_dir(root().join("docs")).expect("folder") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|end| end == "md") && !linked.contains(&path.canonicalize().expect("path")) {
            lost.push(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    assert!(lost.is_empty(), "the README does not name {lost:?}");
}

#[test]
fn links_are_told_from_code_and_headings_become_anchors() {
    assert_eq!(anchor("## What lint finds"), "what-lint-finds");
    assert_eq!(anchor("### `break_glass`"), "break_glass");
    let folder = tempfile::tempdir().expect("folder");
    let page = folder.path().join("page.md");
    fs::write(&page, "[a](b.md#c) `[x](y)` [z](https://e.example)\n```\n[q](r)\n```\n![p](q.png)\n").expect("written");
    assert_eq!(targets(&page), ["b.md#c", "q.png"]);
    assert_eq!(led_to(&page, "b.md#c"), folder.path().join("b.md"));
    assert_eq!(led_to(&page, "#c"), page);
}
