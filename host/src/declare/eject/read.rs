//! Reads of stores.

use onepath_definition::{Aggregate, Answer, Definition, Keep, Read, Span, ValueType};

use super::code::{Code, Hold, Level};
use super::lengths::{Lengths, value as length_value, whole};

/// The part of a store that a span tells, as an expression; none where a read says it itself.
pub(super) fn part(
    keep: &Keep,
    value: Option<ValueType>,
    span: Span,
    place: &str,
    lengths: &Lengths,
) -> Option<String> {
    let of = |length: i64| lengths.of(length);
    Some(match (keep, span) {
        (Keep::Events { .. } | Keep::Keys { .. }, Span::Closed { length, ago: 0 }) => {
            format!("{place}.closed::<{}>(as_of)", of(length))
        }
        (Keep::Events { .. } | Keep::Keys { .. }, Span::HalfOpen { length, ago: 0 }) => {
            format!("{place}.half_open::<{}>(as_of)", of(length))
        }
        (Keep::Events { .. }, Span::Closed { length, ago }) => {
            format!("{place}.closed_ago::<{}, {}>(as_of)", of(ago), of(length))
        }
        (Keep::Events { .. }, Span::HalfOpen { length, ago }) => {
            format!("{place}.half_open_ago::<{}, {}>(as_of)", of(ago), of(length))
        }
        (Keep::Latest { .. } | Keep::Earliest { .. }, _) if value == Some(ValueType::Text) => {
            format!("TextView::new({place}.iter())")
        }
        (Keep::Latest { .. } | Keep::Earliest { .. }, _) => format!("{place}.view()"),
        (Keep::Hops { .. }, Span::Sawtooth { length }) => format!("{place}.sawtooth::<{}>(as_of)", of(length)),
        (Keep::Hops { .. }, Span::Hopped { length, ago: 0 }) => format!("{place}.hopped::<{}>(as_of)", of(length)),
        (Keep::Hops { .. }, Span::Hopped { length, ago }) => {
            format!("{place}.hopped_ago::<{}, {}>(as_of)", of(ago), of(length))
        }
        (Keep::Tumbling { .. }, Span::Current) => format!("{place}.current(as_of)"),
        (Keep::Tumbling { .. }, Span::Previous) => format!("{place}.previous(as_of)"),
        (Keep::Sessions { .. }, Span::LastSession) => format!("{place}.last()"),
        (Keep::Sessions { .. }, Span::OpenSession) => format!("{place}.current(as_of)"),
        _ => return None,
    })
}

/// What a read says of the part of its store, which lies at `place`.
pub(super) fn read(
    definition: &Definition,
    read: &Read,
    value: Option<ValueType>,
    answer_type: ValueType,
    place: &str,
    lengths: &Lengths,
) -> Code {
    let store = &definition.stores[read.store as usize];
    let told = Told { place, answer: read.answer, value };
    let code = match (&store.keep, read.span) {
        (Keep::Events { .. } | Keep::Latest { .. } | Keep::Earliest { .. }, _) => told.of_events(),
        (Keep::Values { .. }, Span::Ago { ago }) => {
            let text = format!("{place}.value::<{}>(as_of)", lengths.of(ago));
            told.copied(&text)
        }
        (Keep::Keys { .. }, _) => told.whole("count()"),
        (Keep::Lifetime(Aggregate::Last), Span::Closed { length, .. }) => told.last_within(length, "<="),
        (Keep::Lifetime(Aggregate::Last), Span::HalfOpen { length, .. }) => told.last_within(length, "<"),
        (Keep::Lifetime(aggregate) | Keep::Hops { aggregate, .. } | Keep::Tumbling { aggregate, .. }, _) => {
            told.of_aggregate(*aggregate)
        }
        (Keep::Sessions { .. }, Span::Closed { length, ago }) => {
            let text = match ago {
                0 => format!("{place}.count::<{}>(as_of)", lengths.of(length)),
                ago => format!("{place}.count_ago::<{}, {}>(as_of)", lengths.of(ago), lengths.of(length)),
            };
            Code::postfix(text, ValueType::Int64)
        }
        (Keep::Sessions { aggregate, .. }, _) => told.of_session(*aggregate),
        // A row is read by its fields, and a checked definition reads values as of some time ago.
        (Keep::Row { .. } | Keep::Values { .. }, _) => told.unknown(),
    };
    Code { value_type: answer_type, ..code }.held(Hold::Made)
}

/// One answer.
struct Told<'a> {
    place: &'a str,
    answer: Answer,
    value: Option<ValueType>,
}

impl Told<'_> {
    /// A method that always has an answer.
    fn whole(&self, method: &str) -> Code {
        Code::postfix(format!("{}.{method}", self.place), ValueType::Int64)
    }

    /// A method that may have none.
    fn option(&self, method: &str) -> Code {
        self.whole(method).nullable(true)
    }

    /// An answer that a checked definition does not ask for: it does not compile, so that nothing is ejected wrongly.
    fn unknown(&self) -> Code {
        Code::postfix(format!("compile_error!(\"there is no {:?} of {}\")", self.answer, self.place), ValueType::Int64)
    }

    fn is_time(&self) -> bool {
        self.value == Some(ValueType::Time)
    }

    /// A method that gives an integer, of which a time may be made.
    fn integer(&self, method: &str) -> Code {
        let time = if self.is_time() { ".map(Time)" } else { "" };
        self.option(&format!("{method}{time}"))
    }

    /// An `Option<&T>` as an `Option<T>`.
    fn copied(&self, text: &str) -> Code {
        let method = if self.value == Some(ValueType::Text) { ".cloned()" } else { ".copied()" };
        let time = if self.is_time() { ".map(Time)" } else { "" };
        Code::postfix(format!("{text}{method}{time}"), ValueType::Int64).nullable(true)
    }

    /// The answers of events that are kept.
    fn of_events(&self) -> Code {
        let place = self.place;
        let is_integer = self.value == Some(ValueType::Int64);
        match self.answer {
            Answer::Count => self.whole("count()"),
            Answer::Sum if is_integer => {
                Code::postfix(format!("sql::sum(&{place})"), ValueType::Int64).nullable(true).fallible()
            }
            Answer::Sum => self.none_where_empty("sum()"),
            Answer::Mean => self.option("mean()"),
            Answer::Min => self.integer("min()"),
            Answer::Max => self.integer("max()"),
            Answer::Variance => self.option("variance()"),
            Answer::SampleVariance => self.option("sample_variance()"),
            Answer::StdDev => self.option("std_dev()"),
            Answer::SampleStdDev => self.option("sample_std_dev()"),
            Answer::Quantile(q) => self.option(&format!("quantile({q:?})")),
            Answer::List => self.whole("values().to_vec()"),
            Answer::First => self.value_of("first()"),
            Answer::Last => self.value_of("last()"),
            Answer::NthEarliest(nth) => self.value_of(&format!("iter().nth({nth})")),
            Answer::NthLatest(nth) => self.value_of(&format!("iter().nth_back({nth})")),
            Answer::TimeOfFirst => self.option("first().map(|(at, _)| Time::from(at))"),
            Answer::TimeOfLast => self.option("last().map(|(at, _)| Time::from(at))"),
            Answer::SinceFirst(unit) => {
                self.option(&format!("first().map(|(at, _)| as_of.since(at)).map({})", whole(unit)))
            }
            Answer::SinceLast(unit) => {
                self.option(&format!("last().map(|(at, _)| as_of.since(at)).map({})", whole(unit)))
            }
            Answer::Share => self.option("share()"),
            Answer::Hits => self.whole("hits()"),
            Answer::Distinct | Answer::Top(_) | Answer::TopCount(_) if self.value == Some(ValueType::Boolean) => {
                let counted = format!("sql::tally(&{place})");
                match self.answer {
                    Answer::Top(nth) => {
                        Code::postfix(format!("{counted}.get({nth}).map(|(flag, _)| *flag)"), ValueType::Boolean)
                            .nullable(true)
                    }
                    Answer::TopCount(nth) => {
                        Code::postfix(format!("{counted}.get({nth}).map(|(_, count)| *count)"), ValueType::Int64)
                            .nullable(true)
                    }
                    _ => Code::new(format!("{counted}.len() as i64"), Level::Whole, ValueType::Int64),
                }
            }
            Answer::Distinct => self.whole("distinct()"),
            Answer::Top(nth) => self.top(nth, "key"),
            Answer::TopCount(nth) => self.top(nth, "count"),
            _ => self.unknown(),
        }
    }

    /// The value of one event.
    fn value_of(&self, event: &str) -> Code {
        let value = match self.value {
            Some(ValueType::Time) => "Time(value)",
            Some(ValueType::Text) => "value.to_owned()",
            _ => "value",
        };
        self.option(&format!("{event}.map(|(_, value)| {value})"))
    }

    fn none_where_empty(&self, method: &str) -> Code {
        let place = self.place;
        Code::postfix(format!("(!{place}.is_empty()).then(|| {place}.{method})"), ValueType::Float64).nullable(true)
    }

    /// The n-th most frequent key, or how often it is there.
    fn top(&self, nth: u32, what: &str) -> Code {
        let (pattern, taken) = match (what, self.value) {
            ("key", Some(ValueType::Boolean)) => ("(key, _)", "key != 0"),
            ("key", _) => ("(key, _)", "key"),
            _ => ("(_, count)", "count"),
        };
        self.option(&format!("top({}).into_iter().nth({nth}).map(|{pattern}| {taken})", nth + 1))
    }

    /// The answers of an aggregate.
    fn of_aggregate(&self, aggregate: Aggregate) -> Code {
        let place = self.place;
        match (aggregate, self.answer) {
            (Aggregate::First | Aggregate::Last, answer) => match answer {
                Answer::TimeOfFirst | Answer::TimeOfLast => self.option("at().map(Time::from)"),
                Answer::SinceFirst(unit) | Answer::SinceLast(unit) => {
                    self.option(&format!("since(as_of).map({})", whole(unit)))
                }
                _ => self.copied(&format!("{place}.value()")),
            },
            (Aggregate::Mean | Aggregate::Variance, Answer::Sum) => {
                Code::postfix(format!("({place}.count() > 0).then(|| {place}.sum())"), ValueType::Float64)
                    .nullable(true)
            }
            (Aggregate::IntegerSum, Answer::Sum) => Code::postfix(
                format!("({place}.count() > 0).then(|| sql::int64({place}.sum())).transpose()"),
                ValueType::Int64,
            )
            .nullable(true)
            .fallible(),
            (Aggregate::Min, _) => self.integer("min()"),
            (Aggregate::Max, _) => self.integer("max()"),
            (_, Answer::Count) => self.whole("count()"),
            (_, Answer::Mean) => self.option("mean()"),
            (_, Answer::Variance) => self.option("variance()"),
            (_, Answer::SampleVariance) => self.option("sample_variance()"),
            (_, Answer::StdDev) => self.option("std_dev()"),
            (_, Answer::SampleStdDev) => self.option("sample_std_dev()"),
            (_, Answer::Share) => self.option("share()"),
            (_, Answer::Hits) => self.whole("hits()"),
            (Aggregate::Counts, Answer::Distinct) => self.whole("distinct()"),
            (_, Answer::Distinct) => self.whole("count()"),
            (_, Answer::Top(nth)) => self.top(nth, "key"),
            (_, Answer::TopCount(nth)) => self.top(nth, "count"),
            (_, Answer::Quantile(q)) => self.option(&format!("quantile({q:?})")),
            (_, Answer::DecayedSum) => self.option(&format!("mean().map(|_| {place}.sum(as_of))")),
            (_, Answer::DecayedMean) => self.option("mean()"),
            _ => self.unknown(),
        }
    }

    /// What is read of the latest event where it is not older than `length`.
    fn last_within(&self, length: i64, is_within: &str) -> Code {
        let since = format!("since(as_of).filter(|ago| *ago {is_within} {})", length_value(length));
        match self.answer {
            Answer::SinceLast(unit) => self.option(&format!("{since}.map({})", whole(unit))),
            Answer::TimeOfLast => self.option(&format!("{since}.and_then(|_| {}.at()).map(Time::from)", self.place)),
            _ => self.copied(&format!("{}.{since}.and_then(|_| {}.value())", self.place, self.place)),
        }
    }

    /// The answers of one session, or of none.
    fn of_session(&self, aggregate: Aggregate) -> Code {
        if let Answer::SessionLength(unit) = self.answer {
            return self.option(&format!("map(|session| session.length()).map({})", whole(unit)));
        }
        let of = Told { place: "session.events", ..*self }.of_aggregate(aggregate);
        if of.fails {
            let result = of.result.unwrap_or_default();
            let text = format!("{}.map(|session| {result}).transpose()", self.place);
            let code = Code::postfix(text, of.value_type).nullable(true).fallible();
            return Code { text: format!("{}.flatten()", code.text), result: None, ..code };
        }
        match of.nullable {
            true => self.option(&format!("and_then(|session| {})", of.text)),
            false => self.whole(&format!("map_or(0, |session| {})", of.text)),
        }
    }
}
