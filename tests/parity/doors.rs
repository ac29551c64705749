//! The same server behind four doors: the library, HTTP, the command line and, where there is the wheel, Python. Pushes and questions
//! go through any of them, in random turns, and every answer is that of the naive reference over the events with the stamps that the
//! log gave them.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use onepath::batch::{Column, Value, Values};
use onepath::evaluate::Status;
use onepath::events::PushedEvents;
use onepath::files::{Nulls, Wanted, raw_value};
use onepath::http::{self, HttpLimits, HttpOptions, StopHandle};
use onepath::log::{Log, LogError, SqliteLog};
use onepath::time::{AsOf, AvailableAt, format_time, parse_time};
use onepath::{PreparedRequest, Server, ServerOptions};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::case::{Case, Sources};
use super::python::Python;
use super::{PLAIN, SOURCES, check_all, project, reference, selection};
use crate::support::http::Client;
use crate::support::{Ask, Event, Format, Project, Random, Vector, assert_same, offline, patient, write_events};

/// How many seeds are tried; the environment may ask for more.
fn seeds() -> u64 {
    std::env::var("ONEPATH_PARITY_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// The first of them.
fn first_seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// A server that is asked by the library and over HTTP.
struct Open {
    server: Arc<Server>,
    prepared: Arc<PreparedRequest>,
    client: Client,
    stop: StopHandle,
    listening: JoinHandle<()>,
}

impl Open {
    fn new(project: &Project) -> Self {
        let options = ServerOptions { open: project.options(), ..patient() };
        let server = Arc::new(Server::open(project.dir(), options).expect("opens"));
        let stop = StopHandle::default();
        let options = HttpOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            token: None,
            threads: Some(1),
            limits: HttpLimits::default(),
            stop: stop.clone(),
        };
        let (told, address) = mpsc::channel();
        let listening = std::thread::spawn({
            let server = Arc::clone(&server);
            move || http::serve(server, options, |address| told.send(address).expect("is waited for")).expect("serves")
        });
        let client = Client::connect(address.recv().expect("listens")).expect("connects");
        let prepared = server.prepare(&selection()).expect("plans");
        Self { server, prepared, client, stop, listening }
    }

    fn close(self) {
        drop(self.client);
        self.stop.stop();
        self.listening.join().expect("stops");
        drop(self.prepared);
        Arc::try_unwrap(self.server).ok().expect("nobody else has it").close().expect("all is written");
    }
}

/// An answer that is compared once all stamps are known.
struct Answered {
    ask: Ask,
    found: Vector,
    door: &'static str,
}

struct Run {
    project: Project,
    open: Option<Open>,
    random: Random,
    now: i64,
    pushed: Vec<Event>,
    answered: Vec<Answered>,
    python: Option<Python>,
}

impl Run {
    /// The clock goes on to `time`, never back.
    fn at(&mut self, time: i64) {
        self.now = self.now.max(time);
        self.project.clock.set(self.now);
    }

    fn open(&mut self) -> &mut Open {
        self.open.get_or_insert_with(|| Open::new(&self.project))
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.close();
        }
    }

    fn push(&mut self, event: &Event) {
        self.at(event.available().max(event.at));
        self.pushed.push(event.clone());
        let source = SOURCES[event.source];
        if self.python.is_some() && self.random.once_in(12) {
            return self.push_by_python(source, event);
        }
        match self.random.below(24) {
            0 => self.push_by_command(source, event),
            1..8 => {
                let df = json!({"customer_id": [event.entity], "event_type": [event.kind], "amount": [event.amount],
                    "event_timestamp": [format_time(event.at)]});
                let body = json!({"push_source_name": source, "df": df}).to_string();
                let reply = self.open().client.post("/push", body).expect("answers");
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
            8..16 => {
                let event = json!({"customer_id": event.entity, "event_type": event.kind, "amount": event.amount,
                    "event_timestamp": format_time(event.at)});
                let path = format!("/v1/events/{source}");
                let reply = self.open().client.post(&path, json!({"events": [event]}).to_string()).expect("answers");
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
            _ => self.push_by_library(source, event),
        }
    }

    fn push_by_library(&mut self, source: &str, event: &Event) {
        let is_declared = self.random.once_in(2);
        let server = &self.open().server;
        let columns = [
            ("customer_id", Column::from([event.entity.as_str()])),
            ("event_type", Column::from([event.kind])),
            ("amount", Column::from([event.amount])),
            ("event_timestamp", Column::from_parts(Values::Times(vec![event.at]), None)),
        ];
        let columns = columns.map(|(name, column)| (name.to_owned(), column)).into();
        let schema = server.event_schema(source).expect("is a source");
        let mut pushed = PushedEvents::from_columns(&schema, columns).expect("fits");
        if is_declared {
            pushed = pushed.with_arrivals(&[event.available()]);
        }
        assert_eq!(server.push(source, pushed).expect("is taken").appended, 1);
    }

    /// The command line has the machine's clock, so the arrival is declared.
    fn push_by_command(&mut self, source: &str, event: &Event) {
        self.close();
        let event = Event { arrived: Some(event.available()), ..event.clone() };
        write_events(&self.project.path("push.ndjson"), &[event], Format::Ndjson);
        let ran = self.project.run(&format!("ingest --source {source} push.ndjson --arrived-at ingested_at"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    fn ask(&mut self, ask: &Ask) {
        self.at(ask.as_of);
        // A question about now is asked at the newest moment that was answered, or later.
        let declared = (!self.random.once_in(3)).then_some(ask.as_of);
        if self.python.is_some() && self.random.once_in(12) {
            return self.ask_by_python(ask);
        }
        let (door, as_of, found) = match self.random.below(20) {
            0 => self.ask_by_command(ask),
            1..7 => self.ask_by_feast(ask),
            7..13 => self.ask_by_native(ask, declared),
            _ => self.ask_by_library(ask, declared),
        };
        self.answered.push(Answered { ask: Ask { as_of, ..ask.clone() }, found, door });
    }

    fn ask_by_library(&mut self, ask: &Ask, declared: Option<i64>) -> (&'static str, i64, Vector) {
        let open = self.open();
        let request = open.prepared.request().as_of(declared.map(AsOf::from_micros));
        let request = request.input("customer_id", [ask.entity.as_str()]).expect("fits");
        let request = request.input("cart_value", [ask.cart_value]).expect("fits").build().expect("is whole");
        let answer = open.server.get_online_features(&request).expect("answers");
        let cells = answer.features.iter().zip(&answer.statuses);
        ("library", answer.as_of.micros(), cells.map(|(column, statuses)| (column.value(0), statuses[0])).collect())
    }

    fn ask_by_native(&mut self, ask: &Ask, declared: Option<i64>) -> (&'static str, i64, Vector) {
        let mut body =
            json!({"service": "all", "inputs": {"customer_id": [ask.entity], "cart_value": [ask.cart_value]}});
        if let Some(as_of) = declared {
            body["as_of"] = json!(format_time(as_of));
        }
        let open = self.open();
        let reply = open.client.post("/v1/features", body.to_string()).expect("answers");
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer = reply.json();
        let features = answer["features"].as_array().expect("a list");
        let cells = features.iter().map(|feature| (feature["values"][0].to_string(), text(&feature["statuses"][0])));
        ("native", time(&answer["as_of"]), vector(&open.prepared, cells))
    }

    /// Feast's route has no as-of: it is now, and told by nobody but the record; so the clock stands at it.
    fn ask_by_feast(&mut self, ask: &Ask) -> (&'static str, i64, Vector) {
        let body = json!({"feature_service": "all", "full_feature_names": true,
            "entities": {"customer_id": [ask.entity], "cart_value": [ask.cart_value]}});
        let open = self.open();
        let reply = open.client.post("/get-online-features", body.to_string()).expect("answers");
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer = reply.json();
        let results = answer["results"].as_array().expect("a list").iter().skip(1);
        let cells = results.map(|result| (result["values"][0].to_string(), text(&result["statuses"][0])));
        let found = vector(&open.prepared, cells);
        // As of the same moment, by the library.
        let (_, as_of, _) = self.ask_by_library(ask, None);
        let again = self.ask_by_library(ask, None);
        self.answered.push(Answered { ask: Ask { as_of: again.1, ..ask.clone() }, found: again.2, door: "library" });
        ("feast", as_of, found)
    }

    fn ask_by_command(&mut self, ask: &Ask) -> (&'static str, i64, Vector) {
        let prepared = Arc::clone(&self.open().prepared);
        self.close();
        let ran = self.project.run(&format!(
            "get --service all --entity customer_id={} --request cart_value={:?} --as-of {} --format json",
            ask.entity,
            ask.cart_value,
            format_time(ask.as_of)
        ));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let answer: Json = serde_json::from_str(&ran.stdout).expect("JSON");
        let features = answer["features"].as_array().expect("a list");
        let cells = features.iter().map(|feature| (feature["value"].to_string(), text(&feature["status"])));
        ("command line", time(&answer["as_of"]), vector(&prepared, cells))
    }

    fn push_by_python(&mut self, source: &str, event: &Event) {
        self.close();
        let python = self.python.as_mut().expect("it is there");
        python.push(&self.project, source, event, &mut self.random);
    }

    fn ask_by_python(&mut self, ask: &Ask) {
        let prepared = Arc::clone(&self.open().prepared);
        self.close();
        let python = self.python.as_mut().expect("it is there");
        let (as_of, cells) = python.ask(&self.project, ask, &mut self.random);
        let found = vector(&prepared, cells.into_iter());
        self.answered.push(Answered { ask: Ask { as_of: time(&as_of), ..ask.clone() }, found, door: "Python" });
    }

    /// Training sets of tables of several libraries: values, for they have no statuses.
    fn train_by_python(&mut self, asks: &[Ask], expected: &[Vector], seed: u64) {
        if self.python.is_none() {
            return;
        }
        let prepared = Arc::clone(&self.open().prepared);
        self.close();
        let python = self.python.as_mut().expect("it is there");
        for table in ["rows", "pandas", "polars", "file"] {
            let rows = python.training_set(&self.project, asks, table);
            assert_eq!(rows.len(), asks.len());
            for ((row, expected), ask) in rows.into_iter().zip(expected).zip(asks) {
                let statuses = expected.iter().map(|(_, status)| status.as_str().to_owned());
                let found = vector(&prepared, row.into_iter().zip(statuses));
                assert_same(&found, expected, ask, &format!("seed {seed}, a training set of Python, {table}"));
            }
        }
    }

    /// The events as the log has them: history, then what was pushed with its stamps.
    fn events(&self, history: &[Event]) -> Vec<Event> {
        let log =
            SqliteLog::open_read_only(&self.project.path(".onepath/log.sqlite")).expect("opens").expect("is there");
        let log = log.reader().expect("opens");
        let mut stamps = Vec::new();
        for source in SOURCES {
            log.each(source, 0, u64::MAX, |event| {
                stamps.push((event.offset, event.available_at.micros()));
                Ok::<(), LogError>(())
            })
            .expect("reads");
        }
        stamps.sort_unstable();
        assert_eq!(stamps.len(), self.pushed.len());
        let pushed = self.pushed.iter().zip(stamps);
        let pushed = pushed.map(|(event, (_, stamp))| Event { arrived: Some(stamp), ..event.clone() });
        history.iter().cloned().chain(pushed).collect()
    }
}

fn text(json: &Json) -> String {
    json.as_str().expect("a text").to_owned()
}

fn time(json: &Json) -> i64 {
    parse_time(json.as_str().expect("a text")).expect("a time")
}

/// Values in JSON and their statuses, in the order of the features.
fn vector(prepared: &PreparedRequest, cells: impl Iterator<Item = (String, String)>) -> Vector {
    let all = [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge];
    let cell = |(feature, (value, status)): (&onepath::RequestedFeature, (String, String))| {
        let wanted = Wanted::new(&feature.name, feature.value_type, Nulls::Allowed);
        let raw: &RawValue = serde_json::from_str(&value).expect("JSON");
        let value: Value = raw_value(raw, &wanted).expect("a value");
        let status = all.into_iter().find(|known| known.as_str() == status).expect("a status");
        (value, status)
    };
    prepared.features().iter().zip(cells).map(cell).collect()
}

/// History up to a moment is materialized; the rest is pushed in the order of its arrival, and each question is asked when its time has
/// come, and a third of them again at the end.
fn check(seed: u64) {
    let sources = if seed.is_multiple_of(2) { Sources::One } else { Sources::TwoApart };
    println!("seed {seed}, {sources:?}");
    let case = Case::new(seed, sources);
    let mut random = Random::new(seed ^ 0xd0);
    let cut = random.pick(&case.events).available();
    let (history, mut pushed): (Vec<Event>, Vec<Event>) =
        case.events.iter().cloned().partition(|event| event.available() <= cut);
    pushed.sort_by_key(|event| event.available().max(event.at));
    let of_history = Case { events: history.clone(), asks: Vec::new(), ..case };
    let project = project(&of_history, PLAIN, seed);
    project.open().materialize(&[], Some(AvailableAt::from_micros(cut))).expect("materializes");
    let mut run = Run {
        project,
        open: None,
        random,
        now: cut,
        pushed: Vec::new(),
        answered: Vec::new(),
        python: Python::start(),
    };
    let mut order: Vec<&Ask> = case.asks.iter().collect();
    order.sort_by_key(|ask| ask.as_of);
    let mut order = order.into_iter().peekable();
    for event in &pushed {
        let arrival = event.available().max(event.at);
        while let Some(ask) = order.next_if(|ask| ask.as_of < arrival) {
            run.ask(ask);
        }
        if run.random.once_in(20) {
            run.close();
        }
        run.push(event);
    }
    order.for_each(|ask| run.ask(ask));
    case.asks.iter().step_by(3).for_each(|ask| run.ask(ask));
    run.close();

    let events = run.events(&history);
    let rules = case.rules.all();
    let expected = |ask: &Ask| reference::answer_with_declared(&rules, &events, ask);
    for Answered { ask, found, door } in &run.answered {
        assert_same(found, &expected(ask), ask, &format!("seed {seed}, by {door}"));
    }
    // Training sets over files and log give the same, and so does the proof.
    let (asks, answers): (Vec<Ask>, Vec<Vector>) =
        run.answered.iter().map(|answered| (answered.ask.clone(), expected(&answered.ask))).unzip();
    run.train_by_python(&asks, &answers, seed);
    let mut store = run.project.open();
    let plan = store.plan(&selection()).expect("plans");
    let asked = Case { events: Vec::new(), asks, ..of_history };
    check_all(&offline(&store, &plan, &asked.asks, &[]), &asked, &answers, &format!("seed {seed}, a training set"));
    let report = store.verify(None).expect("verifies");
    assert!(report.is_equal(), "seed {seed}: {:#?} {:?}", report.first, report.reasons);
    assert!(report.vectors >= run.answered.len() as u64, "seed {seed}: {report:?}");
}

#[test]
fn every_door_gives_the_values_of_the_reference() {
    let first = first_seed();
    (first..first + seeds()).for_each(check);
}
