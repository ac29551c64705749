//! What the server answers, for machines.

use axum::response::Response;

use super::routes;

/// The OpenAPI document, written by hand beside the routes; a test holds them together.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn show() -> Response {
    routes::json(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let paths = document["paths"].as_object().expect("has paths");
        let mut told: Vec<(String, String)> = Vec::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("has methods") {
                assert!(operation["summary"].is_string(), "{path}");
                assert!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{path}");
                told.push((path.clone(), method.to_uppercase()));
            }
        }
        let mut routed: Vec<(String, String)> =
            routes::routes().iter().map(|(path, method, _)| ((*path).to_owned(), method.to_string())).collect();
        told.sort();
        routed.sort();
        assert_eq!(told, routed);
    }

    /// A `$ref` that leads nowhere is a document that no generator reads.
    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("is JSON");
        let mut found = 0;
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Array(items) => open.extend(items),
                serde_json::Value::Object(fields) => {
                    open.extend(fields.values());
                    if let Some(reference) = fields.get("$ref").and_then(|reference| reference.as_str()) {
                        let pointer = reference.strip_prefix('#').expect("is local");
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                        found += 1;
                    }
                }
                _ => {}
            }
        }
        assert!(found > 10, "{found} references");
    }
}
