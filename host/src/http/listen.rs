//! Connections: accepted, limited, and ended gracefully.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::routes::{App, router};
use super::{HttpLimits, HttpOptions};
use crate::Server;

/// Bytes of a request's head; beyond, the connection ends with 431.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long work that nobody waits for may go on at the end.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// How often it is looked whether the server can go on.
const LOOK: Duration = Duration::from_millis(100);

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
    // Pushes, slow questions and what reads from the disk work on threads of their own, each within its room: these are all of them.
    threads.max_blocking_threads(2 * options.limits.requests_max.max(2));
    if let Some(count) = options.threads {
        threads.worker_threads(count.max(1));
    }
    let runtime = threads.build().map_err(ListenError::Start)?;
    let served = runtime.block_on(accept(server, options, listening));
    // Requests had their time to finish: what works on now works for nobody.
    runtime.shutdown_timeout(SHUTDOWN);
    served
}

async fn accept(
    server: Arc<Server>,
    options: HttpOptions,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ListenError> {
    let bind = |source| ListenError::Bind { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ListenError::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ListenError::Start)?;
    let ended = ended(Arc::clone(&server));
    tokio::pin!(ended);
    let mut hangup = signal(SignalKind::hangup()).map_err(ListenError::Start)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: serving goes on; SIGTERM or SIGINT ends it");
        }
    });
    let app = Arc::new(App::new(server, options.limits.clone(), options.token));
    let router = router(Arc::clone(&app));
    let connections = Arc::new(Semaphore::new(options.limits.connections_max.max(1)));
    let graceful = GracefulShutdown::new();
    let patience = Duration::from_millis(options.limits.write_ms_max);
    tracing::info!(%address, "listening");
    listening(address);
    loop {
        let (stream, permit) = tokio::select! {
            accepted = next(&listener, &connections) => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = options.stop.0.notified() => break,
            () = &mut ended => break,
        };
        // A client that reads nothing of its answer for so long is given up, and with it its place among the connections.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience));
        let served = connection(&options.limits)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router.clone()));
        let served = graceful.watch(served);
        tokio::spawn(async move {
            // A client that went away is no fault of the server.
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
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
    Ok(())
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

/// The next connection, once there is room for one more.
async fn next(listener: &TcpListener, connections: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = Arc::clone(connections).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return (stream, permit);
            }
            // Out of files, or a client that gave up while it waited: the listener itself is well.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn connection(limits: &HttpLimits) -> hyper::server::conn::http1::Builder {
    let mut connection = hyper::server::conn::http1::Builder::new();
    connection
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.head_ms_max))
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    connection
}
