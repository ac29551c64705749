//! Plane: what a plane flew lately and how late it was, of the SDK's types.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Flight<'a> {
    origin: &'a str,
    dest: &'a str,
    flight: i64,
    dep_delay: Option<f64>,
    arr_delay: Option<f64>,
    air_time: Option<f64>,
    distance: i64,
}

#[derive(State, Default)]
struct From {
    newark: Window<f64, Days<90>>,
    kennedy: Window<f64, Days<90>>,
    la_guardia: Window<f64, Days<90>>,
}

#[derive(State, Default)]
struct Plane {
    flights: Window<(), Days<30>>,
    arr_delays: Window<f64, Days<30>>,
    dep_delays: Window<f64, Days<7>>,
    late: Window<bool, Days<30>>,
    cancelled: Window<(), Days<30>>,
    miles: Window<i64, Days<7>>,
    miles_ever: IntegerSum,
    hours: Window<f64, Days<30>>,
    arr_delay_ever: Variance,
    origins: DistinctWindow<String, Days<30>>,
    dests: DistinctWindow<String, Days<90>>,
    about: (HyperLogLog<i64>, TopK<i64, 64>),
    dests_ever: Counts<String>,
    latest_delays: LastN<f64, 20>,
    last_dest: Last<String>,
    first_flight: First<i64>,
    last_dests: LastN<String, 2>,
    delay_before: Lag<f64, Days<7>>,
    since_late: Recency,
    since: Recency,
    rotations: Sessions<Count, Gap<Hours<6>>, Days<8>>,
    delay_of_rotations: Sessions<Sum, Gap<Hours<6>>, Days<8>>,
    days: Sessions<Count, Fixed<Hours<24>>, Days<31>>,
    delay_of_days: Sessions<Max, Fixed<Hours<24>>, Days<31>>,
    dep_delay_by_hop: Hopping<Mean, Days<30>, Days<1>>,
    miles_by_hop: Hopping<IntegerSum, Days<21>, Days<7>>,
    delays_by_hop: Hopping<QuantileSketch, Days<28>, Days<7>>,
    by_day: Tumbling<Count, Days<1>>,
    air_time_by_day: Tumbling<Mean, Days<1>>,
    faded_delay: Decayed<Days<3>>,
    from: From,
}

#[derive(Features)]
#[expect(non_snake_case, reason = "features are named by the airports that they are of")]
struct Features {
    plane_flights_1d: i64,
    plane_flights_7d: i64,
    plane_flights_30d: i64,
    plane_flights_open_12h: i64,
    plane_flights_before: i64,
    plane_arr_delay_7d: Option<f64>,
    plane_arr_delay_30d: Option<f64>,
    plane_dep_delay_max_7d: Option<f64>,
    plane_arr_delay_min_30d: Option<f64>,
    plane_late_30d: Option<f64>,
    plane_cancelled_30d: i64,
    plane_miles_7d: Option<i64>,
    plane_miles: Option<i64>,
    plane_hours_30d: Option<f64>,
    plane_arr_delay_std_30d: Option<f64>,
    plane_arr_delay_variance: Option<f64>,
    plane_origins_30d: i64,
    plane_dests_90d: i64,
    plane_about_flights: i64,
    plane_top_dest_1: Option<String>,
    plane_top_dest_2: Option<String>,
    plane_top_dest_3: Option<String>,
    plane_about_top_flight_1: Option<i64>,
    plane_arr_delay_p90_30d: Option<f64>,
    plane_arr_delay_median_of_20: Option<f64>,
    plane_last_dest: Option<String>,
    plane_last_dest_1d: Option<String>,
    plane_first_flight: Option<i64>,
    plane_last_dests_1: Option<String>,
    plane_last_dests_2: Option<String>,
    plane_last_delays: Vec<f64>,
    plane_delay_7d_ago: Option<f64>,
    plane_days_since_late: Option<i64>,
    plane_hours_since_last: Option<i64>,
    plane_rotations_7d: i64,
    plane_flights_of_rotation: i64,
    plane_hours_of_rotation: Option<i64>,
    plane_delay_of_open_rotation: Option<f64>,
    plane_days_30d: i64,
    plane_max_delay_of_day: Option<f64>,
    plane_dep_delay_by_hop: Option<f64>,
    plane_miles_by_hop: Option<i64>,
    plane_about_p50_by_hop: Option<f64>,
    plane_flights_today: i64,
    plane_air_time_yesterday: Option<f64>,
    plane_faded_delay: Option<f64>,
    plane_dep_delay_from_EWR_30d: Option<f64>,
    plane_dep_delay_from_EWR_90d: Option<f64>,
    plane_dep_delay_from_JFK_30d: Option<f64>,
    plane_dep_delay_from_JFK_90d: Option<f64>,
    plane_dep_delay_from_LGA_30d: Option<f64>,
    plane_dep_delay_from_LGA_90d: Option<f64>,
    plane_catches_up: Option<f64>,
    plane_is_rested: bool,
}

impl Plane {
    fn push_delays(&mut self, event: &Flight, at: EventTime) {
        if let Some(delay) = event.arr_delay {
            self.arr_delays.push(at, delay);
            self.late.push(at, delay > 15.0);
            self.arr_delay_ever.push(at, delay);
            self.latest_delays.push(at, delay);
            self.delay_before.push(at, delay);
            self.delay_of_rotations.push(at, delay);
            self.delays_by_hop.push(at, delay);
            self.faded_delay.push(at, delay);
            if delay > 60.0 {
                self.since_late.push(at, ());
            }
        }
        let Some(delay) = event.dep_delay else { return self.cancelled.push(at, ()) };
        self.dep_delays.push(at, delay);
        self.delay_of_days.push(at, delay);
        self.dep_delay_by_hop.push(at, delay);
        match event.origin {
            "EWR" => self.from.newark.push(at, delay),
            "JFK" => self.from.kennedy.push(at, delay),
            "LGA" => self.from.la_guardia.push(at, delay),
            _ => {}
        }
    }
}

fn total(sum: i128, count: i64) -> Option<i64> {
    (count > 0).then(|| i64::try_from(sum).unwrap_or(i64::MAX))
}

#[transform]
impl Plane {
    fn update(&mut self, event: &Flight, at: EventTime) {
        self.flights.push(at, ());
        self.miles.push(at, event.distance);
        self.miles_ever.push(at, event.distance);
        self.origins.push(at, event.origin);
        self.dests.push(at, event.dest);
        self.about.0.push(at, &event.flight);
        self.about.1.push(at, &event.flight);
        self.dests_ever.push(at, event.dest);
        self.last_dest.push(at, event.dest);
        self.first_flight.push(at, event.flight);
        self.last_dests.push(at, event.dest);
        self.since.push(at, ());
        self.rotations.push(at, ());
        self.days.push(at, ());
        self.miles_by_hop.push(at, event.distance);
        self.by_day.push(at, ());
        if let Some(air_time) = event.air_time {
            self.hours.push(at, air_time / 60.0);
            self.air_time_by_day.push(at, air_time);
        }
        self.push_delays(event, at);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let last_30d = self.arr_delays.closed::<Days<30>>(as_of);
        let (miles, hours) = (self.miles.closed::<Days<7>>(as_of), self.hours.closed::<Days<30>>(as_of));
        let top: Vec<String> = self.dests_ever.top(3).into_iter().map(|(dest, _)| dest).collect();
        let last_dest = self.last_dest.value().cloned();
        let is_recent = self.last_dest.since(as_of).is_some_and(|length| length <= days(1));
        let rotation = self.rotations.last();
        let open = self.delay_of_rotations.current(as_of);
        let miles_by_hop = self.miles_by_hop.hopped_ago::<Days<7>, Days<14>>(as_of);
        let yesterday = self.air_time_by_day.previous(as_of);
        let dep_delay = self.dep_delay_by_hop.sawtooth::<Days<30>>(as_of).mean();
        let From { newark, kennedy, la_guardia } = &self.from;
        let flights_1d = self.flights.closed::<Days<1>>(as_of).count();
        let hours_since_last = self.since.since(as_of).map(Length::whole_hours);
        Features {
            plane_flights_1d: flights_1d,
            plane_flights_7d: self.flights.closed::<Days<7>>(as_of).count(),
            plane_flights_30d: self.flights.closed::<Days<30>>(as_of).count(),
            plane_flights_open_12h: self.flights.half_open::<Hours<12>>(as_of).count(),
            plane_flights_before: self.flights.half_open_ago::<Days<7>, Days<7>>(as_of).count(),
            plane_arr_delay_7d: self.arr_delays.closed::<Days<7>>(as_of).mean(),
            plane_arr_delay_30d: last_30d.mean(),
            plane_dep_delay_max_7d: self.dep_delays.closed::<Days<7>>(as_of).max(),
            plane_arr_delay_min_30d: last_30d.min(),
            plane_late_30d: self.late.closed::<Days<30>>(as_of).share(),
            plane_cancelled_30d: self.cancelled.closed::<Days<30>>(as_of).count(),
            plane_miles_7d: (!miles.is_empty()).then(|| miles.sum()),
            plane_miles: total(self.miles_ever.sum(), self.miles_ever.count()),
            plane_hours_30d: (!hours.is_empty()).then(|| hours.sum()),
            plane_arr_delay_std_30d: last_30d.sample_std_dev(),
            plane_arr_delay_variance: self.arr_delay_ever.variance(),
            plane_origins_30d: self.origins.closed::<Days<30>>(as_of).count(),
            plane_dests_90d: self.dests.half_open::<Days<90>>(as_of).count(),
            plane_about_flights: self.about.0.count(),
            plane_top_dest_1: top.first().cloned(),
            plane_top_dest_2: top.get(1).cloned(),
            plane_top_dest_3: top.get(2).cloned(),
            plane_about_top_flight_1: self.about.1.top(1).first().map(|(flight, _)| *flight),
            plane_arr_delay_p90_30d: last_30d.quantile(0.9),
            plane_arr_delay_median_of_20: self.latest_delays.view().median(),
            plane_last_dest_1d: last_dest.clone().filter(|_| is_recent),
            plane_last_dest: last_dest,
            plane_first_flight: self.first_flight.value().copied(),
            plane_last_dests_1: self.last_dests.newest(0).map(|(_, dest)| dest.clone()),
            plane_last_dests_2: self.last_dests.newest(1).map(|(_, dest)| dest.clone()),
            plane_last_delays: self.latest_delays.values()[self.latest_delays.len().saturating_sub(3)..].to_vec(),
            plane_delay_7d_ago: self.delay_before.value::<Days<7>>(as_of).copied(),
            plane_days_since_late: self.since_late.since(as_of).map(Length::whole_days),
            plane_hours_since_last: hours_since_last,
            plane_rotations_7d: self.rotations.count::<Days<7>>(as_of),
            plane_flights_of_rotation: rotation.map_or(0, |rotation| rotation.events.count()),
            plane_hours_of_rotation: rotation.map(|rotation| rotation.length().whole_hours()),
            plane_delay_of_open_rotation: open.map(|rotation| rotation.events.sum()),
            plane_days_30d: self.days.count::<Days<30>>(as_of),
            plane_max_delay_of_day: self.delay_of_days.last().and_then(|day| day.events.max()),
            plane_dep_delay_by_hop: dep_delay,
            plane_miles_by_hop: total(miles_by_hop.sum(), miles_by_hop.count()),
            plane_about_p50_by_hop: self.delays_by_hop.sawtooth::<Days<28>>(as_of).median(),
            plane_flights_today: self.by_day.current(as_of).count(),
            plane_air_time_yesterday: (yesterday.count() > 0).then(|| yesterday.sum()),
            plane_faded_delay: self.faded_delay.mean(),
            plane_dep_delay_from_EWR_30d: newark.closed::<Days<30>>(as_of).mean(),
            plane_dep_delay_from_EWR_90d: newark.closed::<Days<90>>(as_of).mean(),
            plane_dep_delay_from_JFK_30d: kennedy.closed::<Days<30>>(as_of).mean(),
            plane_dep_delay_from_JFK_90d: kennedy.closed::<Days<90>>(as_of).mean(),
            plane_dep_delay_from_LGA_30d: la_guardia.closed::<Days<30>>(as_of).mean(),
            plane_dep_delay_from_LGA_90d: la_guardia.closed::<Days<90>>(as_of).mean(),
            plane_catches_up: dep_delay.zip(last_30d.mean()).map(|(departs, arrives)| departs - arrives),
            plane_is_rested: flights_1d == 0 || hours_since_last.is_some_and(|hours| hours >= 12),
        }
    }
}
