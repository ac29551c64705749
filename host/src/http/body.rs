//! A request's body: read within its limits, and parsed so that nothing in it is overlooked.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use serde::de::Deserialize;

use super::refusal::{Cause, Limit, Refusal};
use super::routes::App;
use super::shares::{Kind, Party, Room};
use crate::files::Fields;

/// Bytes of every body that count for nothing: however many large ones arrive, small ones are read.
const FREE_BYTES: usize = 16 << 10;

/// The whole body, if it is small enough, comes in time, and there is room for it; the room is held until the request ends.
pub(super) async fn arrive(
    app: &App,
    client: IpAddr,
    kind: Kind,
    body: Body,
) -> Result<(Bytes, Option<Room>), Refusal> {
    let milliseconds = app.limits.body_ms_max;
    match tokio::time::timeout(Duration::from_millis(milliseconds), collect(app, client, kind, body)).await {
        Ok(arrived) => arrived,
        Err(_) => {
            let message = format!("the body did not arrive within {milliseconds} milliseconds (--body-ms-max)");
            Err(Refusal::new(Cause::BodyTooSlow, message))
        }
    }
}

async fn collect(app: &App, client: IpAddr, kind: Kind, mut body: Body) -> Result<(Bytes, Option<Room>), Refusal> {
    let (mut parts, mut bytes, mut room) = (Vec::new(), 0, None::<Room>);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Refusal::new(Cause::Malformed, format!("the body did not arrive whole: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        bytes += part.len();
        if bytes > app.limits.body_bytes_max {
            let message =
                format!("the body is over the limit of {} bytes: send it in parts", app.limits.body_bytes_max);
            return Err(Refusal::new(Cause::BodyTooLarge, message));
        }
        let more = part.len().min(bytes.saturating_sub(FREE_BYTES));
        if more > 0 {
            let grown = match &mut room {
                Some(room) => room.grow(more),
                None => app.bodies.take([Party::Client(client, kind)], more).map(|taken| room = Some(taken)),
            };
            grown.map_err(|_| no_room(app))?;
        }
        parts.push(part);
    }
    Ok((if parts.len() == 1 { parts.remove(0) } else { parts.concat().into() }, room))
}

fn no_room(app: &App) -> Refusal {
    let message = format!(
        "the bodies of the requests at work take the most that they may, {} bytes in all (--bodies-bytes-max) and half of \
         what is left for one client: try again",
        app.bodies.max()
    );
    Refusal::new(Cause::Full(Limit::Bodies), message)
}

/// A body that has arrived.
pub(super) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let failed = |error| Refusal::new(Cause::Malformed, format!("the body did not arrive whole: {error}"));
    Ok(body.collect().await.map_err(failed)?.to_bytes())
}

/// `body` as the JSON of one request.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(Cause::Malformed, fault(&error)))
}

/// What serde_json found, with the byte of a body of one line.
fn fault(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        _ => format!("the body is not JSON: {error}"),
    }
}

/// The fields of a request's body, taken one by one, so that a wrong one is told by its name.
pub(super) struct Document<'a>(Fields<'a>);

impl<'a> Document<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        parse(body).map(Self)
    }

    /// A field; `None` where it is missing or null.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(at) = self.0.0.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, value) = self.0.0.swap_remove(at);
        serde_json::from_str(value.get()).map_err(|error| {
            // The place is one in the field, not in the body.
            let text = error.to_string();
            Refusal::field(&[name], text.split(" at line ").next().unwrap_or(&text))
        })
    }

    /// Refuses fields that nobody took: a misspelt option is not overlooked.
    pub(super) fn finish(self, known: &str) -> Result<(), Refusal> {
        match self.0.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Refusal::field(&[name], format!("is not a field of this request; they are: {known}")))
            }
        }
    }
}

/// `body` with what Python writes for numbers that JSON does not have: a bare `NaN`, which is how pandas marks a missing value,
/// becomes `null`, and a bare `Infinity` the text that stands for it. Without any, it is `body` itself.
pub(super) fn from_python(body: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = next_bare(body, 0) else { return Cow::Borrowed(body) };
    let mut json = Vec::with_capacity(body.len() + 16);
    let (mut copied, mut found) = (0, Some(first));
    while let Some((at, length, replacement)) = found {
        json.extend_from_slice(&body[copied..at]);
        json.extend_from_slice(replacement);
        copied = at + length;
        found = next_bare(body, copied);
    }
    json.extend_from_slice(&body[copied..]);
    Cow::Owned(json)
}

/// Place, length and replacement of the next such word outside texts; `from` lies outside one.
fn next_bare(body: &[u8], from: usize) -> Option<(usize, usize, &'static [u8])> {
    let words: [(&[u8], &[u8]); 3] =
        [(b"NaN", b"null"), (b"Infinity", b"\"Infinity\""), (b"-Infinity", b"\"-Infinity\"")];
    let mut at = from;
    while at < body.len() {
        match body[at] {
            b'"' => at = end_of_text(body, at),
            b'N' | b'I' | b'-' => {
                if let Some((word, replacement)) = words.iter().find(|(word, _)| body[at..].starts_with(word)) {
                    return Some((at, word.len(), replacement));
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// Just after the text that begins at `at`.
fn end_of_text(body: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_python_become_json_outside_texts() {
        for (body, expected) in [
            ("", ""),
            (r#"{"a": [1, NaN, -1]}"#, r#"{"a": [1, null, -1]}"#),
            ("[NaN,NaN]", "[null,null]"),
            ("[Infinity, -Infinity]", r#"["Infinity", "-Infinity"]"#),
            (r#"["NaN", "a\"NaN", NaN, "\\", NaN]"#, r#"["NaN", "a\"NaN", null, "\\", null]"#),
            (r#"["unfinished NaN"#, r#"["unfinished NaN"#),
            (r#""\"#, r#""\"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&from_python(body.as_bytes())), expected);
        }
    }
}
