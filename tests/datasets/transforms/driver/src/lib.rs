//! Driver: what Feast's hourly statistics say of a driver, computed from the plain list of rows.
use datasets_plain::*;
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Stats<'a> {
    conv_rate: Option<f64>,
    acc_rate: Option<f64>,
    avg_daily_trips: Option<i64>,
    created: Option<Time>,
    driver_config: Option<&'a str>,
}

#[derive(State, Default, Clone)]
struct Row {
    conv: Option<f64>,
    acc: Option<f64>,
    trips: Option<i64>,
    created: Option<Time>,
    zone: Option<String>,
    reach: Option<i64>,
}

#[derive(State, Default)]
struct Driver {
    rows: Vec<(EventTime, Row)>,
    top_reach: TopK<i64, 64>,
    reaches: Hopping<HyperLogLog<i64>, Days<7>, Days<1>>,
    convs: Hopping<QuantileSketch, Days<4>, Days<1>>,
    faded_conv: Decayed<Hours<12>>,
    faded_trips: Decayed<Days<1>>,
}

#[derive(Features)]
struct Features {
    conv_rate: Option<f64>,
    acc_rate: Option<f64>,
    avg_daily_trips: Option<i64>,
    zone: Option<String>,
    last_conv: Option<f64>,
    last_conv_3h: Option<f64>,
    rows_1h: i64,
    rows_1d: i64,
    rows_7d: i64,
    rated: i64,
    unrated: i64,
    conv_mean_6h: Option<f64>,
    conv_mean_1d: Option<f64>,
    conv_mean_7d: Option<f64>,
    conv_mean_open_1h: Option<f64>,
    conv_mean_before: Option<f64>,
    trips_1d: Option<i64>,
    trips_ever: Option<i64>,
    trips_mean_6h: Option<f64>,
    trips_max_7d: Option<i64>,
    trips_min_3h: Option<i64>,
    created_max_1d: Option<Time>,
    acc_std_1d: Option<f64>,
    acc_sample_std_of_10: Option<f64>,
    acc_variance: Option<f64>,
    acc_p10_1d: Option<f64>,
    conv_median_7d: Option<f64>,
    conv_1d_ago: Option<f64>,
    trips_3d_ago: Option<i64>,
    good_1d: Option<f64>,
    good_ever: i64,
    zones_1d: i64,
    reaches: i64,
    top_zone_3d_1: Option<String>,
    top_zone_3d_2: Option<String>,
    top_zone_3d_3: Option<String>,
    top_reach_1: Option<i64>,
    top_reach_2: Option<i64>,
    in_zone_north: i64,
    in_zone_south: i64,
    in_zone_east: i64,
    in_zone_west: i64,
    conv_in_zone_north_1d: Option<f64>,
    conv_in_zone_north_7d: Option<f64>,
    conv_in_zone_east_1d: Option<f64>,
    conv_in_zone_east_7d: Option<f64>,
    first_zone: Option<String>,
    zones_1: Option<String>,
    zones_2: Option<String>,
    zones_3: Option<String>,
    convs: Vec<f64>,
    first_trips_1: Option<i64>,
    first_trips_2: Option<i64>,
    trips_by_hop_1d: Option<i64>,
    trips_in_hops_1d: Option<i64>,
    acc_variance_by_hop: Option<f64>,
    zones_in_hops: i64,
    about_reaches_by_hop: i64,
    about_median_by_hop: Option<f64>,
    rows_today: i64,
    acc_max_yesterday: Option<f64>,
    streaks_3d: i64,
    hours_of_last_streak: Option<i64>,
    open_streak_mean: Option<f64>,
    shift_trips: Option<i64>,
    shifts_7d: i64,
    faded_conv: Option<f64>,
    faded_trips: Option<f64>,
    hours_since_low: Option<i64>,
    seconds_since_low_7d: Option<i64>,
    minutes_since_first: Option<i64>,
    advantage: Option<f64>,
    standing: Option<String>,
    trips_or_mean: f64,
}

fn conv(row: &Row) -> Option<f64> {
    row.conv
}

fn acc(row: &Row) -> Option<f64> {
    row.acc
}

fn trips(row: &Row) -> Option<i64> {
    row.trips
}

fn zone(row: &Row) -> Option<String> {
    row.zone.clone()
}

fn total(values: Vec<i64>) -> Option<i64> {
    let sum = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
    (!values.is_empty()).then_some(sum)
}

fn mean(values: Vec<i64>) -> Option<f64> {
    let sum = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
    (!values.is_empty()).then(|| sum as f64 / values.len() as f64)
}

/// What stands between the two texts, as in `{"max_distance_km": 71, "preferred_zones": ["north", "east"]}`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

/// The row with the greatest time; of those, the one that was created last; of those, the later.
fn newest(rows: &[(EventTime, Row)]) -> Option<&Row> {
    rows.iter().max_by_key(|(at, row)| (*at, row.created)).map(|(_, row)| row)
}

#[transform]
impl Driver {
    fn update(&mut self, event: &Stats, at: EventTime) {
        let config = event.driver_config.unwrap_or_default();
        let row = Row {
            conv: event.conv_rate,
            acc: event.acc_rate,
            trips: event.avg_daily_trips,
            created: event.created,
            zone: between(config, "\"preferred_zones\": [\"", "\"").map(str::to_owned),
            reach: between(config, "\"max_distance_km\": ", ",").and_then(|reach| reach.parse().ok()),
        };
        if let Some(reach) = &row.reach {
            self.top_reach.push(at, reach);
            self.reaches.push(at, reach);
        }
        if let Some(conv) = row.conv {
            self.convs.push(at, conv);
            self.faded_conv.push(at, conv);
        }
        if let Some(trips) = row.trips {
            self.faded_trips.push(at, trips as f64);
        }
        insert(&mut self.rows, at, row);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let rows = &self.rows;
        let last = |length: Length| closed(rows, as_of, length);
        let (ever, last_3h, last_6h) = (all(rows), last(hours(3)), last(hours(6)));
        let (last_1d, last_7d) = (last(days(1)), last(days(7)));
        let row = newest(rows);
        let is_good = |row: &Row| row.conv.is_some_and(|conv| conv > 0.5);
        let rated_1d = last_1d.only(|row| row.conv.is_some());
        let good_1d = rated_1d.share(is_good);
        let is_in = |name: &'static str| move |row: &Row| row.zone.as_deref() == Some(name);
        let conv_in = |part: &Part<'_, Row>, name: &'static str| part.only(is_in(name)).numbers(conv).mean();
        let top_zone = top(last(days(3)).values(zone));
        let mut zones = ever.values(zone);
        let first_zone = zones.first().cloned();
        let mut convs = ever.values(conv);
        let rates: Vec<(EventTime, Row)> = rows.iter().filter(|(_, row)| row.acc.is_some()).cloned().collect();
        let is_streak = |row: &Row| row.conv.is_some_and(|conv| conv > 0.3);
        let streak_rows: Vec<(EventTime, Row)> = rows.iter().filter(|(_, row)| is_streak(row)).cloned().collect();
        let with_acc: Vec<(EventTime, Row)> =
            streak_rows.iter().filter(|(_, row)| row.acc.is_some()).cloned().collect();
        let (streaks, streaks_with_acc) = (by_gap(&streak_rows, hours(1)), by_gap(&with_acc, hours(1)));
        let is_open = |streak: &&Part<'_, Row>| streak.since_last(as_of).is_some_and(|length| length <= hours(1));
        let shifts = by_length(rows, hours(8));
        let with_trips: Vec<(EventTime, Row)> = rows.iter().filter(|(_, row)| row.trips.is_some()).cloned().collect();
        let below = |limit: f64| move |row: &Row| row.conv.is_some_and(|conv| conv < limit);
        let (conv_mean_6h, conv_mean_7d) = (last_6h.numbers(conv).mean(), last_7d.numbers(conv).mean());
        let trips_mean_6h = mean(last_6h.values(trips));
        let trips_or_none = row.and_then(trips).unwrap_or(-1);
        let standing = match row.and_then(conv) {
            _ if trips_or_none < 0 => Some("away".to_owned()),
            None => Some("unrated".to_owned()),
            Some(conv) if good_1d.is_some_and(|good| conv >= good) => {
                row.and_then(zone).map(|zone| zone.to_uppercase())
            }
            Some(_) => row.and_then(zone),
        };
        Features {
            conv_rate: row.and_then(conv),
            acc_rate: row.and_then(acc),
            avg_daily_trips: row.and_then(trips),
            zone: row.and_then(zone),
            last_conv: ever.values(conv).pop(),
            last_conv_3h: last_3h.values(conv).pop(),
            rows_1h: last(hours(1)).count(),
            rows_1d: last_1d.count(),
            rows_7d: last_7d.count(),
            rated: rated_1d.count(),
            unrated: last_7d.only(|row| row.conv.is_none()).count(),
            conv_mean_6h,
            conv_mean_1d: last_1d.numbers(conv).mean(),
            conv_mean_7d,
            conv_mean_open_1h: half_open(rows, as_of, hours(1)).numbers(conv).mean(),
            conv_mean_before: half_open_ago(rows, as_of, days(1), hours(6)).numbers(conv).mean(),
            trips_1d: total(last_1d.values(trips)),
            trips_ever: total(ever.values(trips)),
            trips_mean_6h,
            trips_max_7d: last_7d.values(trips).into_iter().max(),
            trips_min_3h: last_3h.only(|row| row.acc.is_some_and(|acc| acc > 0.2)).values(trips).into_iter().min(),
            created_max_1d: last_1d.values(|row| row.created).into_iter().max(),
            acc_std_1d: last_1d.numbers(acc).spread().std_dev(),
            acc_sample_std_of_10: latest(&rates, 10).numbers(acc).spread().sample_std_dev(),
            acc_variance: ever.numbers(acc).spread().variance(),
            acc_p10_1d: last_1d.numbers(acc).percentile(0.1),
            conv_median_7d: last_7d.numbers(conv).percentile(0.5),
            conv_1d_ago: until(all(rows), as_of, days(1)).values(conv).pop(),
            trips_3d_ago: until(all(rows), as_of, days(3)).values(trips).pop(),
            good_1d,
            good_ever: ever.only(is_good).count(),
            zones_1d: distinct(last_1d.values(zone)),
            reaches: distinct(ever.values(|row| row.reach)),
            top_zone_3d_1: top_zone.first().cloned(),
            top_zone_3d_2: top_zone.get(1).cloned(),
            top_zone_3d_3: top_zone.get(2).cloned(),
            top_reach_1: self.top_reach.top(2).first().map(|(reach, _)| *reach),
            top_reach_2: self.top_reach.top(2).get(1).map(|(reach, _)| *reach),
            in_zone_north: last_1d.only(is_in("north")).count(),
            in_zone_south: last_1d.only(is_in("south")).count(),
            in_zone_east: last_1d.only(is_in("east")).count(),
            in_zone_west: last_1d.only(is_in("west")).count(),
            conv_in_zone_north_1d: conv_in(&last_1d, "north"),
            conv_in_zone_north_7d: conv_in(&last_7d, "north"),
            conv_in_zone_east_1d: conv_in(&last_1d, "east"),
            conv_in_zone_east_7d: conv_in(&last_7d, "east"),
            first_zone,
            zones_1: zones.pop(),
            zones_2: zones.pop(),
            zones_3: zones.pop(),
            convs: convs.split_off(convs.len().saturating_sub(4)),
            first_trips_1: ever.values(trips).first().copied(),
            first_trips_2: ever.values(trips).get(1).copied(),
            trips_by_hop_1d: total(sawtooth(rows, as_of, days(1), hours(1)).values(trips)),
            trips_in_hops_1d: total(hopped(rows, as_of, Length::ZERO, days(1), hours(6)).values(trips)),
            acc_variance_by_hop: sawtooth(rows, as_of, days(3), hours(6)).numbers(acc).spread().sample_variance(),
            zones_in_hops: distinct(hopped(rows, as_of, hours(12), hours(12), hours(3)).values(zone)),
            about_reaches_by_hop: self.reaches.sawtooth::<Days<7>>(as_of).count(),
            about_median_by_hop: self.convs.sawtooth::<Days<3>>(as_of).median(),
            rows_today: tumbling(rows, as_of, days(1), 0).count(),
            acc_max_yesterday: tumbling(rows, as_of, days(1), 1).numbers(acc).max(),
            streaks_3d: begun(&streaks, as_of, days(3)),
            hours_of_last_streak: streaks.last().map(|streak| length(streak).whole_hours()),
            open_streak_mean: streaks_with_acc.last().filter(is_open).and_then(|streak| streak.numbers(acc).mean()),
            shift_trips: by_length(&with_trips, hours(8)).last().and_then(|shift| total(shift.values(trips))),
            shifts_7d: begun(&shifts, as_of, days(7)),
            faded_conv: self.faded_conv.mean(),
            faded_trips: (!with_trips.is_empty()).then(|| self.faded_trips.sum(as_of)),
            hours_since_low: ever.only(below(0.1)).since_last(as_of).map(Length::whole_hours),
            seconds_since_low_7d: last_7d.only(below(0.01)).since_last(as_of).map(Length::whole_seconds),
            minutes_since_first: ever.since_first(as_of).map(Length::whole_minutes),
            advantage: ratio(conv_mean_6h, conv_mean_7d).map(|ratio| ratio - 1.0),
            standing,
            trips_or_mean: trips_mean_6h.map_or(trips_or_none as f64, |mean| mean.max(trips_or_none as f64)),
        }
    }
}
