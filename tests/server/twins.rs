//! The server over stores in memory that fail, are slow and forget by a seed: what was acknowledged is answered, once and in order.

use std::path::Path;
use std::sync::Arc;

use onepath::feature_store::Stores;
use onepath::log::ServedSink;
use onepath::testing::twin_log::TwinLog;
use onepath::testing::twin_sink::TwinSink;
use onepath::testing::twin_store::{StoreDefect, TwinStore};
use onepath::testing::{Faults, log, online_store, served_sink};
use onepath::{Server, ServerOptions};

use super::{TWO_VIEWS, ask, event, prepare, push, row, texts};
use crate::support::{Project, Random, at};

/// The features of the trace view: how many events an entity has, the last six in the order of their application, and a number that
/// depends on the order of all.
const TRACE: [&str; 3] = ["events", "trail", "running"];

/// Where these are among features of these references.
pub(super) fn places(references: &[&str]) -> [usize; 3] {
    let is_it = |reference: &str, name| reference.starts_with("trace") && reference.ends_with(&format!(":{name}"));
    TRACE.map(|name| references.iter().position(|reference| is_it(reference, name)).expect("was asked for"))
}

struct Twins {
    log: TwinLog,
    online: TwinStore,
    served: TwinSink,
}

impl Twins {
    /// One of so many calls fails, and others are slow.
    fn new(seed: u64, fail_every: u64, defect: Option<StoreDefect>) -> Self {
        let faults = |at: u64| Faults::none(seed * 3 + at).failing(fail_every).delaying(5, std::thread::yield_now);
        Self {
            log: TwinLog::new(faults(0), None),
            online: TwinStore::new(faults(1), defect),
            served: TwinSink::new(faults(2), None),
        }
    }

    fn stores(&self) -> Stores {
        let (log, online) = (Arc::new(self.log.clone()), Arc::new(self.online.clone()));
        Stores { log, online, served: Box::new(self.served.clone()) }
    }

    /// A server over them, as soon as one opens.
    fn open(&self, dir: &Path, options: &ServerOptions) -> Server {
        let opened = (0..1_000).find_map(|_| Server::open_over_stores(dir, options.clone(), self.stores()).ok());
        opened.expect("a server opens")
    }

    fn lose_power(&self) {
        log::Stand::lose_power(&self.log);
        online_store::Stand::lose_power(&self.online);
        served_sink::Stand::lose_power(&self.served);
    }
}

/// What happened, as those who pushed were told.
#[derive(Default)]
struct Told {
    /// Entity, kind and amount of each event that was acknowledged, in the order of the offsets.
    events: Vec<(String, String, f64)>,
    refused: usize,
    answered: usize,
    unanswered: usize,
}

impl Told {
    /// The features of an entity up to an offset.
    fn trace(&self, entity: &str, offset: u64) -> [String; 3] {
        let events = self.events[..offset as usize].iter().filter(|(of, ..)| of == entity);
        let words: Vec<String> = events.clone().map(|(_, kind, amount)| format!("{kind}{amount};")).collect();
        let running = events.fold(0.0, |running, (_, _, amount)| running / 3.0 + amount);
        let trail = if words.is_empty() { "null".to_owned() } else { words[words.len().saturating_sub(6)..].concat() };
        [words.len().to_string(), trail, format!("{running:?}")]
    }

    /// Pushes some events and asks some questions; what is answered must be what was acknowledged.
    fn live(&mut self, server: &Server, random: &mut Random, number: &mut u64) -> Result<(), String> {
        let all = prepare(server, "all");
        for round in 0..12 {
            if round % 3 == 2 {
                // So that there are several batches in a life, however fast the machine is.
                server.flush();
            }
            let events: Vec<_> = (0..1 + random.below(4))
                .map(|_| {
                    *number += 1;
                    let entity = format!("c{}", random.below(8));
                    event(&number.to_string(), &entity, "purchase", random.below(100) as f64, at("2029-12-20"))
                })
                .collect();
            match push(server, &events) {
                Ok(applied) => {
                    self.events.extend(events.into_iter().map(|event| (event.entity, event.kind, event.amount)));
                    if applied.offset != self.events.len() as u64 {
                        return Err(format!("{applied:?} after {} events", self.events.len()));
                    }
                }
                Err(_) => self.refused += 1,
            }
            let entities: Vec<String> = (0..3).map(|_| format!("c{}", random.below(9))).collect();
            let Ok(answer) = ask(server, &all, &[texts(entities.iter().map(String::as_str))], None) else {
                self.unanswered += 1;
                continue;
            };
            self.answered += 1;
            if answer.offset != self.events.len() as u64 {
                return Err(format!("an answer at offset {} after {} events", answer.offset, self.events.len()));
            }
            let names: Vec<&str> = all.features().iter().map(|feature| feature.reference.as_str()).collect();
            let places = places(&names);
            for (at, entity) in entities.iter().enumerate() {
                let (found, expected) =
                    (places.map(|place| row(&answer, at)[place].clone()), self.trace(entity, answer.offset));
                if found != expected {
                    return Err(format!("{entity} is {found:?} instead of {expected:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whether every vector that was recorded is what was acknowledged up to its offset.
    fn check_served(&self, served: &TwinSink) -> Result<usize, String> {
        let mut vectors = 0;
        let batches = (0..1_000).find_map(|_| served.batches(1, None).collect::<Result<Vec<_>, _>>().ok());
        for batch in batches.ok_or("nothing is read")? {
            let names: Vec<&str> = batch.plan.features.iter().map(|feature| feature.name.as_str()).collect();
            let places = places(&names);
            for vector in batch.decode().map_err(|error| error.to_string())?.vectors() {
                let entity = vector.keys[0].to_string();
                let (found, expected) =
                    (places.map(|place| vector.values[place].to_string()), self.trace(&entity, vector.offset));
                if found != expected {
                    return Err(format!("{found:?} was served to {entity} instead of {expected:?}"));
                }
                vectors += 1;
            }
        }
        Ok(vectors)
    }
}

/// A few lives of a server, after each of which power is lost.
fn lives(seed: u64, fail_every: u64, defect: Option<StoreDefect>) -> Result<(Told, usize), String> {
    let project = Project::new(TWO_VIEWS);
    let options = ServerOptions { open: project.options(), ..ServerOptions::default() };
    let twins = Twins::new(seed, fail_every, defect);
    let (mut told, mut random, mut number) = (Told::default(), Random::new(seed), 0);
    for _ in 0..4 {
        let server = twins.open(project.dir(), &options);
        told.live(&server, &mut random, &mut number)?;
        // What cannot be written then is told, and is in the log.
        let _ = server.close();
        twins.lose_power();
    }
    let vectors = told.check_served(&twins.served)?;
    Ok((told, vectors))
}

#[test]
fn what_stores_that_fail_acknowledged_is_answered_once_and_in_order() {
    let (mut all, mut vectors) = (Told::default(), 0);
    for seed in 0..20 {
        let (told, recorded) = lives(seed, 12, None).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        all.events.extend(told.events);
        all.refused += told.refused;
        all.answered += told.answered;
        all.unanswered += told.unanswered;
        vectors += recorded;
    }
    let counts = (all.events.len(), all.refused, all.answered, all.unanswered, vectors);
    println!("events, refused pushes, answers, failed questions, vectors: {counts:?}");
    assert!(all.events.len() > 1_000 && all.refused > 50 && all.answered > 500 && vectors > 500, "{counts:?}");
}

/// The same finds a store that loses what it acknowledged.
#[test]
fn a_store_that_loses_writes_is_found_out() {
    let wrong: Vec<String> = (0..10).filter_map(|seed| lives(seed, 0, Some(StoreDefect::LostWrite)).err()).collect();
    println!("{wrong:#?}");
    assert!(!wrong.is_empty());
}
