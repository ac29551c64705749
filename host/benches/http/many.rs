//! Many connections from one thread: all are opened at once, and each sends the same request as soon as the last one was answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

/// What one connection saw.
#[derive(Default)]
struct Seen {
    /// Microseconds until it was open.
    opened_us: f64,
    /// Microseconds of each answer.
    micros: Vec<f64>,
    /// Answers by status; 0 for connections that ended.
    statuses: BTreeMap<u16, u64>,
}

/// Sends `request` over `connections` for some seconds, and prints what the answers took and their statuses.
pub fn measure(name: &str, address: SocketAddr, connections: usize, seconds: u64, request: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (seen, took) = runtime.block_on(async {
        let started = Instant::now();
        let until = started + Duration::from_secs(seconds);
        let tasks: Vec<_> =
            (0..connections).map(|_| tokio::spawn(connection(address, request.to_vec(), until))).collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap());
        }
        (seen, started.elapsed())
    });
    let mut statuses = BTreeMap::<u16, u64>::new();
    seen.iter()
        .flat_map(|seen| &seen.statuses)
        .for_each(|(status, count)| *statuses.entry(*status).or_default() += count);
    let mut opened: Vec<f64> = seen.iter().map(|seen| seen.opened_us).collect();
    let mut micros: Vec<f64> = seen.into_iter().flat_map(|seen| seen.micros).collect();
    micros.sort_by(f64::total_cmp);
    opened.sort_by(f64::total_cmp);
    let at = |sorted: &[f64], share: f64| {
        sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).map_or(0.0, |us| us / 1e3)
    };
    println!(
        "{name} {connections} connections: {:.0} requests/s, p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms; opened p50 {:.1} ms, max {:.1} ms; by status {statuses:?}",
        micros.len() as f64 / took.as_secs_f64(),
        at(&micros, 0.5),
        at(&micros, 0.99),
        at(&micros, 0.999),
        at(&micros, 1.0),
        at(&opened, 0.5),
        at(&opened, 1.0),
    );
}

async fn connection(address: SocketAddr, request: Vec<u8>, until: Instant) -> Seen {
    let mut seen = Seen::default();
    let started = Instant::now();
    let Ok(stream) = TcpStream::connect(address).await else {
        seen.statuses.insert(0, 1);
        return seen;
    };
    seen.opened_us = started.elapsed().as_secs_f64() * 1e6;
    stream.set_nodelay(true).unwrap();
    let mut reply = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        match exchange(&stream, &request, &mut reply).await {
            Some(status) => {
                seen.micros.push(started.elapsed().as_secs_f64() * 1e6);
                *seen.statuses.entry(status).or_default() += 1;
            }
            None => {
                *seen.statuses.entry(0).or_default() += 1;
                return seen;
            }
        }
    }
    seen
}

/// The status of one answer, once it is whole.
async fn exchange(stream: &TcpStream, request: &[u8], reply: &mut Vec<u8>) -> Option<u16> {
    let (mut rest, mut chunk) = (request, [0; 16 << 10]);
    while !rest.is_empty() {
        stream.writable().await.ok()?;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    reply.clear();
    loop {
        stream.readable().await.ok()?;
        match stream.try_read(&mut chunk) {
            Ok(0) => return None,
            Ok(read) => reply.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
        }
        let Some(end) = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&reply[..end]).ok()?.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Some(0), |length| length.parse().ok())?;
        if reply.len() >= end + 4 + length {
            return head.split(' ').nth(1)?.parse().ok();
        }
    }
}
