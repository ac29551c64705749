//! The wheel as one more door: a Python process that pushes, asks and makes training sets of tables of several libraries.
//!
//! `cargo test` installs nothing, so it is open only where `ONEPATH_WHEEL_PYTHON` names an interpreter that has the wheel, pandas and
//! polars: that of `host/python/test.sh`, by which `.ci/run` opens it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use onepath::time::format_time;
use serde_json::{Value as Json, json};

use crate::support::{Ask, Event, Project, Random, repository};

/// A Python process, which is asked line by line. Its clock is the machine's, so arrivals and cut-offs are declared.
pub struct Python {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// The process, where there is an interpreter that has the wheel.
    pub fn start() -> Option<Self> {
        let interpreter = std::env::var_os("ONEPATH_WHEEL_PYTHON")?;
        let program = repository().join("tests/parity/door.py");
        let started = Command::new(&interpreter).arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", interpreter.display()));
        let questions = child.stdin.take().expect("is piped");
        let answers = BufReader::new(child.stdout.take().expect("is piped"));
        Some(Self { child, questions, answers })
    }

    /// Pushes one event, which arrives when it became available.
    pub fn push(&mut self, project: &Project, source: &str, event: &Event, random: &mut Random) {
        let event = json!({"customer_id": event.entity, "event_type": event.kind, "amount": event.amount,
            "event_timestamp": format_time(event.at), "ingested_at": format_time(event.available())});
        let table = random.pick::<&str>(&["rows", "pandas", "polars", "file"]);
        let answer = self.call(project, &json!({"do": "push", "source": source, "events": [event], "table": table}));
        assert_eq!(answer["appended"], 1);
    }

    /// The answer to one question: its cut-off, and the values and statuses of the features as JSON.
    pub fn ask(&mut self, project: &Project, ask: &Ask, random: &mut Random) -> (Json, Vec<(String, String)>) {
        let table = random.pick::<&str>(&["rows", "columns", "pandas", "polars"]);
        let row = json!({"customer_id": ask.entity, "cart_value": ask.cart_value});
        let question = json!({"do": "ask", "rows": [row], "as_of": format_time(ask.as_of), "table": table});
        let answer = self.call(project, &question);
        let cells = list(&answer["values"]).iter().zip(list(&answer["statuses"]));
        let text = |status: &Json| status[0].as_str().expect("a text").to_owned();
        let cells = cells.map(|(values, status)| (values[0].to_string(), text(status))).collect();
        (answer["as_of"].clone(), cells)
    }

    /// A training set of tables of a library: the values of each row as JSON.
    pub fn training_set(&mut self, project: &Project, asks: &[Ask], table: &str) -> Vec<Vec<String>> {
        let row = |ask: &Ask| json!({"customer_id": ask.entity, "as_of": format_time(ask.as_of), "cart_value": ask.cart_value});
        let rows: Vec<Json> = asks.iter().map(row).collect();
        let answer = self.call(project, &json!({"do": "train", "rows": rows, "table": table}));
        list(&answer["rows"]).iter().map(|row| list(row).iter().map(Json::to_string).collect()).collect()
    }

    fn call(&mut self, project: &Project, question: &Json) -> Json {
        let mut question = question.clone();
        question["project"] = json!(project.dir());
        writeln!(self.questions, "{question}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        let answer: Json = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{question}: it ended"));
        assert!(answer.get("error").is_none(), "{question}\n{}", answer["error"].as_str().unwrap_or_default());
        answer
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().expect("a list")
}
