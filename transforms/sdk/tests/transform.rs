//! A transform that uses every kind of field, through the native functions that the component exports.

use onepath_sdk::batch::{Column, EVENT, Failure, Field, Output, QUESTION, Rows, States, Texts, ValueType, Values};
use onepath_sdk::native::Native;
use onepath_sdk::prelude::*;
use onepath_sdk::testing::{Harness, as_of};
use proptest::prelude::*;

mod spending {
    use onepath_sdk::prelude::*;

    #[derive(Event)]
    pub struct Event<'a> {
        /// What was bought.
        ///
        /// In the shop's words.
        #[field(name = "item")]
        pub r#type: &'a str,
        pub amount: Option<f64>,
        pub paid: bool,
        pub embedding: &'a [f64],
    }

    #[derive(Parameters)]
    pub struct Parameters {
        /// Amounts are multiplied by this.
        pub factor: f64,
    }

    #[derive(Request)]
    pub struct Request<'a> {
        pub label: Option<&'a str>,
        pub delivered: Option<Time>,
    }

    #[derive(Inputs)]
    pub struct Inputs {
        pub score: Vec<f64>,
        pub rank: i64,
    }

    #[derive(State, Default)]
    pub struct Spending {
        amounts: Window<f64, Days<1>>,
        items: std::collections::BTreeMap<String, i64>,
        norm: f64,
    }

    #[derive(Features, Debug, PartialEq)]
    pub struct Features {
        pub total: f64,
        pub favourite: Option<String>,
        pub has_events: bool,
        pub delivered: Option<Time>,
        pub label: String,
        pub scores: Vec<f64>,
        pub norm: Option<f64>,
    }

    #[transform(version = "1.2.0", state_version = 3)]
    impl Spending {
        fn update(&mut self, event: &Event, parameters: &Parameters, at: EventTime) -> Result<(), String> {
            if event.r#type.is_empty() {
                return Err("an item has a name".to_owned());
            }
            *self.items.entry(event.r#type.to_owned()).or_default() += 1;
            self.norm += event.embedding.iter().sum::<f64>();
            if let (Some(amount), true) = (event.amount, event.paid) {
                self.amounts.push(at, amount * parameters.factor);
            }
            Ok(())
        }

        fn read(&self, as_of: AsOf, request: &Request<'_>, inputs: &Inputs) -> Result<Features, std::fmt::Error> {
            if inputs.rank < 0 {
                return Err(std::fmt::Error);
            }
            let favourite = self.items.iter().max_by_key(|(_, count)| **count).map(|(item, _)| item.clone());
            Ok(Features {
                total: self.amounts.half_open::<Days<1>>(as_of).sum(),
                favourite,
                has_events: !self.items.is_empty(),
                delivered: request.delivered,
                label: request.label.unwrap_or("none").to_owned(),
                scores: inputs.score.iter().map(|score| score * 2.0).collect(),
                norm: (self.norm != 0.0).then_some(self.norm),
            })
        }
    }
}

mod stateless {
    use onepath_sdk::prelude::*;

    #[derive(Inputs)]
    pub struct Inputs {
        pub a: f64,
        pub b: f64,
    }

    #[derive(State, Default)]
    pub struct Ratio;

    #[derive(Features, Debug, PartialEq)]
    pub struct Features {
        /// a / b
        pub ratio: Option<f64>,
    }

    #[transform]
    impl Ratio {
        fn read(&self, inputs: &Inputs, _as_of: AsOf) -> Features {
            Features { ratio: (inputs.b != 0.0).then(|| inputs.a / inputs.b) }
        }
    }
}

mod by_days {
    use onepath_sdk::prelude::*;

    #[derive(Parameters)]
    pub struct Parameters {
        pub days: UpTo<Days<90>>,
        pub minutes_ago: Option<UpTo<Minutes<60>>>,
    }

    #[derive(State, Default)]
    pub struct Lengths;

    #[derive(Features, Debug, PartialEq)]
    pub struct Features {
        pub micros: i64,
        pub micros_ago: Option<i64>,
    }

    #[transform]
    impl Lengths {
        fn read(&self, parameters: &Parameters) -> Features {
            let ago = parameters.minutes_ago.map(|ago| ago.length().micros());
            Features { micros: parameters.days.length().micros(), micros_ago: ago }
        }
    }
}

use spending::{Event, Spending};

const SPENDING: Native = spending::TRANSFORM;

fn event(item: &str) -> Event<'_> {
    Event { r#type: item, amount: Some(2.0), paid: true, embedding: &[1.0, 0.5] }
}

fn field(name: &'static str, value_type: ValueType, nullable: bool, documentation: &'static str) -> Field {
    Field { name, value_type, nullable, documentation }
}

#[test]
fn describes_itself() {
    let description = SPENDING.describe();
    assert_eq!(
        description.event_fields,
        [
            field("item", ValueType::Text, false, "What was bought.\n\nIn the shop's words."),
            field("amount", ValueType::Float64, true, ""),
            field("paid", ValueType::Boolean, false, ""),
            field("embedding", ValueType::Float64List, false, ""),
        ]
    );
    let parameter = field("factor", ValueType::Float64, false, "Amounts are multiplied by this.");
    assert_eq!(description.parameters, [parameter]);
    assert_eq!(
        description.request_fields,
        [field("label", ValueType::Text, true, ""), field("delivered", ValueType::Time, true, "")]
    );
    assert_eq!(description.output_features[6], field("norm", ValueType::Float64, true, ""));
    assert_eq!((description.state_version, description.author_version), (3, "1.2.0"));
    let stateless = stateless::TRANSFORM.describe();
    assert_eq!((stateless.event_fields, stateless.request_fields, stateless.parameters), (&[][..], &[][..], &[][..]));
    assert_eq!((stateless.state_version, stateless.author_version), (1, env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_kind_of_value_goes_through() {
    let mut entity = Harness::<Spending>::with_parameters(spending::Parameters { factor: 10.0 });
    assert_eq!(entity.state(), b"");
    entity.event(EventTime(1), event("tea")).event(EventTime(2), Event { amount: None, ..event("tea") });
    entity.event(EventTime(3), Event { paid: false, embedding: &[], ..event("milk") });
    let request = spending::Request { label: Some("é"), delivered: Some(Time(7)) };
    let given = entity.question_with(as_of(9), request, spending::Inputs { score: vec![1.0, 2.0], rank: 0 });
    let expected = spending::Features {
        total: 20.0,
        favourite: Some("tea".to_owned()),
        has_events: true,
        delivered: Some(Time(7)),
        label: "é".to_owned(),
        scores: vec![2.0, 4.0],
        norm: Some(3.0),
    };
    assert_eq!(given, expected);
    let request = spending::Request { label: None, delivered: None };
    let given = entity.question_with(as_of(9), request, spending::Inputs { score: vec![], rank: 0 });
    assert_eq!((given.delivered, given.label.as_str(), given.scores), (None, "none", vec![]));
}

#[test]
fn an_error_of_the_author_is_the_failure_of_its_row() {
    let mut entity = Harness::<Spending>::with_parameters(spending::Parameters { factor: 1.0 });
    let refused = entity.try_event(EventTime(0), event("")).unwrap_err();
    assert_eq!(refused, Failure { row: Some(0), message: "an item has a name".to_owned() });
    assert_eq!(entity.state(), b"");
    let request = spending::Request { label: None, delivered: None };
    let refused = entity.try_question(as_of(0), request, spending::Inputs { score: vec![], rank: -1 }).unwrap_err();
    assert_eq!(refused.row, Some(0));
}

#[test]
fn a_stateless_transform_takes_no_events() {
    let mut entity = Harness::<stateless::Ratio>::new();
    let ratio = |a, b| entity.question_with(as_of(0), (), stateless::Inputs { a, b }).ratio;
    assert_eq!((ratio(1.0, 2.0), ratio(1.0, 0.0)), (Some(0.5), None));
    assert_eq!(entity.try_event(EventTime(0), ()).unwrap_err().message, "the transform takes no events");
}

#[test]
fn a_length_from_a_parameter_is_counted_in_its_unit() {
    let days = UpTo::of::<Days<7>>();
    let with = |minutes_ago| {
        let parameters = by_days::Parameters { days, minutes_ago };
        Harness::<by_days::Lengths>::with_parameters(parameters).question(as_of(0))
    };
    let micros = 7 * 86_400_000_000;
    assert_eq!(with(None), by_days::Features { micros, micros_ago: None });
    assert_eq!(with(Some(UpTo::MAX)), by_days::Features { micros, micros_ago: Some(3_600_000_000) });
    let types = by_days::TRANSFORM.describe().parameters.iter().map(|field| (field.value_type, field.nullable));
    assert_eq!(types.collect::<Vec<_>>(), [(ValueType::Int64, false), (ValueType::Int64, true)]);
}

/// The host makes such a call when it builds a view.
#[test]
fn a_length_beyond_its_bound_is_refused_without_any_row() {
    let asked = |days, minutes| {
        let columns = [days, minutes].map(|count| Column { values: Values::Int64s(vec![count]), nulls: None });
        by_days::TRANSFORM.process(&columns, &Rows::default()).map(|_| ())
    };
    let refused = |days, minutes| asked(days, minutes).unwrap_err();
    assert_eq!((asked(0, 0), asked(90, 60)), (Ok(()), Ok(())));
    assert_eq!(refused(91, 0), Failure::new("parameter `days` is 91, and must be from 0 to 90 days"));
    assert_eq!(refused(-1, 0), Failure::new("parameter `days` is -1, and must be from 0 to 90 days"));
    assert_eq!(
        refused(9, i64::MAX).message,
        format!("parameter `minutes_ago` is {}, and must be from 0 to 60 minutes", i64::MAX)
    );
}

/// Two groups: an event and a question of each, interleaved.
fn batch() -> (Vec<Column>, Rows) {
    let column = |values| Column { values, nulls: None };
    let texts = |ends: &[u32], bytes: &str| Values::Texts(Texts { ends: ends.to_vec(), bytes: bytes.into() });
    let no_lists = Values::Float64Lists(onepath_sdk::batch::Float64Lists { ends: vec![0, 0], values: vec![] });
    let rows = Rows {
        times: vec![1, 1, 2, 2],
        groups: vec![0, 1, 0, 1],
        kinds: vec![EVENT, EVENT, QUESTION, QUESTION],
        event_fields: vec![
            column(texts(&[2, 5], "étea")),
            Column { values: Values::Float64s(vec![1.0, 0.0]), nulls: Some(vec![0, 1]) },
            column(Values::Booleans(vec![1, 1])),
            column(no_lists.clone()),
        ],
        request_fields: vec![
            Column { values: texts(&[0, 0], ""), nulls: Some(vec![1, 1]) },
            Column { values: Values::Times(vec![0, 3]), nulls: Some(vec![1, 0]) },
        ],
        input_features: vec![column(no_lists), column(Values::Int64s(vec![0, 0]))],
        states: States::without_events(3),
        want_states: true,
    };
    (vec![column(Values::Float64s(vec![1.0]))], rows)
}

#[test]
fn groups_are_kept_apart_and_masks_exist_only_where_there_is_a_null() {
    let (parameters, rows) = batch();
    let Output { features, states } = SPENDING.process(&parameters, &rows).unwrap();
    assert_eq!(features[0], Column { values: Values::Float64s(vec![1.0, 0.0]), nulls: None });
    assert_eq!(features[1].values, Values::Texts(Texts { ends: vec![2, 5], bytes: "étea".into() }));
    assert_eq!(features[1].nulls, None);
    assert_eq!(features[3], Column { values: Values::Times(vec![0, 3]), nulls: Some(vec![1, 0]) });
    assert_eq!(features[6], Column { values: Values::Float64s(vec![0.0, 0.0]), nulls: Some(vec![1, 1]) });
    let states = states.unwrap();
    assert_eq!(states.get(2), Some(&b""[..]), "no event, no bytes");
    assert!(!states.get(0).unwrap().is_empty());
}

#[test]
fn a_question_alone_leaves_the_bytes_of_the_state_alone() {
    let (parameters, mut rows) = batch();
    (rows.groups, rows.states) = (vec![0, 0, 1, 2], States::without_events(3));
    let states = SPENDING.process(&parameters, &rows).unwrap().states.unwrap();
    assert_eq!((states.get(1), states.get(2)), (Some(&b""[..]), Some(&b""[..])));
    (rows.groups, rows.states) = (vec![1, 1, 0, 0], states.clone());
    let again = SPENDING.process(&parameters, &rows).unwrap().states.unwrap();
    assert_eq!(again.get(0), states.get(0));
}

#[test]
fn of_two_failures_the_earlier_row_is_told() {
    let (parameters, mut rows) = batch();
    rows.event_fields[0].nulls = Some(vec![0, 1]);
    rows.event_fields[2].nulls = Some(vec![1, 0]);
    let refused = SPENDING.process(&parameters, &rows).unwrap_err().to_string();
    assert_eq!(refused, "row 0: event field `paid` is null, and the transform takes no null there");
    // The author's own failure comes first where its row does.
    let (parameters, mut rows) = batch();
    rows.event_fields[0].values = Values::Texts(Texts { ends: vec![0, 3], bytes: "tea".into() });
    rows.event_fields[2].nulls = Some(vec![0, 1]);
    assert_eq!(SPENDING.process(&parameters, &rows).unwrap_err().to_string(), "row 0: an item has a name");
}

/// Makes one thing of a good batch wrong.
type Damage = fn(&mut Vec<Column>, &mut Rows);

#[test]
fn what_does_not_fit_together_is_a_failure() {
    let refused = |damage: Damage| {
        let (mut parameters, mut rows) = batch();
        damage(&mut parameters, &mut rows);
        SPENDING.process(&parameters, &rows).unwrap_err().to_string()
    };
    let cases: [(Damage, &str); 18] = [
        (|_, rows| rows.times.truncate(3), "the batch has 3 times, 4 groups and 4 kinds"),
        (|_, rows| rows.kinds[2] = 7, "row 2: 7 is neither an event nor a question"),
        (|_, rows| rows.groups[1] = 3, "row 1: the row is of group 3, but the batch has 3 states"),
        (|_, rows| rows.kinds[2] = EVENT, "event field `item` has 2 values for 3 rows"),
        (|parameters, _| parameters.clear(), "the transform takes 1 parameters and was given 0 columns"),
        (
            |parameters, _| parameters[0].nulls = Some(vec![1]),
            "parameter `factor` is null, and the transform takes no null there",
        ),
        (
            |parameters, _| parameters[0].values = Values::Int64s(vec![1]),
            "parameter `factor` has the type int64, not float64",
        ),
        (|_, rows| rows.event_fields.truncate(3), "the transform takes 4 event fields and was given 3 columns"),
        (
            |_, rows| rows.event_fields[0].nulls = Some(vec![0, 1]),
            "row 1: event field `item` is null, and the transform takes no null there",
        ),
        (
            |_, rows| rows.input_features[1].nulls = Some(vec![0, 1]),
            "row 3: input feature `rank` is null, and the transform takes no null there",
        ),
        (|_, rows| rows.event_fields[1].nulls = Some(vec![0]), "event field `amount` has 1 null marks for 2 rows"),
        (
            |_, rows| rows.event_fields[1].nulls = Some(vec![0, 2]),
            "event field `amount` has a null mark that is neither 0 nor 1",
        ),
        (
            |_, rows| rows.event_fields[0].values = Values::Texts(Texts { ends: vec![1, 5], bytes: "étea".into() }),
            "event field `item` has a row that ends within a character",
        ),
        (
            |_, rows| rows.event_fields[0].values = Values::Texts(Texts { ends: vec![5, 2], bytes: "étea".into() }),
            "event field `item` has ends that decrease",
        ),
        (
            |_, rows| rows.event_fields[0].values = Values::Texts(Texts { ends: vec![2, 4], bytes: "étea".into() }),
            "event field `item` ends at 4, but has 5 items",
        ),
        (
            |_, rows| rows.event_fields[2].values = Values::Booleans(vec![1, 2]),
            "event field `paid` has a boolean that is neither 0 nor 1",
        ),
        (|_, rows| rows.states.ends[2] = 1, "the list of states ends at 1, but has 0 items"),
        (
            |_, rows| rows.states = States { ends: vec![0, 1, 1], bytes: vec![9] },
            "row 1: the state of group 1: the state ends too early",
        ),
    ];
    for (damage, expected) in cases {
        assert_eq!(refused(damage), expected);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let (parameters, mut rows) = batch();
    rows.event_fields[0].values = Values::Texts(Texts { ends: vec![1, 2], bytes: vec![0xff, 0xfe] });
    let refused = SPENDING.process(&parameters, &rows).unwrap_err();
    assert!(refused.message.starts_with("event field `item` is not UTF-8"), "{refused}");
}

/// One row of the split test: time, group, kind, item, amount, rank.
type Line = (i64, u32, u8, String, Option<f64>);

fn rows(lines: &[Line], states: States) -> Rows {
    let (mut events, mut requests) = (Vec::new(), Vec::new());
    for line in lines {
        if line.2 == EVENT { &mut events } else { &mut requests }.push(line);
    }
    let texts = |lines: &[&Line]| {
        let mut texts = Texts::default();
        for line in lines {
            texts.bytes.extend(line.3.as_bytes());
            texts.ends.push(texts.bytes.len() as u32);
        }
        Values::Texts(texts)
    };
    let no_lists = |rows: usize| {
        let values = Values::Float64Lists(onepath_sdk::batch::Float64Lists { ends: vec![0; rows], values: vec![] });
        Column { values, nulls: None }
    };
    let column = |values| Column { values, nulls: None };
    Rows {
        times: lines.iter().map(|line| line.0).collect(),
        groups: lines.iter().map(|line| line.1).collect(),
        kinds: lines.iter().map(|line| line.2).collect(),
        event_fields: vec![
            column(texts(&events)),
            Column {
                values: Values::Float64s(events.iter().map(|line| line.4.unwrap_or_default()).collect()),
                nulls: Some(events.iter().map(|line| u8::from(line.4.is_none())).collect()),
            },
            column(Values::Booleans(vec![1; events.len()])),
            no_lists(events.len()),
        ],
        request_fields: vec![
            column(texts(&requests)),
            Column { values: Values::Times(vec![0; requests.len()]), nulls: Some(vec![1; requests.len()]) },
        ],
        input_features: vec![no_lists(requests.len()), column(Values::Int64s(vec![0; requests.len()]))],
        states,
        want_states: true,
    }
}

/// The answers as one row of text per question, so that those of two batches can be put together.
fn answers(output: &Output, questions: usize) -> Vec<String> {
    let cell = |column: &Column, row: usize| {
        let null = column.nulls.as_ref().is_some_and(|nulls| nulls[row] == 1);
        let start = |ends: &[u32]| if row == 0 { 0 } else { ends[row - 1] as usize };
        match &column.values {
            _ if null => "null".to_owned(),
            Values::Booleans(values) => values[row].to_string(),
            Values::Int64s(values) | Values::Times(values) => values[row].to_string(),
            Values::Float64s(values) => values[row].to_bits().to_string(),
            Values::Texts(texts) => format!("{:?}", &texts.bytes[start(&texts.ends)..texts.ends[row] as usize]),
            Values::Float64Lists(lists) => format!("{:?}", &lists.values[start(&lists.ends)..lists.ends[row] as usize]),
        }
    };
    let row = |row| output.features.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" ");
    (0..questions).map(row).collect()
}

proptest! {
    #[test]
    fn a_batch_may_be_cut_anywhere(
        lines in prop::collection::vec(
            (0..100_i64, 0..3_u32, EVENT..=QUESTION, "[a-cé]{1,3}", prop::option::of(-1e9..1e9)),
            0..40,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let parameters = [Column { values: Values::Float64s(vec![0.3]), nulls: None }];
        let lines: Vec<Line> = lines.into_iter().map(|(day, group, kind, item, amount)| {
            (day * 21_600_000_000, group, kind, item, amount)
        }).collect();
        let questions = |lines: &[Line]| lines.iter().filter(|line| line.2 == QUESTION).count();
        let whole = SPENDING.process(&parameters, &rows(&lines, States::without_events(3))).unwrap();
        let (before, after) = lines.split_at(cut.index(lines.len() + 1));
        let first = SPENDING.process(&parameters, &rows(before, States::without_events(3))).unwrap();
        let second = SPENDING.process(&parameters, &rows(after, first.states.clone().unwrap())).unwrap();
        let mut cut_answers = answers(&first, questions(before));
        cut_answers.extend(answers(&second, questions(after)));
        prop_assert_eq!(cut_answers, answers(&whole, questions(&lines)));
        prop_assert_eq!(second.states, whole.states);
    }
}
