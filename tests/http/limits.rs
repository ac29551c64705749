//! What is refused, and what goes on all the while.

use std::process::Command;

use serde_json::json;

use super::{CHURN, PROJECT, begun, good, project, purchases, push, verified};
use crate::support::http::Client;
use crate::support::{Project, Served};

#[test]
fn a_body_over_the_limit_is_413() {
    let project = project();
    let served = Served::start(&project, "--body-bytes-max 1000");
    let body = json!({"push_source_name": "events", "df": purchases("c1", &[1.0; 50])}).to_string();
    let reply = served.client().post("/push", &body).expect("answers");
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json()["detail"], "the body is over the limit of 1000 bytes: send it in parts");
    // Without its length being told, too.
    let mut client = served.client();
    client.write(b"POST /v1/features HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").expect("writes");
    client.write(format!("3e9\r\n{}\r\n", " ".repeat(1_001)).as_bytes()).expect("writes");
    let reply = client.reply().expect("answers");
    assert_eq!((reply.status, reply.json()["error"]["cause"].as_str()), (413, Some("body_too_large")));
    assert_eq!(served.client().post("/get-online-features", CHURN).expect("answers").status, 200);
}

#[test]
fn entities_and_events_over_the_limit_are_422() {
    let project = project();
    let served = Served::start(&project, "--entities-max 2 --events-max 3");
    let mut client = served.client();
    let ask =
        |entities: &[&str]| json!({"entities": {"customer_id": entities}, "feature_service": "churn_v1"}).to_string();
    assert_eq!(client.post("/get-online-features", ask(&["a", "b"])).expect("answers").status, 200);
    let reply = client.post("/get-online-features", ask(&["a", "b", "c"])).expect("answers");
    assert_eq!(reply.status, 422);
    let detail = json!([{
        "type": "too_many_rows",
        "loc": ["body", "entities", "customer_id"],
        "msg": "entities.customer_id: 3 entities are over the limit of 2: ask in parts"
    }]);
    assert_eq!(reply.json()["detail"], detail);
    let events = json!({"events": [{}, {}, {}, {}]}).to_string();
    let reply = client.post("/v1/events/events", events).expect("answers");
    assert_eq!(reply.json()["error"]["message"], "events: 4 events are over the limit of 3: push them in parts");
    push(&mut client, &purchases("c1", &[1.0; 3]));
}

#[test]
fn a_client_that_is_slow_loses_its_connection() {
    let project = project();
    let served = Served::start(&project, "--head-ms-max 100 --idle-ms-max 200 --body-ms-max 100");
    let mut slow = served.client();
    slow.write(b"POST /get-online-features HTTP/1.1\r\nhost: x\r\nx-slow: 1").expect("writes");
    assert!(slow.is_closed());
    // One that sends nothing at all.
    assert!(served.client().is_closed());
    // One that was answered, and then is idle.
    let mut idle = served.client();
    assert_eq!(idle.get("/health").expect("answers").status, 200);
    assert!(idle.is_closed());
    // One that sends its head and then no body.
    let mut slow = begun(&served);
    let reply = slow.reply().expect("answers");
    assert_eq!(
        (reply.status, reply.json()["detail"].as_str()),
        (408, Some("the body did not arrive within 100 milliseconds (--body-ms-max)"))
    );
    assert_eq!(served.client().post("/get-online-features", CHURN).expect("answers").status, 200);
}

/// A head has its own time, also after others on the same connection, and a connection may be idle for longer.
#[test]
fn a_head_that_does_not_end_ends_its_connection_and_an_idle_one_stays() {
    let project = project();
    let served = Served::start(&project, "--head-ms-max 100");
    let (mut idle, mut slow) = (served.client(), served.client());
    for client in [&mut idle, &mut slow] {
        assert_eq!(client.get("/health").expect("answers").status, 200);
    }
    slow.write(b"GET /health HTTP/1.1\r\nx-slow").expect("writes");
    assert!(slow.is_closed());
    let mut never = served.client();
    never.write(b"G").expect("writes");
    assert!(never.is_closed());
    assert_eq!(idle.get("/health").expect("is still there").status, 200);
}

/// A client that asks and never reads what it is answered is given up: its connection ends, and writing to it fails.
#[test]
fn a_client_that_does_not_read_loses_its_connection() {
    let project = project();
    let served = Served::start(&project, "--write-ms-max 200");
    let mut deaf = std::net::TcpStream::connect(served.address).expect("connects");
    deaf.set_write_timeout(Some(std::time::Duration::from_secs(60))).expect("sets");
    let asked = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let error = loop {
        if let Err(error) = std::io::Write::write_all(&mut deaf, &asked) {
            break error;
        }
    };
    let ended = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
    assert!(ended.contains(&error.kind()), "{error}");
    assert_eq!(served.client().post("/get-online-features", CHURN).expect("answers").status, 200);
}

/// A transform that never ends: its calls end at the limit, and nobody else waits for them.
#[test]
fn an_endless_question_ends_and_others_are_answered_meanwhile() {
    let project = Project::new(&format!("{PROJECT}[limits]\ncall_ms_max = 1500\n"));
    let served = Served::start(&project, "--request-ms-max 1000 --threads 1");
    let mut client = served.client();
    let endless =
        json!({"entities": {"customer_id": ["c1"], "cart_value": [-7e77]}, "feature_service": "cart_v1"}).to_string();
    // Not even the first, of which nothing is known, is evaluated where others are read.
    let mut waiting = served.client();
    let length = endless.len();
    let whole = format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{endless}");
    waiting.write(whole.as_bytes()).expect("writes");
    for _ in 0..20 {
        assert_eq!(client.post("/get-online-features", CHURN).expect("answers").status, 200);
    }
    let reply = waiting.reply().expect("answers");
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("no answer within 1000 milliseconds"), "{}", reply.text());
    let body = json!({"entities": {"customer_id": ["c1"], "cart_value": [1.0]}, "feature_service": "cart_v1"});
    let again = good(&mut client, "/get-online-features", &body);
    assert_eq!(again["results"][1]["values"], json!([0]));
    // The call that nobody waits for any more ends at its own limit: twenty and one questions, and that one.
    let ended = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !client.get("/metrics").expect("answers").text().contains("onepath_evaluation_seconds_count 22\n") {
        assert!(std::time::Instant::now() < ended, "the call does not end");
    }
    assert_eq!(served.stop(&project).code, 0);
    verified(&project);
}

#[test]
fn a_token_is_asked_for_everywhere_but_for_health() {
    let project = project();
    project.write("token", "secret\n");
    let by_file = Served::start(&project, "--token-file token");
    let by_variable = {
        let other = super::project();
        let served = Served::start_with(&other, "", |command: &mut Command| {
            command.env("ONEPATH_TOKEN", "secret");
        });
        (other, served)
    };
    for served in [&by_file, &by_variable.1] {
        let mut client = served.client();
        let with = |client: &mut Client, header: &str| {
            let headers = [("authorization", header)];
            client.send("POST", "/get-online-features", &headers, CHURN.as_bytes()).expect("answers").status
        };
        for path in ["/metrics", "/openapi.json", "/v1/views", "/nothing"] {
            let reply = client.get(path).expect("answers");
            assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        }
        assert_eq!(client.post("/push", "{}").expect("answers").status, 401);
        for wrong in ["Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "secret"] {
            assert_eq!(with(&mut client, wrong), 401, "{wrong}");
        }
        assert_eq!((with(&mut client, "Bearer secret"), with(&mut client, "bearer secret")), (200, 200));
        assert_eq!(client.get("/health").expect("answers").status, 200);
        assert_eq!(client.get("/ready").expect("answers").status, 200);
    }
    project.write("empty", "\n");
    drop(by_file);
    let ran = project.run("serve --listen 127.0.0.1:0 --token-file empty");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(ran.stderr, "error: the token is empty: write one, or leave out --token-file and ONEPATH_TOKEN\n");
}
