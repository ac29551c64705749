//! One aggregate or window at a time: the parameter `kind` says which one the events go to. `host/benches/kinds.rs` measures it.
//!
//! The state holds all of them; those that nothing goes to take a few bytes each, which the benchmark takes off.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    merchant: &'a str,
    amount: f64,
}

#[derive(Parameters)]
struct Parameters {
    /// The place in [`KINDS`].
    kind: i64,
}

#[derive(Features)]
struct Features {
    /// What the aggregate answers, as a number.
    answer: f64,
}

/// Names each kind once: its field, its type, how an event goes to it, and what it is asked.
macro_rules! kinds {
    ($($number:literal $field:ident: $type:ty, $name:literal,
        |$state:ident, $at:ident, $event:ident| $push:expr, |$as_of:ident| $read:expr;)*) => {
        #[derive(State, Default)]
        struct Kinds {
            $($field: $type,)*
        }

        /// The kinds, in the order of the parameter.
        pub const KINDS: &[&str] = &[$($name),*];

        /// The bytes of a kind's state before anything goes to it.
        pub fn empty_bytes(kind: usize) -> usize {
            let mut bytes = Vec::new();
            match kind as i64 {
                $($number => <$type>::default().encode(&mut bytes),)*
                _ => {}
            }
            bytes.len()
        }

        #[transform]
        impl Kinds {
            fn update(&mut self, event: &Event, at: EventTime, parameters: &Parameters) {
                match parameters.kind {
                    $($number => {
                        let ($state, $at, $event) = (&mut self.$field, at, event);
                        $push;
                    })*
                    _ => {}
                }
            }

            fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
                let answer = match parameters.kind {
                    $($number => {
                        let ($state, $as_of) = (&self.$field, as_of);
                        $read
                    })*
                    _ => 0.0,
                };
                Features { answer }
            }
        }
    };
}

/// The window of `by_parameter`. (The benchmark has one parameter, which is another one.)
pub struct LastDays;

impl Spans for LastDays {
    type Parameters<'a> = UpTo<Days<30>>;

    fn spans(days: &UpTo<Days<30>>) -> [Span; 1] {
        [Span::last(*days)]
    }
}

fn or_zero(answer: Option<f64>) -> f64 {
    answer.unwrap_or(0.0)
}

kinds! {
    0 window: Window<f64, Days<30>>, "`Window<f64, Days<30>>`, mean",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.closed::<Days<30>>(as_of).mean());
    1 window_std: Window<f64, Days<30>>, "`Window<f64, Days<30>>`, `std_dev`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.closed::<Days<30>>(as_of).std_dev());
    2 window_median: Window<f64, Days<30>>, "`Window<f64, Days<30>>`, median",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.closed::<Days<30>>(as_of).median());
    3 by_parameter: ParameterWindow<f64, LastDays>, "`ParameterWindow<f64, _>` of 30 days",
        |state, at, event| state.push(at, event.amount, &UpTo::MAX), |as_of| or_zero(state.closed(as_of, &UpTo::MAX)[0].mean());
    4 distinct_window: DistinctWindow<String, Days<30>>, "`DistinctWindow<String, Days<30>>`",
        |state, at, event| state.push(at, event.merchant), |as_of| state.closed::<Days<30>>(as_of).count() as f64;
    5 last_n: LastN<f64, 20>, "`LastN<f64, 20>`, mean",
        |state, at, event| state.push(at, event.amount), |_as_of| or_zero(state.view().mean());
    6 lag: Lag<f64, Days<30>>, "`Lag<f64, Days<30>>`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.value::<Days<7>>(as_of).copied());
    7 count: Count, "`Count`",
        |state, at, _event| state.push(at, ()), |_as_of| state.count() as f64;
    8 sum: Sum, "`Sum`",
        |state, at, event| state.push(at, event.amount), |_as_of| state.sum();
    9 mean: Mean, "`Mean`",
        |state, at, event| state.push(at, event.amount), |_as_of| or_zero(state.mean());
    10 variance: Variance, "`Variance`, `sample_std_dev`",
        |state, at, event| state.push(at, event.amount), |_as_of| or_zero(state.sample_std_dev());
    11 extremes: (Min, Max), "`(Min, Max)`",
        |state, at, event| state.push(at, (event.amount, event.amount)), |_as_of| or_zero(state.0.min());
    12 edges: (First<f64>, Last<f64>), "`(First<f64>, Last<f64>)`",
        |state, at, event| state.push(at, (event.amount, event.amount)), |_as_of| or_zero(state.1.value().copied());
    13 recency: Recency, "`Recency`",
        |state, at, _event| state.push(at, ()), |as_of| state.since(as_of).map_or(0.0, |since| since.whole_hours() as f64);
    14 share: Share, "`Share`",
        |state, at, event| state.push(at, event.amount > 50.0), |_as_of| or_zero(state.share());
    15 distinct: Distinct<String>, "`Distinct<String>`",
        |state, at, event| state.push(at, event.merchant), |_as_of| state.count() as f64;
    16 hyper_log_log: HyperLogLog<String, 12>, "`HyperLogLog<String, 12>`",
        |state, at, event| state.push(at, event.merchant), |_as_of| state.count() as f64;
    17 counts: Counts<String>, "`Counts<String>`, `top(3)`",
        |state, at, event| state.push(at, event.merchant), |_as_of| state.top(3).len() as f64;
    18 top_k: TopK<String, 16>, "`TopK<String, 16>`, `top(3)`",
        |state, at, event| state.push(at, event.merchant), |_as_of| state.top(3).len() as f64;
    19 sketch: QuantileSketch, "`QuantileSketch`",
        |state, at, event| state.push(at, event.amount), |_as_of| or_zero(state.median());
    20 decayed: Decayed<Days<7>>, "`Decayed<Days<7>>`",
        |state, at, event| state.push(at, event.amount), |as_of| state.sum(as_of);
    21 hopping: Hopping<Mean, Days<30>, Days<1>>, "`Hopping<Mean, Days<30>, Days<1>>`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.sawtooth::<Days<30>>(as_of).mean());
    22 hopping_variance: Hopping<Variance, Days<30>, Days<1>>, "`Hopping<Variance, Days<30>, Days<1>>`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.sawtooth::<Days<30>>(as_of).std_dev());
    23 hopping_sketch: Hopping<QuantileSketch, Days<30>, Days<1>>, "`Hopping<QuantileSketch, Days<30>, Days<1>>`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.sawtooth::<Days<30>>(as_of).median());
    24 tumbling: Tumbling<Mean, Days<1>>, "`Tumbling<Mean, Days<1>>`",
        |state, at, event| state.push(at, event.amount), |as_of| or_zero(state.current(as_of).mean());
    25 gaps: Sessions<Sum, Gap<Hours<6>>, Days<30>>, "`Sessions<Sum, Gap<Hours<6>>, Days<30>>`",
        |state, at, event| state.push(at, event.amount), |as_of| state.current(as_of).map_or(0.0, |session| session.events.sum());
    26 fixed: Sessions<Sum, Fixed<Hours<6>>, Days<30>>, "`Sessions<Sum, Fixed<Hours<6>>, Days<30>>`",
        |state, at, event| state.push(at, event.amount), |as_of| state.current(as_of).map_or(0.0, |session| session.events.sum());
}
