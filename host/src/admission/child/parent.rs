//! The parent's side of a child: starts it, watches what it takes, and ends it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use super::wire::{self, Check, Message, Request, Task};
use super::{Job, SUBCOMMAND};
use crate::admission::budget::{counted, out_of_memory, out_of_time};
use crate::admission::{CheckOptions, Report, TrialOutput};
use crate::time::Stopwatch;
use crate::usage;
use crate::wasm::{Limits, LoadError, Variant};

/// How often is looked at what the child takes.
const LOOK: Duration = Duration::from_millis(3);
/// The longest message of a child, in bytes.
const MESSAGE_BYTES_MAX: u64 = 16 << 20;
/// What is kept of what a child wrote to standard error, in bytes.
const STDERR_BYTES_MAX: usize = 4 << 10;

/// Starts children and watches them.
pub(in crate::admission) struct Parent<'a> {
    /// The `onepath` command.
    pub(in crate::admission) command: &'a Path,
    /// What it is given before the subcommand; nothing, unless it is a program that runs the command.
    pub(in crate::admission) arguments: &'a [OsString],
    /// What components may use.
    pub(in crate::admission) limits: &'a Limits,
    /// Where machine code is kept.
    pub(in crate::admission) cache: Option<&'a Path>,
    /// Set when the child is to be ended.
    pub(in crate::admission) stop: &'a AtomicBool,
}

impl Parent<'_> {
    /// Compiles a component, and gives the time that counts; machine code of one that describes itself is kept.
    pub(in crate::admission) fn compile(&self, job: Job<'_>, variant: Variant) -> Result<Duration, LoadError> {
        match self.run(&job, Task::Compile { variant }, &|_| {})? {
            (Message::Compiled, spent) => Ok(spent),
            _ => Err(unusable("its child answered something else than it was asked")),
        }
    }

    /// Tries the laws on a component.
    pub(in crate::admission) fn check(&self, job: Job<'_>, options: &CheckOptions<'_>) -> Result<Report, LoadError> {
        let check = Check {
            seed: options.seed,
            cases: options.cases,
            sample: wire::sample_out(&options.sample),
            parameters: options.parameters.as_deref().map(wire::parameters_out),
            has_sources: options.has_sources,
            measured: options.now.is_some(),
            shown: options.output.is_some(),
        };
        let wrote = |output: &TrialOutput| options.output.iter().for_each(|tell| tell(output));
        match self.run(&job, Task::Check(Box::new(check)), &wrote)? {
            (Message::Found(report), _) if report.digest == job.digest => Ok(*report),
            _ => Err(unusable("its child answered something else than it was asked")),
        }
    }

    /// One child, from its start to its end. What the component writes is told as it comes.
    fn run(&self, job: &Job<'_>, task: Task, wrote: &dyn Fn(&TrialOutput)) -> Result<(Message, Duration), LoadError> {
        let request = Request {
            speaks: wire::speaks(),
            name: job.name.to_owned(),
            path: job.path.clone(),
            digest: job.digest.to_owned(),
            limits: self.limits.clone(),
            spent_ms: u64::try_from(job.spent.as_millis()).unwrap_or(u64::MAX),
            cache: self.cache.map(Path::to_owned),
            task,
        };
        let line = serde_json::to_string(&request).map_err(|error| unusable(&error.to_string()))?;
        let mut running = Running::start(self.command, self.arguments, line + "\n")?;
        let end = Duration::from_millis(self.limits.admission_ms_max).saturating_sub(job.spent);
        let bytes_end = self.limits.admission_bytes_max / 8 * 7;
        let (watch, mut doing, mut speaks) = (Stopwatch::start(), "it was started".to_owned(), false);
        let child = running.child.id();
        let spent = || counted(watch.elapsed(), usage::cpu_time_of(child));
        let unfinished = |why: String| LoadError::Unfinished { name: job.name.to_owned(), why };
        loop {
            match running.messages.recv_timeout(LOOK) {
                Ok(Message::Doing(what)) => doing = what,
                Ok(Message::Wrote(output)) => wrote(&output),
                Ok(Message::Speaks(version)) if version == wire::speaks() => speaks = true,
                Ok(Message::Speaks(version)) => {
                    return Err(unusable(&format!(
                        "{} is {version}, and this is {}: give the command of this version",
                        self.command.display(),
                        wire::speaks()
                    )));
                }
                Ok(Message::Refused(error)) => return Err(error),
                Ok(done) => return Ok((done, spent())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if speaks => return Err(self.dead(&mut running, job, doing)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(unusable(&format!(
                        "{} is not the onepath command: {}",
                        self.command.display(),
                        running.stderr().trim_end()
                    )));
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(LoadError::Stopped);
            }
            if usage::peak_memory_bytes_of(child).is_some_and(|bytes| bytes > bytes_end) {
                return Err(unfinished(out_of_memory(self.limits.admission_bytes_max, &doing)));
            }
            if watch.elapsed() > end && spent() > end {
                return Err(unfinished(out_of_time(self.limits.admission_ms_max, &doing)));
            }
        }
    }

    /// What is said of a child that ended without an answer.
    fn dead(&self, running: &mut Running, job: &Job<'_>, doing: String) -> LoadError {
        let status = running.end();
        if self.stop.load(Ordering::Relaxed) || status.as_ref().is_some_and(was_interrupted) {
            return LoadError::Stopped;
        }
        let how = status.map_or_else(|| "an unknown cause".to_owned(), |status| status.to_string());
        LoadError::Died { name: job.name.to_owned(), how, doing, stderr: running.stderr() }
    }
}

/// A child that is dropped is ended.
struct Running {
    child: Child,
    messages: Receiver<Message>,
    errors: Receiver<Vec<u8>>,
    /// Its input stays open until this is dropped.
    _open: Sender<()>,
}

impl Running {
    fn start(command: &Path, arguments: &[OsString], request: String) -> Result<Self, LoadError> {
        let mut starting = Command::new(command);
        starting.args(arguments).arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Another program than the command itself may go by its name, as Python does to find its library.
        #[cfg(unix)]
        if arguments.is_empty() {
            std::os::unix::process::CommandExt::arg0(&mut starting, "onepath");
        }
        let mut child = starting.spawn().map_err(|error| {
            unusable(&format!("cannot start {}: {error}; give the path of the onepath command", command.display()))
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (open, closed) = channel();
        let (message, messages) = sync_channel(64);
        let (error, errors) = channel();
        let mut running = Self { child, messages, errors, _open: open };
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            running.end();
            return Err(unusable("a child without pipes"));
        };
        let begin = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            thread.map(drop).map_err(|error| unusable(&format!("cannot start a thread: {error}")))
        };
        begin("onepath-ask", Box::new(move || ask(stdin, &request, &closed)))?;
        begin(
            "onepath-hear",
            Box::new(move || {
                let mut stdout = BufReader::new(stdout);
                // What is no message is the end.
                while let Some(heard) = hear(&mut stdout) {
                    if message.send(heard).is_err() {
                        break;
                    }
                }
            }),
        )?;
        begin("onepath-errors", Box::new(move || drop(error.send(tail(stderr)))))?;
        Ok(running)
    }

    /// Ends the child, and says how it ended: by itself, where it did so before.
    fn end(&mut self) -> Option<ExitStatus> {
        let _ = self.child.kill();
        self.child.wait().ok()
    }

    /// What it wrote to standard error.
    fn stderr(&self) -> String {
        let written = self.errors.recv_timeout(LOOK * 100).unwrap_or_default();
        String::from_utf8_lossy(&written).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody is left to tell where it cannot be ended: it is then gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the request, and keeps the input open until the other end of `closed` is gone.
fn ask(mut stdin: ChildStdin, request: &str, closed: &Receiver<()>) {
    if stdin.write_all(request.as_bytes()).and_then(|()| stdin.flush()).is_ok() {
        let _ = closed.recv();
    }
}

/// The next message.
fn hear(stdout: &mut impl BufRead) -> Option<Message> {
    let mut line = Vec::new();
    stdout.take(MESSAGE_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

/// The end of what is written.
fn tail(mut stderr: impl Read) -> Vec<u8> {
    let (mut kept, mut part) = (Vec::new(), [0; 1024]);
    while let Ok(length @ 1..) = stderr.read(&mut part) {
        kept.extend_from_slice(&part[..length]);
        let over = kept.len().saturating_sub(STDERR_BYTES_MAX);
        kept.drain(..over);
    }
    kept
}

/// Whether somebody wanted all of it to end, as by Ctrl-C, which reaches the parent and its children.
fn was_interrupted(status: &ExitStatus) -> bool {
    #[cfg(unix)]
    return matches!(std::os::unix::process::ExitStatusExt::signal(status), Some(libc::SIGINT | libc::SIGTERM));
    #[cfg(not(unix))]
    return false;
}

fn unusable(reason: &str) -> LoadError {
    LoadError::Child { reason: reason.to_owned() }
}
