//! What a reader copies from the documentation.

use crate::example::example;
use crate::support::{Served, repository};

/// The requests of a document, `curl localhost:6566/PATH -d 'BODY'`, as path and body.
fn requests(document: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository().join(document)).expect("the document is there");
    let request = |text: &str| {
        let (path, rest) = text.split_once(char::is_whitespace)?;
        let (_, body) = rest.split_once("-d '")?;
        let (body, _) = body.split_once('\'')?;
        Some((path.to_owned(), body.to_owned()))
    };
    text.split("curl localhost:6566").skip(1).map(|text| request(text).expect("a path and a body")).collect()
}

#[test]
fn the_requests_of_the_documentation_are_answered() {
    let project = example();
    assert_eq!(project.run("materialize --up-to 2024-12-31").code, 0);
    let served = Served::start(&project, "");
    let mut client = served.client();
    let mut count = 0;
    for document in ["README.md", "host/SERVING.md", "examples/churn/README.md"] {
        for (path, body) in requests(document) {
            let reply = client.post(&path, &body).expect("answers");
            assert_eq!(reply.status, 200, "{document}: {path} {body}\n{}", reply.text());
            count += 1;
        }
    }
    assert_eq!(count, 4);
    assert_eq!(served.stop(&project).code, 0);
    assert_eq!(project.run("verify").code, 0);
}
