//! Seen: shows what it was given, the last value of every type and how many there were.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    amount: Option<f64>,
    whole: Option<i64>,
    text: Option<&'a str>,
    flag: Option<bool>,
    time: Option<Time>,
    list: Option<&'a [f64]>,
}

#[derive(State, Default)]
struct Seen {
    n: i64,
    nulls: i64,
    total: Sum,
    amount: Option<f64>,
    whole: Option<i64>,
    text: Option<String>,
    flag: Option<bool>,
    time: Option<Time>,
    list: Option<Vec<f64>>,
    last_at: Option<EventTime>,
}

#[derive(Features)]
struct Features {
    /// Events applied.
    n: i64,
    /// Those without an amount.
    nulls: i64,
    /// The sum of the amounts.
    total: f64,
    /// What the last event held.
    last_amount: Option<f64>,
    last_whole: Option<i64>,
    last_text: Option<String>,
    last_flag: Option<bool>,
    last_time: Option<Time>,
    last_list: Option<Vec<f64>>,
    /// When the last event happened.
    last_at: Option<Time>,
}

#[transform]
impl Seen {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.n += 1;
        match event.amount {
            Some(amount) => self.total.push(at, amount),
            None => self.nulls += 1,
        }
        self.amount = event.amount;
        self.whole = event.whole;
        self.text = event.text.map(str::to_owned);
        self.flag = event.flag;
        self.time = event.time;
        self.list = event.list.map(<[f64]>::to_vec);
        self.last_at = Some(at);
    }

    fn read(&self) -> Features {
        Features {
            n: self.n,
            nulls: self.nulls,
            total: self.total.sum(),
            last_amount: self.amount,
            last_whole: self.whole,
            last_text: self.text.clone(),
            last_flag: self.flag,
            last_time: self.time,
            last_list: self.list.clone(),
            last_at: self.last_at.map(Time::from),
        }
    }
}
