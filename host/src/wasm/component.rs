//! A loaded component: its digest, its description, and calls to it.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::Component as Compiled;
use wasmtime::{Engine, Store};

use super::compile::compile;
use super::convert;
use super::engine::{EPOCH_MS, Isolation, Runtime, Stage};
use super::error::{CallError, LoadError};
use super::optional::Optional;
use super::sandbox::{HostState, link};
use super::watch::{Watch, Watched};
use super::written::Written;
use crate::batch::{Answers, Column, Rows};
use crate::digest::sha256_hex;
use crate::schema::Description;
use crate::time::Stopwatch;
use crate::usage::ThreadTime;

pub(super) mod bindings {
    //! Generated from `wit/`: the types that cross, and the calls.
    #![allow(missing_docs, reason = "generated code; wit/ documents every item")]
    #![allow(clippy::allow_attributes_without_reason, clippy::unwrap_used, reason = "generated code")]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "feature",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
use bindings::FeaturePre;

/// The memory that an instance may have to be kept before anybody calls it.
const IDLE_BYTES_MAX: usize = 16 << 20;

/// How an import of a component is answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ImportAnswer {
    /// The function, such as `wasi:cli/stderr@0.2.6.get-stderr`.
    pub import: String,
    /// `captured`, `empty`, `constant` or `trap`.
    pub answer: &'static str,
}

/// A component of the world `feature`: immutable, shared by all threads.
pub struct Component {
    pub(super) runtime: Arc<Runtime>,
    digest: String,
    bytes: usize,
    description: Description,
    imports: Vec<ImportAnswer>,
    pub(super) pre: FeaturePre<HostState>,
    /// Where it exports what is not asked of every component.
    pub(super) optional: Optional,
    /// Warm instances. Each is taken by one thread for one call, and comes back only after a clean return; the last one
    /// back is the first one out, so that a thread that calls again finds the instance that its cache knows.
    idle: Mutex<Vec<Instance>>,
    pub(super) watch: Watch,
    /// Whether instances are asked again what they are, which is so once the first one was.
    is_watched: bool,
}

pub(super) struct Instance {
    pub(super) store: Store<HostState>,
    feature: bindings::Feature,
    /// Whether it answered a call before.
    used: bool,
}

/// An instance that nobody else calls: made at its first call, and anew after an error.
#[derive(Default)]
pub(crate) struct OwnInstance(Mutex<Option<Instance>>);

impl std::fmt::Debug for OwnInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnInstance").finish_non_exhaustive()
    }
}

impl Component {
    pub(super) fn load(
        runtime: &Arc<Runtime>,
        name: &str,
        bytes: &[u8],
        tell: &dyn Fn(Stage),
    ) -> Result<Self, LoadError> {
        let engine = runtime.engine();
        let digest = sha256_hex(bytes);
        let kept = runtime.cache().and_then(|cache| cache.get(engine, &digest));
        let is_new = kept.is_none();
        let compiled = match kept {
            Some(compiled) => compiled,
            None => {
                tell(Stage::Compiling);
                compile(engine, name, bytes, runtime.limits(), runtime.compile_ms())?
            }
        };
        tell(Stage::Describing);
        let (linker, answers) = link(engine, name, &compiled)?;
        let wrong =
            |error: wasmtime::Error| LoadError::WrongWorld { name: name.to_owned(), reason: format!("{error:#}") };
        let pre = linker.instantiate_pre(&compiled).map_err(wrong)?;
        let pre = FeaturePre::new(pre).map_err(|error| wrong(error.context(exports(engine, &compiled))))?;
        let imports = answers.into_iter().map(|a| ImportAnswer { import: a.import, answer: a.answer }).collect();
        let description = Description::default();
        let optional = Optional::of(&compiled);
        let mut component = Self {
            runtime: Arc::clone(runtime),
            watch: Watch::new(runtime.repeats(), &digest),
            digest,
            bytes: bytes.len(),
            description,
            imports,
            pre,
            optional,
            idle: Mutex::new(Vec::new()),
            is_watched: false,
        };
        let describe = |source| LoadError::Describe { name: name.to_owned(), source };
        // The first instance tells whether the exports have the contract's types; later ones need not ask.
        let mut store = component.store();
        let instance = component.pre.instance_pre().instantiate(&mut store);
        let instance = instance.map_err(|error| describe(component.instance_fault(&error, &store)))?;
        let feature = bindings::Feature::new(&mut store, &instance).map_err(wrong)?;
        component.give_back(Instance { store, feature, used: false });
        component.description = component.describe().map_err(describe)?;
        component.is_watched = runtime.repeats().every > 0;
        // What it took to describe itself is not held until it is called.
        let idle = component.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|instance| instance.store.data().memory_bytes() <= IDLE_BYTES_MAX);
        // Code is kept of what is a transform, and says so, alone.
        if let Some(cache) = runtime.cache().filter(|_| is_new) {
            cache.put(runtime.engine(), &component.digest, &compiled);
        }
        Ok(component)
    }

    /// The SHA-256 of the component's bytes, in lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The size of the component, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// What it takes and gives.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its imports and how each is answered.
    pub fn imports(&self) -> &[ImportAnswer] {
        &self.imports
    }

    /// Processes one batch. `parameters` holds one column of one row per parameter of the description.
    ///
    /// The answer is checked against the description: nothing that a component gives back is trusted. Now and then the call
    /// is repeated, cut differently, on a fresh instance, and a component whose answers differ is quarantined. What the call writes
    /// goes to `written`, if it is wanted; a repeat writes to nobody.
    pub(crate) fn process(
        &self,
        parameters: &[Column],
        rows: &Rows,
        written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        self.watch.admit(&self.digest)?;
        let Some(dice) = self.watch.due(rows) else { return self.process_once(parameters, rows, written) };
        let (whole, thread) = (Stopwatch::start(), ThreadTime::start());
        let answered = self.process_once(parameters, rows, written);
        self.repeat(dice, parameters, rows, &answered, thread.of(whole.elapsed()))?;
        answered
    }

    /// What watching the component has come to.
    pub(crate) fn watched(&self) -> Watched {
        self.watch.watched()
    }

    /// Whether it is in quarantine.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.watch.admit(&self.digest).is_err()
    }

    /// Notes that so many of its answers were given to somebody, at a moment.
    pub(crate) fn given(&self, answers: u64, moment: i64) {
        self.watch.given(answers, moment);
    }

    /// Puts the component in quarantine for what an earlier process found.
    pub(crate) fn quarantined_before(&self, difference: &str) {
        self.watch.quarantined_before(difference);
    }

    fn process_once(
        &self,
        parameters: &[Column],
        rows: &Rows,
        mut written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        if self.runtime.isolation() == Isolation::Call {
            return self.process_fresh(parameters, rows, written);
        }
        let mut instance = self.instance()?;
        let answers = match self.call_heard(&mut instance, parameters, rows, written.as_deref_mut()) {
            // What it kept from earlier calls is not this call's: a transform that leaks answers as a fresh one does.
            Err(_) if instance.used && instance.store.data().has_outgrown() => {
                instance = self.new_instance()?;
                self.call_heard(&mut instance, parameters, rows, written)?
            }
            answers => answers?,
        };
        self.give_back(instance);
        Ok(answers)
    }

    /// Processes one batch on an instance that was never called, and throws the instance away.
    pub(crate) fn process_fresh(
        &self,
        parameters: &[Column],
        rows: &Rows,
        written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        self.call_heard(&mut self.fresh_instance()?, parameters, rows, written)
    }

    /// Processes one batch on an instance of the caller's own.
    pub(crate) fn process_on(
        &self,
        own: &OwnInstance,
        parameters: &[Column],
        rows: &Rows,
        mut written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        let mut held = own.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut instance) = held.take() {
            self.arm(&mut instance.store);
            if let Ok(answers) = self.call_heard(&mut instance, parameters, rows, written.as_deref_mut()) {
                *held = Some(instance);
                return Ok(answers);
            }
            // What it kept from earlier calls is not this call's.
        }
        let mut instance = self.fresh_instance()?;
        let answers = self.call_heard(&mut instance, parameters, rows, written)?;
        *held = Some(instance);
        Ok(answers)
    }

    /// Processes one batch on a fresh instance and counts the WebAssembly operators that it executes. 0 where the runtime is
    /// not [`super::Variant::Metered`].
    pub(crate) fn process_metered(&self, parameters: &[Column], rows: &Rows) -> Result<(Answers, u64), CallError> {
        let mut instance = self.fresh_instance()?;
        self.arm(&mut instance.store);
        let answers = self.call(&mut instance, parameters, rows)?;
        Ok((answers, instance.store.get_fuel().map_or(0, |left| u64::MAX - left)))
    }

    /// Asks the component what it takes and gives.
    pub(crate) fn describe(&self) -> Result<Description, CallError> {
        let mut instance = self.instance()?;
        let description = self.ask(&mut instance)?;
        self.give_back(instance);
        Ok(description)
    }

    /// Asks an instance that was never called what the component takes and gives.
    pub(crate) fn describe_fresh(&self) -> Result<Description, CallError> {
        self.ask(&mut self.fresh_instance()?)
    }

    /// One call of `process`, and what it writes, if that is wanted.
    fn call_heard(
        &self,
        instance: &mut Instance,
        parameters: &[Column],
        rows: &Rows,
        written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        let Some(written) = written else { return self.call(instance, parameters, rows) };
        instance.store.data_mut().keep_written();
        let answers = self.call(instance, parameters, rows);
        *written = instance.store.data_mut().take_written();
        answers
    }

    /// One call of `process`. After an error of any kind the instance must not be used again.
    pub(super) fn call(
        &self,
        instance: &mut Instance,
        parameters: &[Column],
        rows: &Rows,
    ) -> Result<Answers, CallError> {
        let parameters: Vec<_> = parameters.iter().map(convert::column).collect();
        let input = convert::rows(rows);
        let called = instance.feature.onepath_feature_transform().call_process(
            &mut instance.store,
            &parameters,
            input.as_param(),
        );
        match called.map_err(|error| self.fault(&error, &instance.store))? {
            Ok(output) => convert::answers(output, rows, &self.description, self.runtime.limits()),
            Err(failure) => Err(convert::failure(failure, self.runtime.limits())),
        }
    }

    pub(super) fn ask(&self, instance: &mut Instance) -> Result<Description, CallError> {
        instance.store.set_hostcall_fuel(self.runtime.limits().description_bytes_max);
        let called = instance.feature.onepath_feature_transform().call_describe(&mut instance.store);
        convert::description(called.map_err(|error| self.fault(&error, &instance.store))?)
    }

    /// A warm instance, or a fresh one, with its limits set for one call.
    fn instance(&self) -> Result<Instance, CallError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.new_instance()?,
        };
        self.arm(&mut instance.store);
        Ok(instance)
    }

    /// A fresh instance for calls that count. It is described as the first one was, or the component is in quarantine.
    fn new_instance(&self) -> Result<Instance, CallError> {
        let mut instance = self.fresh_instance()?;
        if !self.is_watched {
            return Ok(instance);
        }
        let difference = match self.ask(&mut instance) {
            Ok(description) if description == self.description => {
                self.arm(&mut instance.store);
                return Ok(instance);
            }
            Ok(_) => "another instance describes itself differently".to_owned(),
            Err(CallError::Host { reason }) => return Err(CallError::Host { reason }),
            Err(error) => format!("another instance does not describe itself: {error}"),
        };
        Err(self.watch.quarantine(&self.digest, difference))
    }

    pub(super) fn fresh_instance(&self) -> Result<Instance, CallError> {
        let mut store = self.store();
        let instantiated = self.pre.instantiate(&mut store);
        let feature = instantiated.map_err(|error| self.instance_fault(&error, &store))?;
        Ok(Instance { store, feature, used: false })
    }

    /// An empty store with its limits, those of the first call included: starting an instance runs its code.
    pub(super) fn store(&self) -> Store<HostState> {
        let mut store = Store::new(self.runtime.engine(), HostState::new(self.runtime.limits()));
        store.limiter(|state| state);
        store.epoch_deadline_trap();
        self.arm(&mut store);
        store
    }

    /// Sets what one call may use.
    pub(super) fn arm(&self, store: &mut Store<HostState>) {
        let limits = self.runtime.limits();
        // The current epoch is partly over, so one more tick keeps the limit from being cut short.
        store.set_epoch_deadline(self.runtime.call_ms().div_ceil(EPOCH_MS) + 1);
        store.set_hostcall_fuel(limits.output_bytes_max);
        if self.runtime.is_metered() {
            store.set_fuel(u64::MAX).expect("a metered engine was configured to count");
        }
        store.data_mut().clear_output();
    }

    fn give_back(&self, mut instance: Instance) {
        instance.used = true;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// What the component has instead of the contract's exports, such as those of another version.
fn exports(engine: &Engine, compiled: &Compiled) -> String {
    let world = compiled.component_type();
    const NAMES_MAX: usize = 8;
    let names: Vec<&str> = world.exports(engine).map(|(name, _)| name).take(NAMES_MAX).collect();
    if names.is_empty() { "it exports nothing".to_owned() } else { format!("it exports {}", names.join(", ")) }
}
