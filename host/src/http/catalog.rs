//! What there is, over HTTP: features, views, services, sources, entities and training sets, and their lineage. The answers are those of
//! `onepath list`, `describe` and `lineage` with `--format json`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::ask::{PLANNING, parties, work};
use super::refusal::Refusal;
use super::routes::{self, App};
use crate::ServerError;
use crate::feature_store::{Filter, Kind};

/// The dialect of refusals.
const DIALECT: &str = "/v1";

/// `GET /v1/features`
pub(super) async fn features(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::Features, query).await
}

/// `GET /v1/views`
pub(super) async fn views(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::Views, query).await
}

/// `GET /v1/services`
pub(super) async fn services(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::Services, query).await
}

/// `GET /v1/sources`
pub(super) async fn sources(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::Sources, query).await
}

/// `GET /v1/entities`
pub(super) async fn entities(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::Entities, query).await
}

/// `GET /v1/training-sets`
pub(super) async fn training_sets(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    list(&app, Kind::TrainingSets, query).await
}

/// `GET /v1/features/{feature}`
pub(super) async fn feature(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "feature", name).await
}

/// `GET /v1/views/{view}`
pub(super) async fn view(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "view", name).await
}

/// `GET /v1/services/{service}`
pub(super) async fn service(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "service", name).await
}

/// `GET /v1/sources/{source}`
pub(super) async fn source(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "source", name).await
}

/// `GET /v1/entities/{entity}`
pub(super) async fn entity(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "entity", name).await
}

/// `GET /v1/training-sets/{path}`, of whose path slashes are written `%2F`.
pub(super) async fn training_set(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    describe(&app, "training-set", name).await
}

/// `GET /v1/lineage/{name}`, with `?format=dot` as a graph of Graphviz.
pub(super) async fn lineage(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let dot = match parameters(query.as_deref()).as_deref() {
        Ok([]) => false,
        Ok([(name, format)]) if name == "format" && ["json", "dot"].contains(&format.as_str()) => format == "dot",
        Ok(_) => return Refusal::field(&["format"], "is the only parameter: json or dot").answer(DIALECT),
        Err(why) => return Refusal::field(&["query"], why).answer(DIALECT),
    };
    let lineage = looked_up(&app, move |app| {
        let lineage = app.server.catalog().lineage(&name).map_err(ServerError::from)?;
        Ok(if dot { lineage.to_dot() } else { text(&lineage) })
    });
    match lineage.await {
        Ok(lineage) if dot => ([(header::CONTENT_TYPE, "text/vnd.graphviz")], lineage).into_response(),
        Ok(lineage) => routes::json(lineage),
        Err(refusal) => refusal.answer(DIALECT),
    }
}

async fn list(app: &Arc<App>, kind: Kind, query: Option<String>) -> Response {
    let filter = match filter(query.as_deref()) {
        Ok(filter) => filter,
        Err(refusal) => return refusal.answer(DIALECT),
    };
    let listed =
        looked_up(app, move |app| Ok(text(&app.server.catalog().list(kind, &filter).map_err(ServerError::from)?)));
    listed.await.map_or_else(|refusal| refusal.answer(DIALECT), routes::json)
}

async fn describe(app: &Arc<App>, kind: &'static str, name: String) -> Response {
    let described = looked_up(app, move |app| Ok(text(&app.server.describe(kind, &name)?)));
    described.await.map_or_else(|refusal| refusal.answer(DIALECT), routes::json)
}

/// Looks something up on a thread that may wait for the disk.
async fn looked_up(
    app: &Arc<App>,
    look: impl FnOnce(&App) -> Result<String, Refusal> + Send + 'static,
) -> Result<String, Refusal> {
    let looking = {
        let app = Arc::clone(app);
        move || look(&app)
    };
    app.in_time(work(&app.disk, parties(&PLANNING), looking)).await
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn filter(query: Option<&str>) -> Result<Filter, Refusal> {
    let mut filter = Filter::default();
    for (name, value) in parameters(query).map_err(|why| Refusal::field(&["query"], why))? {
        match name.as_str() {
            "search" => filter.search = Some(value),
            "owner" => filter.owner = Some(value),
            "tag" => filter.tag = Some(value),
            "stale" => match value.as_str() {
                "true" | "1" | "" => filter.stale = true,
                "false" | "0" => filter.stale = false,
                other => return Err(Refusal::field(&["stale"], format!("{other:?} is not true or false"))),
            },
            other => {
                return Err(Refusal::field(&[other], "is not a parameter: they are search, owner, tag and stale"));
            }
        }
    }
    Ok(filter)
}

/// The parameters of a query, decoded.
fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, &'static str> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    let decode = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decoded(name)?, decoded(value)?))
    };
    parts.map(decode).collect()
}

/// A part of a query, with `+` for a space and `%` before two hexadecimal digits.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "is not encoded as it must be: a % stands before two hexadecimal digits, of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(WRONG)?;
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or(WRONG)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_or_refused() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = |query: &str| parameters(Some(query));
        assert_eq!(read("search=30+d%C3%A9&tag=a%3Db"), Ok(vec![pair("search", "30 d\u{e9}"), pair("tag", "a=b")]));
        assert_eq!(read("&stale&"), Ok(vec![pair("stale", "")]));
        assert_eq!(parameters(None), Ok(Vec::new()));
        for wrong in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%FF"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
