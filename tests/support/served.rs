//! A server process upon a project.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::http::Client;
use super::{Project, Ran};

/// A running `onepath serve`; it is killed when the test ends.
pub struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub address: SocketAddr,
    /// Whether the process was waited for.
    ended: bool,
}

impl Served {
    /// Starts a server on a free port, and waits until it says that it listens.
    pub fn start(project: &Project, options: &str) -> Self {
        Self::start_with(project, options, |_| {})
    }

    pub fn start_with(project: &Project, options: &str, change: impl FnOnce(&mut Command)) -> Self {
        // A file takes whatever is logged; a pipe would have to be read all the while.
        let stderr = std::fs::File::create(project.path("serve.stderr")).expect("a file for the log");
        Self::start_logging(project, options, Stdio::from(stderr), change)
    }

    /// With a standard error of the test's own.
    pub fn start_with_stderr(project: &Project, options: &str, stderr: Stdio) -> Self {
        Self::start_logging(project, options, stderr, |_| {})
    }

    fn start_logging(project: &Project, options: &str, stderr: Stdio, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options.split_whitespace()).current_dir(project.dir());
        command.env_remove("ONEPATH_TOKEN");
        change(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the server prints");
        let address = line.trim_end().rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        let Some(address) = address else {
            let log = std::fs::read_to_string(project.path("serve.stderr")).unwrap_or_default();
            let _ = child.kill();
            panic!("the server does not listen: {line}{log}");
        };
        Self { child, stdout, address, ended: false }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address).expect("the server takes a connection")
    }

    /// Bytes of memory that the process has now.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("has a size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// Asks it to stop, without waiting.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the server is there to be told");
    }

    /// Kills it, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is there to be killed");
        self.child.wait().expect("the server ends");
        self.ended = true;
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(self, project: &Project) -> Ran {
        self.terminate();
        self.wait(project)
    }

    pub fn wait(mut self, project: &Project) -> Ran {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).expect("the server prints UTF-8");
        let status = self.child.wait().expect("the server ends");
        self.ended = true;
        let stderr = std::fs::read_to_string(project.path("serve.stderr")).expect("the log is there");
        Ran { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
