//! The checksums of records that a test has changed, as `host/docs/FORMAT.md` describes them: what is then found is not found by
//! a checksum.

use std::path::Path;

use rusqlite::Connection;
use twox_hash::XxHash3_64;

/// The input of a checksum.
#[derive(Default)]
struct Input(Vec<u8>);

impl Input {
    fn number(mut self, number: i64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn text(self, text: Option<&str>) -> Self {
        let Some(text) = text else { return self.number(-1) };
        let mut input = self.number(text.len() as i64);
        input.0.extend(text.as_bytes());
        input
    }

    fn blob(self, bytes: &[u8]) -> Self {
        self.number(bytes.len() as i64).number(XxHash3_64::oneshot(bytes) as i64)
    }

    fn sum(&self) -> i64 {
        XxHash3_64::oneshot(&self.0) as i64
    }
}

fn open(path: &Path) -> Connection {
    Connection::open(path).expect("opens")
}

/// Gives every event of a log the checksum of what it now says.
pub fn seal_events(path: &Path) {
    let file = open(path);
    let sql = "SELECT position, name, entity, event_time, available_at, event_id, fields FROM events JOIN sources ON id = source";
    let mut statement = file.prepare(sql).expect("is SQL");
    let rows = statement.query_map([], |row| {
        let (position, name, entity): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (event_id, fields): (Option<String>, String) = (row.get(5)?, row.get(6)?);
        let input = Input::default().number(position).text(Some(&name)).text(Some(&entity));
        let input = input.number(row.get(3)?).number(row.get(4)?).text(event_id.as_deref()).text(Some(&fields));
        Ok((input.sum(), position))
    });
    let sums: Vec<(i64, i64)> = rows.and_then(Iterator::collect).expect("reads");
    for sum in sums {
        file.execute("UPDATE events SET checksum = ?1 WHERE position = ?2", sum).expect("writes");
    }
}

/// Gives every state of a store the checksum of what it now says.
pub fn seal_states(path: &Path) {
    let file = open(path);
    let sql = "SELECT states.rowid, name, entity, states.newest_event, newest_available_at, log_offset, bytes
               FROM states JOIN views ON id = view";
    let mut statement = file.prepare(sql).expect("is SQL");
    let rows = statement.query_map([], |row| {
        let (name, entity, bytes): (String, String, Vec<u8>) = (row.get(1)?, row.get(2)?, row.get(6)?);
        let input = Input::default().text(Some(&name)).text(Some(&entity)).number(row.get(3)?);
        Ok((input.number(row.get(4)?).number(row.get(5)?).blob(&bytes).sum(), row.get(0)?))
    });
    let sums: Vec<(i64, i64)> = rows.and_then(Iterator::collect).expect("reads");
    for sum in sums {
        file.execute("UPDATE states SET checksum = ?1 WHERE rowid = ?2", sum).expect("writes");
    }
}

/// Changes the body of every served batch, and gives batches and head the checksums of what they now say. Gives how many
/// bodies became others.
pub fn change_batches(path: &Path, change: impl Fn(&mut Vec<u8>)) -> usize {
    let file = open(path);
    let sql =
        "SELECT number, digest, first_vector, vectors, requests, first_as_of, last_as_of, last_offset, batches.body
               FROM batches JOIN plans ON id = plan ORDER BY number";
    let mut statement = file.prepare(sql).expect("is SQL");
    let mut changed = 0;
    let rows = statement.query_map([], |row| {
        let (digest, mut body): (String, Vec<u8>) = (row.get(1)?, row.get(8)?);
        let before = body.clone();
        change(&mut body);
        changed += usize::from(body != before);
        let input = Input::default().text(Some(&digest)).number(row.get(0)?);
        let input = (2..8).try_fold(input, |input, at| row.get(at).map(|number| input.number(number)))?;
        Ok((input.blob(&body).sum(), body, row.get(0)?))
    });
    let batches: Vec<(i64, Vec<u8>, i64)> = rows.and_then(Iterator::collect).expect("reads");
    for batch in &batches {
        file.execute("UPDATE batches SET checksum = ?1, body = ?2 WHERE number = ?3", (batch.0, &batch.1, batch.2))
            .expect("writes");
        file.execute("UPDATE head SET last_checksum = ?1", [batch.0]).expect("writes");
    }
    let sql = "SELECT last_batch, last_checksum, vectors, expired_batches, expired_vectors FROM head";
    let sum = file.query_row(sql, [], |row| {
        (0..5)
            .try_fold(Input::default(), |input, at| row.get(at).map(|number| input.number(number)))
            .map(|input| input.sum())
    });
    file.execute("UPDATE head SET checksum = ?1", [sum.expect("reads")]).expect("writes");
    changed
}

/// Puts other bytes of the same length in place of some, wherever they are.
pub fn replace(body: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut at = 0;
    while at + from.len() <= body.len() {
        if body[at..].starts_with(from) {
            body[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        } else {
            at += 1;
        }
    }
}
