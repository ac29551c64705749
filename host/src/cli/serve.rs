//! `onepath serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::{Context, output, unmaterialized};
use crate::feature_store::OpenOptions;
use crate::http::{self, HttpLimits, HttpOptions, StopHandle, Token};
use crate::{Server, ServerOptions};

/// The exit code where a thread, a store or the disk has failed: start the server again.
const FAILED: u8 = 3;

/// Answer questions and take events over HTTP, until SIGTERM or SIGINT; a terminal that closes (SIGHUP) ends nothing.
///
/// Feast's feature-server routes (POST /get-online-features, /push), a typed API under /v1, /health, /ready, /metrics, and
/// /openapi.json, which describes them all. The server speaks plain HTTP and listens on this machine alone unless --listen says
/// otherwise; give it a token and put a TLS terminator (Caddy, nginx, a service mesh) in front before others reach it.
///
/// It ends with 0 when it was told to stop, and with 3 when it cannot go on or its disk does not answer: start it again then.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath serve
  onepath serve --pin training.parquet.manifest.json
  onepath serve --listen 0.0.0.0:6566 --token-file /run/secrets/onepath
  curl localhost:6566/get-online-features -d '{\"feature_service\": \"churn_v1\", \"entities\": {\"customer_id\": [\"c1\"]}}'")]
pub(super) struct Serve {
    /// Where to listen; port 0 takes a free one, and the first line of output says which.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6566")]
    listen: SocketAddr,
    /// Refuse to start where what would run differs from what made this training set (its .manifest.json; with the Python
    /// package's command also runs:/RUN_ID or models:/NAME@ALIAS of MLflow).
    #[arg(long, value_name = "MANIFEST", value_parser = parse_pin)]
    pin: Option<PathBuf>,
    /// A file with the bearer token that requests must bring [default: the variable ONEPATH_TOKEN, or no token].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Answer although sources have files of which nothing was materialized: from what is pushed alone.
    #[arg(long)]
    allow_unmaterialized: bool,
    /// Threads that read, evaluate and answer [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// What is logged to standard error: refused requests and what the server does, or (debug) every request.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LogLevel,
    /// How it is logged.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    connections: ConnectionLimits,
}

/// What requests may take.
#[derive(Args)]
#[command(next_help_heading = "Limits of requests")]
struct Limits {
    /// Bytes of a request's body; beyond, 413.
    #[arg(long, value_name = "BYTES", default_value_t = HttpLimits::default().body_bytes_max)]
    body_bytes_max: usize,
    /// Entities of one request; beyond, 422.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().entities_max)]
    entities_max: usize,
    /// Events of one push; beyond, 422.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().events_max)]
    events_max: usize,
    /// Requests that are worked on at once; beyond, 503. Questions, pushes and clients share it: one alone gets half.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().requests_max)]
    requests_max: usize,
    /// Of these, those of one client address; beyond, 429.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().client_requests_max)]
    client_requests_max: usize,
    /// Questions of one view that wait or are evaluated, where they take more than 2 milliseconds or are the first; beyond, 503.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().view_requests_max)]
    view_requests_max: usize,
    /// Threads for such questions; one view gets half of them, and others wait [default: 8 per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    long_questions_max: Option<u16>,
    /// Pushes that are read and written at once; one client gets half, and others wait.
    #[arg(long, value_name = "N", default_value_t = HttpLimits::default().pushes_max)]
    pushes_max: usize,
    /// Bytes of the bodies of all requests at once, beyond 16 KiB each; one client gets half; beyond, 503.
    #[arg(long, value_name = "BYTES", default_value_t = HttpLimits::default().bodies_bytes_max)]
    bodies_bytes_max: usize,
    /// Milliseconds for a body to arrive; beyond, 408.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().body_ms_max)]
    body_ms_max: u64,
    /// Milliseconds for a question to be answered; beyond, 503.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().request_ms_max)]
    request_ms_max: u64,
    /// Bytes of states kept in memory; the others are read from the online store.
    #[arg(long, value_name = "BYTES", default_value_t = ServerOptions::default().cache_bytes_max)]
    cache_bytes_max: usize,
    /// Pushes that may wait to be written; beyond, 503.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().waiting_pushes_max)]
    waiting_pushes_max: usize,
    /// Questions about a past that states cannot answer which are replayed at once, by threads that give way to all others.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().replays_max)]
    replays_max: usize,
    /// Such questions that may wait for their turn; beyond, 503.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().waiting_replays_max)]
    waiting_replays_max: usize,
    /// Milliseconds for such a question to be answered, with its time in the queue (503); --request-ms-max holds too.
    #[arg(long, value_name = "MS", default_value_t = ServerOptions::default().replay_ms_max)]
    replay_ms_max: u64,
    /// Served vectors that may wait to be recorded; beyond, they are dropped and counted.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().waiting_vectors_max)]
    waiting_vectors_max: usize,
    /// Bytes of served vectors that may wait to be recorded; beyond, they are dropped and counted.
    #[arg(long, value_name = "BYTES", default_value_t = ServerOptions::default().waiting_vectors_bytes_max)]
    waiting_vectors_bytes_max: usize,
    /// Milliseconds that an answer may be behind now, which it is while the disk of the event log does not answer; beyond, 503.
    #[arg(long, value_name = "MS", default_value_t = ServerOptions::default().staleness_ms_max)]
    staleness_ms_max: u64,
    /// Milliseconds that a question waits for a push that is being written, or for its as-of to be reserved; beyond, 503.
    #[arg(long, value_name = "MS", default_value_t = ServerOptions::default().wait_ms_max)]
    wait_ms_max: u64,
    /// Milliseconds for a push to be on disk; beyond, 503, and it may yet be taken.
    #[arg(long, value_name = "MS", default_value_t = ServerOptions::default().push_ms_max)]
    push_ms_max: u64,
    /// Milliseconds for all that was taken to be written when the server ends; beyond, it ends with 3.
    #[arg(long, value_name = "MS", default_value_t = ServerOptions::default().close_ms_max)]
    close_ms_max: u64,
    /// Milliseconds for the requests in flight to finish when the server is told to stop.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().drain_ms_max)]
    drain_ms_max: u64,
}

/// What connections may take.
#[derive(Args)]
#[command(next_help_heading = "Limits of connections")]
struct ConnectionLimits {
    /// Open connections; beyond, the one that is idle longest ends, or the new one gets 503 [default: 10000, or as many as
    /// `ulimit -n` leaves room for].
    #[arg(long, value_name = "N")]
    connections_max: Option<usize>,
    /// Of these, those of one client address; beyond, the same, or 429 [default: three quarters of them].
    #[arg(long, value_name = "N")]
    client_connections_max: Option<usize>,
    /// Milliseconds for the head of a request to arrive, from its first byte; beyond, its connection ends.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().head_ms_max)]
    head_ms_max: u64,
    /// Milliseconds for a connection to be idle; beyond, it ends.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().idle_ms_max)]
    idle_ms_max: u64,
    /// Milliseconds in which a client must read something of its answer; beyond, its connection ends.
    #[arg(long, value_name = "MS", default_value_t = HttpLimits::default().write_ms_max)]
    write_ms_max: u64,
}

impl Serve {
    fn http_limits(&self) -> HttpLimits {
        let (requests, connections) = (&self.limits, &self.connections);
        HttpLimits {
            body_bytes_max: requests.body_bytes_max,
            entities_max: requests.entities_max,
            events_max: requests.events_max,
            requests_max: requests.requests_max,
            client_requests_max: requests.client_requests_max,
            view_requests_max: requests.view_requests_max,
            long_questions_max: requests.long_questions_max.map(usize::from),
            pushes_max: requests.pushes_max,
            bodies_bytes_max: requests.bodies_bytes_max,
            body_ms_max: requests.body_ms_max,
            request_ms_max: requests.request_ms_max,
            drain_ms_max: requests.drain_ms_max,
            connections_max: connections.connections_max,
            client_connections_max: connections.client_connections_max,
            head_ms_max: connections.head_ms_max,
            idle_ms_max: connections.idle_ms_max,
            write_ms_max: connections.write_ms_max,
        }
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// A line of words.
    Text,
    /// A JSON object a line.
    Json,
}

pub(super) fn run(context: &Context, command: &Serve) -> anyhow::Result<ExitCode> {
    start_log(command);
    stay_on_hangup();
    let token = token(command)?;
    let limits = command.http_limits();
    // Before anything is opened: what is opened without files ends elsewhere.
    http::open_files(&limits)?;
    let options = ServerOptions {
        open: context.options(OpenOptions::default()),
        pin: command.pin.clone(),
        unmaterialized: unmaterialized(command.allow_unmaterialized),
        cache_bytes_max: command.limits.cache_bytes_max,
        waiting_pushes_max: command.limits.waiting_pushes_max,
        replays_max: command.limits.replays_max,
        waiting_replays_max: command.limits.waiting_replays_max,
        replay_ms_max: command.limits.replay_ms_max,
        waiting_vectors_max: command.limits.waiting_vectors_max,
        waiting_vectors_bytes_max: command.limits.waiting_vectors_bytes_max,
        staleness_ms_max: command.limits.staleness_ms_max,
        wait_ms_max: command.limits.wait_ms_max,
        push_ms_max: command.limits.push_ms_max,
        close_ms_max: command.limits.close_ms_max,
        ..ServerOptions::default()
    };
    let server = Arc::new(Server::open(&context.project, options)?);
    for warning in server.status().warnings {
        tracing::warn!("{warning}");
    }
    let project = server.project().name.clone();
    let options = HttpOptions {
        listen: command.listen,
        token,
        threads: command.threads.map(usize::from),
        stop: StopHandle::default(),
        limits,
    };
    let listening = |address| output::line(&format!("{project}: listening on http://{address}"));
    http::serve(Arc::clone(&server), options, listening)?;
    match end(server) {
        Ok(()) => {
            output::line("stopped: requests in flight were answered, and all that was served is recorded");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::error(&error);
            Ok(ExitCode::from(FAILED))
        }
    }
}

/// Closes the server; an error says what keeps it from going on, or from ending as it should.
fn end(server: Arc<Server>) -> anyhow::Result<()> {
    let ended = server.ended();
    let closed = match Arc::try_unwrap(server) {
        Ok(server) => server.close().map_err(anyhow::Error::from),
        Err(server) => {
            server.flush();
            Err(anyhow::anyhow!(
                "a request did not end within --drain-ms-max; what it pushed is in the log if it was acknowledged"
            ))
        }
    };
    match ended {
        Some(why) => {
            Err(anyhow::anyhow!("the server cannot go on: {why}; start it again, and it goes on where its log ends"))
        }
        None => closed,
    }
}

/// The token of the file, or of the environment; none where there is neither.
fn token(command: &Serve) -> anyhow::Result<Option<Token>> {
    let text = match &command.token_file {
        Some(path) => {
            Some(std::fs::read_to_string(path).with_context(|| format!("cannot read the token {}", path.display()))?)
        }
        None => std::env::var("ONEPATH_TOKEN").ok(),
    };
    match text.as_deref().map(str::trim) {
        Some("") => anyhow::bail!("the token is empty: write one, or leave out --token-file and ONEPATH_TOKEN"),
        Some(text) => Ok(Some(Token::new(text))),
        None => Ok(None),
    }
}

/// From now on a terminal that closes ends nothing; the server logs it once it listens.
fn stay_on_hangup() {
    // Where the signal cannot be taken, it ends this process as it does any other.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default());
}

/// A manifest is a file; what MLflow has is read by the Python package before it calls this command.
fn parse_pin(text: &str) -> Result<PathBuf, String> {
    if text.starts_with("runs:/") || text.starts_with("models:/") {
        return Err("MLflow is read by the command of the Python package: run it after `pip install 'onepath[mlflow]'`, or download the \
                    manifest (`mlflow artifacts download -r RUN_ID -a onepath/training.manifest.json`) and name the file"
            .to_owned());
    }
    Ok(PathBuf::from(text))
}

fn start_log(command: &Serve) {
    let level = match command.log {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A standard error that is gone, with the terminal it was, is no reason to end.
    let log = log.log_internal_errors(false);
    match command.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::batch::{Column, Values};
    use crate::events::PushedEvents;
    use crate::time::Clock;

    #[test]
    fn a_run_of_mlflow_is_for_the_python_package() {
        for reference in ["runs:/1", "models:/churn@champion"] {
            let told = parse_pin(reference).expect_err("is no file");
            assert!(told.contains("pip install 'onepath[mlflow]'"), "{told}");
        }
        assert_eq!(parse_pin("runs/1.manifest.json"), Ok(PathBuf::from("runs/1.manifest.json")));
    }

    /// A clock that fails whoever asks it next, when it is told to.
    struct FailingClock(AtomicBool);

    impl Clock for FailingClock {
        fn now(&self) -> i64 {
            assert!(!self.0.swap(false, Ordering::SeqCst), "the clock was told to fail");
            1_000_000
        }
    }

    #[test]
    fn a_server_whose_writer_panics_ends_and_says_why() {
        let project = tempfile::tempdir().expect("a folder");
        let toml = "[project]\nname = \"p\"\n[entities.user]\nkeys = { id = \"int64\" }\n[sources.events]\nentity = \"user\"\n\
                    event_time = \"at\"\n";
        std::fs::write(project.path().join("onepath.toml"), toml).expect("writes");
        let clock = Arc::new(FailingClock(false.into()));
        let open = OpenOptions { clock: Arc::clone(&clock) as _, ..OpenOptions::default() };
        let server = Server::open(project.path(), ServerOptions { open, ..ServerOptions::default() }).expect("opens");
        let server = Arc::new(server);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (limits, stop) = (HttpLimits::default(), StopHandle::default());
        let options = HttpOptions { listen, token: None, threads: Some(1), limits, stop };
        // Nobody tells it to stop.
        http::serve(Arc::clone(&server), options, |_| {
            clock.0.store(true, Ordering::SeqCst);
            let at = Column::from_parts(Values::Times(vec![1]), None);
            let columns = vec![("id".to_owned(), Column::from([1_i64])), ("at".to_owned(), at)];
            let schema = server.event_schema("events").expect("is a source");
            let event = PushedEvents::from_columns(&schema, columns).expect("fits");
            server.push("events", event).expect_err("the writer fails");
        })
        .expect("serves");
        let error = end(server).expect_err("cannot go on").to_string();
        let expected = "the server cannot go on: the thread onepath-writer has panicked: the clock was told to fail; start it \
                        again, and it goes on where its log ends";
        assert_eq!(error, expected);
    }
}
