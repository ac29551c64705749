//! All that is done with a project, by the library: pushes and questions through a server, the rest through the feature store.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use onepath::batch::{Column, Value};
use onepath::evaluate::Status;
use onepath::events::Arrival;
use onepath::feature_store::{
    FeaturePlan, FeatureSelection, FeatureStore, MaterializeReport, OpenOptions, SourceOverride,
};
use onepath::monitor::VerifyReport;
use onepath::time::{AsOf, AvailableAt};
use onepath::{Applied, Error, Server, ServerError, ServerOptions, Unmaterialized};

/// A project that is open. The server starts with the first push or question and ends before the stores are verified or replaced.
pub struct Session {
    dir: PathBuf,
    options: OpenOptions,
    store: FeatureStore,
    server: Option<Server>,
}

/// Options whose replays wait as long as it takes on a machine that others fill.
pub fn patient() -> ServerOptions {
    ServerOptions { replays_give_way: false, replay_ms_max: 600_000, ..ServerOptions::default() }
}

/// One question.
#[derive(Clone, Debug, Default)]
pub struct OnlineRequest {
    /// Keys and request fields by name.
    pub inputs: Vec<(String, Value)>,
    pub as_of: Option<AsOf>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct OnlineVector {
    pub as_of: AsOf,
    pub references: Vec<String>,
    pub values: Vec<Value>,
    pub statuses: Vec<Status>,
    pub offset: u64,
    pub replayed: bool,
}

impl Session {
    pub fn open(dir: &Path, options: OpenOptions) -> Self {
        let store = FeatureStore::open(dir, options.clone()).expect("the project opens");
        Self { dir: dir.to_owned(), options, store, server: None }
    }

    /// The server, which is opened where it is not.
    pub fn server(&mut self) -> Result<&Server, ServerError> {
        if self.server.is_none() {
            // What is pushed is often all that a test has of a source.
            let unmaterialized = Unmaterialized::Allow;
            let options = ServerOptions { open: self.options.clone(), unmaterialized, ..patient() };
            self.server = Some(Server::open(&self.dir, options)?);
        }
        Ok(self.server.as_ref().expect("it is open"))
    }

    /// Ends the server, if one is open: all that it took is written then.
    pub fn close(&mut self) {
        if let Some(server) = self.server.take() {
            server.close().expect("all is written");
        }
    }

    pub fn ingest(&mut self, source: &str, path: &Path, arrival: &Arrival) -> Result<Applied, ServerError> {
        self.server()?.ingest(source, path, arrival)
    }

    pub fn get_online_features(
        &mut self,
        plan: &FeaturePlan,
        request: &OnlineRequest,
    ) -> Result<OnlineVector, ServerError> {
        let references = plan.features.iter().map(|feature| feature.reference.clone()).collect();
        let server = self.server()?;
        let prepared = server.prepare(&FeatureSelection::References(references))?;
        let mut asked = prepared.request().as_of(request.as_of);
        for (name, value) in &request.inputs {
            let mut column = Column::new(value.value_type().expect("a value"));
            column.push(value)?;
            asked = asked.input(name, column)?;
        }
        let answer = server.get_online_features(&asked.build()?)?;
        Ok(OnlineVector {
            as_of: answer.as_of,
            references: prepared.features().iter().map(|feature| feature.reference.clone()).collect(),
            values: answer.features.iter().map(|column| column.value(0)).collect(),
            statuses: answer.statuses.iter().map(|statuses| statuses[0]).collect(),
            offset: answer.offset,
            replayed: answer.replayed,
        })
    }

    #[allow(clippy::result_large_err, reason = "the library's error, as it is")]
    pub fn materialize(
        &mut self,
        overrides: &[SourceOverride],
        up_to: Option<AvailableAt>,
    ) -> Result<MaterializeReport, Error> {
        self.close();
        self.store.materialize(overrides, up_to)
    }

    #[allow(clippy::result_large_err, reason = "the library's error, as it is")]
    pub fn verify(&mut self, since: Option<AsOf>) -> Result<VerifyReport, Error> {
        self.close();
        self.store.verify(since)
    }
}

impl Deref for Session {
    type Target = FeatureStore;

    fn deref(&self) -> &FeatureStore {
        &self.store
    }
}
