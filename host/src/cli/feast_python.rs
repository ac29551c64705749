//! The user's Python, which has Feast: it runs the reader of a Feast repository.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::feast::{READER, Repository};

/// Which Python.
#[derive(clap::Args)]
pub(super) struct PythonArgument {
    /// The Python that has Feast [default: the first python3 on the PATH, as in an active environment].
    #[arg(long, value_name = "PATH", default_value = "python3", hide_default_value = true)]
    python: PathBuf,
}

/// A repository that Feast has loaded, and may be asked about.
pub(super) struct FeastPython {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    python: PathBuf,
    repository: PathBuf,
    /// The program that Python runs, for as long as it does.
    _reader: NamedTempFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said<T> {
    Answer(T),
    Problem(String),
}

impl FeastPython {
    /// Starts Python for the repository in `folder`, or in the folder `feature_repo` there.
    pub fn start(argument: &PythonArgument, folder: &Path) -> anyhow::Result<Self> {
        let has_settings = |folder: &Path| folder.join("feature_store.yaml").is_file();
        let inner = folder.join("feature_repo");
        let folder = if !has_settings(folder) && has_settings(&inner) { &inner } else { folder };
        if !has_settings(folder) {
            bail!("{} has no feature_store.yaml: name the folder of a Feast repository", folder.display());
        }
        let repository = std::path::absolute(folder)?;
        // A path is the caller's, though the reader works in the repository.
        let python = match argument.python.components().count() {
            1 => argument.python.clone(),
            _ => std::path::absolute(&argument.python)?,
        };
        let mut reader = tempfile::Builder::new().prefix("onepath-reader-").suffix(".py").tempfile()?;
        reader.write_all(READER.as_bytes())?;
        let mut command = Command::new(&python);
        command.args(["-W", "ignore"]).arg(reader.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| {
            format!("cannot run {}: name the Python that has Feast, --python PATH", python.display())
        })?;
        let (questions, answers) = (child.stdin.take(), child.stdout.take().context("Python has no standard output")?);
        Ok(Self { child, questions, answers: BufReader::new(answers), python, repository, _reader: reader })
    }

    /// What the repository holds.
    pub fn read(&mut self) -> anyhow::Result<Repository> {
        self.ask("read", json!({}))
    }

    /// Asks one question.
    pub fn ask<T: DeserializeOwned>(&mut self, what: &str, mut question: serde_json::Value) -> anyhow::Result<T> {
        question["ask"] = json!(what);
        question["repository"] = json!(self.repository);
        let questions = self.questions.as_mut().context("Python has ended")?;
        let mut line = String::new();
        // A process that ended says on standard error why; what it reads no more is no better message.
        let asked = writeln!(questions, "{question}").and_then(|()| questions.flush());
        let read = self.answers.read_line(&mut line)?;
        if read == 0 || asked.is_err() {
            bail!("{} ended without an answer about {}", self.python.display(), self.repository.display());
        }
        match serde_json::from_str(&line).with_context(|| format!("Feast's answer to {what:?} is not as expected"))? {
            Said::Answer(answer) => Ok(answer),
            Said::Problem(problem) => {
                let help = match problem.starts_with("ModuleNotFoundError: No module named 'feast'") {
                    true => {
                        format!("; {} has no Feast: name the Python that has it, --python PATH", self.python.display())
                    }
                    false => String::new(),
                };
                bail!("Feast fails with {}: {problem}{help}", self.repository.display())
            }
        }
    }
}

impl Drop for FeastPython {
    fn drop(&mut self) {
        // At the end of its questions it ends by itself.
        self.questions = None;
        let _ = self.child.wait();
    }
}
