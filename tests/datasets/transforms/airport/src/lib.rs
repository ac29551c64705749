//! Airport: how busy and how late an airport is, and its weather. Of the SDK's types, but for texts in a window.
use datasets_plain::top;
use onepath_sdk::prelude::*;

/// A flight or a measurement; the fields of the other are null.
#[derive(Event)]
struct Event<'a> {
    carrier: Option<&'a str>,
    dest: Option<&'a str>,
    flight: Option<i64>,
    dep_delay: Option<f64>,
    temp: Option<f64>,
    wind_speed: Option<f64>,
    precip: Option<f64>,
    visib: Option<f64>,
}

#[derive(State, Default)]
struct Airport {
    events: Window<(), Hours<1>>,
    flights: Window<(), Days<1>>,
    temp: (Last<f64>, Lag<f64, Days<1>>, Hopping<Mean, Days<7>, Hours<6>>),
    wind: Window<f64, Days<1>>,
    precip: Window<f64, Hours<6>>,
    visib: Window<f64, Hours<12>>,
    dep_delays: Window<f64, Hours<3>>,
    cancelled: Window<(), Hours<6>>,
    carriers: DistinctWindow<String, Hours<3>>,
    late: Hopping<Share, Days<1>, Hours<1>>,
    dests: Vec<(EventTime, String)>,
    last_dests: LastN<String, 2>,
    windy: Sessions<Count, Gap<Hours<1>>, Days<8>>,
    rain: Recency,
    by_day: Tumbling<Count, Days<1>>,
    faded_delay: Decayed<Hours<2>>,
}

#[derive(Features)]
struct Features {
    airport_events_1h: i64,
    airport_flights_1h: i64,
    airport_flights_1d: i64,
    airport_temp: Option<f64>,
    airport_temp_1d_ago: Option<f64>,
    airport_wind_max_1d: Option<f64>,
    airport_precip_6h: Option<f64>,
    airport_visib_min_12h: Option<f64>,
    airport_temp_mean: Option<f64>,
    airport_dep_delay_1h: Option<f64>,
    airport_dep_delay_3h: Option<f64>,
    airport_cancelled_6h: i64,
    airport_carriers_3h: i64,
    airport_late_by_hop: Option<f64>,
    airport_dest_3h_1: Option<String>,
    airport_dest_3h_2: Option<String>,
    airport_windy_spells: i64,
    airport_hours_of_windy_spell: Option<i64>,
    airport_hours_since_rain: Option<i64>,
    airport_last_dests_1: Option<String>,
    airport_last_dests_2: Option<String>,
    airport_flights_today: i64,
    airport_faded_delay: Option<f64>,
    airport_warming: Option<f64>,
}

impl Airport {
    fn push_flight(&mut self, event: &Event, at: EventTime) {
        if let Some(carrier) = event.carrier {
            self.flights.push(at, ());
            self.carriers.push(at, carrier);
            if event.dep_delay.is_none() {
                self.cancelled.push(at, ());
            }
        }
        if event.flight.is_some() {
            self.by_day.push(at, ());
        }
        if let Some(dest) = event.dest {
            self.last_dests.push(at, dest);
            let place = self.dests.iter().rposition(|&(other, _)| other <= at).map_or(0, |before| before + 1);
            self.dests.insert(place, (at, dest.to_owned()));
            let newest = self.dests.last().map_or(at, |&(newest, _)| newest);
            self.dests.retain(|&(at, _)| newest.since(at) <= hours(3));
        }
        if let Some(delay) = event.dep_delay {
            self.dep_delays.push(at, delay);
            self.late.push(at, delay > 15.0);
            self.faded_delay.push(at, delay);
        }
    }

    fn push_weather(&mut self, event: &Event, at: EventTime) {
        if let Some(temp) = event.temp {
            self.temp.0.push(at, temp);
            self.temp.1.push(at, temp);
            self.temp.2.push(at, temp);
        }
        if let Some(wind) = event.wind_speed {
            self.wind.push(at, wind);
            if wind > 15.0 {
                self.windy.push(at, ());
            }
        }
        if let Some(precip) = event.precip {
            self.precip.push(at, precip);
            if precip > 0.0 {
                self.rain.push(at, ());
            }
        }
        if let Some(visib) = event.visib {
            self.visib.push(at, visib);
        }
    }
}

#[transform]
impl Airport {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.events.push(at, ());
        self.push_flight(event, at);
        self.push_weather(event, at);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let recent = self.dests.iter().filter(|(at, _)| as_of.since(*at) <= hours(3));
        let dests = top(recent.map(|(_, dest)| dest.clone()).collect());
        let precip = self.precip.closed::<Hours<6>>(as_of);
        let temp = self.temp.0.value().copied();
        let temp_before = self.temp.1.value::<Days<1>>(as_of).copied();
        Features {
            airport_events_1h: self.events.closed::<Hours<1>>(as_of).count(),
            airport_flights_1h: self.flights.closed::<Hours<1>>(as_of).count(),
            airport_flights_1d: self.flights.closed::<Days<1>>(as_of).count(),
            airport_temp: temp,
            airport_temp_1d_ago: temp_before,
            airport_wind_max_1d: self.wind.closed::<Days<1>>(as_of).max(),
            airport_precip_6h: (!precip.is_empty()).then(|| precip.sum()),
            airport_visib_min_12h: self.visib.half_open::<Hours<12>>(as_of).min(),
            airport_temp_mean: self.temp.2.sawtooth::<Days<7>>(as_of).mean(),
            airport_dep_delay_1h: self.dep_delays.closed::<Hours<1>>(as_of).mean(),
            airport_dep_delay_3h: self.dep_delays.closed::<Hours<3>>(as_of).mean(),
            airport_cancelled_6h: self.cancelled.closed::<Hours<6>>(as_of).count(),
            airport_carriers_3h: self.carriers.closed::<Hours<3>>(as_of).count(),
            airport_late_by_hop: self.late.sawtooth::<Days<1>>(as_of).share(),
            airport_dest_3h_1: dests.first().cloned(),
            airport_dest_3h_2: dests.get(1).cloned(),
            airport_windy_spells: self.windy.count::<Days<7>>(as_of),
            airport_hours_of_windy_spell: self.windy.last().map(|spell| spell.length().whole_hours()),
            airport_hours_since_rain: self.rain.since(as_of).map(Length::whole_hours),
            airport_last_dests_1: self.last_dests.newest(0).map(|(_, dest)| dest.clone()),
            airport_last_dests_2: self.last_dests.newest(1).map(|(_, dest)| dest.clone()),
            airport_flights_today: self.by_day.current(as_of).count(),
            airport_faded_delay: self.faded_delay.mean(),
            airport_warming: temp.zip(temp_before).map(|(now, before)| now - before),
        }
    }
}
