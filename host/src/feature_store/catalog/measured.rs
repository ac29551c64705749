//! What is measured of one view: the cost of its component, and its states.

use super::entries::{Measured, ViewEntry};
use super::name::Described;
use crate::Error;
use crate::admission::{Cost, Report, StateGrowth};
use crate::feature_store::FeatureStore;

/// How many reports are looked through for one that has the costs of a component.
const REPORTS_MAX: usize = 1_000;

impl FeatureStore {
    /// The same with what is measured, where it is a view whose component is there.
    pub(crate) fn measured(&self, mut described: Described) -> Result<Described, Error> {
        if let Described::View(entry) = &mut described
            && entry.component.is_some()
        {
            entry.measured = Some(self.measure(entry)?);
        }
        Ok(described)
    }

    fn measure(&self, entry: &ViewEntry) -> Result<Measured, Error> {
        let view = self.project().view_version(&entry.name, Some(entry.version))?;
        let cost = entry.component.as_deref().and_then(|component| self.recorded_cost(component));
        let state_growth = match &cost {
            // One that may not be used has no states either.
            _ if entry.sources.is_empty() || entry.quarantined => None,
            // By the events of the check, which may have been real ones.
            Some(cost) => {
                Some(StateGrowth { bytes_per_event: cost.state_bytes_per_event, bytes_of_100_events: cost.state_bytes })
            }
            None => self.state_growth(view).unwrap_or_default(),
        };
        let online = self.online_for_reading()?;
        let entities = match &online {
            Some(online) if online.mark(&entry.view)?.is_some() => Some(online.count(&entry.view)?),
            _ => None,
        };
        Ok(Measured { cost, state_growth, state_bytes_max: self.limits().state_bytes_max as u64, entities })
    }

    /// What a component costs, as an admission or `onepath check` has recorded it; the record that was written last.
    fn recorded_cost(&self, component: &str) -> Option<Cost> {
        let folder = self.report_path("").parent()?.to_owned();
        let files = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).take(REPORTS_MAX);
        let reports = files.filter_map(|file| {
            let written = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
            let report: Report = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
            (report.digest == component).then_some((written, report.cost?))
        });
        reports.max_by_key(|(written, _)| *written).map(|(_, cost)| cost)
    }
}
