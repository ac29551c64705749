//! Questions about the past have threads, a queue and limits of their own: what they wait for, nobody else waits for.

use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use onepath::files::FileSystem;
use onepath::files::storage::{Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject};
use onepath::http::{self, HttpLimits, HttpOptions, StopHandle};
use onepath::time::AsOf;
use onepath::{OnlineFeatures, Server, ServerError, ServerOptions};
use serde_json::json;

use super::{TWO_VIEWS, ask, event, open_with, prepare, push, row, texts};
use crate::support::http::Client;
use crate::support::{Project, at};

/// Reads of a storage that wait: each takes a permit, once the gate is shut.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_shut: bool,
    permits: usize,
    /// Reads that wait now.
    waiting: usize,
}

impl Gate {
    fn shut(&self) {
        self.state.lock().expect("no panic").is_shut = true;
    }

    fn open(&self) {
        self.state.lock().expect("no panic").is_shut = false;
        self.changed.notify_all();
    }

    /// Lets so many reads pass.
    fn permit(&self, reads: usize) {
        self.state.lock().expect("no panic").permits += reads;
        self.changed.notify_all();
    }

    /// Waits until so many reads wait.
    fn until_waiting(&self, reads: usize) {
        let state = self.state.lock().expect("no panic");
        drop(self.changed.wait_while(state, |state| state.waiting < reads).expect("no panic"));
    }

    fn pass(&self) {
        let mut state = self.state.lock().expect("no panic");
        state.waiting += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.is_shut && state.permits == 0).expect("no panic");
        state.waiting -= 1;
        state.permits -= usize::from(state.is_shut);
    }
}

/// The files of the machine, behind a gate, which give few bytes at a time.
struct Slow(Arc<Gate>);

struct SlowObject(Arc<dyn StoredObject>, Arc<Gate>);

impl Storage for Slow {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        FileSystem.list(root, pattern)
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        FileSystem.identity(name)
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        Ok(Arc::new(SlowObject(FileSystem.open(name)?, Arc::clone(&self.0))))
    }
}

impl StoredObject for SlowObject {
    fn identity(&self) -> &Identity {
        self.0.identity()
    }

    fn current_identity(&self) -> Result<Identity, StorageError> {
        self.0.current_identity()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.1.pass();
        let few = buffer.len().min(512);
        self.0.read_at(offset, &mut buffer[..few])
    }
}

/// A project whose materialized history is read from files: it has no index.
fn project() -> Project {
    let project = Project::new("");
    let mut events = "event_id,customer_id,event_type,amount,event_timestamp,note\n".to_owned();
    for nth in 0..300 {
        events += &format!("h{nth},c{},w,{nth},2029-10-{:02},\n", nth % 10, 1 + nth / 30);
    }
    project.write("events.csv", events);
    let files = "[sources.events]\nfiles = [\"events.csv\"]\n";
    project.configure(&TWO_VIEWS.replace("[sources.events]\n", files));
    project.open().materialize(&[], None).expect("materializes");
    std::fs::remove_dir_all(project.path(".onepath/history")).expect("there is an index");
    project
}

/// A moment before the newest event of every customer, which states cannot answer.
fn past() -> Option<AsOf> {
    Some(AsOf::from_micros(at("2029-10-05T12:00:00Z")))
}

fn open_slow(project: &Project, gate: &Arc<Gate>, change: impl FnOnce(&mut ServerOptions)) -> Arc<Server> {
    Arc::new(open_with(project, |options| {
        options.open.storage = Arc::new(Slow(Arc::clone(gate)));
        change(options);
    }))
}

/// Asks about the past of a customer on another thread.
fn asked(server: &Arc<Server>, customer: usize) -> JoinHandle<Result<OnlineFeatures, ServerError>> {
    let (server, customer) = (Arc::clone(server), format!("c{customer}"));
    std::thread::spawn(move || ask(&server, &prepare(&server, "all"), &[texts([customer.as_str()])], past()))
}

/// Waits until so many questions are replayed and wait.
fn until(server: &Server, replays: (u64, u64)) {
    for _ in 0..200_000_000_u64 {
        let status = server.status();
        if (status.replays_running, status.replays_waiting) == replays {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{:?} and not {replays:?}", server.status());
}

/// Waits until the server has noticed that all others have left: what it works on is what this client asks.
fn until_alone(client: &mut Client) {
    let is_alone = |line: &str| line == "onepath_http_in_flight 1";
    while !client.get("/metrics").expect("answers").text().lines().any(is_alone) {
        std::thread::yield_now();
    }
}

#[test]
fn others_are_answered_while_every_replay_hangs_in_its_storage() {
    let (project, gate) = (project(), Arc::new(Gate::default()));
    let server = open_slow(&project, &gate, |options| {
        (options.replays_max, options.waiting_replays_max, options.replay_ms_max) = (2, 1, u64::MAX);
    });
    let all = prepare(&server, "all");
    let expected = ask(&server, &all, &[texts(["c3"])], past()).expect("is answered by the files");
    assert!(expected.replayed);
    gate.shut();
    let hanging: Vec<_> = [3, 3].map(|customer| asked(&server, customer)).into();
    gate.until_waiting(2);
    let waiting = asked(&server, 3);
    until(&server, (2, 1));
    // A question more about the past is refused at once.
    let refused = asked(&server, 3).join().expect("ends").expect_err("has no room");
    assert!(matches!(refused, ServerError::PastBusy { running_max: 2, waiting_max: 1 }), "{refused}");
    assert_eq!(refused.kind(), onepath::ErrorKind::Busy);
    // Whatever needs no replay goes on: questions, pushes, a selection that is new.
    for nth in 0..50 {
        let customer = format!("c{}", nth % 12);
        let at = at("2029-12-20");
        push(&server, &[event(&format!("p{nth}"), &customer, "purchase", 1.0, at)]).expect("is taken");
        assert!(!ask(&server, &all, &[texts([customer.as_str()])], None).expect("is answered").replayed);
    }
    let cart = prepare(&server, "checkout");
    let inputs = [texts(["c1"]), onepath::batch::Column::from([1.0])];
    assert!(ask(&server, &cart, &inputs, None).is_ok());
    until(&server, (2, 1));
    gate.open();
    for answer in hanging.into_iter().chain([waiting]) {
        let answer = answer.join().expect("ends").expect("is answered at last");
        assert!(answer.replayed);
        assert_eq!(row(&answer, 0), row(&expected, 0));
    }
    until(&server, (0, 0));
}

#[test]
fn a_question_about_the_past_is_given_up_at_its_deadline_and_its_replay_ends() {
    let (project, gate) = (project(), Arc::new(Gate::default()));
    gate.shut();
    let server = open_slow(&project, &gate, |options| (options.replays_max, options.replay_ms_max) = (1, 50));
    let late = asked(&server, 1).join().expect("ends").expect_err("hangs");
    assert!(matches!(late, ServerError::PastTimeout { limit_ms: 50 }), "{late}");
    // It hangs in its storage. One read more, and it looks up and ends, long before it is through.
    gate.until_waiting(1);
    until(&server, (1, 0));
    gate.permit(1);
    until(&server, (0, 0));
    gate.open();
    assert!(asked(&server, 1).join().expect("ends").is_ok_and(|answer| answer.replayed));
}

#[test]
fn a_server_closes_though_a_replay_runs() {
    let (project, gate) = (project(), Arc::new(Gate::default()));
    gate.shut();
    let server = open_slow(&project, &gate, |options| options.replay_ms_max = 50);
    asked(&server, 1).join().expect("ends").expect_err("hangs");
    let closing = std::thread::spawn(move || Arc::try_unwrap(server).ok().expect("nobody else has it").close());
    gate.permit(1);
    closing.join().expect("ends").expect("all is written");
    // All its locks are free.
    gate.open();
    drop(super::open(&project));
}

/// Over HTTP: beyond the limits 503 and when to try again; a client that leaves takes its replay with it.
#[test]
fn a_client_that_leaves_ends_its_replay_and_others_are_told_to_come_again() {
    let (project, gate) = (project(), Arc::new(Gate::default()));
    gate.shut();
    let server = open_slow(&project, &gate, |options| {
        (options.replays_max, options.waiting_replays_max) = (1, 1);
    });
    let stop = StopHandle::default();
    let options = HttpOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        token: None,
        threads: Some(1),
        limits: HttpLimits { request_ms_max: 600_000, ..HttpLimits::default() },
        stop: stop.clone(),
    };
    let (told, address) = channel();
    let listening = std::thread::spawn({
        let server = Arc::clone(&server);
        move || http::serve(server, options, |address| told.send(address).expect("is waited for")).expect("serves")
    });
    let address = address.recv().expect("listens");
    let connect = || Client::connect(address).expect("connects");
    let past =
        json!({"service": "all", "inputs": {"customer_id": ["c1"]}, "as_of": "2029-10-05T12:00:00Z"}).to_string();
    let now = json!({"service": "all", "inputs": {"customer_id": ["c1"]}}).to_string();
    let begin = || {
        let mut client = connect();
        let head = format!("POST /v1/features HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", past.len());
        client.write((head + &past).as_bytes()).expect("writes");
        client
    };
    let first = begin();
    gate.until_waiting(1);
    let second = begin();
    until(&server, (1, 1));
    let mut third = connect();
    let refused = third.post("/v1/features", &past).expect("answers");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert!(refused.text().contains("1 questions about the past are being replayed and 1 wait"), "{}", refused.text());
    assert_eq!(third.post("/v1/features", &now).expect("answers").status, 200);
    // The one that waits leaves, then the one that runs.
    drop(second);
    until(&server, (1, 0));
    drop(first);
    until_alone(&mut third);
    gate.permit(1);
    until(&server, (0, 0));
    gate.open();
    let answered = third.post("/v1/features", &past).expect("answers");
    assert_eq!((answered.status, answered.json()["replayed"].as_bool()), (200, Some(true)), "{}", answered.text());
    drop(third);
    stop.stop();
    listening.join().expect("stops");
}
