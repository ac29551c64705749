//! Checks the components of views, with values of the views' own sources and their own parameters.

use std::path::PathBuf;

use super::FeatureStore;
use super::admit::stopped;
use crate::Error;
use crate::admission::{CheckOptions, Report, Sample, TrialOutput};
use crate::digest::sha256_hex;
use crate::project::View;
use crate::time::Stopwatch;

/// Real events per source that values are taken from.
const SAMPLE_ROWS_MAX: usize = 512;

/// How to check a view.
pub struct ViewCheck<'a> {
    /// The seed of the generated cases.
    pub seed: u64,
    /// How many cases to generate.
    pub cases: usize,
    /// Whether an earlier report on the same component and the same input may be given again.
    pub earlier: Earlier,
    /// Told what the component writes in its trial calls, if that is wanted: then the check is made anew.
    pub output: Option<&'a dyn Fn(&TrialOutput)>,
}

/// What becomes of an earlier report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It is given again, if everything that it depends on is the same.
    Kept,
    /// The check is made anew.
    Ignored,
}

impl FeatureStore {
    /// Tries the laws on the component of a view. Values come from the first file of each of its sources, if it is there.
    ///
    /// A report by which every law holds is kept in `.onepath/cache/admission`, under everything that it depends on.
    pub fn check_view(&self, view: &View, how: &ViewCheck<'_>) -> Result<Report, Error> {
        let program = self.loaded(view)?;
        self.check_lock(view, &program)?;
        self.check_built(view, program.digest())?;
        let sample = self.sample(view)?;
        let path = self.component_file(view)?.path;
        let key = format!(
            "{} {} {} {} {} {} {:?} {:?} {sample:?}",
            crate::admission::EDITION,
            program.digest(),
            env!("CARGO_PKG_VERSION"),
            crate::wasm::ENGINE_VERSION,
            how.seed,
            how.cases,
            self.options().limits,
            program.parameters(),
        );
        let kept = self.report_path(&key);
        if how.earlier == Earlier::Kept
            && how.output.is_none()
            && let Ok(text) = std::fs::read_to_string(&kept)
            && let Ok(report) = serde_json::from_str(&text)
        {
            return Ok(report);
        }
        let (budget, watch) = (self.gate.budget(program.digest()), Stopwatch::start());
        let now = || watch.elapsed();
        let options = CheckOptions {
            seed: how.seed,
            cases: how.cases,
            sample,
            parameters: Some(program.parameters().to_vec()),
            has_sources: program.has_sources(),
            now: Some(&now),
            budget: &budget,
            output: how.output,
        };
        let report = self.gate.check(&view.label(), &path, &options).map_err(stopped)?;
        if report.holds() {
            // A report that cannot be kept only costs time.
            let _ = kept.parent().map(std::fs::create_dir_all);
            let _ = crate::files::write_text(&kept, &serde_json::to_string_pretty(&report).unwrap_or_default());
        }
        Ok(report)
    }

    /// Real events of a view: values that no generator guesses.
    fn sample(&self, view: &View) -> Result<Sample, Error> {
        let fields = self.loaded(view)?.description().event_fields.clone();
        let mut sample = self.sample_of_definition(view);
        for name in &view.sources {
            let source = self.project().source(name)?;
            // Files that are not there yet are no reason not to check.
            let files = source.resolve_files(self.storage(), &self.project().root).unwrap_or_default();
            let Some(path) = files.first() else { continue };
            for (time, values) in crate::events::read_sample(self.storage(), source, path, &fields, SAMPLE_ROWS_MAX)? {
                sample.times.push(time.micros());
                sample.events.push(values);
            }
        }
        Ok(sample)
    }

    pub(super) fn report_path(&self, key: &str) -> PathBuf {
        let name = &sha256_hex(key)[..32];
        self.project().data_dir().join("cache").join("admission").join(format!("{name}.json"))
    }
}
