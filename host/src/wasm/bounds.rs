//! What is counted before anything is compiled.
//!
//! A small file may declare so much that reading it takes half a minute and gigabytes. So everything that a component declares is
//! counted first, in one flat pass over its sections, which takes milliseconds and no memory. The bounds are far above what
//! compilers make of a transform, those of Python and JavaScript included.

use std::path::Path;

use wasmparser::{ComponentInstance, Instance, Parser, Payload};

use super::Limits;
use super::error::LoadError;

/// Imports of all modules and components together; and exports; and types; and whatever else has no bound of its own here.
const DECLARATIONS_MAX: u64 = 10_000;
/// Functions of all modules together.
const FUNCTIONS_MAX: u64 = 100_000;
/// Globals, and segments of data and elements, of all modules together.
const SEGMENTS_MAX: u64 = 50_000;
/// Core modules and components in a component.
const MODULES_MAX: u64 = 200;
/// Instances of modules and components that are made at the start.
const INSTANCES_MAX: u64 = 1_000;
/// Components within components.
const NESTING_MAX: u64 = 16;
/// Local variables of one function. The time and memory to compile one grow with them.
const LOCALS_MAX: u64 = 10_000;
/// Bytes of the types of the component model. They nest, by three bytes a level, and are read by recursion: this many bytes do not
/// exhaust the stack of the thread that compiles.
const TYPE_BYTES_MAX: u64 = 128 << 10;

/// What was counted so far.
struct Count {
    what: &'static str,
    count: u64,
    count_max: u64,
}

/// The counts of one component.
struct Counts<'a> {
    name: &'a str,
    counts: Vec<Count>,
    nesting: u64,
}

/// The component's file, if it is not too large.
pub(crate) fn read_component(path: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
    let read = |source| LoadError::Read { path: path.to_owned(), source };
    check_size(&path.display().to_string(), std::fs::metadata(path).map_err(read)?.len(), limits)?;
    std::fs::read(path).map_err(read)
}

/// Refuses what is refused without being compiled: too many bytes, or too many of anything that a component declares.
pub(crate) fn check_bounds(name: &str, bytes: &[u8], limits: &Limits) -> Result<(), LoadError> {
    check_size(name, bytes.len() as u64, limits)?;
    check(name, bytes, limits)
}

pub(super) fn check_size(name: &str, bytes: u64, limits: &Limits) -> Result<(), LoadError> {
    let bytes_max = limits.component_bytes_max;
    if bytes > bytes_max {
        return Err(LoadError::TooLarge { name: name.to_owned(), bytes, bytes_max });
    }
    Ok(())
}

/// Refuses a component that declares too much. What is no WebAssembly is left to the compiler, which says it better.
pub(super) fn check(name: &str, bytes: &[u8], limits: &Limits) -> Result<(), LoadError> {
    let mut counts = Counts { name, counts: Vec::new(), nesting: 0 };
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Ok(()) };
        counts.section(&payload, limits)?;
    }
    Ok(())
}

impl Counts<'_> {
    /// Counts what one section declares.
    fn section(&mut self, payload: &Payload<'_>, limits: &Limits) -> Result<(), LoadError> {
        use Payload as P;
        match payload {
            P::CodeSectionEntry(body) => self.function(body, limits),
            P::TypeSection(types) => self.add("types", types.count(), DECLARATIONS_MAX),
            P::CoreTypeSection(types) => self.types(types.count(), types.range().len()),
            P::ComponentTypeSection(types) => self.types(types.count(), types.range().len()),
            P::ImportSection(imports) => self.add("imports", imports.count(), DECLARATIONS_MAX),
            P::ComponentImportSection(imports) => self.add("imports", imports.count(), DECLARATIONS_MAX),
            P::ExportSection(exports) => self.add("exports", exports.count(), DECLARATIONS_MAX),
            P::ComponentExportSection(exports) => self.add("exports", exports.count(), DECLARATIONS_MAX),
            P::FunctionSection(functions) => self.add("functions", functions.count(), FUNCTIONS_MAX),
            P::ComponentCanonicalSection(functions) => {
                self.add("lifted and lowered functions", functions.count(), DECLARATIONS_MAX)
            }
            P::ComponentAliasSection(aliases) => self.add("aliases", aliases.count(), 2 * DECLARATIONS_MAX),
            P::GlobalSection(globals) => self.add("globals", globals.count(), SEGMENTS_MAX),
            P::DataSection(segments) => self.add("segments of data", segments.count(), SEGMENTS_MAX),
            P::ElementSection(segments) => self.add("segments of elements", segments.count(), SEGMENTS_MAX),
            P::TableSection(tables) => self.add("tables", tables.count(), DECLARATIONS_MAX),
            P::MemorySection(memories) => self.add("memories", memories.count(), DECLARATIONS_MAX),
            P::TagSection(tags) => self.add("tags", tags.count(), DECLARATIONS_MAX),
            P::InstanceSection(instances) => {
                self.add("instances", instances.count(), INSTANCES_MAX)?;
                instances.clone().into_iter().map_while(Result::ok).try_for_each(|instance| match instance {
                    Instance::Instantiate { args, .. } => self.add("imports", args.len() as u32, DECLARATIONS_MAX),
                    Instance::FromExports(exports) => self.add("exports", exports.len() as u32, DECLARATIONS_MAX),
                })
            }
            P::ComponentInstanceSection(instances) => {
                self.add("instances", instances.count(), INSTANCES_MAX)?;
                instances.clone().into_iter().map_while(Result::ok).try_for_each(|instance| match instance {
                    ComponentInstance::Instantiate { args, .. } => {
                        self.add("imports", args.len() as u32, DECLARATIONS_MAX)
                    }
                    ComponentInstance::FromExports(exports) => {
                        self.add("exports", exports.len() as u32, DECLARATIONS_MAX)
                    }
                })
            }
            P::ModuleSection { .. } | P::ComponentSection { .. } => {
                self.nesting += 1;
                self.add("modules and components", 1, MODULES_MAX)?;
                self.within("levels of components within components", self.nesting, NESTING_MAX)
            }
            P::End(_) => {
                self.nesting = self.nesting.saturating_sub(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Types of the component model, which nest.
    fn types(&mut self, count: u32, bytes: usize) -> Result<(), LoadError> {
        self.add("types", count, DECLARATIONS_MAX)?;
        self.add("bytes of types", u32::try_from(bytes).unwrap_or(u32::MAX), TYPE_BYTES_MAX)
    }

    fn function(&mut self, body: &wasmparser::FunctionBody<'_>, limits: &Limits) -> Result<(), LoadError> {
        let (bytes, bytes_max) = (body.range().len() as u64, limits.function_bytes_max);
        if bytes > bytes_max {
            return Err(LoadError::FunctionTooLarge { name: self.name.to_owned(), bytes, bytes_max });
        }
        let Ok(locals) = body.get_locals_reader() else { return Ok(()) };
        let locals = locals.into_iter().map_while(Result::ok).map(|(count, _)| u64::from(count)).sum();
        self.within("local variables in one function", locals, LOCALS_MAX)
    }

    /// Adds to what was counted of `what`.
    fn add(&mut self, what: &'static str, more: u32, count_max: u64) -> Result<(), LoadError> {
        let at = match self.counts.iter().position(|count| count.what == what) {
            Some(at) => at,
            None => {
                self.counts.push(Count { what, count: 0, count_max });
                self.counts.len() - 1
            }
        };
        let count = &mut self.counts[at];
        count.count += u64::from(more);
        let (count, count_max) = (count.count, count.count_max);
        self.within(what, count, count_max)
    }

    fn within(&self, what: &str, count: u64, count_max: u64) -> Result<(), LoadError> {
        if count <= count_max {
            return Ok(());
        }
        Err(LoadError::TooMany { name: self.name.to_owned(), what: what.to_owned(), count, count_max })
    }
}
