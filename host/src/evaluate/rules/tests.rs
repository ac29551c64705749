use super::*;
use crate::batch::CANONICAL_NAN;
use crate::schema::Field;

fn description(types: &[(ValueType, bool)]) -> Description {
    let fields = types.iter().enumerate().map(|(at, (value_type, nullable))| Field {
        name: format!("f{at}"),
        value_type: *value_type,
        nullable: *nullable,
        documentation: String::new(),
    });
    Description { output_features: fields.collect(), ..Description::default() }
}

fn rule(feature: &str, default: Option<Value>, ttl: Option<i64>) -> FeatureRule {
    FeatureRule { feature: feature.to_owned(), default, ttl: ttl.map(Length) }
}

/// Answers of two int64 features, `null` as `None`, with the rules.
fn apply(rules: &[FeatureRule], answers: [&[Option<i64>]; 2], newest: &[Option<i64>], ttl: Option<i64>) -> String {
    let rules =
        Rules::new("v@v1", &description(&[(ValueType::Int64, true), (ValueType::Int64, true)]), rules).expect("fits");
    let column = |values: &[Option<i64>]| {
        let mut column = Column::new(ValueType::Int64);
        values.iter().for_each(|v| column.push(&v.map_or(Value::Null, Value::Int64)).expect("an integer"));
        column
    };
    let mut features = answers.map(column);
    let met: Vec<Met> = newest.iter().map(|at| (at.map(EventTime::from_micros), AsOf::from_micros(100))).collect();
    let of_view = |(newest, as_of): &Met| status_at(true, *newest, *as_of, ttl.map(Length));
    let statuses: Vec<Status> = met.iter().map(of_view).collect();
    let ruled = rules.apply(&mut features, &statuses, &met, true).expect("small");
    let told = features.iter().enumerate().map(|(at, feature)| {
        let statuses = ruled.of_feature(at, feature, &statuses);
        let cells =
            statuses.iter().enumerate().map(|(row, status)| format!("{} {}", feature.value(row), status.as_str()));
        cells.collect::<Vec<_>>().join(", ")
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_default_replaces_every_null_and_no_value_and_keeps_the_status() {
    // A value, a null of the transform, an expired value, a value without events, a null without events.
    let answers = [Some(1), None, Some(3), Some(0), None];
    let newest = [Some(100), Some(100), Some(10), None, None];
    let found = apply(&[rule("f1", Some(Value::Int64(9)), None)], [&answers, &answers], &newest, Some(50));
    assert_eq!(
        found,
        "1 PRESENT, null NULL_VALUE, null OUTSIDE_MAX_AGE, 0 NOT_FOUND, null NOT_FOUND\n\
         1 PRESENT, 9 NULL_VALUE, 9 OUTSIDE_MAX_AGE, 0 NOT_FOUND, 9 NOT_FOUND"
    );
}

#[test]
fn a_time_to_live_of_a_feature_replaces_that_of_the_view() {
    let answers = [Some(1), Some(2), Some(3)];
    let newest = [Some(95), Some(60), Some(10)];
    let shorter = apply(&[rule("f0", None, Some(5))], [&answers, &answers], &newest, Some(50));
    assert_eq!(
        shorter,
        "1 PRESENT, null OUTSIDE_MAX_AGE, null OUTSIDE_MAX_AGE\n1 PRESENT, 2 PRESENT, null OUTSIDE_MAX_AGE"
    );
    let longer = apply(&[rule("f1", Some(Value::Int64(-1)), Some(89))], [&answers, &answers], &newest, Some(50));
    assert_eq!(longer, "1 PRESENT, 2 PRESENT, null OUTSIDE_MAX_AGE\n1 PRESENT, 2 PRESENT, -1 OUTSIDE_MAX_AGE");
    let alone = apply(&[rule("f1", None, Some(90))], [&answers, &answers], &newest, None);
    assert_eq!(alone, "1 PRESENT, 2 PRESENT, 3 PRESENT\n1 PRESENT, 2 PRESENT, 3 PRESENT");
}

#[test]
fn rules_are_taken_in_any_order() {
    let answers = [None, Some(2)];
    let rules = [rule("f1", Some(Value::Int64(8)), None), rule("f0", Some(Value::Int64(7)), None)];
    let found = apply(&rules, [&answers, &[Some(5), None]], &[Some(100); 2], None);
    assert_eq!(found, "7 NULL_VALUE, 2 PRESENT\n5 PRESENT, 8 NULL_VALUE");
}

#[test]
fn no_null_is_left_of_a_filled_column() {
    for (value_type, default) in [
        (ValueType::Text, Value::Text("none".to_owned())),
        (ValueType::Float64List, Value::Float64List(vec![0.5, f64::NAN])),
        (ValueType::Bool, Value::Bool(true)),
    ] {
        let default = default_column(&default, value_type).expect("fits");
        let mut column = Column::new(value_type);
        for value in [&Value::Null, &default.value(0), &Value::Null, &Value::Null] {
            column.push(value).expect("is of the type");
        }
        let filled = with_default(column, &default).expect("small");
        assert!(filled.nulls().is_none() && filled.len() == 4, "{value_type}");
        assert!((0..4).all(|row| filled.value(row).same_bits(&default.value(0))), "{value_type}");
    }
}

#[test]
fn a_default_is_of_the_type_of_its_feature() {
    let column = |value: Value, value_type| default_column(&value, value_type).map(|column| column.value(0));
    let taken = [
        (Value::Int64(3), ValueType::Float64, Value::Float64(3.0)),
        (
            Value::Float64(f64::from_bits(0xfff8_0000_0000_0001)),
            ValueType::Float64,
            Value::Float64(f64::from_bits(CANONICAL_NAN)),
        ),
        (Value::Float64(f64::NEG_INFINITY), ValueType::Float64, Value::Float64(f64::NEG_INFINITY)),
        (Value::Text("1970-01-01T00:00:01Z".into()), ValueType::Time, Value::Time(1_000_000)),
        (Value::Time(5), ValueType::Time, Value::Time(5)),
        (Value::Float64List(vec![]), ValueType::Float64List, Value::Float64List(vec![])),
    ];
    for (given, value_type, expected) in taken {
        let found = column(given, value_type).expect("fits");
        assert!(found.same_bits(&expected), "{found} where {expected} is expected");
    }
    let refused = [
        (Value::Int64((1 << 53) + 1), ValueType::Float64, "9007199254740993 is not exact as a float64"),
        (Value::Float64(1.0), ValueType::Int64, "1.0 is of type float64"),
        (Value::Text("soon".into()), ValueType::Time, "\"soon\" is not a time, such as \"2024-02-29T12:00:00Z\""),
        (Value::Text("x".repeat(65_537)), ValueType::Text, "a text of 65537 bytes is longer than 65536"),
        (Value::Float64List(vec![0.0; 8_193]), ValueType::Float64List, "a list of 8193 numbers is longer than 8192"),
        (Value::Bool(true), ValueType::Text, "true is of type bool"),
    ];
    for (given, value_type, expected) in refused {
        assert_eq!(column(given, value_type).expect_err("does not fit"), expected);
    }
}

#[test]
fn a_rule_names_a_feature_that_there_is() {
    let error = Rules::new("v@v1", &description(&[(ValueType::Int64, true)]), &[rule("g", None, Some(1))]);
    assert_eq!(error.expect_err("there is none").to_string(), "view v@v1 has no feature g; it has: f0");
}

#[test]
fn statuses_of_parts_become_those_of_the_whole() {
    let part = |status: Status| RuledStatuses(vec![(1, vec![status; 2])]);
    let (first, second) = (part(Status::NullValue), part(Status::NotFound));
    let whole = RuledStatuses::assemble(4, [(&[3, 0][..], &first), (&[2, 1][..], &second)].into_iter());
    let column = Column::from([1_i64, 2, 3, 4]);
    let told: Vec<&str> = whole.of_feature(1, &column, &[]).iter().map(|status| status.as_str()).collect();
    assert_eq!(told, ["NULL_VALUE", "NOT_FOUND", "NOT_FOUND", "NULL_VALUE"]);
    let mut appended = first.clone();
    appended.append(&second);
    appended.push(Status::Present);
    assert_eq!(appended.row(4).collect::<Vec<_>>(), [(1, Status::Present)]);
    assert_eq!(appended.row(2).collect::<Vec<_>>(), [(1, Status::NotFound)]);
}
