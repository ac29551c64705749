//! Documents name what there is: links lead to files, and ARCHITECTURE.md to files and functions of the code.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::repository;

/// The files of the repository by their paths, with `/`; what is built or hidden is left out.
fn files() -> Vec<String> {
    let (root, mut files) = (repository(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let entry = entry.expect("lists a folder");
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') || name == "target" || name == "out" {
                continue;
            }
            match entry.file_type().expect("has a type").is_dir() {
                true => folders.push(path),
                false => {
                    let path = path.strip_prefix(&root).expect("is inside");
                    files.push(path.to_string_lossy().replace('\\', "/"));
                }
            }
        }
    }
    files
}

fn text(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).expect("reads")
}

/// The targets of the links of a document, outside its blocks of code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    // Between fences, every other part is code.
    for prose in text.split("\n```").step_by(2) {
        for part in prose.split("](").skip(1) {
            links.extend(part.split(')').next());
        }
    }
    links
}

#[test]
fn links_lead_to_files() {
    let (mut wrong, mut found) = (String::new(), 0);
    let documents = files().into_iter().filter(|file| file.ends_with(".md") && !file.contains("/templates/"));
    for document in documents {
        let text = text(&document);
        for link in links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = link.split('#').next().unwrap_or_default();
            let folder = Path::new(&document).parent().expect("a file lies in a folder");
            match repository().join(folder).join(target).exists() {
                true => found += 1,
                false => writeln!(wrong, "{document}: {link}").expect("writes to a text"),
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{wrong}");
    assert!(found > 10, "links were found");
}

/// A file of code: its words, and the names that it defines.
struct Code {
    text: String,
}

impl Code {
    /// Whether `word` stands there by itself.
    fn names(&self, word: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&self.text[..at], &self.text[at + word.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
    }

    fn defines(&self, name: &str) -> bool {
        ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "mod "]
            .iter()
            .any(|keyword| self.names(&format!("{keyword}{name}")))
    }

    /// Whether `name`, such as `Server::push` or `apply::write`, may be defined there: a type must be named beside its function.
    fn has(&self, name: &str) -> bool {
        let mut segments = name.rsplit("::");
        let defined = segments.next().is_some_and(|last| self.defines(last));
        let owner = segments.next().filter(|owner| owner.starts_with(char::is_uppercase));
        defined && owner.is_none_or(|owner| self.names(owner))
    }
}

#[test]
fn the_architecture_names_files_and_functions_that_there_are() {
    let (document, files) = (text("ARCHITECTURE.md"), files());
    let is_code = |file: &&String| {
        let is_in = ["host/", "tests/"].iter().any(|folder| file.starts_with(folder));
        // What this file says by way of example is no code.
        is_in && file.ends_with(".rs") && *file != "tests/documents.rs"
    };
    let codes: Vec<Code> = files.iter().filter(is_code).map(|file| Code { text: text(file) }).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_:./-".contains(c);
    let (mut wrong, mut found) = (String::new(), 0);
    for word in document.split(|c| !is_word(c)) {
        let word = word.trim_matches(['.', ':', '-']);
        let is_file = [".rs", ".md", ".toml"].iter().any(|end| word.ends_with(end));
        let is_there = if is_file {
            files.iter().any(|file| file == word || file.ends_with(&format!("/{word}"))) || word == "onepath.toml"
        } else if word.contains("::") {
            codes.iter().any(|code| code.has(word))
        } else if word.contains('_') {
            codes.iter().any(|code| code.names(word))
        } else {
            continue;
        };
        found += 1;
        if !is_there {
            writeln!(wrong, "{word}").expect("writes to a text");
        }
    }
    assert!(wrong.is_empty(), "ARCHITECTURE.md names what is not there:\n{wrong}");
    assert!(found > 150, "names were found");
}
