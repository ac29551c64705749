//! A project over HTTP, on threads of this process.

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use onepath::http::{self, HttpLimits, HttpOptions, StopHandle, Token};
use pyo3::prelude::*;

use crate::fault::Fault;

/// A server that listens, until it is stopped.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct HttpServer {
    address: SocketAddr,
    stop: StopHandle,
    thread: Mutex<Option<JoinHandle<Result<(), Fault>>>>,
    /// The process that started it.
    process: u32,
}

impl HttpServer {
    pub(crate) fn start(
        py: Python<'_>,
        server: Arc<onepath::Server>,
        listen: &str,
        token: Option<&str>,
    ) -> PyResult<Self> {
        let listen = listen.parse().map_err(|_| Fault::request(format!("{listen} is not an address and a port")))?;
        let stop = StopHandle::alone();
        let limits = HttpLimits::default();
        http::open_files(&limits).map_err(Fault::from)?;
        let options = HttpOptions { listen, token: token.map(Token::new), threads: None, limits, stop: stop.clone() };
        let (say, said) = sync_channel(1);
        let listening = move |address| {
            // Who started it waits for this.
            let _ = say.send(address);
        };
        let serve = move || Ok(http::serve(server, options, listening)?);
        let thread = std::thread::Builder::new().name("onepath-serve".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| Fault::io("cannot start a thread", &error))?;
        let said = Mutex::new(said);
        let heard = py.detach(|| said.into_inner().unwrap_or_else(PoisonError::into_inner).recv());
        match heard {
            Ok(address) => Ok(Self { address, stop, thread: Mutex::new(Some(thread)), process: std::process::id() }),
            Err(_) => Err(ended(thread).err().unwrap_or_else(|| Fault::store("the server ended at once")).into()),
        }
    }

    fn end(&self) -> Result<(), Fault> {
        if self.process != std::process::id() {
            return Ok(());
        }
        self.stop.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), ended)
    }
}

fn ended(thread: JoinHandle<Result<(), Fault>>) -> Result<(), Fault> {
    thread.join().unwrap_or_else(|_| Err(Fault::store("the server's thread has panicked")))
}

#[pymethods]
impl HttpServer {
    /// The address and the port that it listens on.
    #[getter]
    fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// Lets the requests in flight finish, and ends it.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.end())?)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // Nobody is left to be told how it ended.
            let _ = Python::attach(|py| py.detach(|| self.end()));
        } else {
            std::mem::forget(self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}
