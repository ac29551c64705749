//! A new project on disk: whole, or not at all.

use std::io;
use std::path::{Path, PathBuf};

use super::{File, Template};

/// A project that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// Something lies there already.
    #[error("{path} is not empty: name a folder that does not exist yet, or an empty one")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file lies there.
    #[error("{path} is a file: name a folder that does not exist yet")]
    IsFile {
        /// The file.
        path: PathBuf,
    },
    /// The project has no name.
    #[error("{path} gives the project no name: its last part needs a letter or a digit")]
    NoName {
        /// The folder.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes the project `dir` from a template and gives its files. `dir` must not exist, or be an empty folder.
///
/// The files are written beside it first, and take their place when all are there.
pub fn write_project(dir: &Path, template: Template) -> Result<Vec<File>, ScaffoldError> {
    let absolute = std::path::absolute(dir).map_err(|source| ScaffoldError::Write { path: dir.to_owned(), source })?;
    check_empty(&absolute)?;
    let files = template.files(&project_name(&absolute)?);
    write_files(dir, &files)?;
    Ok(files)
}

/// Makes the folder `dir` with these files. `dir` must not exist, or be an empty folder.
///
/// The files are written beside it first, and take their place when all are there.
pub fn write_files(dir: &Path, files: &[File]) -> Result<(), ScaffoldError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| ScaffoldError::Write { path, source }
    };
    let dir = &std::path::absolute(dir).map_err(wrong(dir))?;
    let exists = check_empty(dir)?;
    let parent = dir.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(wrong(parent))?;
    let temporary = tempfile::Builder::new().prefix(".onepath-new-").tempdir_in(parent).map_err(wrong(parent))?;
    // A folder within, because a temporary one is closed to all others, and the project should not be.
    let made = temporary.path().join("project");
    for file in files {
        let path = made.join(&file.path);
        let folder = path.parent().unwrap_or(&made);
        std::fs::create_dir_all(folder).map_err(wrong(folder))?;
        std::fs::write(&path, &file.text).map_err(wrong(&path))?;
    }
    match exists {
        false => std::fs::rename(&made, dir).map_err(wrong(dir))?,
        true => move_into(&made, dir).map_err(wrong(dir))?,
    }
    Ok(())
}

/// Whether `dir` exists, as an empty folder; refused where anything lies there.
pub fn check_empty(dir: &Path) -> Result<bool, ScaffoldError> {
    let path = dir.to_owned();
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(true),
        Ok(false) => Err(ScaffoldError::NotEmpty { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(_) if dir.is_file() => Err(ScaffoldError::IsFile { path }),
        Err(source) => Err(ScaffoldError::Write { path, source }),
    }
}

/// Moves what lies in `made` into the empty folder `dir`, which stays the folder that it is: someone may stand in it.
fn move_into(made: &Path, dir: &Path) -> io::Result<()> {
    let mut moved: Vec<PathBuf> = Vec::new();
    let mut step = || {
        for entry in std::fs::read_dir(made)? {
            let entry = entry?;
            let place = dir.join(entry.file_name());
            std::fs::rename(entry.path(), &place)?;
            moved.push(place);
        }
        Ok(())
    };
    let result = step();
    if result.is_err() {
        for (place, name) in moved.iter().filter_map(|place| Some((place, place.file_name()?))) {
            // Back to where it is cleared away. Of two errors the first is the one to tell.
            let _ = std::fs::rename(place, made.join(name));
        }
    }
    result
}

/// The project's name, from that of its folder: what a name cannot hold becomes `-`.
fn project_name(dir: &Path) -> Result<String, ScaffoldError> {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy();
    let name: String = folder.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    match name.chars().next() {
        None => Err(ScaffoldError::NoName { path: dir.to_owned() }),
        Some(first) if first.is_ascii_digit() => Ok(format!("p{name}")),
        Some(_) => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_the_project_its_name() {
        for (folder, expected) in
            [("churn", "churn"), ("/a/my features", "my-features"), ("2024_q1", "p2024_q1"), (".hidden", "hidden")]
        {
            assert_eq!(project_name(Path::new(folder)).expect("has a name"), expected, "{folder}");
        }
        assert!(matches!(project_name(Path::new("/a/--")), Err(ScaffoldError::NoName { .. })));
        assert!(matches!(project_name(Path::new("/")), Err(ScaffoldError::NoName { .. })));
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let full = dir.path().join("full");
        std::fs::create_dir(&full).expect("makes a folder");
        std::fs::write(full.join("mine"), "mine").expect("writes");
        for (path, expected) in [
            (full.clone(), "is not empty: name a folder that does not exist yet, or an empty one"),
            (full.join("mine"), "is a file: name a folder that does not exist yet"),
        ] {
            let refused = write_project(&path, Template::Churn).expect_err("refuses").to_string();
            assert!(refused.ends_with(expected), "{refused}");
        }
        let names = |path: &Path| -> Vec<_> {
            std::fs::read_dir(path).expect("lists").map(|entry| entry.expect("lists").file_name()).collect()
        };
        assert_eq!(names(dir.path()), ["full"], "nothing was left beside it");
        assert_eq!(names(&full), ["mine"]);
    }

    #[test]
    fn an_empty_folder_and_one_that_is_missing_hold_the_same_project() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (empty, missing) = (dir.path().join("empty/project"), dir.path().join("missing/project"));
        std::fs::create_dir_all(&empty).expect("makes a folder");
        for path in [&empty, &missing] {
            for file in write_project(path, Template::Fraud).expect("writes a project") {
                assert_eq!(std::fs::read_to_string(path.join(&file.path)).expect("reads"), file.text);
            }
            let beside = std::fs::read_dir(path.parent().expect("has a parent")).expect("lists").count();
            assert_eq!(beside, 1, "the temporary folder is gone");
        }
    }
}
