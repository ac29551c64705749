//! Open connections: how many there may be, how many of one client, and who makes room.
//!
//! Where all places are taken, the connection that has waited longest for a request of its client makes room. If all of them are
//! working, the new one gets one of a few spare places: there it is told what is full, and asked for its health the server answers.

use std::collections::{HashMap, VecDeque};
use std::future::Future as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::{HttpLimits, ListenError};
use crate::time::Stopwatch;

/// Connections beyond the limit that are open for a moment, to be told so.
pub(super) const SPARE_MAX: usize = 32;

/// Open files without which a server does not start.
const FILES_MIN: usize = 128;

/// Files that a server opens beside its connections, where it may have so many.
const FILES_OWN: usize = 512;

/// Connections where nothing else is said and the files allow it.
const CONNECTIONS_MAX: usize = 10_000;

/// Milliseconds that a connection has to wait for its client before it makes room for another.
const WAITED_MS_MIN: u64 = 500;

/// What a connection is doing where it is not waiting.
const WORKING: u64 = u64::MAX;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    of_client_max: usize,
    started: Stopwatch,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_client: HashMap<IpAddr, Vec<Arc<Connection>>>,
    count: usize,
    spare: VecDeque<Arc<Connection>>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: IpAddr,
    /// What was full when it came, for one in a spare place.
    pub(super) full: Option<Full>,
    /// Milliseconds from the start of the server to when it began to wait for a request.
    waits_since_ms: AtomicU64,
    /// Whether an answer is there, and not yet written.
    is_answered: AtomicBool,
    /// Whether some of the next request's head has come.
    has_begun: AtomicBool,
    /// Tells it to end.
    leave: Notify,
}

/// Why a connection got no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// So many are open.
    All(usize),
    /// So many of this client are open.
    Client(usize),
}

/// Who is at the other end of a connection, beside each of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) client: IpAddr,
    /// What was full when it came.
    pub(super) full: Option<Full>,
}

impl Default for Peer {
    fn default() -> Self {
        Self { client: IpAddr::V4(Ipv4Addr::LOCALHOST), full: None }
    }
}

/// A place among the connections; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    pub(super) connection: Arc<Connection>,
    /// Whether another connection had to go.
    pub(super) made_room: bool,
}

/// How many connections there may be, and of one client, by what is wished and the files that the process may open.
pub(super) fn most(limits: &HttpLimits, files_max: Option<u64>) -> Result<(usize, usize), ListenError> {
    let files = files_max.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    if files < FILES_MIN {
        return Err(ListenError::Files { files, needed: FILES_MIN });
    }
    // Stores, their readers and the inputs of replays have files too.
    let own = (files / 2).min(FILES_OWN) + SPARE_MAX;
    let room = files - own;
    let max = match limits.connections_max {
        Some(wished) if wished > room => return Err(ListenError::Connections { wished, files, needed: wished + own }),
        Some(wished) => wished.max(1),
        None => room.min(CONNECTIONS_MAX),
    };
    let of_client = limits.client_connections_max.unwrap_or(max - max / 4);
    Ok((max, of_client.clamp(1, max)))
}

impl Connections {
    pub(super) fn new(max: usize, of_client_max: usize) -> Arc<Self> {
        let started = Stopwatch::start();
        Arc::new(Self { max: max.max(1), of_client_max: of_client_max.max(1), started, open: Mutex::default() })
    }

    /// A place for a new connection of `client`.
    pub(super) fn place(self: &Arc<Self>, client: IpAddr) -> Place {
        let mut open = self.lock();
        let of_client = open.by_client.get(&client).map_or(0, Vec::len);
        let full = match (open.count >= self.max, of_client >= self.of_client_max) {
            (_, true) => Some(Full::Client(of_client)),
            (true, false) => Some(Full::All(open.count)),
            (false, false) => None,
        };
        let made_room = full.is_some_and(|full| self.make_room(&mut open, full, client));
        let full = full.filter(|_| !made_room);
        let connection = Arc::new(Connection {
            client,
            full,
            waits_since_ms: AtomicU64::new(self.now_ms()),
            is_answered: AtomicBool::new(false),
            has_begun: AtomicBool::new(false),
            leave: Notify::new(),
        });
        match full {
            None => {
                open.by_client.entry(client).or_default().push(Arc::clone(&connection));
                open.count += 1;
            }
            Some(_) => {
                // The oldest goes: a new one is always heard.
                if open.spare.len() >= SPARE_MAX
                    && let Some(oldest) = open.spare.pop_front()
                {
                    oldest.leave.notify_one();
                }
                open.spare.push_back(Arc::clone(&connection));
            }
        }
        drop(open);
        Place { connections: Arc::clone(self), connection, made_room }
    }

    /// Ends the connection that has waited longest; of the same client, if it is that which has too many.
    fn make_room(&self, open: &mut Open, full: Full, client: IpAddr) -> bool {
        let until_ms = self.now_ms().saturating_sub(WAITED_MS_MIN);
        let waiting = |connection: &Arc<Connection>| {
            let since_ms = connection.waits_since_ms.load(Ordering::Relaxed);
            (since_ms <= until_ms).then(|| (since_ms, Arc::clone(connection)))
        };
        let oldest = match full {
            Full::Client(_) => {
                open.by_client.get(&client).into_iter().flatten().filter_map(waiting).min_by_key(|(since, _)| *since)
            }
            Full::All(_) => open.by_client.values().flatten().filter_map(waiting).min_by_key(|(since, _)| *since),
        };
        let Some((_, oldest)) = oldest else { return false };
        open.remove(&oldest);
        oldest.leave.notify_one();
        true
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        let open = self.lock();
        open.count + open.spare.len()
    }
}

impl Open {
    fn remove(&mut self, connection: &Arc<Connection>) {
        if connection.full.is_some() {
            self.spare.retain(|known| !Arc::ptr_eq(known, connection));
            return;
        }
        let Some(of_client) = self.by_client.get_mut(&connection.client) else { return };
        let Some(at) = of_client.iter().position(|known| Arc::ptr_eq(known, connection)) else { return };
        of_client.swap_remove(at);
        self.count -= 1;
        if of_client.is_empty() {
            self.by_client.remove(&connection.client);
        }
    }
}

impl Place {
    pub(super) fn peer(&self) -> Peer {
        Peer { client: self.connection.client, full: self.connection.full }
    }

    /// A request has begun.
    pub(super) fn begins(&self) {
        self.connection.is_answered.store(false, Ordering::Relaxed);
        self.connection.has_begun.store(false, Ordering::Relaxed);
        self.connection.waits_since_ms.store(WORKING, Ordering::Relaxed);
    }

    /// Its answer is there; once that is written, the connection waits again.
    pub(super) fn has_answered(&self) {
        self.connection.is_answered.store(true, Ordering::Relaxed);
    }

    /// Waits until the connection has to make room for another.
    pub(super) async fn must_leave(&self) {
        self.connection.leave.notified().await;
    }

    fn has_written(&self) {
        if self.connection.is_answered.swap(false, Ordering::Relaxed) {
            self.connection.waits_since_ms.store(self.connections.now_ms(), Ordering::Relaxed);
        }
    }

    fn is_waiting(&self) -> bool {
        self.connection.waits_since_ms.load(Ordering::Relaxed) != WORKING
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.connection);
    }
}

/// The bytes of a connection, which tell its place what it is doing and end with the time for a head.
pub(super) struct Watched<S> {
    stream: Pin<Box<S>>,
    place: Arc<Place>,
    head: Duration,
    /// Runs while a head has begun and is not whole.
    head_ends: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, place: Arc<Place>, head: Duration) -> Self {
        Self { stream: Box::pin(stream), place, head, head_ends: None }
    }
}

impl<S: AsyncRead> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(context, buffer);
        let has_begun = &self.place.connection.has_begun;
        if !has_begun.load(Ordering::Relaxed) {
            // Most heads come whole: only for those that do not there is a timer.
            if self.place.is_waiting() && buffer.filled().len() > before {
                has_begun.store(true, Ordering::Relaxed);
            }
            self.head_ends = None;
            return read;
        }
        let head = self.head;
        let ends = self.head_ends.get_or_insert_with(|| Box::pin(tokio::time::sleep(head)));
        match ends.as_mut().poll(context) {
            Poll::Ready(()) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request came too slowly")))
            }
            Poll::Pending => read,
        }
    }
}

impl<S: AsyncWrite> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream.as_mut().poll_flush(context);
        if flushed.is_ready() {
            self.place.has_written();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_open_files() {
        let most = |connections_max, client_connections_max, files| {
            super::most(&HttpLimits { connections_max, client_connections_max, ..HttpLimits::default() }, files)
                .map_err(|error| error.to_string())
        };
        assert_eq!(most(None, None, Some(20_000)), Ok((10_000, 7_500)));
        assert_eq!(most(None, None, None), Ok((10_000, 7_500)));
        assert_eq!(most(None, None, Some(1_024)), Ok((480, 360)));
        assert_eq!(most(None, None, Some(128)), Ok((32, 24)));
        assert_eq!(most(Some(100), Some(500), Some(1_024)), Ok((100, 100)));
        let error = most(None, None, Some(20)).expect_err("too few");
        assert!(error.contains("20 open files") && error.contains("ulimit -n"), "{error}");
        let error = most(Some(1_000), None, Some(1_024)).expect_err("too many");
        assert!(error.contains("--connections-max 1000") && error.contains("1544"), "{error}");
    }
}
