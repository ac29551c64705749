//! `onepath check`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output, shown};
use crate::admission::{self, CheckOptions, Counterexample, LawResult, Place, Report, Sample, TrialOutput};
use crate::feature_store::{Earlier, OpenOptions, ViewCheck};
use crate::project::{LimitSettings, PROJECT_FILE};
use crate::time::Stopwatch;
use crate::wasm::LoadError;
use crate::{Error, told};

/// Prove that components are pure functions of their rows: the laws that make a served vector equal a backfill.
///
/// Cases are generated from the component's description, edge values included, with values of the view's source where its
/// files are there; answers are compared bit for bit, and the smallest input that breaks a law is shown. Exit 0: every law
/// holds. Exit 1: one fails, or a component is refused.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  onepath check\n  onepath check activity --cases 2000\n  onepath check activity --verbose\n  onepath check activity --show-output    # what println! and dbg! print\n  onepath check target/churn.wasm --format json"
)]
pub(super) struct Check {
    /// A view, or a component file [default: every view of the project].
    #[arg(value_name = "VIEW or FILE.wasm")]
    what: Option<String>,
    /// How many cases to generate.
    #[arg(long, value_name = "N", default_value_t = admission::CASES as u32, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// The seed of the cases. The same seed gives the same cases.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Show what each component is linked to, and how each import is answered.
    #[arg(long)]
    verbose: bool,
    /// Time of compiling and trying one component, in milliseconds [default: admission_ms_max of the project's limits, 20000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    admission_ms_max: Option<u64>,
    /// Resident memory of the process that compiles and tries it, in bytes [default: admission_bytes_max of the project's limits,
    /// 600 MiB].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(128 << 20..=1 << 40))]
    admission_bytes_max: Option<u64>,
    /// Check anew, even if the same component was checked in the same way before.
    #[arg(long)]
    fresh: bool,
    /// Print what the component writes with println!, eprintln! and dbg! in its trial calls, on standard error: the first 100 lines,
    /// each with the law, the case, the entity's number and the time of the row. Implies --fresh.
    #[arg(long)]
    show_output: bool,
}

/// What came of one component.
enum Checked {
    Report(Box<Report>),
    Refused { name: String, reason: LoadError },
}

pub(super) fn run(context: &Context, command: &Check) -> anyhow::Result<ExitCode> {
    let checked = match &command.what {
        Some(file) if Path::new(file).extension().is_some_and(|extension| extension == "wasm") => {
            vec![check_file(context, command, Path::new(file))?]
        }
        what => check_views(context, command, what.as_deref())?,
    };
    match context.format {
        Format::Json => output::json(&checked.iter().map(as_json).collect::<Vec<_>>())?,
        Format::Text => checked.iter().for_each(|checked| print(checked, command.verbose)),
    }
    let good = checked.iter().all(|checked| matches!(checked, Checked::Report(report) if report.holds()));
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// How a project is opened: with the limits that the command line sets first.
fn open_options(command: &Check) -> OpenOptions {
    let limits_first = LimitSettings {
        admission_ms_max: command.admission_ms_max,
        admission_bytes_max: command.admission_bytes_max,
        ..LimitSettings::default()
    };
    OpenOptions { limits_first, ..OpenOptions::default() }
}

/// Checks a component file by itself: within the limits of the project, if there is one, with generated values only.
fn check_file(context: &Context, command: &Check, path: &Path) -> anyhow::Result<Checked> {
    let gate = match context.project.join(PROJECT_FILE).exists() {
        true => context.open(open_options(command))?.options().gate(None),
        false => context.options(open_options(command)).gate(None),
    };
    let (budget, watch) = (gate.budget(""), Stopwatch::start());
    let now = || watch.elapsed();
    let name = path.display().to_string();
    let tell = |output: &TrialOutput| shown::trial(&name, output);
    let options = CheckOptions {
        seed: command.seed,
        cases: command.cases as usize,
        sample: Sample::default(),
        parameters: None,
        has_sources: false,
        now: Some(&now),
        budget: &budget,
        output: command.show_output.then_some(&tell),
    };
    Ok(checked(&name, gate.check(&name, path, &options))?)
}

fn check_views(context: &Context, command: &Check, view_name: Option<&str>) -> anyhow::Result<Vec<Checked>> {
    let store = context.open(open_options(command))?;
    let views = match view_name {
        Some(name) => vec![store.project().view(name)?.clone()],
        None => store.project().views.clone(),
    };
    let earlier = if command.fresh { Earlier::Ignored } else { Earlier::Kept };
    let mut results = Vec::new();
    for view in views {
        let name = view.label();
        let tell = |output: &TrialOutput| shown::trial(&name, output);
        let output = command.show_output.then_some(&tell as &dyn Fn(&TrialOutput));
        let how = ViewCheck { seed: command.seed, cases: command.cases as usize, earlier, output };
        let report = match store.check_view(&view, &how) {
            Ok(report) => Ok(report),
            Err(Error::Load(error)) => Err(error),
            Err(other) => return Err(other.into()),
        };
        results.push(checked(&view.label(), report)?);
    }
    let holds = |checked: &Checked| matches!(checked, Checked::Report(report) if report.holds());
    if view_name.is_none() && results.iter().all(holds) {
        // Components that are good by themselves may yet not fit each other, or the services.
        store.plan_project()?;
    }
    Ok(results)
}

/// Tells a refused component from one that could not be checked.
fn checked(name: &str, result: Result<Report, LoadError>) -> Result<Checked, LoadError> {
    match result {
        Ok(report) => Ok(Checked::Report(Box::new(report))),
        Err(reason) if reason.is_refusal() => Ok(Checked::Refused { name: name.to_owned(), reason }),
        Err(error) => Err(error),
    }
}

fn as_json(checked: &Checked) -> serde_json::Value {
    match checked {
        Checked::Report(report) => {
            let mut value = serde_json::json!(report);
            value["holds"] = report.holds().into();
            value
        }
        Checked::Refused { name, reason } => {
            serde_json::json!({ "name": name, "holds": false, "refused": told(reason) })
        }
    }
}

fn print(checked: &Checked, verbose: bool) {
    let report = match checked {
        Checked::Report(report) => report,
        Checked::Refused { name, reason } => {
            return output::line(&format!("{name}: refused\n  {}", told(reason)));
        }
    };
    let broken = report.laws.iter().filter(|law| law.counterexample.is_some()).count();
    let verdict = match broken {
        0 if report.tried.stopped.is_some() => "not admitted".to_owned(),
        0 => "every law holds".to_owned(),
        1 => "1 law fails".to_owned(),
        _ => format!("{broken} laws fail"),
    };
    output::line(&format!(
        "{}: {verdict}\n  component {}, {} bytes\n  {}",
        report.name,
        report.digest,
        output::thousands(report.size_bytes as u64),
        tried(report),
    ));
    let stopped = report.tried.cases < report.tried.cases_asked;
    let law = |law: &LawResult| {
        let holds = match (&law.counterexample, law.cases) {
            (Some(_), _) => "no",
            (None, 0) if law.law != admission::Law::Constant => "not tried",
            (None, _) if stopped && law.law != admission::Law::Constant => "so far",
            _ => "yes",
        };
        vec![law.law.name().to_owned(), holds.to_owned(), law.statement.clone()]
    };
    for law in &report.laws {
        if let Some(counterexample) = &law.counterexample {
            print_counterexample(law, counterexample);
        }
    }
    output::table(&["law", "holds", "statement"], report.laws.iter().map(law).collect());
    if verbose {
        print_imports(report);
    }
    if let Some(cost) = &report.cost {
        output::line(&format!(
            "cost: {:.0} operators a row in batches, {} for one question (the same on every machine)\n      \
             {:.0} ns a row in batches of 8,192, {:.1} us for one question on 50 events, {:.0} ms to compile (this machine)\n      \
             {:.1} bytes of state an event, {} bytes after 100 events; {}",
            cost.operators_per_row,
            output::thousands(cost.operators_per_question),
            cost.batch_ns_per_row,
            cost.question_ns / 1e3,
            cost.compile_ms,
            cost.state_bytes_per_event,
            output::thousands(cost.state_bytes as u64),
            match cost.events_of_1_mib {
                Some(events) => format!("1 MiB at about {} events", output::thousands(events)),
                None => "it does not grow".to_owned(),
            },
        ));
    }
}

fn tried(report: &Report) -> String {
    let tried = &report.tried;
    let of = match tried.cases < tried.cases_asked {
        true => format!(" of {}", output::thousands(tried.cases_asked as u64)),
        false => String::new(),
    };
    let sample = match tried.sample_events {
        0 => "no sample of its source".to_owned(),
        events => format!("values of {} real events", output::thousands(events as u64)),
    };
    let mut text = format!(
        "{}{of} cases with {} events and {} questions, {sample}, seed {}",
        output::thousands(tried.cases as u64),
        output::thousands(tried.events as u64),
        output::thousands(tried.questions as u64),
        report.seed,
    );
    if report.place == Place::Process {
        text += "\n  compiled and tried within this process, not in one that can be ended";
    }
    if let Some(why) = &tried.stopped {
        text += &format!("\n  {why}");
    }
    if let Some(message) = &tried.first_refusal {
        text += &format!("\n  {} cases were refused by the transform, the first with: {message}", tried.refused);
    }
    text
}

/// The cause first, then the smallest input, then what to write instead.
fn print_counterexample(law: &LawResult, counterexample: &Counterexample) {
    const ROWS_SHOWN: usize = 12;
    let name = law.law.name();
    output::line(&format!("\nit {}\n  so law {name} fails, the smallest input found:", counterexample.cause));
    let rows = counterexample.rows.iter().take(ROWS_SHOWN).map(|row| {
        vec![row.row.to_string(), row.entity.to_string(), row.kind.clone(), row.time.clone(), row.fields.join("\n")]
    });
    if !counterexample.rows.is_empty() {
        output::table(&["row", "entity", "kind", "time", "fields"], rows.collect());
    }
    if counterexample.rows_in_all > ROWS_SHOWN {
        let (shown, all) = (ROWS_SHOWN as u64, counterexample.rows_in_all as u64);
        output::line(&format!("the first {shown} of {} rows", output::thousands(all)));
    }
    output::line(&format!("{}\nwrite instead: {}\n", counterexample.difference, counterexample.advice));
}

/// The imports by their answers: what a transform is linked to says little, what it would get says all.
fn print_imports(report: &Report) {
    if report.imports.is_empty() {
        return output::line("imports: none");
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for import in &report.imports {
        match rows.iter_mut().find(|row| row[0] == import.answer) {
            Some(row) => {
                row[1].push('\n');
                row[1].push_str(&import.import);
            }
            None => rows.push(vec![import.answer.clone(), import.import.clone()]),
        }
    }
    output::table(&["answer", "imports"], rows);
}
