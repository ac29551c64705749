//! Buyer: what a customer of CDNOW bought, computed from the plain list of purchases.
use datasets_plain::*;
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Purchase {
    cds: i64,
    dollars: f64,
}

#[derive(State, Default)]
struct Buyer {
    purchases: Vec<(EventTime, (i64, f64))>,
    about: (HyperLogLog<i64>, QuantileSketch),
    faded: (Decayed<Days<30>>, Decayed<Days<7>>),
}

#[derive(Features)]
struct Features {
    purchases: i64,
    purchases_in_30d: i64,
    purchases_in_90d: i64,
    purchases_in_180d: i64,
    spent_in_30d: Option<f64>,
    spent_in_90d: Option<f64>,
    spent_open_180d: f64,
    spent_before: Option<f64>,
    mean_spent: Option<f64>,
    mean_spent_90d: Option<f64>,
    mean_price_180d: Option<f64>,
    min_spent_180d: Option<f64>,
    max_spent_180d: Option<f64>,
    max_cds: Option<i64>,
    min_cds_90d: Option<i64>,
    std_spent: Option<f64>,
    sample_variance_180d: Option<f64>,
    cds: Option<i64>,
    cds_60d: i64,
    distinct_cds: i64,
    distinct_sizes_90d: i64,
    about_distinct_cds: i64,
    top_size_1: Option<String>,
    top_size_2: Option<String>,
    top_cds_180d_1: Option<i64>,
    top_cds_180d_2: Option<i64>,
    top_cds_180d_3: Option<i64>,
    top_size_365d_1: Option<String>,
    top_size_365d_2: Option<String>,
    median_spent_180d: Option<f64>,
    p90_spent_365d: Option<f64>,
    p95_of_last_8: Option<f64>,
    about_p90_spent: Option<f64>,
    first_spent: Option<f64>,
    first_size_90d: Option<String>,
    last_spent: Option<f64>,
    last_size_30d: Option<String>,
    first_bought_at: Option<Time>,
    earliest_1: Option<i64>,
    earliest_2: Option<i64>,
    latest_1: Option<f64>,
    latest_2: Option<f64>,
    latest_3: Option<f64>,
    latest_sizes_180d_1: Option<String>,
    latest_sizes_180d_2: Option<String>,
    last_four: Vec<f64>,
    days_since_last: Option<i64>,
    hours_since_last_large: Option<i64>,
    days_since_first: Option<i64>,
    spent_60d_ago: Option<f64>,
    size_30d_ago: Option<String>,
    share_many: Option<f64>,
    share_many_180d: f64,
    many_180d: i64,
    large_in_60d: i64,
    large_in_365d: i64,
    sprees_180d: i64,
    spent_in_last_spree: Option<f64>,
    bought_in_open_spree: i64,
    days_of_last_spree: Option<i64>,
    months_of_spending: i64,
    max_in_last_month: Option<f64>,
    spent_by_one_90d: Option<f64>,
    spent_by_one_365d: Option<f64>,
    spent_by_few_90d: Option<f64>,
    spent_by_few_365d: Option<f64>,
    spent_by_many_90d: Option<f64>,
    spent_by_many_365d: Option<f64>,
    mean_by_cds_1: Option<f64>,
    mean_by_cds_2: Option<f64>,
    mean_by_cds_3: Option<f64>,
    weekly_spent: Option<f64>,
    weekly_cds: Option<i64>,
    weekly_sizes_before: i64,
    daily_max: Option<i64>,
    this_week: i64,
    spent_last_month: Option<f64>,
    faded_spent: Option<f64>,
    faded_mean: Option<f64>,
    mean_of_last_5: Option<f64>,
    trend: Option<f64>,
    kind: String,
    is_late: bool,
}

fn dollars(&(_, dollars): &(i64, f64)) -> Option<f64> {
    Some(dollars)
}

fn cds(&(cds, _): &(i64, f64)) -> Option<i64> {
    Some(cds)
}

fn price(&(cds, dollars): &(i64, f64)) -> Option<f64> {
    (cds != 0).then(|| dollars / cds as f64)
}

fn size(&(cds, _): &(i64, f64)) -> Option<String> {
    let size = match cds {
        5.. => "many",
        2..5 => "few",
        _ => "one",
    };
    Some(size.to_owned())
}

fn is_large(&(cds, dollars): &(i64, f64)) -> bool {
    (20.0..=50.0).contains(&dollars) || cds == 7 || cds == 9
}

#[transform]
impl Buyer {
    fn update(&mut self, event: &Purchase, at: EventTime) {
        insert(&mut self.purchases, at, (event.cds, event.dollars));
        self.about.0.push(at, &event.cds);
        self.about.1.push(at, event.dollars);
        self.faded.0.push(at, event.dollars);
        self.faded.1.push(at, event.cds as f64);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let events = &self.purchases;
        let last = |length: i64| closed(events, as_of, days(length));
        let (ever, last_90d, last_180d, last_365d) = (all(events), last(90), last(180), last(365));
        let (open_30d, open_180d) = (half_open(events, as_of, days(30)), half_open(events, as_of, days(180)));
        let top_size = top(ever.values(size));
        let top_cds_180d = top(last_180d.values(cds));
        let top_size_365d = top(half_open(events, as_of, days(365)).values(size));
        let latest_sizes = last_180d.values(size);
        let of_size = |part: &Part<'_, (i64, f64)>, wanted: &str| {
            part.only(|event| size(event).as_deref() == Some(wanted)).numbers(dollars).sum()
        };
        let mean_of = |wanted: i64| ever.only(|&(cds, _)| cds == wanted).numbers(dollars).mean();
        let sprees = by_gap(events, days(14));
        let open_spree = sprees.last().filter(|spree| spree.since_last(as_of).is_some_and(|length| length <= days(14)));
        let large: Vec<(EventTime, (i64, f64))> = events.iter().filter(|(_, event)| event.1 > 10.0).copied().collect();
        let (months, months_of_large) = (by_length(events, days(30)), by_length(&large, days(30)));
        let total = |values: Vec<i64>| {
            (!values.is_empty()).then(|| values.iter().fold(0_i64, |sum, cds| sum.saturating_add(*cds)))
        };
        let (spent_in_30d, spent_in_90d) = (last(30).numbers(dollars).sum(), last_90d.numbers(dollars).sum());
        let last_size_30d = open_30d.values(size).pop();
        let days_since_first = ever.since_first(as_of).map(Length::whole_days);
        let kind = match () {
            () if last_90d.is_empty() => "gone".to_owned(),
            () if days_since_first.is_some_and(|days| days < 30) => "new".to_owned(),
            () => last_size_30d.clone().unwrap_or_else(|| "quiet".to_owned()),
        };
        Features {
            purchases: ever.count(),
            purchases_in_30d: last(30).count(),
            purchases_in_90d: last_90d.count(),
            purchases_in_180d: last_180d.count(),
            spent_in_30d,
            spent_in_90d,
            spent_open_180d: open_180d.numbers(dollars).sum().unwrap_or(0.0),
            spent_before: closed_ago(events, as_of, days(30), days(30)).numbers(dollars).sum(),
            mean_spent: ever.numbers(dollars).mean(),
            mean_spent_90d: last_90d.numbers(dollars).mean(),
            mean_price_180d: last_180d.numbers(price).mean(),
            min_spent_180d: last_180d.numbers(dollars).min(),
            max_spent_180d: open_180d.numbers(dollars).max(),
            max_cds: ever.values(cds).into_iter().max(),
            min_cds_90d: last_90d.values(cds).into_iter().min(),
            std_spent: ever.numbers(dollars).spread().std_dev(),
            sample_variance_180d: last_180d.numbers(dollars).spread().sample_variance(),
            cds: total(ever.values(cds)),
            cds_60d: total(last(60).values(cds)).unwrap_or(0),
            distinct_cds: distinct(ever.values(cds)),
            distinct_sizes_90d: distinct(last_90d.values(size)),
            about_distinct_cds: self.about.0.count(),
            top_size_1: top_size.first().cloned(),
            top_size_2: top_size.get(1).cloned(),
            top_cds_180d_1: top_cds_180d.first().copied(),
            top_cds_180d_2: top_cds_180d.get(1).copied(),
            top_cds_180d_3: top_cds_180d.get(2).copied(),
            top_size_365d_1: top_size_365d.first().cloned(),
            top_size_365d_2: top_size_365d.get(1).cloned(),
            median_spent_180d: last_180d.numbers(dollars).percentile(0.5),
            p90_spent_365d: last_365d.numbers(dollars).percentile(0.9),
            p95_of_last_8: latest(events, 8).numbers(price).percentile(0.95),
            about_p90_spent: self.about.1.quantile(0.9),
            first_spent: events.first().map(|(_, event)| event.1),
            first_size_90d: last_90d.values(size).into_iter().next(),
            last_spent: events.last().map(|(_, event)| event.1),
            last_size_30d,
            first_bought_at: events.first().map(|(at, _)| Time::from(*at)),
            earliest_1: events.first().map(|(_, event)| event.0),
            earliest_2: events.get(1).map(|(_, event)| event.0),
            latest_1: events.iter().rev().nth(0).map(|(_, event)| event.1),
            latest_2: events.iter().rev().nth(1).map(|(_, event)| event.1),
            latest_3: events.iter().rev().nth(2).map(|(_, event)| event.1),
            latest_sizes_180d_1: latest_sizes.last().cloned(),
            latest_sizes_180d_2: latest_sizes.iter().rev().nth(1).cloned(),
            last_four: latest(events, 4).values(dollars),
            days_since_last: ever.since_last(as_of).map(Length::whole_days),
            hours_since_last_large: ever.only(|event| event.1 > 50.0).since_last(as_of).map(Length::whole_hours),
            days_since_first,
            spent_60d_ago: ago(events, as_of, days(60)).and_then(dollars),
            size_30d_ago: ago(events, as_of, days(30)).and_then(size),
            share_many: ever.share(|event| event.0 >= 5),
            share_many_180d: last_180d.share(|event| event.0 >= 5).unwrap_or(0.0),
            many_180d: last_180d.only(|event| event.0 >= 5).count(),
            large_in_60d: last(60).only(is_large).count(),
            large_in_365d: last_365d.only(is_large).count(),
            sprees_180d: begun(&sprees, as_of, days(180)),
            spent_in_last_spree: sprees.last().and_then(|spree| spree.numbers(dollars).sum()),
            bought_in_open_spree: open_spree.map_or(0, Asked::count),
            days_of_last_spree: sprees.last().map(|spree| length(spree).whole_days()),
            months_of_spending: begun(&months_of_large, as_of, days(365)),
            max_in_last_month: months.last().and_then(|month| month.numbers(dollars).max()),
            spent_by_one_90d: of_size(&last_90d, "one"),
            spent_by_one_365d: of_size(&last_365d, "one"),
            spent_by_few_90d: of_size(&last_90d, "few"),
            spent_by_few_365d: of_size(&last_365d, "few"),
            spent_by_many_90d: of_size(&last_90d, "many"),
            spent_by_many_365d: of_size(&last_365d, "many"),
            mean_by_cds_1: mean_of(1),
            mean_by_cds_2: mean_of(2),
            mean_by_cds_3: mean_of(3),
            weekly_spent: sawtooth(events, as_of, days(90), days(7)).numbers(dollars).sum(),
            weekly_cds: total(hopped(events, as_of, Length::ZERO, days(84), days(7)).values(cds)),
            weekly_sizes_before: distinct(hopped(events, as_of, days(28), days(28), days(7)).values(size)),
            daily_max: sawtooth(events, as_of, days(10), days(1)).values(cds).into_iter().max(),
            this_week: tumbling(events, as_of, days(7), 0).count(),
            spent_last_month: tumbling(events, as_of, days(30), 1).numbers(dollars).sum(),
            faded_spent: (!events.is_empty()).then(|| self.faded.0.sum(as_of)),
            faded_mean: self.faded.1.mean(),
            mean_of_last_5: latest(events, 5).numbers(dollars).mean(),
            trend: ratio(spent_in_30d, spent_in_90d),
            kind,
            is_late: as_of.calendar(UTC).month >= 10,
        }
    }
}
