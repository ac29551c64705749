//! Route: who flies from one airport to another and how late, computed from the plain list of flights.
use datasets_plain::*;
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    carrier: &'a str,
    flight: i64,
    dep_delay: Option<f64>,
    arr_delay: Option<f64>,
    air_time: Option<f64>,
}

#[derive(State, Default, Clone)]
struct Flight {
    carrier: String,
    flight: i64,
    is_cancelled: bool,
    arr_delay: Option<f64>,
    air_time: Option<f64>,
}

#[derive(State, Default)]
struct Route {
    flights: Vec<(EventTime, Flight)>,
}

#[derive(Features)]
#[expect(non_snake_case, reason = "features are named by the carriers that they are of")]
struct Features {
    route_flights_6h: i64,
    route_flights_1d: i64,
    route_flights_14d: i64,
    route_carriers_14d: i64,
    route_top_carrier_14d_1: Option<String>,
    route_top_carrier_14d_2: Option<String>,
    route_top_carrier_14d_3: Option<String>,
    route_top_carrier_of_30_1: Option<String>,
    route_top_carrier_of_30_2: Option<String>,
    route_top_flight_1: Option<i64>,
    route_top_flight_2: Option<i64>,
    route_late_open_7d: Option<f64>,
    route_delay_p75_14d: Option<f64>,
    route_delay_before: Option<f64>,
    route_air_time_min: Option<f64>,
    route_air_time_max_1d: Option<f64>,
    route_first_carrier_14d: Option<String>,
    route_last_carrier: Option<String>,
    route_last_carriers_1: Option<String>,
    route_last_carriers_2: Option<String>,
    route_last_carriers_3: Option<String>,
    route_first_flights_1: Option<i64>,
    route_first_flights_2: Option<i64>,
    route_carrier_1d_ago: Option<String>,
    route_delay_1d_ago: Option<f64>,
    route_by_AA_1d: i64,
    route_by_AA_14d: i64,
    route_by_B6_1d: i64,
    route_by_B6_14d: i64,
    route_by_DL_1d: i64,
    route_by_DL_14d: i64,
    route_by_UA_1d: i64,
    route_by_UA_14d: i64,
    route_delay_by_hop: Option<f64>,
    route_carriers_in_hops: i64,
    route_flights_this_week: i64,
    route_delay_last_week: Option<f64>,
    route_delay_std: Option<f64>,
    route_waves_2d: i64,
    route_flights_of_wave: i64,
    route_minutes_since_cancelled: Option<i64>,
    route_days_since_first: Option<i64>,
    route_trend: Option<f64>,
}

fn carrier(flight: &Flight) -> Option<String> {
    Some(flight.carrier.clone())
}

fn number(flight: &Flight) -> Option<i64> {
    Some(flight.flight)
}

fn delay(flight: &Flight) -> Option<f64> {
    flight.arr_delay
}

fn air_time(flight: &Flight) -> Option<f64> {
    flight.air_time
}

#[transform]
impl Route {
    fn update(&mut self, event: &Event, at: EventTime) {
        let flight = Flight {
            carrier: event.carrier.to_owned(),
            flight: event.flight,
            is_cancelled: event.dep_delay.is_none(),
            arr_delay: event.arr_delay,
            air_time: event.air_time,
        };
        insert(&mut self.flights, at, flight);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let flights = &self.flights;
        let last = |length: Length| closed(flights, as_of, length);
        let (ever, last_1d, last_14d) = (all(flights), last(days(1)), last(days(14)));
        let top_carrier = top(last_14d.values(carrier));
        let top_of_30 = top(latest(flights, 30).values(carrier));
        let top_flight = top(ever.values(number));
        let landed: Part<'_, Flight> = ever.only(|flight| flight.arr_delay.is_some());
        let a_day_before = |part| until(part, as_of, days(1));
        let by = |part: &Part<'_, Flight>, name: &str| part.only(|flight| flight.carrier == name).count();
        let waves = by_gap(flights, hours(2));
        let (flights_1d, flights_14d) = (last_1d.count(), last_14d.count());
        Features {
            route_flights_6h: last(hours(6)).count(),
            route_flights_1d: flights_1d,
            route_flights_14d: flights_14d,
            route_carriers_14d: distinct(last_14d.values(carrier)),
            route_top_carrier_14d_1: top_carrier.first().cloned(),
            route_top_carrier_14d_2: top_carrier.get(1).cloned(),
            route_top_carrier_14d_3: top_carrier.get(2).cloned(),
            route_top_carrier_of_30_1: top_of_30.first().cloned(),
            route_top_carrier_of_30_2: top_of_30.get(1).cloned(),
            route_top_flight_1: top_flight.first().copied(),
            route_top_flight_2: top_flight.get(1).copied(),
            route_late_open_7d: half_open(flights, as_of, days(7))
                .only(|flight| flight.arr_delay.is_some())
                .share(|flight| flight.arr_delay.is_some_and(|delay| delay > 0.0)),
            route_delay_p75_14d: last_14d.numbers(delay).percentile(0.75),
            route_delay_before: closed_ago(flights, as_of, days(7), days(7)).numbers(delay).mean(),
            route_air_time_min: ever.numbers(air_time).min(),
            route_air_time_max_1d: half_open(flights, as_of, days(1)).numbers(air_time).max(),
            route_first_carrier_14d: last_14d.first().map(|(_, flight)| flight.carrier.clone()),
            route_last_carrier: ever.last().map(|(_, flight)| flight.carrier.clone()),
            route_last_carriers_1: ever.last().map(|(_, flight)| flight.carrier.clone()),
            route_last_carriers_2: ever.iter().rev().nth(1).map(|(_, flight)| flight.carrier.clone()),
            route_last_carriers_3: ever.iter().rev().nth(2).map(|(_, flight)| flight.carrier.clone()),
            route_first_flights_1: ever.first().map(|(_, flight)| flight.flight),
            route_first_flights_2: ever.get(1).map(|(_, flight)| flight.flight),
            route_carrier_1d_ago: a_day_before(ever.clone()).last().map(|(_, flight)| flight.carrier.clone()),
            route_delay_1d_ago: a_day_before(landed).last().and_then(|(_, flight)| flight.arr_delay),
            route_by_AA_1d: by(&last_1d, "AA"),
            route_by_AA_14d: by(&last_14d, "AA"),
            route_by_B6_1d: by(&last_1d, "B6"),
            route_by_B6_14d: by(&last_14d, "B6"),
            route_by_DL_1d: by(&last_1d, "DL"),
            route_by_DL_14d: by(&last_14d, "DL"),
            route_by_UA_1d: by(&last_1d, "UA"),
            route_by_UA_14d: by(&last_14d, "UA"),
            route_delay_by_hop: sawtooth(flights, as_of, days(7), hours(6)).numbers(delay).mean(),
            route_carriers_in_hops: distinct(hopped(flights, as_of, days(1), days(2), hours(12)).values(carrier)),
            route_flights_this_week: tumbling(flights, as_of, days(7), 0).count(),
            route_delay_last_week: tumbling(flights, as_of, days(7), 1).numbers(delay).sum(),
            route_delay_std: ever.numbers(delay).spread().std_dev(),
            route_waves_2d: begun(&waves, as_of, days(2)),
            route_flights_of_wave: waves.last().map_or(0, Asked::count),
            route_minutes_since_cancelled: ever
                .only(|flight| flight.is_cancelled)
                .since_last(as_of)
                .map(Length::whole_minutes),
            route_days_since_first: ever.since_first(as_of).map(Length::whole_days),
            route_trend: ratio(Some(flights_1d as f64), Some(flights_14d as f64)),
        }
    }
}
