//! Connections: accepted, limited, and ended gracefully.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_io_timeout::TimeoutStream;

use super::connections::{self, Connections, Place, Watched};
use super::routes::{App, router};
use super::{HttpLimits, HttpOptions, repeated, shares};
use crate::{Server, usage};

/// Bytes of a request's head; beyond, the connection ends with 431.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long work that nobody waits for may go on at the end.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// How often it is looked whether the server can go on.
const LOOK: Duration = Duration::from_millis(100);
/// Connections that may wait to be accepted; the system may allow fewer (`net.core.somaxconn`). With 128, as the standard library
/// has it, of a thousand clients that come at once many try again only after a second.
const BACKLOG: u32 = 4_096;

/// Milliseconds in which a connection in a spare place must have asked.
const SPARE_MS_MAX: u64 = 2_000;

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or is not of this machine.
    #[error("cannot listen on {address}: free the address, or choose another with --listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The process may open too few files.
    #[error(
        "this process may have {files} open files, and a server needs {needed}: raise the limit, with `ulimit -n 16384` in the shell or LimitNOFILE=16384 in its unit of systemd"
    )]
    Files {
        /// As many as it may open.
        files: usize,
        /// The fewest with which it starts.
        needed: usize,
    },
    /// More connections are wished than there can be.
    #[error(
        "--connections-max {wished} needs {needed} open files, and this process may have {files}: raise that limit (`ulimit -n {needed}`, LimitNOFILE={needed}), or take fewer connections"
    )]
    Connections {
        /// As many as are wished.
        wished: usize,
        /// As many files as it may open.
        files: usize,
        /// As many as it would need.
        needed: usize,
    },
    /// Threads or signals are not to be had.
    #[error("the server's threads cannot start")]
    Start(#[source] std::io::Error),
}

pub(super) fn serve(
    server: Arc<Server>,
    options: HttpOptions,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ListenError> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads.enable_io().enable_time().thread_name("onepath-http");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // One more than evaluate long: somebody reads, and says that the server is well.
    let reading = options.threads.unwrap_or(cores).max(1) + 1;
    threads.worker_threads(reading);
    // Requests that wait for any thread have their turn with those that wait for one of them. By default they have one turn of many, and
    // of a thousand connections some wait ten times as long as others.
    threads.global_queue_interval(2).event_interval(16);
    // Pushes, long questions and those that read from the disk work on threads of their own, each within its room: these are all.
    let limits = &options.limits;
    threads.max_blocking_threads(limits.pushes_max.max(1) + 2 * limits.long_questions());
    let runtime = threads.build().map_err(ListenError::Start)?;
    let served = runtime.block_on(accept(server, options, reading, listening));
    // Requests had their time to finish: what works on now works for nobody.
    runtime.shutdown_timeout(SHUTDOWN);
    served
}

async fn accept(
    server: Arc<Server>,
    options: HttpOptions,
    reading: usize,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ListenError> {
    let bind = |source| ListenError::Bind { address: options.listen, source };
    let (connections_max, of_client_max) = connections::most(&options.limits, usage::files_max())?;
    let listener = listen(options.listen).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let signalled = signalled(options.stop.is_alone)?;
    let ended = ended(Arc::clone(&server));
    tokio::pin!(ended, signalled);
    let connections = Connections::new(connections_max, of_client_max);
    let app = Arc::new(App::new(server, options.limits.clone(), options.token, Arc::clone(&connections), reading));
    let router = TowerToHyperService::new(router(Arc::clone(&app)));
    let graceful = GracefulShutdown::new();
    let telling = tokio::spawn(tell_repeated(Arc::clone(&app)));
    tracing::info!(%address, connections_max, "listening");
    listening(address);
    loop {
        let (stream, from) = tokio::select! {
            accepted = next(&listener, &app) => accepted,
            () = &mut signalled => break,
            () = options.stop.told.notified() => break,
            () = &mut ended => break,
        };
        let place = Arc::new(connections.place(shares::client(from.ip())));
        if place.made_room {
            app.metrics.made_room();
        }
        let served = graceful.watch(connection(&app.limits, stream, &place, router.clone()));
        tokio::spawn(async move {
            tokio::select! {
                // A client that went away is no fault of the server.
                served = served => if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = place.must_leave() => tracing::debug!(client = %from, "an idle connection made room for another"),
            }
        });
    }
    drop(listener);
    app.stop();
    tracing::info!("stopping: requests in flight are finished first");
    let drain = Duration::from_millis(options.limits.drain_ms_max);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            milliseconds = drain.as_millis(),
            "requests were still running when the time to finish was over"
        );
    }
    telling.abort();
    repeated::tell(app.repeated.more(true));
    Ok(())
}

/// Returns once the process is told to stop; never, where signals are not for the server.
fn signalled(are_ignored: bool) -> Result<impl Future<Output = ()>, ListenError> {
    let take = |kind| signal(kind).map_err(ListenError::Start);
    let taken = match are_ignored {
        true => None,
        false => Some((take(SignalKind::terminate())?, take(SignalKind::interrupt())?)),
    };
    if taken.is_some() {
        let mut hangup = take(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!("SIGHUP: serving goes on; SIGTERM or SIGINT ends it");
            }
        });
    }
    Ok(async move {
        match taken {
            Some((mut terminate, mut interrupt)) => tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            },
            None => std::future::pending().await,
        }
    })
}

/// Returns once the server cannot go on.
async fn ended(server: Arc<Server>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        if let Some(why) = server.ended() {
            tracing::error!(why, "the server cannot go on");
            return;
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Says how often what was logged a moment ago has happened since.
async fn tell_repeated(app: Arc<App>) {
    loop {
        tokio::time::sleep(repeated::PAUSE).await;
        repeated::tell(app.repeated.more(false));
    }
}

/// The next connection.
async fn next(listener: &TcpListener, app: &App) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return (stream, from);
            }
            // Out of files, or a client that gave up while it waited: the listener itself is well.
            Err(error) => {
                if app.repeated.is_new("accept", "listener") {
                    tracing::warn!(%error, "a connection was not accepted");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

type Served = hyper::server::conn::http1::Connection<TokioIo<Watched<TimeoutStream<TcpStream>>>, Requests>;

/// The requests of one connection.
struct Requests {
    router: TowerToHyperService<Router>,
    place: Arc<Place>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.place.begins();
        let peer = self.place.peer();
        request.extensions_mut().insert(peer);
        let (answered, place) = (self.router.call(request), Arc::clone(&self.place));
        Box::pin(async move {
            let mut answered = answered.await;
            if let (Some(_), Ok(answer)) = (peer.full, &mut answered) {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            place.has_answered();
            answered
        })
    }
}

fn connection(
    limits: &HttpLimits,
    stream: TcpStream,
    place: &Arc<Place>,
    router: TowerToHyperService<Router>,
) -> Served {
    let idle_ms = match place.connection.full {
        None => limits.idle_ms_max,
        Some(_) => limits.idle_ms_max.min(SPARE_MS_MAX),
    };
    // A client that reads nothing of its answer for so long is given up, and with it its place among the connections.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(Duration::from_millis(limits.write_ms_max)));
    let stream = Watched::new(stream, Arc::clone(place), Duration::from_millis(limits.head_ms_max));
    let mut connection = hyper::server::conn::http1::Builder::new();
    connection
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(idle_ms))
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    connection.serve_connection(TokioIo::new(stream), Requests { router, place: Arc::clone(place) })
}
