//! Kinds: every kind of aggregate and window that the SDK has, in one transform.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    /// Any word: the key of what is counted by key.
    event_type: &'a str,
    amount: f64,
}

#[derive(Parameters)]
struct Parameters {
    /// How many days `in_days` covers.
    days: UpTo<Days<365>>,
}

/// What `in_days` is asked for: those days, and those before them.
impl Spans<2> for Parameters {
    type Parameters<'a> = Self;

    fn spans(parameters: &Self) -> [Span; 2] {
        [Span::last(parameters.days), Span::ago(parameters.days, parameters.days)]
    }
}

/// A number kept small, so that integers and whole amounts are equal often.
fn whole(amount: f64) -> i64 {
    amount as i64 % 7
}

#[derive(State, Default)]
struct Kinds {
    window: Window<f64, Days<90>>,
    wholes: Window<i64, Days<90>>,
    flags: Window<bool, Hours<36>>,
    in_days: ParameterWindow<f64, Parameters>,
    distinct_window: DistinctWindow<String, Days<30>>,
    last_n: LastN<f64, 5>,
    words: LastN<String, 3>,
    lag: Lag<f64, Days<30>>,
    lifetime: (Count, Variance, Min, Max),
    edges: (First<String>, Last<f64>, Recency, Share),
    keys: (Distinct<String>, HyperLogLog<String, 6>, Counts<i64>, TopK<String, 3>),
    sketch: QuantileSketch,
    decayed: Decayed<Days<7>>,
    hopping: Hopping<(Mean, Distinct<String>, QuantileSketch), Days<30>, Days<1>>,
    minutes: Hopping<Sum, Hours<2>, Minutes<10>>,
    tumbling: Tumbling<(Count, Sum), Days<1>>,
    gaps: Sessions<(Count, Last<f64>), Gap<Hours<30>>, Days<60>>,
    fixed: Sessions<Sum, Fixed<Minutes<30>>, Days<60>>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    count_30d: i64,
    sum_90d: f64,
    mean_30d: Option<f64>,
    std_90d: Option<f64>,
    min_30d: Option<f64>,
    max_30d: Option<f64>,
    median_90d: Option<f64>,
    distinct_wholes_90d: i64,
    favourite_whole_90d: Option<i64>,
    share_36h: Option<f64>,
    mean_in_days: Option<f64>,
    mean_in_days_before: Option<f64>,
    sum_30d_60d_ago: f64,
    words_30d: i64,
    mean_of_last_5: Option<f64>,
    last_words: String,
    amount_7d_ago: Option<f64>,
    count: i64,
    mean: Option<f64>,
    sample_variance: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    first_word: Option<String>,
    last_amount: Option<f64>,
    hours_since_last: Option<i64>,
    share: Option<f64>,
    distinct_words: i64,
    about_words: i64,
    mode: Option<i64>,
    top_words: String,
    p90: Option<f64>,
    decayed_7d: f64,
    decayed_mean_7d: Option<f64>,
    sawtooth_mean_30d: Option<f64>,
    sawtooth_words_30d: i64,
    hopped_median_7d: Option<f64>,
    hopped_sum_2h: f64,
    hopped_sum_1h_before: f64,
    count_today: i64,
    sum_yesterday: f64,
    session_count: Option<i64>,
    session_last: Option<f64>,
    sessions_30d: i64,
    session_sum: Option<f64>,
    fixed_sessions: i64,
    hour: i64,
    is_weekend: bool,
    week: Vec<f64>,
    log_sum: f64,
    similarity: Option<f64>,
}

#[transform]
impl Kinds {
    fn update(&mut self, event: &Event, at: EventTime, parameters: &Parameters) {
        let (word, amount) = (event.event_type, event.amount);
        let (whole, is_purchase) = (whole(amount), word == "purchase");
        self.window.push(at, amount);
        self.wholes.push(at, whole);
        self.flags.push(at, is_purchase);
        self.in_days.push(at, amount, parameters);
        self.distinct_window.push(at, word);
        self.last_n.push(at, amount);
        self.words.push(at, word);
        self.lag.push(at, amount);
        self.lifetime.push(at, ((), amount, amount, amount));
        self.edges.push(at, (word, amount, (), is_purchase));
        self.keys.push(at, (word, word, &whole, word));
        self.sketch.push(at, amount);
        self.decayed.push(at, amount);
        self.hopping.push(at, (amount, word, amount));
        self.minutes.push(at, amount);
        self.tumbling.push(at, ((), amount));
        self.gaps.push(at, ((), amount));
        self.fixed.push(at, amount);
    }

    fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
        let (last_30d, last_90d) = (self.window.closed::<Days<30>>(as_of), self.window.half_open::<Days<90>>(as_of));
        let wholes = self.wholes.closed::<Days<90>>(as_of);
        let [in_days, in_days_before] = self.in_days.closed(as_of, parameters);
        let (count, spread, min, max) = &self.lifetime;
        let (first, last, recency, share) = &self.edges;
        let (distinct, about, counts, top) = &self.keys;
        let (sawtooth_mean, sawtooth_words, _) = self.hopping.sawtooth::<Days<30>>(as_of);
        let (_, _, hopped) = self.hopping.hopped::<Days<7>>(as_of);
        let session = self.gaps.current(as_of);
        let calendar = as_of.calendar(Offset::hours(1));
        let (sine, cosine) = calendar.week_circle();
        let top: Vec<String> = top.top(2).into_iter().map(|(word, count)| format!("{word}:{count}")).collect();
        Features {
            count_30d: last_30d.count(),
            sum_90d: last_90d.sum(),
            mean_30d: last_30d.mean(),
            std_90d: last_90d.std_dev(),
            min_30d: last_30d.min(),
            max_30d: last_30d.max(),
            median_90d: last_90d.median(),
            distinct_wholes_90d: wholes.distinct(),
            favourite_whole_90d: wholes.top(1).first().map(|&(whole, _)| whole),
            share_36h: self.flags.closed::<Hours<36>>(as_of).share(),
            mean_in_days: in_days.mean(),
            mean_in_days_before: in_days_before.mean(),
            sum_30d_60d_ago: self.window.half_open_ago::<Days<60>, Days<30>>(as_of).sum(),
            words_30d: self.distinct_window.half_open::<Days<30>>(as_of).count(),
            mean_of_last_5: self.last_n.view().mean(),
            last_words: self.words.values().join(" "),
            amount_7d_ago: self.lag.value::<Days<7>>(as_of).copied(),
            count: count.count(),
            mean: spread.mean(),
            sample_variance: spread.sample_variance(),
            min: min.min(),
            max: max.max(),
            first_word: first.value().cloned(),
            last_amount: last.value().copied(),
            hours_since_last: recency.since(as_of).map(Length::whole_hours),
            share: share.share(),
            distinct_words: distinct.count(),
            about_words: about.count(),
            mode: counts.mode().copied(),
            top_words: top.join(" "),
            p90: self.sketch.quantile(0.9),
            decayed_7d: self.decayed.sum(as_of),
            decayed_mean_7d: self.decayed.mean(),
            sawtooth_mean_30d: sawtooth_mean.mean(),
            sawtooth_words_30d: sawtooth_words.count(),
            hopped_median_7d: hopped.median(),
            hopped_sum_2h: self.minutes.hopped::<Hours<2>>(as_of).sum(),
            hopped_sum_1h_before: self.minutes.hopped_ago::<Hours<1>, Hours<1>>(as_of).sum(),
            count_today: self.tumbling.current(as_of).0.count(),
            sum_yesterday: self.tumbling.previous(as_of).1.sum(),
            session_count: session.map(|session| session.events.0.count()),
            session_last: session.and_then(|session| session.events.1.value().copied()),
            sessions_30d: self.gaps.count::<Days<30>>(as_of),
            session_sum: self.fixed.current(as_of).map(|session| session.events.sum()),
            fixed_sessions: self.fixed.iter().len() as i64,
            hour: calendar.hour,
            is_weekend: calendar.is_weekend(),
            week: vec![sine, cosine],
            log_sum: numeric::signed_log1p(last_90d.sum()),
            similarity: embedding::cosine(last_30d.values(), last_90d.values()),
        }
    }
}
