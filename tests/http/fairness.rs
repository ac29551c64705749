//! Slow views, slow clients and many of them: others are served, and the server says that it is well.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::{CHURN, PROJECT, begun, project};
use crate::support::http::{Client, Reply};
use crate::support::{Project, Served};

/// A project in which a question of the view `cart` may run for a minute.
fn endless_project() -> Project {
    Project::new(&format!("{PROJECT}[limits]\ncall_ms_max = 60000\n"))
}

/// Sends a question that does not end.
fn endless(served: &Served) -> Client {
    let body = json!({"entities": {"customer_id": ["c1"], "cart_value": [-7e77]}, "feature_service": "cart_v1"});
    asked(served, &body.to_string())
}

fn asked(served: &Served, body: &str) -> Client {
    let mut client = served.client();
    let length = body.len();
    let whole = format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    client.write(whole.as_bytes()).expect("writes");
    client
}

/// The value of a metric, 0 where it is not there.
fn metric(client: &mut Client, name: &str) -> f64 {
    let reply = client.get("/metrics").expect("answers");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let line = reply.text().lines().find(|line| line.split(' ').next() == Some(name)).map(str::to_owned);
    line.map_or(0.0, |line| line.split(' ').nth(1).and_then(|value| value.parse().ok()).expect("a number"))
}

/// Tries until it is so, for two minutes at most.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
    }
}

/// Whether a question on a connection of its own is answered.
fn is_answered(served: &Served, body: &str) -> bool {
    served.client().post("/get-online-features", body).is_ok_and(|reply| reply.status == 200)
}

fn said(reply: &Reply) -> String {
    match serde_json::from_str::<Json>(reply.text()).expect("is JSON") {
        // What Feast's client reads is a text that is JSON.
        Json::String(text) => {
            let exception: Json = serde_json::from_str(&text).expect("is JSON");
            exception["message"].as_str().expect("says why").to_owned()
        }
        other => other["detail"].as_str().expect("says why").to_owned(),
    }
}

/// Asks for health, each on a connection of its own.
fn is_well(served: &Served) {
    for path in ["/health", "/ready"] {
        assert_eq!(served.client().get(path).expect("answers").status, 200, "{path}");
    }
}

/// Many questions that do not end, of one view, to a server that has just started: questions of another view, short and long
/// ones, are answered while they run, and health is told.
#[test]
fn a_view_whose_questions_do_not_end_leaves_room_for_others() {
    let project = endless_project();
    let served =
        Served::start(&project, "--request-ms-max 5000 --threads 1 --long-questions-max 4 --view-requests-max 8");
    let mut slow: Vec<Client> = (0..40).map(|_| endless(&served)).collect();
    let mut client = served.client();
    let customers: Vec<String> = (0..1_500).map(|n| format!("c{n}")).collect();
    let batch = json!({"entities": {"customer_id": customers}, "feature_service": "churn_v1"}).to_string();
    for _ in 0..5 {
        is_well(&served);
        for body in [CHURN, &batch] {
            let reply = client.post("/get-online-features", body).expect("answers");
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }
    let mut refused = 0;
    for client in &mut slow {
        let reply = client.reply().expect("answers");
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.text());
        let text = said(&reply);
        if text.contains("--view-requests-max") {
            refused += 1;
            assert!(text.contains("8 long questions of the view cart@v1 wait or are evaluated"), "{text}");
        } else {
            assert!(text.contains("no answer within 5000 milliseconds"), "{text}");
        }
        is_well(&served);
    }
    assert_eq!(refused, 32);
    assert_eq!(metric(&mut client, "onepath_http_refusals_total{cause=\"view_requests_max\"}"), 32.0);
}

/// One client has half of the room, and requests of another kind find the rest.
#[test]
fn requests_of_a_client_beyond_its_part_are_429_at_once() {
    let project = endless_project();
    let served = Served::start(&project, "--requests-max 8 --client-requests-max 3 --request-ms-max 60000");
    let mut client = served.client();
    let slow: Vec<Client> = (0..3).map(|_| endless(&served)).collect();
    // The question about metrics is one of those that are worked on.
    until("all of them are worked on", || metric(&mut client, "onepath_http_in_flight") == 4.0);
    let reply = client.post("/get-online-features", CHURN).expect("answers");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    let expected = "3 questions of the client 127.0.0.1 are being worked on, its part of the 8 requests that may be \
                    (--client-requests-max, --requests-max): try again";
    assert_eq!(said(&reply), expected);
    is_well(&served);
    super::push(&mut client, &super::purchases("c1", &[1.0]));
    assert_eq!(metric(&mut client, "onepath_http_refusals_total{cause=\"client_requests_max\"}"), 1.0);
    drop(slow);
}

/// Bodies that do not arrive take nothing from others, however many there are.
#[test]
fn slow_bodies_take_no_room() {
    let project = project();
    let served = Served::start(&project, "--requests-max 8");
    let mut slow: Vec<Client> = (0..300).map(|_| begun(&served)).collect();
    let mut client = served.client();
    is_well(&served);
    assert_eq!(client.post("/get-online-features", CHURN).expect("answers").status, 200);
    super::push(&mut client, &super::purchases("c1", &[1.0]));
    let last = slow.last_mut().expect("is there");
    last.write(CHURN.as_bytes()).expect("writes");
    assert_eq!(last.reply().expect("answers").status, 200);
}

/// Large bodies that arrive at once have a limit together; small ones do not count.
#[test]
fn bodies_have_a_limit_together_and_small_ones_are_read() {
    let project = project();
    let served = Served::start(&project, "--bodies-bytes-max 200000 --body-ms-max 60000");
    let head = b"POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n";
    let mut first = served.client();
    first.write(head).expect("writes");
    first.write(&[b' '; 100_000]).expect("writes");
    // One of them has what is left of half; both may come at the same time, and one of the two is told.
    let mut second = served.client();
    second.write(head).expect("writes");
    let error = loop {
        if let Err(error) = second.write(&[b' '; 10_000]) {
            break Some(error);
        }
        if metric(&mut served.client(), "onepath_http_refusals_total{cause=\"bodies_bytes_max\"}") > 0.0 {
            break None;
        }
    };
    if error.is_none() {
        let reply = second.reply().expect("answers");
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
        assert!(said(&reply).contains("200000 bytes in all (--bodies-bytes-max)"), "{}", reply.text());
    }
    let mut client = served.client();
    assert_eq!(client.post("/get-online-features", CHURN).expect("answers").status, 200);
    // What has gone is given back.
    drop((first, second));
    let large = CHURN.to_owned() + &" ".repeat(90_000);
    until("there is room again", || is_answered(&served, &large));
}

/// Connections that are all at work: a new one is told at once what is full, and health is answered.
#[test]
fn connections_beyond_the_limit_are_told_and_health_is_answered() {
    let project = project();
    let served = Served::start(&project, "--connections-max 40 --body-ms-max 600000");
    let slow: Vec<Client> = (0..30).map(|_| begun(&served)).collect();
    for _ in 0..50 {
        is_well(&served);
        let reply = served.client().post("/get-online-features", CHURN).expect("answers");
        assert_eq!(
            (reply.status, reply.header("retry-after"), reply.header("connection")),
            (429, Some("1"), Some("close"))
        );
        let expected = "30 connections of the client 127.0.0.1 are open, the most that one may have (--client-connections-max), \
                        and none of them is idle: try again";
        assert_eq!(said(&reply), expected);
    }
    drop(slow);
    until("there are places again", || is_answered(&served, CHURN));
    let served =
        Served::start(&super::project(), "--connections-max 2 --client-connections-max 2 --body-ms-max 600000");
    let _slow = [begun(&served), begun(&served)];
    let reply = served.client().post("/v1/features", CHURN).expect("answers");
    assert_eq!(reply.status, 429, "its own limit is named first: {}", reply.text());
}

/// Connections that are idle or never finish their head make room for those that ask.
#[test]
fn idle_connections_and_unfinished_heads_make_room() {
    let project = project();
    let served = Served::start(&project, "--connections-max 40 --head-ms-max 600000 --idle-ms-max 600000");
    let mut held = Vec::new();
    for n in 0..200 {
        let Ok(mut client) = Client::connect(served.address) else { continue };
        // Some of them ask first, some stop in the middle of a head, some say nothing. Any of them may have to go.
        let _ = match n % 3 {
            0 => client.get("/health").map(|_| ()),
            1 => client.write(b"POST /get-online-features HTTP/1.1\r\nhost"),
            _ => Ok(()),
        };
        held.push(client);
        is_well(&served);
    }
    until("one of them makes room", || is_answered(&served, CHURN));
    let mut client = served.client();
    until("metrics are told", || {
        client = served.client();
        client.get("/metrics").is_ok_and(|reply| reply.status == 200)
    });
    assert!(metric(&mut client, "onepath_http_connections") <= 40.0 + 32.0);
    assert!(metric(&mut client, "onepath_http_connections_made_room_total") >= 1.0);
}

/// Refusals that repeat are counted in the log, not written one by one.
#[test]
fn a_refusal_that_repeats_is_a_line_a_second() {
    let project = project();
    let served = Served::start(&project, "--log-format json");
    let mut client = served.client();
    let started = Instant::now();
    for _ in 0..2_000 {
        assert_eq!(client.post("/get-online-features", "{}").expect("answers").status, 422);
    }
    assert_eq!(client.post("/push", "{}").expect("answers").status, 422);
    let ran = served.stop(&project);
    let seconds = started.elapsed().as_secs();
    let lines: Vec<Json> = ran.stderr.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    let of_kind = |place: &str| lines.iter().filter(|line| line["path"] == place || line["place"] == place).count();
    let more = lines.iter().filter_map(|line| {
        let message = line["message"].as_str()?;
        message.strip_prefix("and ")?.strip_suffix(" more like it")?.parse::<u64>().ok()
    });
    let refused = lines.iter().filter(|line| line["message"] == "refused").count() as u64;
    assert_eq!(refused + more.sum::<u64>(), 2_001, "all are told of: {}", ran.stderr);
    assert_eq!(of_kind("/push"), 1, "another kind has its own line");
    let most = 2 * (seconds as usize + 2);
    assert!(of_kind("/get-online-features") <= most, "{} lines in {seconds} s", of_kind("/get-online-features"));
}

/// `onepath serve` in a shell that first changes the limit of open files.
fn serve_with_files(project: &Project, ulimit: &str, options: &str) -> (i32, String) {
    let command = env!("CARGO_BIN_EXE_onepath");
    let ran = Command::new("sh")
        .args(["-c", &format!("ulimit {ulimit}; exec {command} serve --listen 127.0.0.1:0 {options}")])
        .current_dir(project.dir())
        .env_remove("ONEPATH_TOKEN")
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    (ran.status.code().unwrap_or(-1), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn too_few_open_files_are_told_before_anything_is_opened() {
    let project = project();
    let (code, stderr) = serve_with_files(&project, "-n 20", "");
    assert_ne!(code, 0);
    let expected = "error: this process may have 20 open files, and a server needs 128: raise the limit, with `ulimit -n 16384` in \
                    the shell or LimitNOFILE=16384 in its unit of systemd\n";
    assert_eq!(stderr, expected);
    let (code, stderr) = serve_with_files(&project, "-n 256", "--connections-max 1000");
    assert_ne!(code, 0);
    assert!(stderr.contains("--connections-max 1000 needs 1160 open files, and this process may have 256"), "{stderr}");
}

/// The soft limit is raised to the hard one, and what there is of it is enough for as many connections as are allowed.
#[test]
fn connections_do_not_exhaust_the_open_files() {
    let project = project();
    let served = Served::start_with(&project, "--log debug --idle-ms-max 600000", |command| {
        let program = command.get_program().to_string_lossy().into_owned();
        let arguments: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let line = format!("ulimit -Hn 256; ulimit -Sn 64; exec {program} {}", arguments.join(" "));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(project.dir()).env_remove("ONEPATH_TOKEN");
        *command = shell;
    });
    let mut held: Vec<Client> = Vec::new();
    for _ in 0..400 {
        held.extend(Client::connect(served.address));
        is_well(&served);
    }
    until("one of them makes room", || is_answered(&served, CHURN));
    drop(held);
    let ran = served.stop(&project);
    assert!(!ran.stderr.contains("a connection was not accepted"), "{}", ran.stderr);
    assert_eq!(ran.code, 0);
}
