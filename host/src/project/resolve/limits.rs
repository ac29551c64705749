//! Reads the limits: each a whole number within what the sandbox can hold to.

use toml::Spanned;

use crate::project::fault::Fault;
use crate::project::raw::{RawLimits, RawServing};
use crate::project::{LimitSettings, ServingSettings};

/// What 32-bit memory can address.
const ADDRESSABLE: u64 = 1 << 32;

pub(super) fn limits(raw: RawLimits) -> Result<LimitSettings, Fault> {
    Ok(LimitSettings {
        component_bytes_max: within(raw.component_bytes_max, "component_bytes_max", 1, ADDRESSABLE)?,
        function_bytes_max: within(raw.function_bytes_max, "function_bytes_max", 1, ADDRESSABLE)?,
        compile_ms_max: within(raw.compile_ms_max, "compile_ms_max", 1, 86_400_000)?,
        admission_ms_max: within(raw.admission_ms_max, "admission_ms_max", 100, 86_400_000)?,
        admission_bytes_max: within(raw.admission_bytes_max, "admission_bytes_max", 128 << 20, 1 << 40)?,
        memory_bytes_max: within(raw.memory_bytes_max, "memory_bytes_max", 64 << 10, ADDRESSABLE)?,
        table_elements_max: within(raw.table_elements_max, "table_elements_max", 1, u32::MAX.into())?,
        // A thread of the host has a stack of 2 MiB, and the host needs some of it.
        stack_bytes_max: within(raw.stack_bytes_max, "stack_bytes_max", 64 << 10, 1 << 20)?,
        call_ms_max: within(raw.call_ms_max, "call_ms_max", 1, 86_400_000)?,
        output_bytes_max: within(raw.output_bytes_max, "output_bytes_max", 1, ADDRESSABLE)?,
        description_bytes_max: within(raw.description_bytes_max, "description_bytes_max", 1, ADDRESSABLE)?,
        state_bytes_max: within(raw.state_bytes_max, "state_bytes_max", 1, ADDRESSABLE)?,
        stderr_bytes_max: within(raw.stderr_bytes_max, "stderr_bytes_max", 0, 1 << 30)?,
    })
}

/// The share of calls that are repeated, as one in how many; 0 for none.
pub(super) fn repeat_every(share: Option<Spanned<f64>>) -> Result<Option<u64>, Fault> {
    let Some(share) = share else { return Ok(None) };
    match *share.get_ref() {
        0.0 => Ok(Some(0)),
        given if given > 0.0 && given <= 1.0 => Ok(Some((1.0 / given).round() as u64)),
        given => Err(Fault::new(share.span(), format!("{given} is not a share"))
            .help("write a share of the calls from 0.0 (none) to 1.0 (all), such as repeat_share = 0.001")),
    }
}

/// How the project is served.
pub(super) fn serving(raw: RawServing) -> Result<ServingSettings, Fault> {
    let mut settings = ServingSettings::default();
    if let Some(share) = raw.log_share {
        settings.log_share = *share.get_ref();
        if !(0.0..=1.0).contains(&settings.log_share) {
            return Err(Fault::new(share.span(), format!("{} is not a share", settings.log_share))
                .help("write the share of entities whose served vectors are recorded, from 0.0 (none) to 1.0 (all)"));
        }
    }
    // SQLite's own pages need room as well.
    if let Some(bytes) = within(raw.served_bytes_max, "served_bytes_max", 1 << 20, i64::MAX as u64)? {
        settings.served_bytes_max = bytes;
    }
    Ok(settings)
}

fn within(value: Option<Spanned<i64>>, name: &str, min: u64, max: u64) -> Result<Option<u64>, Fault> {
    let Some(value) = value else { return Ok(None) };
    match u64::try_from(*value.get_ref()).ok().filter(|number| (min..=max).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Fault::new(value.span(), format!("{} is out of range for {name}", value.get_ref()))
            .help(format!("write a whole number from {min} to {max}"))),
    }
}
