//! A child process that compiles components and tries the laws on them, so that what they cost can be ended.
//!
//! An engine cannot be told to stop compiling, and the memory that compiling and calling take cannot be counted within a process
//! that does other things too. So the `onepath` command starts itself once more, by a subcommand that its help does not name. The
//! child gets its [`wire::Request`] on standard input, says on standard output what it does, line by line, and ends with what came
//! of it. Machine code goes through the folder where it is kept anyway, with its digest. `parent` watches the child: it is killed
//! where it has more resident memory or takes longer than it may, and when the parent is asked to stop. Where the parent dies, the
//! pipe of its input closes, and the child ends itself.
//!
//! It knows nothing of projects, and nobody but [`super::Gate`] starts one.

mod parent;
mod wire;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(super) use parent::Parent;

use self::wire::{Check, Message, Request, Task};
use super::{Budget, CheckOptions, Engines, Place, TrialOutput};
use crate::digest::sha256_hex;
use crate::time::Stopwatch;
use crate::wasm::{Isolation, LoadError, Repeats, Runtime};

/// The subcommand by which the command becomes a child.
pub(crate) const SUBCOMMAND: &str = "admission-child";

/// What a child does: one request from standard input, and its answer to standard output.
pub(crate) fn serve() -> ExitCode {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    say(&Message::Speaks(wire::speaks()));
    let request: Option<Request> = read.ok().and_then(|_| serde_json::from_str(&line).ok());
    let Some(request) = request.filter(|request| request.speaks == wire::speaks()) else {
        // Whoever asked is of another version and sees it by ours, or is no onepath at all.
        eprintln!("this command is for onepath itself: it compiles and tries a component apart");
        return ExitCode::from(2);
    };
    end_with_the_parent();
    say(&answer(request));
    ExitCode::SUCCESS
}

/// Ends this process when its input is closed: nobody is there any more who would end it.
fn end_with_the_parent() {
    let watch = || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(3);
    };
    // Without the thread, the parent still ends the child while it lives.
    let _ = std::thread::Builder::new().name("onepath-parent".to_owned()).spawn(watch);
}

/// Says one message; whoever does not read it is gone.
fn say(message: &Message) {
    let line = serde_json::to_string(message).unwrap_or_else(|error| {
        // Only a file that cannot be read has no words here.
        let refused = LoadError::Child { reason: error.to_string() };
        serde_json::to_string(&Message::Refused(refused)).expect("a text can be written as JSON")
    });
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(3);
    }
}

/// Does what is asked.
fn answer(request: Request) -> Message {
    let tell = |doing: &str| say(&Message::Doing(doing.to_owned()));
    let Request { name, path, digest, limits, spent_ms, cache, task, speaks: _ } = request;
    let budget = Budget::new(limits.admission_ms_max, Duration::from_millis(spent_ms), &tell);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) if sha256_hex(&bytes) == digest => bytes,
        Ok(_) => {
            let reason = format!("{} was replaced while it was read: run the command again", path.display());
            return Message::Refused(LoadError::Child { reason });
        }
        Err(error) => {
            let reason = format!("cannot read the component {}: {error}", path.display());
            return Message::Refused(LoadError::Child { reason });
        }
    };
    let done = match task {
        Task::Compile { variant } => {
            let limits = super::limits_of_calls(&limits);
            Runtime::start(variant, limits, cache, Repeats::every(0), Isolation::default())
                .and_then(|runtime| super::load(&runtime, &name, &bytes, &budget, ""))
                .map(|_| Message::Compiled)
        }
        Task::Check(check) => Engines::new(&limits, cache)
            .and_then(|engines| try_laws(&engines, &name, &bytes, *check, &budget))
            .map(|report| Message::Found(Box::new(report))),
    };
    done.unwrap_or_else(Message::Refused)
}

fn try_laws(
    engines: &Engines,
    name: &str,
    bytes: &[u8],
    check: Check,
    budget: &Budget<'_>,
) -> Result<super::Report, LoadError> {
    let watch = Stopwatch::start();
    let now = move || watch.elapsed();
    let parameters = check.parameters.map(wire::parameters_in).transpose();
    let parameters = parameters.map_err(|error| LoadError::Child { reason: error.to_string() })?;
    let output = |output: &TrialOutput| say(&Message::Wrote(output.clone()));
    let options = CheckOptions {
        seed: check.seed,
        cases: check.cases,
        sample: wire::sample_in(check.sample),
        parameters,
        has_sources: check.has_sources,
        now: check.measured.then_some(&now),
        budget,
        output: check.shown.then_some(&output),
    };
    Ok(super::Report { place: Place::Child, ..super::check(engines, name, bytes, &options)? })
}

/// One component and what is asked of it, for a child.
pub(super) struct Job<'a> {
    /// What stands for it in errors.
    pub(super) name: &'a str,
    /// Its file.
    pub(super) path: PathBuf,
    /// The SHA-256 of its bytes.
    pub(super) digest: &'a str,
    /// The time of its admission that is gone.
    pub(super) spent: Duration,
}
