//! What is answered instead of features: a status, a cause for the metrics, and words that name the field.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::routes;
use crate::{ErrorKind, ServerError, told};

/// Why a request was refused; the label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    /// The body is not what the route takes.
    Malformed,
    NoRoute,
    Method,
    Token,
    BodyTooLarge,
    BodyTooSlow,
    /// The answer did not come in time.
    Timeout,
    /// A limit of what goes on at once; trying again may help.
    Full(Limit),
    /// An error of the server itself, the same for every protocol.
    Of(ErrorKind),
}

/// What there is no more of for now. The label of the metric is the name of the option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    Requests,
    ClientRequests,
    ViewRequests,
    Pushes,
    Bodies,
    Connections,
    ClientConnections,
}

impl Limit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests_max",
            Self::ClientRequests => "client_requests_max",
            Self::ViewRequests => "view_requests_max",
            Self::Pushes => "pushes_max",
            Self::Bodies => "bodies_bytes_max",
            Self::Connections => "connections_max",
            Self::ClientConnections => "client_connections_max",
        }
    }
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoRoute => "no_route",
            Self::Method => "method",
            Self::Token => "token",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::Timeout => "timeout",
            Self::Full(limit) => limit.as_str(),
            Self::Of(kind) => kind.as_str(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            // This client has its part, and others are served.
            Self::Full(Limit::ClientRequests | Limit::ClientConnections) => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout | Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Of(kind) => match kind {
                ErrorKind::Invalid | ErrorKind::EventIdConflict | ErrorKind::TooManyRows => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                // A transform's answer to this input will be the same next time.
                ErrorKind::TransformRefused | ErrorKind::TransformTrapped | ErrorKind::TransformLimit => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                ErrorKind::UnknownService
                | ErrorKind::UnknownView
                | ErrorKind::UnknownFeature
                | ErrorKind::UnknownSource
                | ErrorKind::UnknownName => StatusCode::NOT_FOUND,
                ErrorKind::Busy | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                // A component that is not what it promised to be is a fault of this side, and stays one.
                ErrorKind::TransformBroken | ErrorKind::TransformQuarantined | ErrorKind::Failed => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
        }
    }

    /// The class of Feast's exception that its client raises for it, where there is one.
    fn feast_class(self) -> Option<&'static str> {
        match self {
            Self::Of(ErrorKind::UnknownService) => Some("FeatureServiceNotFoundException"),
            Self::Of(ErrorKind::UnknownView | ErrorKind::UnknownFeature) => Some("FeatureViewNotFoundException"),
            Self::Of(ErrorKind::UnknownSource) => Some("PushSourceNotFoundException"),
            Self::Timeout | Self::Full(_) | Self::Of(ErrorKind::Busy | ErrorKind::Unavailable | ErrorKind::Failed) => {
                Some("FeastError")
            }
            _ => None,
        }
    }
}

/// A part of the path to what is wrong in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    Field(String),
    Row(usize),
}

/// A request that is not answered.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) message: String,
    /// The path to what is wrong in the body.
    pub(super) at: Vec<At>,
}

impl Refusal {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), at: Vec::new() }
    }

    /// A field of the body that is wrong; the message begins with its path.
    pub(super) fn field(path: &[&str], message: impl std::fmt::Display) -> Self {
        let at = path.iter().map(|field| At::Field((*field).to_owned())).collect();
        Self { cause: Cause::Malformed, message: format!("{}: {message}", path.join(".")), at }
    }

    /// A value of a column of the body that is wrong, by its place from 0. Words count rows from 1, as those about files do; the
    /// path counts from 0, as JSON does.
    pub(super) fn cell(path: &[&str], row: usize, message: impl std::fmt::Display) -> Self {
        Self::nth(path, "row", row, message)
    }

    /// A member of a list of the body that is wrong, by its place from 0.
    pub(super) fn item(path: &[&str], item: usize, message: impl std::fmt::Display) -> Self {
        Self::nth(path, "item", item, message)
    }

    fn nth(path: &[&str], what: &str, place: usize, message: impl std::fmt::Display) -> Self {
        let mut refusal = Self::field(path, "");
        refusal.message = format!("{}, {what} {}: {message}", path.join("."), place + 1);
        refusal.at.push(At::Row(place));
        refusal
    }

    /// A value of a row of the body that is wrong, by the row's place from 0.
    pub(super) fn row(field: &str, row: usize, name: &str, message: impl std::fmt::Display) -> Self {
        let at = vec![At::Field(field.to_owned()), At::Row(row), At::Field(name.to_owned())];
        Self { cause: Cause::Malformed, message: format!("{field}, row {}, {name}: {message}", row + 1), at }
    }

    /// A value of a line of the body that is wrong, by the line's number from 1.
    pub(super) fn line(line: usize, name: &str, message: impl std::fmt::Display) -> Self {
        let at = vec![At::Row(line - 1), At::Field(name.to_owned())];
        Self { cause: Cause::Malformed, message: format!("line {line}, {name}: {message}"), at }
    }

    /// The response, in the dialect of the path.
    pub(super) fn answer(self, path: &str) -> Response {
        let is_native = path.starts_with("/v1");
        let body = if is_native { self.native() } else { self.feast() };
        let mut response = routes::json(body);
        *response.status_mut() = match self.cause {
            // As Feast's server has it.
            Cause::Of(ErrorKind::UnknownSource) if !is_native => StatusCode::UNPROCESSABLE_ENTITY,
            cause => cause.status(),
        };
        match self.cause {
            Cause::Timeout | Cause::Full(_) | Cause::Of(ErrorKind::Busy | ErrorKind::Unavailable) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Cause::Token => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }

    /// Feast's server gives its own exceptions as a JSON text that holds JSON, which its client turns back into the exception,
    /// and everything else as FastAPI does.
    fn feast(&self) -> String {
        if let Some(class) = self.cause.feast_class() {
            let exception = json!({"module": "feast.errors", "class": class, "message": self.message});
            return json!(exception.to_string()).to_string();
        }
        if self.cause.status() != StatusCode::UNPROCESSABLE_ENTITY {
            return json!({"detail": self.message}).to_string();
        }
        let mut at = vec![json!("body")];
        at.extend(self.path());
        json!({"detail": [{"type": self.cause.as_str(), "loc": at, "msg": self.message}]}).to_string()
    }

    fn native(&self) -> String {
        let error = json!({"cause": self.cause.as_str(), "message": self.message, "at": self.path()});
        json!({"error": error}).to_string()
    }

    fn path(&self) -> Vec<serde_json::Value> {
        let part = |at: &At| match at {
            At::Field(name) => json!(name),
            At::Row(row) => json!(row),
        };
        self.at.iter().map(part).collect()
    }
}

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        Self::new(Cause::Of(error.kind()), told(&error))
    }
}
